//! Divides the workspace.

use super::{ApplyError, Body};
use crate::patch::{HeaderError, Layout, MapEntry, PatchHeader};
use crate::predict::address_map::{AddressMaps, SegmentWords};

/// Why a workspace cannot be divided.
pub(super) enum Trouble {
    TooSmall,
    Header(HeaderError),
}

impl Trouble {
    /// The error, for a workspace of `found` bytes.
    pub(super) fn of<O, N>(self, header: &PatchHeader, found: usize) -> ApplyError<O, N> {
        match self {
            Self::TooSmall => {
                ApplyError::WorkspaceTooSmall { needed: header.workspace_len() as u32, found: found as u32 }
            }
            Self::Header(error) => ApplyError::Header(error),
        }
    }
}

/// What a codec gets of the workspace.
#[cfg_attr(not(all(feature = "model", feature = "lz4")), allow(dead_code))] // Not every codec takes all of it.
pub(crate) struct Parts<'w> {
    pub(super) slots: &'w mut [u32],
    pub(super) weights: &'w mut [u32],
    pub(super) map: &'w mut [u32],
    pub(super) input: &'w mut [u8],
    pub(super) carry: &'w mut [u8],
    pub(super) block: &'w mut [u8],
    pub(super) layout: Layout,
}

/// Divides a workspace that holds the header at its front.
#[inline(never)]
pub(super) fn divide<'w>(memory: &'w mut [u8], body: &mut Body<'w>) -> Result<(), Trouble> {
    let header = &body.header;
    if memory.len() < header.workspace_len() {
        return Err(Trouble::TooSmall);
    }
    let mut layout = Layout::of(header);

    // The address maps go to the end, where they do not overwrite the header that they are read from.
    let aligned = memory.as_ptr().align_offset(4);
    let words = memory.len().saturating_sub(aligned) / 4;
    let spare = words.checked_sub(layout.words()).ok_or(Trouble::TooSmall)?;
    layout.grow(spare.saturating_mul(4));
    let tail = aligned.saturating_add(words.saturating_sub(layout.segments).saturating_mul(4));
    let (front, tail) = memory.split_at_mut_checked(tail).ok_or(Trouble::TooSmall)?;
    let (_, segments, _) = bytemuck::pod_align_to_mut::<u8, u32>(tail);
    let walker = body.machine.walker().ok_or(Trouble::TooSmall)?;
    read_maps(header, front, segments, walker.maps())?;
    parts(front, layout, body).ok_or(Trouble::TooSmall)
}

/// Divides what is left, the header being read.
#[inline(never)] // Its stack and that of reading the maps need not add up.
fn parts<'w>(front: &'w mut [u8], layout: Layout, body: &mut Body<'w>) -> Option<()> {
    let (_, words, _) = bytemuck::pod_align_to_mut::<u8, u32>(front);
    let mut rest = Rest(words);
    let parts = Parts {
        slots: rest.words(layout.slots.div_ceil(2))?,
        weights: rest.words(layout.weights.div_ceil(2))?,
        map: rest.words(layout.map)?,
        input: rest.bytes(layout.input)?,
        carry: rest.bytes(layout.carry)?,
        block: rest.bytes(layout.block)?,
        layout,
    };
    let buffers = (rest.bytes(layout.old_window)?, rest.bytes(layout.new_window)?, rest.bytes(layout.page)?);
    body.buffers.start(buffers, (body.header.old_size, body.header.new_size));
    body.machine.start(&body.header, parts)
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

/// Reads the address maps from the header at the start of `front` into `segments`.
#[inline(never)]
fn read_maps<'w>(
    header: &PatchHeader,
    front: &[u8],
    segments: &'w mut [u32],
    maps: &mut AddressMaps<'w>,
) -> Result<(), Trouble> {
    let old_words = usize::from(header.map_counts.old).saturating_mul(3);
    let (old, new) = segments.split_at_mut_checked(old_words).ok_or(Trouble::TooSmall)?;
    let (mut old_places, mut new_places) = (old.iter_mut(), new.iter_mut());
    let put = |places: &mut core::slice::IterMut<'_, u32>, words: SegmentWords| {
        for (word, place) in words.into_iter().zip(places) {
            *place = word;
        }
    };
    header
        .read_map(front, &mut |entry| match entry {
            MapEntry::Old(segment) => {
                maps.pointers.add_segment(&segment);
                put(&mut old_places, segment.words());
            }
            MapEntry::New(segment) => put(&mut new_places, segment.words()),
            MapEntry::Range(range) => maps.pointers.add(range),
        })
        .map_err(Trouble::Header)?;
    (maps.old, maps.new) = (old.as_chunks().0, new.as_chunks().0);
    Ok(())
}
