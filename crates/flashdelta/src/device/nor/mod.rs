//! Slots in NOR flash, through the traits of `embedded-storage`, or [`Flash`] for drivers that
//! cannot have those.
//!
//! [`NorOld`] reads a slot, [`NorNew`] writes one. If both slots are on one chip, [`Shared`] lends
//! it to both, and [`slots`] makes them and sees to it that they do not overlap. [`Records`] keeps
//! what has to survive a reset in a region of its own.
//!
//! # What is done to the flash
//!
//! The new image goes into its slot in ascending order, whatever units the flash has and whatever
//! write granularity the patch was made for: what does not fill a unit waits in RAM for the rest of
//! it. A sector that already holds the right bytes is neither erased nor written. Any other is
//! erased, and then every unit of it is written once, in ascending order. **No unit is ever written
//! that was not erased in this same update:** flash that reads as blank need not be erased, for a
//! torn erase or write leaves weak bits that read as 1, and in flash with an error-correcting code
//! a unit that looks blank may have been written.
//!
//! So an update that is started again after a power cut keeps the sectors that were finished,
//! erases the one that was under way, and goes on. That takes no state: it does not matter what was
//! cut, nor how often.
//!
//! # How a sector is kept
//!
//! The new image arrives from its start, and is compared with what the flash holds as it arrives.
//! If a sector differs in its first page it is erased at once. If it differs further on (that is
//! the sector that was under way, or one that an older image has in part) its start, which was
//! right, has to survive the erase:
//!
//! - in RAM, if a buffer is lent that holds it ([`NorNew::with_buffer`]): every sector is erased at
//!   most once in an update;
//! - else in the next sector, which is erased for it, and once more when its turn comes: every
//!   sector is erased at most twice. After the last sector of the image this may leave some of it
//!   in a sector that the image does not reach;
//! - the last sector of the *slot* has no next one. Without a lent buffer of a sector it is always
//!   erased. Let the slot be one sector longer than the image, and that does not happen.
//!
//! # Limits
//!
//! - Whether a sector is right is judged by reading it. A torn unit that reads right by chance is
//!   taken for right, unless the flash has an error-correcting code and reports it: what cannot be
//!   read is erased. [`NorNew::erase_all`] is for those who want none of that.
//! - The bytes between the end of the image and the end of its last sector are left blank. Sectors
//!   after are not touched, but for the exception above.
//! - Read units up to 512 bytes; write units of more than 64 bytes need a lent buffer.
//!
//! # Reading ahead
//!
//! A read from SPI flash takes some microseconds before the first byte arrives, so it pays to read
//! more than is asked for. There is no cache in here because the applier has two, in its workspace:
//! a window over the old image and one over the new. They share what is lent beyond the needs of
//! the patch, up to 1,024 and 128 bytes: lend more workspace, and there are fewer reads. An update
//! of the Cortex-M sample image (51,156 bytes, with a patch for 16 KiB) takes 689 reads, both
//! digests included, 270 bytes each on average; with 2 KiB more workspace 266 reads, 832 bytes
//! each.

pub(crate) mod access;
mod error;
mod flash;
#[cfg(feature = "in-place")]
mod lent;
mod new;
mod old;
mod pair;
mod records;
mod sector_writer;
mod shared;
#[cfg(feature = "suspend")]
mod suspend;

pub use access::Slot;
pub use error::SlotError;
pub use flash::{Flash, ReadFlash};
#[cfg(feature = "in-place")]
pub(in crate::device) use lent::Lent;
pub use new::NorNew;
pub use old::NorOld;
pub use pair::slots;
pub use records::{RecordWriter, Records};
pub use sector_writer::NorStats;
pub use shared::{Shared, SharedError};
