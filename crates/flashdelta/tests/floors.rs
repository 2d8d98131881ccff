//! The architecture that `lib.rs` describes, read from the imports: no arrow runs up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up: a module imports only from those before it, and from itself.
const DEVICE: [&str; 11] = [
    "sha256",
    "coding",
    "isa",
    "images",
    "predict",
    "format",
    "codec/model",
    "codec/bytes",
    "apply",
    "nor",
    "update",
];
const HOST: [&str; 11] = [
    "sha256", "image", "encode", "apply", "diff", "archive", "manifest", "file", "bundle", "input",
    "door",
];
