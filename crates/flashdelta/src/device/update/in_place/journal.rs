//! What of an update in one slot has to survive a reset.
//!
//! A record is, numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | what is under way: 1 the old image is moved, 2 a stretch is made, 3 nothing: all is done |
//! | 3 | 0 |
//! | 4 | the checksum of the patch's header: which patch it is |
//! | 4 | in 1, how many groups of sectors have been moved; in 2, bytes of the new image; else 0 |
//! | 4 | in 2, CRC-32 of what the scratch area is given for the stretch; else 0 |
//! | | in 2, the suspension of the applier |

use crate::device::nor::{Flash, Records, Slot, SlotError};

/// Bytes in front of a suspension.
pub(super) const HEAD: u32 = 16;

/// Bytes around a suspension: the head, and what a record begins and ends with.
pub(super) const AROUND: u32 = HEAD + 16;

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Nothing: there is no record, or the last update has come to its end.
    Nothing,
    /// The old image is moved up; this many groups of sectors have been.
    Moving { groups: u32 },
    /// The stretch is made that begins where the new image has this many bytes. `kept`: checksum of
    /// what the scratch area is given for it.
    Stretch { at: u32, kept: u32 },
}

impl State {
    /// The start of a record. Nothing counts as done.
    pub(super) fn head(self, patch: u32) -> [u8; HEAD as usize] {
        let (kind, number, kept) = match self {
            Self::Moving { groups } => (1, groups, 0),
            Self::Stretch { at, kept } => (2, at, kept),
            Self::Nothing => (3, 0, 0),
        };
        let mut head = [0; HEAD as usize];
        let words = [kind, patch, number, kept].map(u32::to_le_bytes);
        for (to, from) in head.iter_mut().zip(words.as_flattened()) {
            *to = *from;
        }
        head
    }

    /// The newest record, and the patch that it is of; `None` if only another version of the
    /// library knows it: then something is under way, as a bootloader may be older than what has
    /// written the record.
    #[inline(never)]
    pub(super) fn read<F: Flash, B: AsMut<[u8]>>(
        records: &mut Records<F, B>,
    ) -> Result<Option<(Self, u32)>, SlotError<F::Error>> {
        let Some(len) = records.len() else { return Ok(Some((Self::Nothing, 0))) };
        if len < HEAD {
            return Ok(None);
        }
        let mut head = [0; HEAD as usize];
        records.read(0, &mut head)?;
        let [kind, patch, number, kept] = head.as_chunks::<4>().0 else { return Ok(None) };
        let [kind, patch, number, kept] =
            [kind, patch, number, kept].map(|bytes| u32::from_le_bytes(*bytes));
        let state = match kind {
            1 => Self::Moving { groups: number },
            2 => Self::Stretch { at: number, kept },
            3 => Self::Nothing,
            _ => return Ok(None),
        };
        Ok(Some((state, patch)))
    }
}

/// Whether an update in one slot is unfinished: then the slot holds no image that could be started,
/// and whatever runs the update has to be. For bootloaders: there is no decoder in it.
///
/// A record that this version of the library does not know is of an unfinished update, too.
///
/// `journal`: as in the [layout](super::InPlaceLayout).
///
/// # Errors
///
/// [`SlotError::Geometry`] if the journal does not lie in the flash; [`SlotError::Flash`] if a
/// record cannot be read.
pub fn is_unfinished<F: Flash>(flash: F, journal: Slot) -> Result<bool, SlotError<F::Error>> {
    let mut records = Records::new(flash, journal.start, journal.len)?;
    let state = State::read(&mut records)?;
    Ok(!matches!(state, Some((State::Nothing, _))))
}
