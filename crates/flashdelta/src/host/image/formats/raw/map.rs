//! The address map of a plain binary.

use core::ops::Range;

use super::guess::guess_isa;
use super::ram::{busy_pages, cortex_m_ram, PAGE};
use super::{base, vectors};
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::map::AddressMap;

/// Maps a plain binary at `range`, load address unknown.
pub(crate) fn map(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let Some(binary) = file.get(range.clone()) else { return };
    let Some(isa) = guess_isa(binary) else { return };
    map.isa.get_or_insert(isa);
    let Some(address) = base::find(binary, isa) else { return };
    map_at(file, range, address, map);
}

/// Maps a plain binary at `range` whose load address is known.
pub(crate) fn map_at(file: &[u8], range: Range<usize>, address: u32, map: &mut AddressMap) {
    let Some(binary) = file.get(range.clone()) else { return };
    map.push(range, address, None);
    describe(binary, map);
}

/// Maps pieces of a file with their addresses; the largest tells about the chip.
pub(crate) fn map_pieces(
    file: &[u8],
    pieces: impl Iterator<Item = (Range<usize>, u32)>,
    map: &mut AddressMap,
) {
    let mut largest = 0..0;
    for (range, address) in pieces {
        map.push(range.clone(), address, None);
        if range.len() > largest.len() {
            largest = range;
        }
    }
    describe(file.get(largest).unwrap_or_default(), map);
}

/// Adds what the bytes tell about the chip: instruction set and RAM.
pub(crate) fn describe(binary: &[u8], map: &mut AddressMap) {
    let Some(isa) = map.isa.or_else(|| guess_isa(binary)) else { return };
    map.isa = Some(isa);
    let own = map.ranges();
    let foreign = |r: &u32| !own.iter().any(|span| span.start <= *r && *r < span.end);
    let spans = match isa {
        IsaHint::Thumb => {
            let stack = vectors::find(binary).map(|table| table.stack - 4);
            cortex_m_ram(base::literals(binary).into_iter().filter(foreign), stack)
        }
        IsaHint::RiscV32 | IsaHint::RiscV64 => {
            let references = base::upper_immediates(binary).filter(foreign);
            busy_pages(references, 0x1000_0000..0x8000_0000, 3)
                .map(|page| (page, page + PAGE))
                .collect()
        }
        _ => Vec::new(),
    };
    for (start, end) in spans {
        map.reserve(start, end);
    }
}
