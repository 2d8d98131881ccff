//! Short matches that are near, where long copies are few: their distances are cheap.
//!
//! The longest match of a place may be far away, and a shorter one that is near the better deal.
//! Only prices can tell, so the second parse gets, for each place that no long copy covers, the
//! nearest match of every length.

use super::candidates::{self, Candidate};
use super::matches::common_prefix;
use super::work;
use crate::device::images::Space;
use crate::host::encode::CopyRun;

/// A copy this long is beyond doubt.
const LONG: u32 = 32;

/// This many bytes at the ends of long copies are in doubt.
const PAD: u32 = 8;

/// Shortest match in the old image. Two bytes say little, but a copy may run on after them, from a
/// place that costs nothing to tell.
const LEAST_OLD: usize = 2;

/// Shortest match in the new image.
const LEAST_NEW: usize = 3;

/// Places looked at for each position and kind.
const DEPTH: usize = 16;

/// Matches this long have been found before.
const MOST: u32 = 255;

/// Bytes that may be compared for each byte of the new image. An ordinary image takes a tenth of
/// it.
const WORK: u64 = 256;

/// A stretch that no long copy covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    start: u32,
    end: u32,
    /// Source minus destination of the long copies from the old image before and after it.
    shifts: [u32; 2],
}

/// At most one candidate for this many bytes of the new image, as far as it has been looked
/// through, and a few more: ordinary images are far below it.
const SPARSE: usize = 4;
const FEW: usize = 3 << 18;

/// Candidates where `copies` has gaps, sorted. `old` and `new` are the images as they are.
pub(crate) fn find(
    (old, new): (&[u8], &[u8]),
    indexes: &Indexes,
    copies: &[CopyRun],
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let gaps = gaps(new.len() as u32, copies);
    let Indexes { in_new, in_old } = indexes;
    let mut search = Search { new, work: WORK * new.len() as u64, found: &mut candidates };
    for gap in gaps {
        for at in gap.start..gap.end {
            let earlier = in_new.at(new, at).partition_point(|p| *p < at);
            let nearest = in_new.at(new, at)[..earlier].iter().rev().copied();
            search.add(at, new, Space::New, at, nearest);
            let [first, second] = gap.shifts.map(|shift| at.wrapping_add(shift));
            for expected in core::iter::once(first).chain((second != first).then_some(second)) {
                search.add(at, old, Space::Old, expected, outwards(in_old.at(new, at), expected));
            }
        }
    }
    candidates::sort(&mut candidates);
    candidates
}

fn gaps(len: u32, copies: &[CopyRun]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    let (mut covered, mut shift) = (0, 0);
    let end = CopyRun { start: len, end: len, space: Space::New, source: 0 };
    let long = copies.iter().filter(|c| c.end - c.start >= LONG);
    for c in long.chain([&end]) {
        let next = if c.space == Space::Old { c.source.wrapping_sub(c.start) } else { shift };
        if c.start > covered {
            let (start, end) = (covered.saturating_sub(PAD), (c.start + PAD).min(len));
            match gaps.last_mut() {
                Some(last) if last.end >= start => (last.end, last.shifts[1]) = (end, next),
                _ => gaps.push(Gap { start, end, shifts: [shift, next] }),
            }
        }
        (covered, shift) = (c.end, next);
    }
    gaps
}

/// The `positions` of an ascending list, those next to `expected` first.
fn outwards(positions: &[u32], expected: u32) -> impl Iterator<Item = u32> + '_ {
    let (below, above) = positions.split_at(positions.partition_point(|p| *p < expected));
    let (mut below, mut above) =
        (below.iter().rev().copied().peekable(), above.iter().copied().peekable());
    core::iter::from_fn(move || match (below.peek(), above.peek()) {
        (Some(b), Some(a)) if expected - b < a - expected => below.next(),
        (_, Some(_)) => above.next(),
        _ => below.next(),
    })
}

/// Looks for candidates and keeps count of the work.
struct Search<'a> {
    new: &'a [u8],
    /// Bytes that may still be compared.
    work: u64,
    found: &'a mut Vec<Candidate>,
}

impl Search<'_> {
    /// Adds candidates at `at` from the `nearest` places of `image`: each that is longer than all
    /// before it, not too far from `expected` for its length, and does not go on to the left.
    fn add(
        &mut self,
        at: u32,
        image: &[u8],
        space: Space,
        expected: u32,
        nearest: impl Iterator<Item = u32>,
    ) {
        let here = &self.new[at as usize..];
        let here = &here[..here.len().min(MOST as usize)];
        let mut best = 1;
        for position in nearest.take(DEPTH) {
            let distance = position.abs_diff(expected);
            if self.work == 0 {
                break;
            }
            let length = common_prefix(here, &image[position as usize..]) as u32;
            self.work = self.work.saturating_sub(u64::from(length) + 1);
            work::count(1 + length as usize / 8);
            if length <= best || length == MOST {
                continue;
            }
            best = length;
            let goes_on =
                at > 0 && position > 0 && self.new[at as usize - 1] == image[position as usize - 1];
            if !goes_on && distance <= reach(length) {
                if self.found.len() >= at as usize / SPARSE + FEW {
                    break;
                }
                grow(self.found);
                self.found.push(Candidate {
                    start: at,
                    end: at + length,
                    shift: position.wrapping_sub(at),
                    space,
                });
            }
        }
    }
}

/// Makes room by a quarter, not by doubling: this may be the largest list of all.
fn grow(list: &mut Vec<Candidate>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 1024);
    }
}

/// How far from where it is expected a match of this length may lie to be worth saying so.
fn reach(length: u32) -> u32 {
    match length {
        0..=2 => 1 << 10,
        3 => 1 << 16,
        _ => u32::MAX,
    }
}

/// Where both images have which bytes.
pub(crate) struct Indexes {
    in_new: Index,
    in_old: Index,
}

impl Indexes {
    pub(crate) fn new(old: &[u8], new: &[u8]) -> Self {
        Self { in_new: Index::new(new, LEAST_NEW), in_old: Index::new(old, LEAST_OLD) }
    }
}

/// The positions of an image by a hash of the bytes there.
struct Index {
    least: usize,
    /// Where the positions of each hash start.
    bounds: Vec<u32>,
    /// Ascending for each hash.
    positions: Vec<u32>,
}

const HASH_BITS: u32 = 16;

impl Index {
    fn new(image: &[u8], least: usize) -> Self {
        let mut bounds = vec![0u32; (1 << HASH_BITS) + 2];
        // Counted two further on: filling moves each start to where the next one is.
        image.windows(least).for_each(|window| bounds[hash(window) + 2] += 1);
        for i in 2..bounds.len() {
            bounds[i] += bounds[i - 1];
        }
        let mut positions = vec![0; (image.len() + 1).saturating_sub(least)];
        for (at, window) in image.windows(least).enumerate() {
            let next = &mut bounds[hash(window) + 1];
            positions[*next as usize] = at as u32;
            *next += 1;
        }
        Self { least, bounds, positions }
    }

    /// The positions that may hold the same bytes as `image` at `at`.
    fn at(&self, image: &[u8], at: u32) -> &[u32] {
        let Some(bytes) = image.get(at as usize..at as usize + self.least) else { return &[] };
        let hash = hash(bytes);
        &self.positions[self.bounds[hash] as usize..self.bounds[hash + 1] as usize]
    }
}

fn hash(bytes: &[u8]) -> usize {
    let word = bytes.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    (word.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_nearest_first() {
        let found: Vec<u32> = outwards(&[1, 5, 9, 20], 8).collect();
        assert_eq!(found, [9, 5, 1, 20]);
    }

    #[test]
    fn gaps_lie_between_long_copies() {
        let copy =
            |start, end, shift| CopyRun { start, end, space: Space::Old, source: start + shift };
        let found =
            gaps(300, &[copy(0, 100, 7), copy(120, 125, 3), copy(140, 200, 9), copy(200, 250, 1)]);
        assert_eq!(
            found,
            [
                Gap { start: 92, end: 148, shifts: [7, 9] },
                Gap { start: 242, end: 300, shifts: [1, 1] }
            ]
        );
    }

    #[test]
    fn near_matches_are_found() {
        let old = b"....abc....abc....abcde...";
        let new = b"__abcd";
        let found = find((old, new), &Indexes::new(old, new), &[]);
        let shifts: Vec<(u32, u32)> =
            found.iter().map(|c| (c.source(c.start), c.end - c.start)).collect();
        assert_eq!(shifts, [(4, 3), (18, 4)]);
    }
}
