//! Signing patches: after they were made, where the key is, as often as there are keys.
//!
//! A patch says what is to be signed ([`message`]), and takes a signature that was made somewhere
//! else ([`attach`]). A body never changes by that; a patch without chunk digests gets them.

mod patch;

pub use patch::{attach, message, signatures};

pub use crate::host::seal::SealError;
