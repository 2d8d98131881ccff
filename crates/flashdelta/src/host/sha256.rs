//! SHA-256 on hosts.

use sha2::digest::FixedOutput as _;

use crate::device::sha256::{Sha256Engine, SoftwareSha256};

impl Sha256Engine for SoftwareSha256 {
    type Hasher<'h> = sha2::Sha256;

    fn start(&mut self) -> sha2::Sha256 {
        sha2::Sha256::default()
    }

    fn digest_so_far(hasher: &mut sha2::Sha256, digest: &mut [u8; 32]) -> bool {
        hasher.clone().finalize_into(digest.into());
        true
    }
}
