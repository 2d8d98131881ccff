//! What stands in for the host floor in an applier without an operating system: SHA-256 by code
//! that is made for small processors.

use crate::device::sha256::software::Hasher;
use crate::device::sha256::{Sha256Engine, SoftwareSha256};

impl Sha256Engine for SoftwareSha256 {
    type Message = Hasher;

    fn start(&mut self) -> Hasher {
        Hasher::default()
    }

    fn update(&mut self, message: &mut Hasher, bytes: &[u8]) {
        message.update(bytes);
    }

    fn digest(&mut self, message: &mut Hasher, digest: &mut [u8; 32]) -> bool {
        message.digest_so_far(digest);
        true
    }
}
