//! Digests of contents beside their SHA-256.

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use crate::hex::hex;

/// Digests that hawkBit's clients check. (Their SHA-256 vouches for contents here.)
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hashes {
    pub(crate) md5: String,
    pub(crate) sha1: String,
}

impl Hashes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { md5: hex(&Md5::digest(bytes)), sha1: hex(&Sha1::digest(bytes)) }
    }
}
