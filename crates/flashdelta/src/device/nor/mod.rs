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
mod flash;
mod new;
mod records;
mod shared;
#[cfg(feature = "suspend")]
mod suspend;

pub use access::Slot;
pub use flash::{Flash, ReadFlash};
pub use new::{NorNew, NorStats};
pub use records::{RecordWriter, Records};
pub use shared::{Shared, SharedError};

use core::cell::RefCell;
use core::fmt;

use embedded_storage::nor_flash::NorFlash;

use crate::device::apply::OldImage;
use crate::device::error::codes;

/// What can go wrong with a slot.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotError<E> {
    /// The flash reports an error.
    Flash(E),
    /// The slot does not lie in the flash, or does not start and end at sector boundaries; or the
    /// flash has read units of more than 512 bytes, or sectors that are no multiple of the write
    /// unit.
    Geometry,
    /// An access reaches beyond the slot.
    OutOfSlot,
    /// A write does not go on where the one before it has ended.
    OutOfOrder,
    /// The flash is written in large units, for which a buffer has to be lent.
    BufferTooSmall {
        /// Bytes that are needed.
        needed: u32,
    },
    /// The slot to be written overlaps the one that runs.
    Overlap,
    /// A record does not read back as it was written.
    ReadBack,
}

codes! {
    impl[E] SlotError<E> {
        Self::Flash(_) => "flash", Io;
        Self::Geometry => "slot-geometry", Misuse;
        Self::OutOfSlot => "out-of-slot", Misuse;
        Self::OutOfOrder => "out-of-order", Misuse;
        Self::BufferTooSmall { .. } => "buffer-too-small", Misuse;
        Self::Overlap => "slot-overlap", Misuse;
        Self::ReadBack => "record-read-back", Io;
    }
}

impl<E: fmt::Debug> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash error {error:?}"),
            Self::Geometry => {
                f.write_str("the slot does not fit the flash's size, sectors or units")
            }
            Self::OutOfSlot => f.write_str("access outside the slot"),
            Self::OutOfOrder => f.write_str("write that does not go on where the last one ended"),
            Self::BufferTooSmall { needed } => {
                write!(
                    f,
                    "the units of the flash are large: a buffer of {needed} bytes or more is needed"
                )
            }
            Self::Overlap => f.write_str("the slot to be written overlaps the one that runs"),
            Self::ReadBack => f.write_str("a record does not read back as it was written"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SlotError<E> {}

impl<E> From<E> for SlotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

/// A slot that holds the old image.
#[derive(Debug)]
pub struct NorOld<F> {
    flash: F,
    slot: Slot,
}

impl<F: ReadFlash> NorOld<F> {
    /// The slot of `len` bytes at `start` of the flash.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if it does not lie in the flash.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        let slot = Slot::new(start, len);
        slot.check(&flash)?;
        Ok(Self { flash, slot })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: ReadFlash> OldImage for NorOld<F> {
    type Error = SlotError<F::Error>;

    fn len(&self) -> u32 {
        self.slot.len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let at = self.slot.place(offset, buf.len())?;
        access::read(&mut self.flash, at, buf)
    }
}

/// Two slots on one chip: the one that runs, which is only read, and the one that is written.
/// `buffer`: as in [`NorNew::with_buffer`]; `[]` for none.
///
/// # Errors
///
/// [`SlotError::Overlap`] if they have a byte in common; else as [`NorOld::new`] and
/// [`NorNew::with_buffer`].
#[allow(clippy::type_complexity)] // It is a pair.
pub fn slots<'a, F: NorFlash, B: AsMut<[u8]>>(
    flash: &'a RefCell<F>,
    running: Slot,
    other: Slot,
    buffer: B,
) -> Result<(NorOld<Shared<'a, F>>, NorNew<Shared<'a, F>, B>), SlotError<SharedError<F::Error>>> {
    if running.start < other.end() && other.start < running.end() {
        return Err(SlotError::Overlap);
    }
    let old = NorOld::new(Shared(flash), running.start, running.len)?;
    let new = NorNew::with_buffer(Shared(flash), other.start, other.len, buffer)?;
    Ok((old, new))
}
