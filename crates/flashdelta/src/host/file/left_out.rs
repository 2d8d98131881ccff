//! Which data of a file of records is in the image, and which is left out of it because another
//! chip or another range of addresses was asked for.

use super::MemoryOptions;
use crate::host::image::{Block, Split};

/// A stretch of the data in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// This many bytes are left out.
    pub(super) skip: usize,
    /// This many bytes after them are in the image.
    pub(super) take: usize,
}

/// The stretches of the data of a file; what comes after the last one is left out. `None` if
/// everything is in the image.
pub(super) fn runs(split: &Split<'_>, options: &MemoryOptions) -> Option<Vec<Run>> {
    if options.range.is_none() && options.read.select.is_all() {
        return None;
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut skipped = 0;
    let mut any = false;
    let mut skip = |runs: &mut Vec<Run>, skip: usize, take: usize| {
        skipped += skip;
        any |= skip != 0;
        match runs.last_mut() {
            _ if take == 0 => {}
            Some(last) if skipped == 0 => last.take += take,
            _ => runs.push(Run { skip: core::mem::take(&mut skipped), take }),
        }
    };
    let ends = split.placed.iter().skip(1).map(|next| next.offset).chain([split.data.len()]);
    for (placed, end) in split.placed.iter().zip(ends) {
        let len = end.saturating_sub(placed.offset);
        let (start, taken) = match options.read.select.takes(&placed.target) {
            true => options.within(placed.address, len),
            false => (len, 0),
        };
        skip(&mut runs, start, taken);
        skip(&mut runs, len - start - taken, 0);
    }
    any.then_some(runs)
}

/// The bytes that are left out.
pub(super) fn rest(data: &[u8], runs: &[Run]) -> Vec<u8> {
    let (mut rest, mut left) = (Vec::new(), data);
    for run in runs {
        let (skipped, after) = left.split_at(run.skip.min(left.len()));
        rest.extend_from_slice(skipped);
        left = after.get(run.take..).unwrap_or_default();
    }
    rest.extend_from_slice(left);
    rest
}

/// The bytes that are in the image.
pub(super) fn in_image(data: &[u8], runs: &[Run]) -> Vec<u8> {
    let (mut taken, mut left) = (Vec::new(), data);
    for run in runs {
        let after = left.get(run.skip..).unwrap_or_default();
        let (took, after) = after.split_at(run.take.min(after.len()));
        taken.extend_from_slice(took);
        left = after;
    }
    taken
}

/// The parts of the blocks that are in the image. `None` if the runs need more than there is.
pub(super) fn blocks_in_image(blocks: &[Block], runs: &[Run]) -> Option<Vec<Block>> {
    let mut taken = Vec::new();
    let mut left = blocks.iter().copied();
    let mut block = Block { address: 0, len: 0 };
    for run in runs {
        for (mut len, is_taken) in [(run.skip, false), (run.take, true)] {
            while len > 0 {
                if block.len == 0 {
                    block = left.next()?;
                    continue;
                }
                let part = len.min(block.len);
                if is_taken {
                    taken.push(Block { address: block.address, len: part });
                }
                // A block does not run past the end of the address space.
                block.address = block.address.wrapping_add(part as u32);
                block.len -= part;
                len -= part;
            }
        }
    }
    Some(taken)
}

/// The data of the file: what is in the image, and between it the rest. `None` if the runs do not
/// fit both.
pub(super) fn weave(image: &[u8], rest: &[u8], runs: &[Run]) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(image.len() + rest.len());
    let (mut image, mut rest) = (image, rest);
    for run in runs {
        for (from, len) in [(&mut rest, run.skip), (&mut image, run.take)] {
            let (next, after) = from.split_at_checked(len)?;
            data.extend_from_slice(next);
            *from = after;
        }
    }
    data.extend_from_slice(rest);
    image.is_empty().then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_goes_back_to_its_place() {
        let data: Vec<u8> = (0..20).collect();
        let runs = [Run { skip: 2, take: 5 }, Run { skip: 1, take: 4 }];
        let (image, rest) = (in_image(&data, &runs), rest(&data, &runs));
        assert_eq!(rest, [0, 1, 7, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert_eq!(image, [2, 3, 4, 5, 6, 8, 9, 10, 11]);
        assert_eq!(weave(&image, &rest, &runs).unwrap(), data);
        let block = |address, len| Block { address, len };
        let blocks = [block(100, 4), block(200, 16)];
        let cut = [block(102, 2), block(200, 3), block(204, 4)];
        assert_eq!(blocks_in_image(&blocks, &runs).unwrap(), cut);
        // Runs of a damaged section.
        assert_eq!(blocks_in_image(&blocks[..1], &runs), None);
        assert_eq!(weave(&image[1..], &rest, &runs), None);
        assert_eq!(weave(&image, &rest[..1], &runs), None);
    }
}
