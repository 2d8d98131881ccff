//! Applying a patch: a push state machine without heap, I/O of its own, or panics.
//!
//! [`Applier::feed`] takes the patch in pieces of any size; the result does not depend on how it
//! was cut (but for Zstandard, where a damaged patch may end in another [`Damage`]). That is so
//! because every decoding step consumes a bounded number of bytes (109 in the model codec, 32 in
//! the others) and starts only when that many are there or the patch has ended: no step ever waits
//! in its middle.
//!
//! [`Applier::feed_within`] does no more in one call than it is allowed to, by the bytes of flash
//! that it reads and writes: for devices that have something else to do, and a watchdog.
//!
//! With the feature `suspend` an update goes on where it was, after a reset too:
//! `Applier::suspend`.
//!
//! Everything works in one [workspace](crate::PatchHeader::workspace_len) that the caller lends.
//! Before the first byte is written the header is checked, then the device against it, then the old
//! image by its digest; while writing, every access against the declared sizes; at the end, the new
//! image as it reads back by its SHA-256.

mod applier;
mod body;
pub(crate) mod budget;
pub(crate) mod buffers;
mod digest;
mod error;
#[cfg(feature = "holes")]
pub(crate) mod holes;
mod images;
mod input;
pub(crate) mod machine;
mod phases;
#[cfg(feature = "suspend")]
pub(in crate::device) mod suspend;
#[cfg(feature = "suspend")]
mod suspend_error;
#[cfg(feature = "suspend")]
mod suspended;
#[cfg(feature = "suspend")]
mod suspension_price;
pub(crate) mod workspace;

pub use applier::{Applier, ApplyOptions, Progress};
pub use error::{ApplyError, Damage};
pub use images::{NewImage, OldImage, OutOfBounds};
#[cfg(feature = "suspend")]
pub use suspend_error::{ResumeError, SuspendError};
#[cfg(feature = "suspend")]
pub use suspension_price::{Pace, SuspensionPrice};

pub use crate::device::error::ErrorClass;
#[cfg(feature = "suspend")]
pub use crate::device::port::Port;
pub use crate::device::sha256::{Sha256Engine, SoftwareSha256};
