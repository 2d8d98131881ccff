//! A new image in blocks, and what of a patch each of them takes.

use flashdelta::apply::{Applier, ApplyOptions, HeapApplier, MemoryImage};
use flashdelta::PatchHeader;
use serde::Serialize;

use crate::Error;

/// A block of the new image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Block {
    /// Where it starts in the new image.
    pub(crate) start: u32,
    /// Bytes of the patch that it took.
    pub(crate) patch_bytes: u32,
    /// Whether the old image has the same at this place.
    pub(crate) is_same: bool,
}

/// The most blocks of an image.
const MOST: u32 = 512;

/// The size of a block: a power of two.
pub(super) fn size(new_size: u32) -> u32 {
    new_size.div_ceil(MOST).max(16).checked_next_power_of_two().unwrap_or(1 << 31)
}

/// Blocks of an image that is the same as before.
pub(super) fn same(new_size: u32) -> Vec<Block> {
    let starts = (0..new_size).step_by(size(new_size) as usize);
    starts.map(|start| Block { start, patch_bytes: 0, is_same: true }).collect()
}

/// Applies a patch byte by byte, and notes how far the new image has come with each: to within the
/// few bytes that its coder reads ahead.
pub(super) fn of_patch(old: &[u8], patch: &[u8]) -> Result<(PatchHeader, Vec<Block>), Error> {
    let wrong = |error: String| Error::Make(format!("the patch cannot be read: {error}"));
    let header = PatchHeader::parse(patch).map_err(|error| wrong(error.to_string()))?;
    let header = header.ok_or_else(|| wrong("it ends in its header".to_owned()))?;
    let new_size = header.new_size;
    let workspace = HeapApplier::new()
        .exact(true)
        .workspace::<flashdelta::apply::OutOfBounds, flashdelta::apply::OutOfBounds>(&header);
    let mut workspace = workspace.map_err(|error| wrong(error.to_string()))?;
    let new = MemoryImage::for_patch(old.len() as u64, patch.len() as u64);
    let mut applier: Applier<'_, _, _> =
        Applier::new(&mut workspace, old, new, ApplyOptions::default());
    let block = size(new_size);
    let mut spent = vec![0_u32; same(new_size).len()];
    // Signatures and digests of chunks are before the body, too.
    let (head, body) =
        patch.split_at_checked(header.body_offset() as usize).unwrap_or((patch, &[]));
    let body = body.get(..header.body_len as usize).unwrap_or(body);
    let mut at = applier.feed(head).map_err(|error| wrong(error.to_string()))?.written;
    for byte in body {
        if let Some(spent) = spent.get_mut((at / block) as usize) {
            *spent += 1;
        }
        let fed = applier.feed(core::slice::from_ref(byte));
        at = fed.map_err(|error| wrong(error.to_string()))?.written;
    }
    let (_, new) = applier.finish().map_err(|error| wrong(error.to_string()))?;
    let new = new.into_bytes();
    let blocks = same(new_size).into_iter().zip(spent).map(|(of, patch_bytes)| {
        let range = of.start as usize..new.len().min((of.start + block) as usize);
        let is_same = new.get(range.clone()) == old.get(range);
        Block { patch_bytes, is_same, ..of }
    });
    Ok((header, blocks.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_takes_the_patch() {
        // Noise, which nothing predicts.
        let mut state = 1_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 16) as u8
        };
        let old: Vec<u8> = (0..64 << 10).map(|_| noise()).collect();
        let mut new = old.clone();
        new[40_000..41_000].fill_with(noise);
        let patch = flashdelta::diff::diff(&old, &new, &flashdelta::DiffOptions::new()).unwrap();
        let (header, blocks) = of_patch(&old, &patch.bytes).unwrap();
        assert_eq!((header.new_size, blocks.len(), size(64 << 10)), (64 << 10, 512, 128));
        let sum: u32 = blocks.iter().map(|block| block.patch_bytes).sum();
        assert_eq!(u64::from(sum), u64::from(header.body_len));
        let changed = |block: &&Block| (39_900..41_000).contains(&block.start);
        assert!(blocks.iter().filter(|block| !block.is_same).all(|block| changed(&block)));
        assert_eq!(blocks.iter().filter(|block| !block.is_same).count(), 9);
        // The rest of it says that the rest is as it was.
        let near: u32 = blocks
            .iter()
            .filter(|block| (39_500..41_500).contains(&block.start))
            .map(|block| block.patch_bytes)
            .sum();
        assert!(near * 10 > sum * 8, "{near} of {sum}");
        assert!(of_patch(&new, &patch.bytes).is_err() && of_patch(&old, b"no patch").is_err());
    }

    #[test]
    fn blocks_cover_the_image() {
        for size in [0, 1, 15, 16, 17, 8192, 8193, 1 << 20, (1 << 20) + 1, u32::MAX] {
            let block = super::size(size);
            assert!(size.div_ceil(block) <= MOST && block >= 16, "{size}");
        }
        assert_eq!((same(0).len(), same(17).len()), (0, 2));
    }
}
