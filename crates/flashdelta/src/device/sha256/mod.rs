//! Who computes SHA-256.

mod engine;
/// Hosts have a faster one; their tests run this one.
#[allow(dead_code)]
pub(crate) mod software;

pub use engine::{Sha256Engine, SoftwareSha256};
