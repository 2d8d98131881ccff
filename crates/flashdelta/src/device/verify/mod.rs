//! Who made a patch, and whether each byte of it is what was made: signatures and chunk digests.
//!
//! A signed patch is checked from its front to its end, and nothing of it is used before it is
//! checked. The *header* holds both image digests, the identity of the device, the security
//! counter and the digest of the *chunk table*; a signature vouches for the whole header. The chunk
//! table holds a digest of each *chunk* of the body. So a right signature settles what the device
//! will be before anything is decoded, and damage is noticed before a byte of its chunk is used.
//!
//! - [`Verifier`]: the device's keys, and the arithmetic. Features add ready-made ones by
//!   well-kept crates, in `adapters`.
//! - [`message`], [`check_signatures`], [`check_table`], [`check_chunk`]: one promise each. Both
//!   ways to receive a patch use them.
//! - [`Guard`]: an [`Applier`](crate::apply::Applier) that gets only what has been checked, for
//!   patches that stream in.

#[cfg(any(feature = "ed25519-dalek", feature = "p256", feature = "salty"))]
pub mod adapters;
mod check;
mod collect;
mod error;
mod guard;
mod signature;
#[cfg(feature = "suspend")]
mod suspend;
mod verifier;

#[cfg(any(feature = "receive", feature = "set"))]
pub(in crate::device) use check::check_signature;
#[cfg(feature = "set")]
pub(in crate::device) use check::domain_message;
#[cfg(feature = "receive")]
pub(in crate::device) use check::message_of;
#[cfg(feature = "receive")]
pub(crate) use check::sha256;
pub use check::{check_chunk, check_signatures, check_table, chunk_digest, key_id, message};
#[cfg(feature = "set")]
pub(in crate::device) use collect::collect;
pub use error::{GuardError, VerifyError};
pub use guard::Guard;
pub use signature::{Algorithm, KeyId, Message, Signature};
pub use verifier::{NoKeys, Verdict, Verifier};
