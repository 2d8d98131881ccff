//! Divides the workspace.

use super::buffers::Buffers;
use super::input::Ring;
#[cfg(any(feature = "lz4", feature = "zstd"))]
use super::machine::Block;
use super::machine::{Codec as Decoder, Machine};
use super::{ApplyError, Body};
use crate::bytes::Operations;
use crate::patch::{Codec, Layout, MapEntry, PatchHeader};
use crate::predict::address_map::{AddressMaps, PointerRanges, SegmentWords};
use crate::predict::walker::Walker;

/// Divides a workspace that holds the header at its front.
#[inline(never)]
pub(super) fn divide<'w, O, N>(header: PatchHeader, memory: &'w mut [u8]) -> Result<Body<'w>, ApplyError<O, N>> {
    let found = memory.len() as u32;
    let too_small = ApplyError::WorkspaceTooSmall { needed: header.workspace_len() as u32, found };
    if memory.len() < header.workspace_len() {
        return Err(too_small);
    }
    let mut layout = Layout::of(&header);

    // The address maps go to the end, where they do not overwrite the header that they are read from.
    let aligned = memory.as_ptr().align_offset(4);
    let words = memory.len().saturating_sub(aligned) / 4;
    let Some(spare) = words.checked_sub(layout.words()) else { return Err(too_small) };
    layout.grow(spare.saturating_mul(4));
    let tail = aligned.saturating_add(words.saturating_sub(layout.segments).saturating_mul(4));
    let Some((front, tail)) = memory.split_at_mut_checked(tail) else { return Err(too_small) };
    let (_, segments, _) = bytemuck::pod_align_to_mut::<u8, u32>(tail);
    let old_words = usize::from(header.map_counts.old).saturating_mul(3);
    let Some((old, new)) = segments.split_at_mut_checked(old_words) else { return Err(too_small) };
    let maps = read_maps(&header, front, old, new)?;

    let (_, words, _) = bytemuck::pod_align_to_mut::<u8, u32>(front);
    let mut rest = Rest(words);
    let parts = (|| {
        Some((
            rest.words(layout.slots.div_ceil(2))?,
            rest.words(layout.weights.div_ceil(2))?,
            rest.words(layout.map)?,
            [
                rest.bytes(layout.input)?,
                rest.bytes(layout.carry)?,
                rest.bytes(layout.block)?,
                rest.bytes(layout.old_window)?,
                rest.bytes(layout.new_window)?,
                rest.bytes(layout.page)?,
            ],
        ))
    })();
    let Some((slots, weights, map, [input, carry, block, old_window, new_window, page])) = parts else {
        return Err(too_small);
    };
    let walker = Walker::new(header.isa, maps);
    let (old_size, new_size) = (header.old_size, header.new_size);
    let machine = match header.codec {
        Codec::Raw => Machine::new(Decoder::Raw(Operations::new(map, walker, old_size, new_size)), Ring::new(input)),
        #[cfg(feature = "lz4")]
        Codec::Lz4 => {
            let decoder = Decoder::Lz4 {
                operations: Operations::new(map, walker, old_size, new_size),
                unpacker: crate::bytes::lz4::Unpacker::new(input),
                block: Block::new(block),
            };
            Machine::new(decoder, Ring::new(carry))
        }
        #[cfg(feature = "zstd")]
        Codec::Zstd => {
            let Ok(unpacker) = crate::bytes::zstd::Unpacker::new(header.tables.block_log2) else {
                return Err(ApplyError::CodecNotBuilt { codec: header.codec });
            };
            let operations = Operations::new(map, walker, old_size, new_size);
            Machine::new(Decoder::Zstd { operations, unpacker, block: Block::new(block) }, Ring::new(carry))
        }
        #[cfg(feature = "model")]
        Codec::Model => {
            let (Ok(slots), Ok(weights)) =
                (bytemuck::try_cast_slice_mut::<_, u16>(slots), bytemuck::try_cast_slice_mut::<_, i16>(weights))
            else {
                return Err(too_small);
            };
            let (Some(slots), Some(weights)) = (slots.get_mut(..layout.slots), weights.get_mut(..layout.weights))
            else {
                return Err(too_small);
            };
            let model = crate::model::Model::new((slots, weights, map), walker, old_size, new_size);
            Machine::new(Decoder::Model { model, decoder: None }, Ring::new(input))
        }
        #[allow(unreachable_patterns)]
        codec => {
            let _ = (slots, weights, carry, block);
            return Err(ApplyError::CodecNotBuilt { codec });
        }
    };
    let buffers = Buffers::new((old_window, new_window, page), old_size, new_size);
    Ok(Body { header, machine, buffers, left: header.body_len })
}

/// What is left of the workspace.
struct Rest<'w>(&'w mut [u32]);

impl<'w> Rest<'w> {
    fn words(&mut self, count: usize) -> Option<&'w mut [u32]> {
        let (part, rest) = core::mem::take(&mut self.0).split_at_mut_checked(count)?;
        self.0 = rest;
        Some(part)
    }

    fn bytes(&mut self, count: usize) -> Option<&'w mut [u8]> {
        bytemuck::try_cast_slice_mut(self.words(count.div_ceil(4))?).ok()?.get_mut(..count)
    }
}

/// Reads the address maps from the header at the start of `front`.
#[inline(never)]
fn read_maps<'w, O, N>(
    header: &PatchHeader,
    front: &[u8],
    old: &'w mut [u32],
    new: &'w mut [u32],
) -> Result<AddressMaps<'w>, ApplyError<O, N>> {
    let mut pointers = PointerRanges::default();
    let (mut old_places, mut new_places) = (old.iter_mut(), new.iter_mut());
    let put = |places: &mut core::slice::IterMut<'_, u32>, words: SegmentWords| {
        for (word, place) in words.into_iter().zip(places) {
            *place = word;
        }
    };
    header
        .read_map(front, &mut |entry| match entry {
            MapEntry::Old(segment) => {
                pointers.add_segment(&segment);
                put(&mut old_places, segment.words());
            }
            MapEntry::New(segment) => put(&mut new_places, segment.words()),
            MapEntry::Range(range) => pointers.add(range),
        })
        .map_err(ApplyError::Header)?;
    let (old, _) = old.as_chunks::<3>();
    let (new, _) = new.as_chunks::<3>();
    Ok(AddressMaps { old, new, pointers })
}
