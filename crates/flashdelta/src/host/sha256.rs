//! SHA-256 on hosts.

use sha2::Digest as _;

use crate::device::sha256::{Sha256Engine, SoftwareSha256};

impl Sha256Engine for SoftwareSha256 {
    type Message = sha2::Sha256;

    fn start(&mut self) -> sha2::Sha256 {
        sha2::Sha256::new()
    }

    fn update(&mut self, message: &mut sha2::Sha256, bytes: &[u8]) {
        message.update(bytes);
    }

    fn digest(&mut self, message: &mut sha2::Sha256, digest: &mut [u8; 32]) -> bool {
        *digest = message.clone().finalize().into();
        true
    }
}
