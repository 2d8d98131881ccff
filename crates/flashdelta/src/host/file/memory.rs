//! From data with addresses to the image that a device holds, and back.

use crate::host::budget::Stop;
use crate::host::image::Block;
use crate::host::room;

/// Gaps are filled up to this many bytes in all, or up to as many as there is data, whichever is
/// more.
const FILL: u64 = 64 * 1024;

/// Consecutive addresses that are in an image one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Address of the first byte.
    pub address: u32,
    /// Where it is in the image.
    pub offset: usize,
    /// Length in bytes; never 0.
    pub len: usize,
}

impl Part {
    /// One past the last address, which may be 2^32.
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.len as u64
    }
}

/// The memory that pieces of data with these addresses and lengths are in: sorted, joined where
/// they touch or overlap, and gaps between them filled, the smallest ones first (of equal ones that
/// with the lowest address), as long as no more than [`FILL`] bytes, or as many as the pieces have,
/// are filled in all.
pub(super) fn parts(pieces: impl IntoIterator<Item = (u32, usize)>) -> Vec<Part> {
    let mut sorted: Vec<Part> = pieces
        .into_iter()
        .filter(|(_, len)| *len != 0)
        .map(|(address, len)| Part { address, offset: 0, len })
        .collect();
    sorted.sort_by_key(|part| part.address);
    let runs = join(&sorted, &[]);
    let data: u64 = runs.iter().map(|run| run.len as u64).sum();
    let mut gaps: Vec<(u64, u32)> = runs
        .windows(2)
        .filter_map(|pair| {
            Some((u64::from(pair[1].address).checked_sub(pair[0].end())?, pair[1].address))
        })
        .collect();
    gaps.sort_unstable();
    let mut budget = data.max(FILL);
    let mut filled = Vec::new();
    for (len, before) in gaps {
        let Some(left) = budget.checked_sub(len) else { break };
        budget = left;
        filled.push(before);
    }
    filled.sort_unstable();
    let mut parts = join(&runs, &filled);
    let mut offset = 0;
    for part in &mut parts {
        part.offset = offset;
        offset += part.len;
    }
    parts
}

/// Joins sorted parts that touch or overlap, and those before which a gap is `filled` (sorted).
fn join(sorted: &[Part], filled: &[u32]) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in sorted {
        match joined.last_mut() {
            Some(last)
                if u64::from(part.address) <= last.end()
                    || filled.binary_search(&part.address).is_ok() =>
            {
                let end = last.end().max(part.end());
                last.len = usize::try_from(end - u64::from(last.address)).unwrap_or(last.len);
            }
            _ => joined.push(*part),
        }
    }
    joined
}

/// The image: the pieces at their places in `parts`, with `fill` between them.
pub(super) fn image<'a>(
    parts: &[Part],
    pieces: impl Iterator<Item = (u32, &'a [u8])>,
    fill: u8,
) -> Result<Vec<u8>, Stop> {
    let len = parts.last().map_or(0, |last| last.offset + last.len);
    let mut image = room::filled(len, fill)?;
    for (address, data) in pieces {
        let place =
            find(parts, address).and_then(|at| image.get_mut(at..at.checked_add(data.len())?));
        if let Some(place) = place {
            place.copy_from_slice(data);
        }
    }
    Ok(image)
}

/// The data of these blocks, one after the other. What the image does not hold becomes `fill`.
/// `None` if it were more than `limit` bytes.
pub(super) fn gather(
    image: &[u8],
    parts: &[Part],
    blocks: &[Block],
    fill: u8,
    limit: usize,
) -> Result<Option<Vec<u8>>, Stop> {
    let mut data = Vec::new();
    for block in blocks {
        let end = data.len().checked_add(block.len).filter(|end| *end <= limit);
        let Some(end) = end else { return Ok(None) };
        room::reserve(&mut data, block.len)?;
        let held = find(parts, block.address).and_then(|at| image.get(at..)).unwrap_or_default();
        data.extend_from_slice(held.get(..block.len).unwrap_or(held));
        data.resize(end, fill);
    }
    Ok(Some(data))
}

/// Where the byte at an address is in the image.
fn find(parts: &[Part], address: u32) -> Option<usize> {
    let next = parts.partition_point(|part| part.address <= address);
    let part = parts.get(next.checked_sub(1)?)?;
    // Parts that come from a patch need not be sorted.
    let into = address.wrapping_sub(part.address) as usize;
    (into < part.len).then(|| part.offset.saturating_add(into))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_gaps_are_filled_and_large_ones_are_not() {
        let part = |address, offset, len| Part { address, offset, len };
        assert_eq!(parts([]), []);
        assert_eq!(parts([(16, 4), (0, 16), (18, 6)]), [part(0, 0, 24)]);
        // The settings of a chip, far after its program.
        let far = [(0x1000, 1000), (0x2000, 500), (0x1000_1014, 8)];
        assert_eq!(parts(far), [part(0x1000, 0, 0x1000 + 500), part(0x1000_1014, 0x1000 + 500, 8)]);
        // Many gaps, none of them large: the budget counts for all together.
        let many = parts((0..1000).map(|n| (n * 1000, 1)));
        let whole: usize = many.iter().map(|part| part.len).sum();
        assert_eq!((whole, many[0].len), (65 * 999 + 1000, 65 * 1000 + 1));
        assert_eq!(parts([(u32::MAX, 1), (0, 1)]), [part(0, 0, 1), part(u32::MAX, 1, 1)]);
    }

    #[test]
    fn data_is_found_again() {
        let pieces: [(u32, &[u8]); 3] = [(8, b"cd"), (4, b"ab"), (0x9000_0000, b"e")];
        let parts = parts(pieces.map(|(address, data)| (address, data.len())));
        let image = image(&parts, pieces.into_iter(), 0xff).unwrap();
        assert_eq!(image, b"ab\xff\xffcde");
        let blocks = [
            Block { address: 0x9000_0000, len: 1 },
            Block { address: 5, len: 4 },
            Block { address: 0, len: 2 },
        ];
        assert_eq!(gather(&image, &parts, &blocks, b'.', 7).unwrap().unwrap(), b"eb\xff\xffc..");
        assert_eq!(gather(&image, &parts, &blocks, b'.', 6), Ok(None));
    }
}
