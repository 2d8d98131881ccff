//! Which tables fit the RAM of a device.

use crate::device::format::tables::{
    Tables, LARGEST_LZ4_BLOCK, SHIFT_UNIT, SLOT_UNIT, SMALLEST_BLOCK, ZSTD_WINDOW,
};
use crate::device::format::{Codec, Layout, PatchHeader};

/// Chooses tables for a patch such that it can be applied in `ram` bytes; the other fields of
/// `header` are set. If that is impossible: the RAM that it would take at least.
pub(crate) fn tables_for(ram: u32, header: &PatchHeader, predicts: bool) -> Result<Tables, u32> {
    let ram = ram as usize & !255;
    // Windows beyond the smallest ones make reading flash cheaper.
    let comfort = match ram {
        0..8192 => 0,
        8192..32768 => 384,
        _ => 1024,
    };
    let smallest = Tables { slots: SLOT_UNIT, shifts: SHIFT_UNIT, block_log2: SMALLEST_BLOCK };
    let with = |tables| Layout::of(&PatchHeader { tables, ..*header }).ram();
    let least = with(Tables {
        slots: if header.codec == Codec::Model { SLOT_UNIT } else { 0 },
        ..smallest
    });
    let Some(spare) = ram.checked_sub(least) else {
        return Err(least.next_multiple_of(256) as u32);
    };
    let spare = spare.saturating_sub(comfort);
    let shift_share = match (header.codec, predicts) {
        (_, false) => 0,
        (Codec::Model, true) => (spare / 4 * 3).min(2048 + spare / 12),
        (_, true) => spare / 2,
    };
    let shifts =
        floor(shift_share / 8, SHIFT_UNIT).min(MOST_SHIFTS - smallest.shifts) + smallest.shifts;
    let spare = spare - usize::from(shifts - smallest.shifts) * 8;
    let mut tables = Tables { slots: 0, shifts, block_log2: 0 };
    match header.codec {
        Codec::Raw => {}
        // Compressed and plain block both have to fit.
        Codec::Lz4 => {
            let block = spare / 2 + (1 << SMALLEST_BLOCK);
            tables.block_log2 = (block.ilog2() as u8).min(LARGEST_LZ4_BLOCK);
        }
        Codec::Zstd => tables.block_log2 = ZSTD_WINDOW,
        Codec::Model => {
            tables.slots = floor(spare / 2, SLOT_UNIT).min(MOST_SLOTS - SLOT_UNIT) + SLOT_UNIT
        }
    }
    Ok(tables)
}

/// The largest multiple of `unit` that is not above `value` and fits.
fn floor(value: usize, unit: u16) -> u16 {
    let value = value.min(usize::from(u16::MAX)) as u16;
    value - value % unit
}

/// A shift map with more entries takes more time than it saves bytes.
const MOST_SHIFTS: u16 = 4096;
/// Slots are counted in 16 bits.
const MOST_SLOTS: u16 = u16::MAX - (SLOT_UNIT - 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_and_use_the_memory() {
        for ram in [4096, 5000, 8192, 16384, 65536, 1 << 20] {
            for codec in Codec::ALL {
                for predicts in [false, true] {
                    let header =
                        PatchHeader { codec, granularity_log2: 3, ..PatchHeader::default() };
                    let Ok(tables) = tables_for(ram, &header, predicts) else {
                        assert!(ram < 16384, "{codec} does not fit into {ram}");
                        continue;
                    };
                    let took = Layout::of(&PatchHeader { tables, ..header }).ram();
                    assert!(took <= ram as usize, "{codec} takes {took} of {ram}");
                    if codec == Codec::Model && ram <= 65536 {
                        assert!(
                            took + 1024 + 256 > ram as usize,
                            "{codec} takes only {took} of {ram}"
                        );
                    }
                }
            }
        }
        let header = PatchHeader { codec: Codec::Model, ..PatchHeader::default() };
        let need = tables_for(1024, &header, true).unwrap_err();
        assert!(tables_for(need, &header, true).is_ok());
        assert!(tables_for(need - 256, &header, true).is_err());
    }
}
