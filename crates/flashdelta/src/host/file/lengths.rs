//! Lengths of many sections, packed into bits.
//!
//! A linker's sections end where they end: a template with a hundred of them is a hundred numbers,
//! about which models learn little from so few. Their distribution is roughly geometric, for which
//! Rice codes are nearly ideal (R. F. Rice, *Some practical universal noiseless coding techniques*,
//! JPL publication 79-22, 1979). Specified in `docs/format.md`, section 9.5.

use core::ops::Range;

use crate::device::format::Reader;
use crate::host::image::{data_operations, push_operation};
use crate::host::put;

/// Fewer operations are not worth it.
const FEWEST: usize = 8;
/// What is further away is no gap between sections, but another memory.
const MOST_DISTANCE: u32 = 1 << 16;
/// Largest template that is unpacked, in bytes.
const MOST: usize = 1 << 26;

/// A template with a run of data operations packed; `None` if there is none that is worth it.
pub(super) fn pack(template: &[u8]) -> Option<Vec<u8>> {
    let all = data_operations(template);
    let is_near = |(_, distance, _): &Found| *distance <= MOST_DISTANCE;
    let near = longest_run(&all, |a, b| is_near(a) && is_near(b));
    let touching = longest_run(&all, |a, b| a.1 == 0 && b.1 == 0);
    let packed = [near, touching].into_iter().flatten().filter_map(|run| pack_run(template, run));
    packed.min_by_key(Vec::len)
}

/// A data operation: where it is, distance, length.
type Found = (Range<usize>, u32, u32);

/// The longest run of operations one after the other that belong `together`.
fn longest_run(all: &[Found], together: impl Fn(&Found, &Found) -> bool) -> Option<&[Found]> {
    let runs = all.chunk_by(|a, b| a.0.end == b.0.start && together(a, b));
    runs.max_by_key(|run| run.len()).filter(|run| run.len() >= FEWEST)
}

fn pack_run(template: &[u8], operations: &[Found]) -> Option<Vec<u8>> {
    let run = operations.first()?.0.start..operations.last()?.0.end;
    let distances = Code::of(operations.iter().map(|(_, distance, _)| *distance));
    let lengths = Code::of(operations.iter().map(|(.., len)| *len));
    let mut bits = BitWriter::default();
    for (_, distance, len) in operations {
        distances.write(*distance, &mut bits);
        lengths.write(*len, &mut bits);
    }
    let mut out = Vec::new();
    put::varint(&mut out, u32::try_from(run.start).ok()?);
    put::varint(&mut out, u32::try_from(template.len() - run.end).ok()?);
    put::varint(&mut out, u32::try_from(operations.len()).ok()?);
    out.extend([distances.to_byte(), lengths.to_byte()]);
    out.extend_from_slice(template.get(..run.start)?);
    out.extend_from_slice(template.get(run.end..)?);
    out.extend(bits.bytes);
    Some(out)
}

/// The template that was packed; `None` if it is damaged.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(packed, 0);
    let mut number = || reader.checked(|r| r.varint()).ok();
    let (before, after, count) = (number()? as usize, number()? as usize, number()?);
    let codes = reader.checked(|r| [r.byte(), r.byte()]).ok()?;
    let [distances, lengths] = codes.map(Code::from_byte);
    let (before, rest) = packed.get(reader.offset()..)?.split_at_checked(before)?;
    let (after, bits) = rest.split_at_checked(after)?;
    let mut bits = BitReader { bytes: bits, at: 0 };
    let mut out = before.to_vec();
    for _ in 0..count {
        let (distance, len) = (distances.read(&mut bits)?, lengths.read(&mut bits)?);
        // Empty data would take no bits, and there could be any number of it.
        if len == 0 || out.len() > MOST {
            return None;
        }
        push_operation(&mut out, distance, len);
    }
    out.extend_from_slice(after);
    Some(out)
}

/// How numbers are coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Code {
    /// All are 0, and take no bits.
    Zero,
    /// In units of 2^`unit`; the `low` lowest bits as they are, what is above them counted.
    Rice { unit: u8, low: u8 },
}

impl Code {
    const ZERO: u8 = 0xff;

    /// The one that needs the fewest bits.
    fn of(numbers: impl Iterator<Item = u32> + Clone) -> Self {
        let unit =
            numbers.clone().fold(0, |all, number| all | number).trailing_zeros().min(7) as u8;
        if numbers.clone().all(|number| number == 0) {
            return Self::Zero;
        }
        let bits = |low: u8| -> u64 {
            numbers
                .clone()
                .map(|number| u64::from(number >> unit >> low) + u64::from(low) + 1)
                .sum()
        };
        Self::Rice { unit, low: (0..24).min_by_key(|low| bits(*low)).unwrap_or(0) }
    }

    fn to_byte(self) -> u8 {
        match self {
            Self::Zero => Self::ZERO,
            Self::Rice { unit, low } => unit << 5 | low,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            Self::ZERO => Self::Zero,
            byte => Self::Rice { unit: byte >> 5, low: byte & 31 },
        }
    }

    fn write(self, number: u32, bits: &mut BitWriter) {
        let Self::Rice { unit, low } = self else { return };
        let number = number >> unit;
        (0..number >> low).for_each(|_| bits.push(1));
        bits.push(0);
        (0..low).for_each(|bit| bits.push(number >> bit & 1));
    }

    fn read(self, bits: &mut BitReader<'_>) -> Option<u32> {
        let Self::Rice { unit, low } = self else { return Some(0) };
        let mut high = 0u64;
        while bits.next()? == 1 {
            high += 1;
        }
        let low_bits =
            (0..low).try_fold(0u64, |all, bit| Some(all | u64::from(bits.next()?) << bit))?;
        let number = high.checked_shl(u32::from(low))?.checked_add(low_bits)?;
        u32::try_from(number).ok()?.checked_mul(1 << unit)
    }
}

/// Bits, the first one lowest in its byte.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl BitWriter {
    fn push(&mut self, bit: u32) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= ((bit & 1) as u8) << (self.count % 8);
        }
        self.count += 1;
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A template of Intel HEX with these distances and lengths, and something around them.
    fn template(operations: &[(u32, u32)]) -> Vec<u8> {
        let mut template = vec![1, 0, 16, 4];
        template.extend([3, 0, 100]);
        operations
            .iter()
            .for_each(|(distance, len)| push_operation(&mut template, *distance, *len));
        template.push(4);
        template
    }

    #[test]
    fn every_run_comes_back() {
        let runs: [Vec<(u32, u32)>; 5] = [
            (1..100).map(|n| (0, n * 4)).collect(),
            (1..100).map(|n| (n % 3 * 16, n * n)).collect(),
            (1..9).map(|n| (n, 1 << 30)).collect(),
            vec![(0, 128); 20],
            vec![
                (1 << 30, 1),
                (0, 3),
                (0, 5),
                (7, 9),
                (0, 1),
                (0, 2),
                (0, 4),
                (0, 600_000),
                (5, 5),
                (0, 1),
            ],
        ];
        for run in runs {
            let template = template(&run);
            let packed = pack(&template).unwrap();
            assert_eq!(unpack(&packed), Some(template));
            for len in 0..packed.len() {
                let _ = unpack(&packed[..len]);
            }
        }
        assert_eq!(pack(&template(&[(0, 4); 7])), None);
        assert_eq!(pack(b""), None);
    }

    #[test]
    fn nothing_large_comes_of_a_few_bytes() {
        // No bits for a number: any number of empty data.
        assert_eq!(unpack(&[0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff]), None);
        assert_eq!(unpack(&[0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0, 0, 0, 0]), None);
        assert_eq!(unpack(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0xff, 0]), None);
    }

    #[test]
    fn random_lengths_take_little_more_than_they_tell() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let mut ends: Vec<u32> = (0..132).map(|_| next() % 12_789 * 4).collect();
        ends.sort_unstable();
        ends.dedup();
        let lengths: Vec<(u32, u32)> = ends.windows(2).map(|pair| (0, pair[1] - pair[0])).collect();
        // log2 of the ways to choose 132 of 12,789 is 1,061 bits.
        let packed = pack(&template(&lengths)).unwrap();
        assert!(packed.len() < 1061 / 8 + 20, "{} bytes", packed.len());
    }
}
