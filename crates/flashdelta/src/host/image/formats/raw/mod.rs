//! Plain binaries: guess the instruction set, the load address and the RAM from the bytes alone.
//!
//! - The instruction set shows in how often its function prologues and returns occur
//!   ([`guess_isa`]).
//! - The load address is found by vote (`base`): each function start and each word that might be a
//!   pointer to a function together name one load address; the true one collects far more votes
//!   than any other. A vector table, where there is one, narrows the choice (`vectors`; ARMv7-M
//!   Architecture Reference Manual, B1.5.3).
//! - RAM shows in the literals that point to it, and in the initial stack pointer.

mod base;
mod mcs51;
mod vectors;

use core::ops::Range;

use crate::host::image::bytes::{u16_le, u32_le};
use crate::host::image::map::{AddressMap, IsaHint};

/// No more than this is looked at to tell the instruction set.
const SAMPLE: usize = 1 << 20;

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
    let own = map.spans();
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

/// Guesses the instruction set from the frequency of returns and prologues; `None` where nothing
/// stands out.
pub fn guess_isa(binary: &[u8]) -> Option<IsaHint> {
    let binary = binary.get(..SAMPLE).unwrap_or(binary);
    let (mut thumb, mut riscv, mut arm, mut aarch64) = (0usize, 0usize, 0usize, 0usize);
    for (index, half) in binary.chunks_exact(2).enumerate() {
        let half = u16::from_le_bytes([half[0], half[1]]);
        match half {
            // bx lr; push/pop with the usual registers; push.w, pop.w
            0x4770 | 0xb508 | 0xb510 | 0xb538 | 0xb570 | 0xb5f0 | 0xb5f8 | 0xbd08 | 0xbd10
            | 0xbd38 | 0xbd70 | 0xbdf0 | 0xbdf8 | 0xe92d | 0xe8bd => {
                thumb += 1;
            }
            // c.jr ra; c.addi sp, -16 and -32
            0x8082 | 0x1141 | 0x1101 => riscv += 1,
            _ => {}
        }
        if index % 2 == 0 {
            match u32_le(binary, index * 2) {
                Some(0x0000_8067) => riscv += 1,
                Some(0xd65f_03c0) => aarch64 += 1,
                Some(word) if word == 0xe12f_ff1e || word & 0xffff_8000 == 0xe8bd_8000 => arm += 1,
                _ => {}
            }
        }
    }
    let mut found = [
        (thumb, IsaHint::Thumb),
        (riscv, IsaHint::RiscV32),
        (arm, IsaHint::Arm),
        (aarch64, IsaHint::AArch64),
    ];
    found.sort_by_key(|(count, _)| core::cmp::Reverse(*count));
    let [(best, isa), (second, _), ..] = found;
    // Random bytes hold each of these halfwords once in 128 KiB.
    if best < 8 || best < binary.len() / 1024 || best < second * 3 {
        return mcs51::is(binary).then_some(IsaHint::Mcs51);
    }
    // c.ld/c.sd exist only in 64 bits: `c.ldsp ra` (epilogue) against `c.lwsp ra`.
    if isa == IsaHint::RiscV32 {
        let count = |code: u16| {
            binary
                .chunks_exact(2)
                .filter(|h| (u16::from_le_bytes([h[0], h[1]]) & 0xef83) == code)
                .count()
        };
        if count(0x6082) > count(0x4082) {
            return Some(IsaHint::RiscV64);
        }
    }
    Some(isa)
}

/// Granularity of what is taken for RAM.
const PAGE: u32 = 1 << 16;

/// RAM of a Cortex-M is in the first MiB of a 16 MiB region between 0x1000_0000 and
/// 0x4000_0000, and reaches from its start up to the busiest pages, the one of the stack pointer
/// among them.
fn cortex_m_ram(literals: impl Iterator<Item = u32>, stack: Option<u32>) -> Vec<(u32, u32)> {
    // Each address once: constants that only look like addresses are mostly alone in their page.
    let mut literals: Vec<u32> = literals.collect();
    literals.sort_unstable();
    literals.dedup();
    let pages = busy_pages(literals.into_iter(), 0x1000_0000..0x4000_0000, 12)
        .filter(|page| page & 0x00f0_0000 == 0);
    let pages = pages.chain(stack.map(|sp| sp & !(PAGE - 1)));
    pages.map(|page| (page & 0xfff0_0000, page + PAGE)).collect()
}

/// The pages of `within` that are referred to often: by at least `least` references, and by an
/// eighth as many as the busiest page.
fn busy_pages(
    references: impl Iterator<Item = u32>,
    within: Range<u32>,
    least: usize,
) -> impl Iterator<Item = u32> {
    let mut references: Vec<u32> = references.filter(|r| within.contains(r)).collect();
    references.sort_unstable();
    let pages: Vec<(u32, usize)> = references
        .chunk_by(|a, b| a / PAGE == b / PAGE)
        .map(|run| (run[0] & !(PAGE - 1), run.len()))
        .collect();
    let most = pages.iter().map(|(_, count)| *count).max().unwrap_or(0);
    pages
        .into_iter()
        .filter(move |(_, count)| *count >= least && *count * 8 >= most)
        .map(|(page, _)| page)
}

/// The halfwords of a binary with their offsets.
fn halfwords(binary: &[u8]) -> impl Iterator<Item = (usize, u16)> + '_ {
    binary.chunks_exact(2).enumerate().map(|(i, h)| (i * 2, u16::from_le_bytes([h[0], h[1]])))
}

/// The halfword at `at`.
fn halfword(binary: &[u8], at: usize) -> u16 {
    u16_le(binary, at).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::map::AddressSpan;
    use crate::host::image::{address_map, Format};

    /// Functions `push {r4, lr}; ldr r0, [pc, #4]; pop {r4, pc}; nop; .word literal; nop...` of
    /// different lengths, with literals that point to other functions and to RAM.
    fn thumb(base: u32, functions: u32, header: usize) -> Vec<u8> {
        let len = |n: u32| 12 + (n.wrapping_mul(0x9e37_79b9) >> 27) * 4;
        let starts: Vec<u32> =
            (0..functions).scan(64, |at, n| Some(core::mem::replace(at, *at + len(n)))).collect();
        let mut image = vec![0xff; header];
        let handler = base + 64 + 1;
        for word in [0x2000_4000, handler, handler + 12, handler + 24].into_iter().chain([0; 12]) {
            image.extend(word.to_le_bytes());
        }
        for n in 0..functions {
            let target = starts[(n * 89 % functions) as usize];
            let literal = if n % 3 == 0 { 0x2000_0000 + n * 8 } else { base + target + 1 };
            let nops = core::iter::repeat_n(0x46c0u16, (len(n) as usize - 12) / 2);
            let code = [0xb510u16, 0x4801, 0xbd10, 0x46c0, literal as u16, (literal >> 16) as u16]
                .into_iter()
                .chain(nops);
            image.extend(code.flat_map(u16::to_le_bytes));
        }
        image
    }

    #[test]
    fn finds_the_base_of_a_cortex_m_image_also_behind_a_header() {
        for (base, header) in [(0x0800_4000, 0), (0x0001_0000, 16), (0x1000_0100, 6), (0, 0)] {
            let map = address_map(&thumb(base, 293, header));
            assert_eq!(map.format, Format::Raw);
            assert_eq!(map.isa, Some(IsaHint::Thumb));
            let phase = u32::try_from(header).unwrap();
            if let Some(expected) = base.checked_sub(phase) {
                assert_eq!(map.segments[0].address, expected, "base {base:#x} header {header}");
            }
            assert_eq!(map.reserved, [AddressSpan { start: 0x2000_0000, end: 0x2001_0000 }]);
        }
    }

    #[test]
    fn too_little_code_falls_back_to_the_vector_table() {
        let map = address_map(&thumb(0x0800_0000, 8, 0));
        assert_eq!(map.segments[0].address, 0x0800_0000);
    }

    #[test]
    fn random_bytes_have_no_instruction_set() {
        let mut state = 1u32;
        let noise: Vec<u8> = (0..200_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let map = address_map(&noise);
        assert_eq!((map.isa, map.segments.len()), (None, 0));
    }
}
