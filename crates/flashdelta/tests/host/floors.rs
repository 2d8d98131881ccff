//! The architecture that `lib.rs` describes, read from the imports: no arrow runs up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up: a module imports only from those before it, and from itself.
const DEVICE: [&str; 17] = [
    "error",
    "port",
    "audit",
    "sha256",
    "coding",
    "isa",
    "images",
    "predict",
    "format",
    "codec/model",
    "codec/bytes",
    "apply",
    "verify",
    "nor",
    "update",
    "receive",
    "group",
];
const HOST: [&str; 22] = [
    "put", "budget", "room", "json", "deflate", "sha256", "image", "encode", "apply", "profile",
    "seal", "sign", "holes", "diff", "archive", "manifest", "file", "bundle", "facts", "input",
    "door", "set",
];

#[test]
fn nothing_imports_from_above() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = BTreeSet::new();
    let mut seen = 0;
    for floor in ["device", "host"] {
        for file in rust_files(&source.join(floor)) {
            let name = file.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
            let text = fs::read_to_string(&file).unwrap();
            for import in imports(&text) {
                seen += 1;
                if let Some(arrow) = wrong_way(&name, &import) {
                    wrong.insert(arrow);
                }
            }
        }
    }
    assert!(seen > 300, "only {seen} imports were found: has the reading of imports broken?");
    assert!(wrong.is_empty(), "imports that go up: {wrong:#?}");
}

/// The one switch between the floors is in `lib.rs`. (What needs a codec's library asks for that
/// codec: `zstd` implies `std`.)
#[test]
fn the_device_floor_knows_of_no_operating_system() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&source.join("device"));
    assert!(files.len() > 40, "only {} files were found", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("feature = \"std\""), "{} asks for `std`", file.display());
    }
}

#[test]
fn every_module_is_listed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (floor, listed) in [("device", &DEVICE[..]), ("host", &HOST[..])] {
        for entry in fs::read_dir(source.join(floor)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.trim_end_matches(".rs");
            let is_listed = listed.iter().any(|module| module.split('/').next() == Some(name));
            assert!(name == "mod" || is_listed, "{floor}/{name} is in no list");
        }
    }
}

/// A description of the import, if it goes up.
fn wrong_way(file: &str, import: &str) -> Option<String> {
    let (floor, path) = file.split_once('/')?;
    let (to_floor, to) = import.split_once('/').unwrap_or((import, ""));
    let wrong = match (floor, to_floor) {
        ("host", "device") => false,
        ("device", "device") => rank(&DEVICE, to)? > rank(&DEVICE, path)?,
        ("host", "host") => rank(&HOST, to)? > rank(&HOST, path)?,
        // The public paths: only documentation and doc tests use them.
        _ => floor == "device",
    };
    wrong.then(|| format!("{file} -> {import}"))
}

fn rank(order: &[&str], path: &str) -> Option<usize> {
    let path = path.trim_end_matches(".rs");
    order.iter().position(|module| {
        path == *module || path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// `crate::a::b::c` in code, as `a/b/c`: of `use crate::a::{b, c}` only `a`.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for (at, start) in line.match_indices("crate::") {
            // Not `$crate::`, and not the end of another word.
            if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let rest = &line[at + start.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches(':');
            found.push(path.replace("::", "/"));
        }
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
