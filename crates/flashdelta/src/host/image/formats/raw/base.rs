//! The load address of a plain binary, by vote.

use super::halfwords::{halfword, halfwords};
use super::{mcs51, vectors};
use crate::host::image::bytes::{array, index, u32_le};
use crate::host::image::isa_hint::IsaHint;

/// Pointers considered, evenly taken from all candidates: bounds the time.
const MAX_POINTERS: usize = 768;
/// 64-bit images are linked to pages, and most others begin at one.
const PAGE: u32 = 4096;
/// Different pointers that have to agree.
const WITNESSES: usize = 5;
/// Votes considered.
const MAX_VOTES: usize = 1 << 20;

/// Finds the address of the first byte.
pub(crate) fn find(binary: &[u8], isa: IsaHint) -> Option<u32> {
    match isa {
        IsaHint::Thumb => thumb(binary),
        IsaHint::RiscV32 | IsaHint::RiscV64 => riscv(binary),
        IsaHint::AArch64 => aarch64(binary),
        IsaHint::Mcs51 => Some(0),
        _ => None,
    }
}

/// Where the first byte of a plain binary seems to be, if that cannot be `given`: what most
/// pointers agree on, or else where its reset vector must be.
///
/// A vector table alone allows many addresses, and each of them is believed.
pub(crate) fn contradiction(binary: &[u8], isa: Option<IsaHint>, given: u32) -> Option<u32> {
    let within = |address: u32| {
        address.checked_sub(given).is_some_and(|offset| index(offset) < binary.len())
    };
    match isa {
        Some(IsaHint::RiscV32 | IsaHint::RiscV64 | IsaHint::AArch64) => {
            find(binary, isa?).filter(|found| *found != given)
        }
        Some(IsaHint::Mcs51) => (!within(mcs51::start(binary)?)).then_some(0),
        Some(IsaHint::Thumb) | None => {
            if let Some(found) = isa.and_then(|_| voted_thumb(binary)) {
                return (found != given).then_some(found);
            }
            let (low, high) = vectors::find(binary)?.handlers;
            let found = || from_vectors(binary).unwrap_or(low & !(PAGE - 1));
            (!within(low) || !within(high)).then(found)
        }
        _ => None,
    }
}

/// The values of the words that `ldr rX, [pc, #n]` instructions load.
pub(crate) fn literals(binary: &[u8]) -> Vec<u32> {
    literals_aligned(binary, 0).into_iter().chain(literals_aligned(binary, 2)).collect()
}

/// Literals, if addresses that are multiples of 4 are `phase` bytes after a multiple of 4 in the
/// binary.
fn literals_aligned(binary: &[u8], phase: usize) -> Vec<u32> {
    let mut at: Vec<usize> = halfwords(binary)
        .filter(|(_, h)| h & 0xf800 == 0x4800)
        .map(|(i, h)| ((i + 4 - phase) & !3) + phase + usize::from(h & 0xff) * 4)
        .collect();
    at.sort_unstable();
    at.dedup();
    at.into_iter().filter_map(|i| u32_le(binary, i)).collect()
}

/// The values that LUI instructions load.
pub(crate) fn upper_immediates(binary: &[u8]) -> impl Iterator<Item = u32> + '_ {
    halfwords(binary)
        .filter(|(_, h)| h & 0x7f == 0x37)
        .filter_map(|(i, _)| u32_le(binary, i))
        .map(|word| word & 0xffff_f000)
}

fn thumb(binary: &[u8]) -> Option<u32> {
    voted_thumb(binary).or_else(|| from_vectors(binary))
}

fn voted_thumb(binary: &[u8]) -> Option<u32> {
    // push {.., lr} or push.w
    let starts: Vec<u32> = halfwords(binary)
        .filter(|(_, h)| h & 0xff00 == 0xb500 || *h == 0xe92d)
        .filter_map(|(i, _)| u32::try_from(i).ok())
        .collect();
    let voted = [0, 2].into_iter().filter_map(|phase| {
        let mut pointers: Vec<u32> = literals_aligned(binary, phase)
            .into_iter()
            .filter(|w| w % 2 == 1)
            .map(|w| w - 1)
            .collect();
        pointers.retain(|p| *p < 0xe000_0000 && *p != 0);
        let slack = u32::try_from(phase).unwrap_or(0);
        vote(&starts, &pointers, &[16, 2]).filter(|(base, _)| base.wrapping_add(slack) % 4 == 0)
    });
    voted.max_by_key(|(_, votes)| *votes).map(|(base, _)| base)
}

/// Too little code to vote: the vectors must lie inside the image; of the bases that allow it, the
/// roundest.
fn from_vectors(binary: &[u8]) -> Option<u32> {
    let table = vectors::find(binary)?;
    let size = u32::try_from(binary.len() - table.offset).ok()?;
    let (low, high) = table.handlers;
    let base =
        (8..=28).rev().map(|bits| low & !((1u32 << bits) - 1)).find(|base| high - base < size)?;
    base.checked_sub(u32::try_from(table.offset).ok()?)
}

fn riscv(binary: &[u8]) -> Option<u32> {
    // The start of riscv-rt: `lui ra, %hi(start); jalr zero, %lo(start)(ra)` jumps to the
    // instruction after itself.
    if let (Some(lui), Some(jalr)) = (u32_le(binary, 0), u32_le(binary, 4)) {
        let register = lui >> 7 & 31;
        if lui & 0x7f == 0x37 && jalr & 0x000f_ffff == 0x67 | register << 15 {
            let target = (lui & 0xffff_f000).wrapping_add_signed(jalr.cast_signed() >> 20);
            return target.checked_sub(8);
        }
    }
    // c.addi16sp and c.addi sp with a negative number; addi sp, sp, -n
    let is_start = |i: usize, h: u16| {
        h & 0xff83 == 0x7101
            || h == 0x1101
            || h == 0x1141
            || h == 0x0113 && halfword(binary, i + 2) & 0x800f == 0x8001
    };
    let starts: Vec<u32> = halfwords(binary)
        .filter(|(i, h)| is_start(*i, *h))
        .filter_map(|(i, _)| u32::try_from(i).ok())
        .collect();
    let words = binary.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
    // Even words with an odd halfword above are mostly instructions.
    let pointers: Vec<u32> = words.filter(|w| w % 2 == 0 && *w >= 0x1000).collect();
    vote(&starts, &pointers, &[16, 2]).map(|(base, _)| base)
}

fn aarch64(binary: &[u8]) -> Option<u32> {
    // stp x29, x30, [sp, #-n]!
    let words = || {
        binary
            .chunks_exact(4)
            .enumerate()
            .map(|(i, w)| (i * 4, u32::from_le_bytes([w[0], w[1], w[2], w[3]])))
    };
    let starts: Vec<u32> = words()
        .filter(|(_, w)| w & 0xffe0_7fff == 0xa9a0_7bfd)
        .filter_map(|(i, _)| u32::try_from(i).ok())
        .collect();
    let pointers = words().step_by(2).filter(|(i, _)| array::<4>(binary, i + 4) == Some([0; 4]));
    let pointers: Vec<u32> =
        pointers.map(|(_, w)| w).filter(|w| w % 4 == 0 && *w >= 0x100).collect();
    vote(&starts, &pointers, &[PAGE]).map(|(base, _)| base)
}

/// The base for which most `pointers` point to `starts` (in order), with its votes; `None` if no
/// base stands out. Bases are multiples of 16, or else of 2.
fn vote(starts: &[u32], pointers: &[u32], aligns: &[u32]) -> Option<(u32, usize)> {
    aligns.iter().find_map(|&align| {
        // Few pairs have the same rest, so more pointers can be considered.
        let most = MAX_POINTERS * (align as usize).div_ceil(16);
        let step = pointers.len().div_ceil(most).max(1);
        let mut buckets = vec![Vec::new(); align as usize];
        for start in starts {
            if let Some(bucket) = buckets.get_mut((start % align) as usize) {
                bucket.push(*start);
            }
        }
        let mut votes: Vec<u32> = Vec::new();
        for pointer in pointers.iter().step_by(step) {
            let bucket =
                buckets.get((pointer % align) as usize).map(Vec::as_slice).unwrap_or_default();
            votes.extend(bucket.iter().filter_map(|start| pointer.checked_sub(*start)));
            if votes.len() > MAX_VOTES {
                break;
            }
        }
        winner(votes).filter(|(base, _)| has_witnesses(starts, pointers, *base))
    })
}

/// Whether enough different pointers speak for a base: a number that is there often is one witness.
fn has_witnesses(starts: &[u32], pointers: &[u32], base: u32) -> bool {
    let is_witness = |pointer: &&u32| {
        pointer.checked_sub(base).is_some_and(|start| starts.binary_search(&start).is_ok())
    };
    let mut witnesses = Vec::with_capacity(WITNESSES);
    for witness in pointers.iter().filter(is_witness) {
        if !witnesses.contains(witness) {
            witnesses.push(*witness);
        }
        if witnesses.len() == WITNESSES {
            return true;
        }
    }
    false
}

fn winner(mut votes: Vec<u32>) -> Option<(u32, usize)> {
    votes.sort_unstable();
    let (mut best, mut second) = ((0, 0), 0);
    for run in votes.chunk_by(|a, b| a == b) {
        if run.len() > best.1 {
            second = best.1;
            best = (run[0], run.len());
        } else {
            second = second.max(run.len());
        }
    }
    let clear = best.1 >= 12 && best.1 >= second * 2 || best.1 >= 5 && best.1 >= second * 4;
    clear.then_some(best)
}
