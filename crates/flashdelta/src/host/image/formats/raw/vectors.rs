//! The vector table of a Cortex-M image.

use crate::host::image::bytes::u32_le;

/// A vector table that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorTable {
    /// Where it is in the binary.
    pub(crate) offset: usize,
    /// Initial stack pointer.
    pub(crate) stack: u32,
    /// Lowest and highest address of a handler, without the Thumb bit.
    pub(crate) handlers: (u32, u32),
}

/// How far after headers a table is looked for.
const SEARCH: usize = 4096;

/// The first vector table: a stack pointer in RAM, then reset, NMI and hard fault handlers that are
/// odd and lie as close together as the binary is long, then more of the kind (or zeros for
/// reserved entries).
pub(crate) fn find(binary: &[u8]) -> Option<VectorTable> {
    // Headers are multiples of 2 bytes long (Zigbee OTA files: 62).
    (0..SEARCH.min(binary.len())).step_by(2).find_map(|offset| table_at(binary, offset))
}

fn table_at(binary: &[u8], offset: usize) -> Option<VectorTable> {
    let stack = u32_le(binary, offset)?;
    // RAM is at the beginning of a 16 MiB region.
    if !(0x1000_0100..=0x3fff_fff8).contains(&stack)
        || stack % 4 != 0
        || (stack - 4) & 0x00f0_0000 != 0
    {
        return None;
    }
    let entry = |n: usize| u32_le(binary, offset + 4 * n).unwrap_or(0);
    let reset = entry(1);
    let size = u32::try_from(binary.len()).unwrap_or(u32::MAX);
    let near = |v: u32| v % 2 == 1 && v.abs_diff(reset) < size;
    if !(1..=3).all(|n| near(entry(n))) || reset < 8 {
        return None;
    }
    let handlers = (1..16).map(entry).filter(|v| near(*v));
    let low = handlers.clone().min()? & !1;
    let high = handlers.max()? & !1;
    Some(VectorTable { offset, stack, handlers: (low, high) })
}
