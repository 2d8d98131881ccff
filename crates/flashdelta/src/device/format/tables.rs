//! The tables that the body of a patch needs, as the header states them.

use super::limits::MODEL_DIRECT_SLOTS;
use super::{Codec, Reader};

/// Hashed slots come in multiples of this, entries of the shift map too.
pub(crate) const SLOT_UNIT: u16 = 32;
pub(crate) const SHIFT_UNIT: u16 = 8;

/// Sizes of the tables that a body needs; stated in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tables {
    /// Hashed slots of the models, a multiple of [`SLOT_UNIT`]; only for [`Codec::Model`].
    pub(crate) slots: u16,
    /// Entries of the shift map, a multiple of [`SHIFT_UNIT`].
    pub(crate) shifts: u16,
    /// Binary logarithm of the size of an LZ4 block or of the Zstandard window.
    pub(crate) block_log2: u8,
}

/// 2^6 bytes, for devices with hardly any RAM.
pub(crate) const SMALLEST_BLOCK: u8 = 6;
/// LZ4 looks back 64 KiB.
pub(crate) const LARGEST_LZ4_BLOCK: u8 = 16;
/// 8 MiB: what every Zstandard decoder must support (RFC 8878, 3.1.1.1.2).
pub(crate) const ZSTD_WINDOW: u8 = 23;

impl Tables {
    /// All slots of the model codec, 2 bytes each: those with a place of their own come first.
    pub(crate) fn model_slots(self) -> usize {
        MODEL_DIRECT_SLOTS + usize::from(self.slots)
    }
}

/// Reads the sizes that a patch of this codec states.
pub(super) fn parse_tables(reader: &mut Reader<'_>, codec: Codec) -> Tables {
    let mut units = |unit: u16| reader.limited(u32::from(u16::MAX / unit)) as u16 * unit;
    let mut tables = Tables { shifts: units(SHIFT_UNIT), ..Tables::default() };
    if codec == Codec::Model {
        tables.slots = units(SLOT_UNIT);
        if tables.slots == 0 {
            // The model has no mixed decisions without them.
            reader.bad_number(0);
        }
    }
    let most = match codec {
        Codec::Lz4 => LARGEST_LZ4_BLOCK,
        Codec::Zstd => ZSTD_WINDOW,
        Codec::Raw | Codec::Model => return tables,
    };
    let log2 = reader.byte().into();
    tables.block_log2 = (reader.at_most(log2, most.into()) as u8).max(SMALLEST_BLOCK);
    tables
}
