//! Files and patches by digest, in a folder or an object store.

mod hashes;
mod store;
mod sweep;

pub(crate) use hashes::Hashes;
pub(crate) use store::Contents;
pub(crate) use sweep::Stored;
