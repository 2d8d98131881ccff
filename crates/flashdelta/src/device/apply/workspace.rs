//! Divides the workspace.

use super::buffers::Buffers;
use super::machine::{Machine, Parts};
#[cfg(feature = "suspend")]
use super::Port;
use crate::device::format::{HeaderError, Layout, PatchHeader, SLACK};

/// What an applier works with once the workspace is divided.
pub(crate) type Tools<'a, 'w> = (&'a mut Machine<'w>, &'a mut Buffers<'w>);

/// Divides a workspace that holds the header at its front, and is as long as the header asks for.
#[inline(never)]
pub(crate) fn divide<'w>(
    memory: &'w mut [u8],
    header: &PatchHeader,
    (machine, buffers): Tools<'_, 'w>,
) -> Result<(), HeaderError> {
    // No header is read that states less than its parts take.
    let short = || HeaderError::InconsistentWorkspace { stated: header.ram, needed: header.ram };
    let (skipped, words, _) = bytemuck::pod_align_to_mut::<u8, u32>(memory);
    let mut layout = Layout::of(header);
    let spare = words.len().checked_sub(layout.words()).ok_or_else(short)?;
    layout.grow(spare);
    machine.prepare(header.codec);
    #[cfg(feature = "prediction")]
    let words = {
        // The address maps go to the end, where they do not overwrite the header that they are read
        // from.
        let tail = words.len().wrapping_sub(layout.segments);
        let (front, segments) = words.split_at_mut_checked(tail).ok_or_else(short)?;
        let walker = machine.walker().ok_or_else(short)?;
        let start = (bytemuck::must_cast_slice(front), skipped.len());
        header.read_maps(start, segments, walker.maps())?;
        front
    };
    #[cfg(feature = "holes")]
    let words = holes(words, &layout, header, skipped.len(), buffers).ok_or_else(short)?;
    parts(words, &layout, header, (machine, buffers)).ok_or_else(short)
}

/// Copies the table of holes to the end of what is left, from the header at its front.
#[cfg(feature = "holes")]
#[inline(never)]
fn holes<'w>(
    words: &'w mut [u32],
    layout: &Layout,
    header: &PatchHeader,
    skipped: usize,
    buffers: &mut Buffers<'w>,
) -> Option<&'w mut [u32]> {
    let tail = words.len().checked_sub(layout.holes)?;
    let (front, table) = words.split_at_mut_checked(tail)?;
    let table: &mut [u8] = bytemuck::must_cast_slice_mut(table);
    let table = table.get_mut(..header.hole_len())?;
    let start = header.hole_offset().wrapping_sub(skipped);
    let bytes: &[u8] = bytemuck::must_cast_slice(front);
    for (to, from) in table.iter_mut().zip(bytes.get(start..).unwrap_or_default()) {
        *to = *from;
    }
    buffers.start_holes(table);
    Some(front)
}

/// Divides a workspace again that is loaded from a suspension, or saves what of it is not the
/// decoder's: the address maps, if there is one at work. `memory` is there when it is loaded.
#[cfg(feature = "suspend")]
#[inline(never)]
pub(crate) fn port<'w>(
    memory: Option<&'w mut [u8]>,
    header: &PatchHeader,
    (machine, buffers): Tools<'_, 'w>,
    is_at_work: bool,
    port: &mut Port<'_>,
) -> Option<()> {
    let (_skipped, words, _) = bytemuck::pod_align_to_mut::<u8, u32>(memory.unwrap_or_default());
    let mut layout = Layout::of(header);
    let loads = port.loads();
    if loads {
        layout.grow(words.len().checked_sub(layout.words())?);
        machine.prepare(header.codec);
    } else {
        layout.segments = 0;
    }
    #[cfg(feature = "prediction")]
    let words = {
        let tail = words.len().checked_sub(layout.segments)?;
        let (front, segments) = words.split_at_mut_checked(tail)?;
        if is_at_work {
            machine.walker()?.maps().port(port, segments, header.map_counts.old.into());
        }
        front
    };
    if loads {
        #[cfg(feature = "holes")]
        let words = holes(words, &layout, header, _skipped.len(), buffers)?;
        parts(words, &layout, header, (machine, buffers))?;
    }
    Some(())
}

/// Bytes that can wait to be written in a workspace of `memory` bytes, wherever it lies.
#[cfg(feature = "suspend")]
pub(crate) fn page(memory: usize, header: &PatchHeader) -> usize {
    let mut layout = Layout::of(header);
    layout.grow((memory.saturating_sub(SLACK) / 4).saturating_sub(layout.words()));
    layout.page.wrapping_mul(4)
}

/// Divides what is left, the header being read.
#[inline(never)] // Its stack and that of reading the maps need not add up.
fn parts<'w>(
    front: &'w mut [u32],
    layout: &Layout,
    header: &PatchHeader,
    (machine, buffers): Tools<'_, 'w>,
) -> Option<()> {
    let mut rest = Rest(front);
    let parts = Parts {
        #[cfg(feature = "model")]
        slots: rest.words(layout.slots),
        #[cfg(feature = "model")]
        weights: rest.words(layout.weights),
        shifts: rest.words(layout.shifts),
        #[cfg(feature = "lz4")]
        input: rest.bytes(layout.input),
        carry: rest.bytes(layout.carry),
        #[cfg(feature = "raw")]
        block: rest.bytes(layout.block),
    };
    let windows =
        (rest.bytes(layout.old_window), rest.bytes(layout.new_window), rest.bytes(layout.page));
    buffers.start(windows, header.old_size);
    machine.start(header, parts)
}

/// Bytes of the header that are needed until the workspace is divided.
pub(crate) fn needed(header: &PatchHeader) -> usize {
    #[cfg(feature = "holes")]
    let is_needed = header.map_len != 0 || header.has_holes();
    #[cfg(not(feature = "holes"))]
    let is_needed = header.map_len != 0;
    if is_needed {
        header.header_len as usize
    } else {
        0
    }
}

/// Of the memory before it is divided: the header, if that is still needed, and what is free to
/// read the old image by.
pub(crate) fn free<'a>(
    memory: &'a mut [u8],
    header: &PatchHeader,
) -> Option<(&'a mut [u8], &'a mut [u8])> {
    let (start, rest) = memory.split_at_mut_checked(needed(header))?;
    let words = bytemuck::pod_align_to_mut::<u8, u32>(rest).1;
    let most = words.len().min(MOST_READ);
    Some((start, bytemuck::must_cast_slice_mut(words.get_mut(..most)?)))
}

/// Words that the old image is read by, to digest it: enough to make reading cheap.
const MOST_READ: usize = 256;

/// What is left of the workspace. It is as long as all parts together.
struct Rest<'w>(&'w mut [u32]);

impl<'w> Rest<'w> {
    #[inline(never)] // One copy in the device's flash.
    fn words(&mut self, count: usize) -> &'w mut [u32] {
        let (part, rest) =
            core::mem::take(&mut self.0).split_at_mut_checked(count).unwrap_or_default();
        self.0 = rest;
        part
    }

    fn bytes(&mut self, words: usize) -> &'w mut [u8] {
        bytemuck::must_cast_slice_mut(self.words(words))
    }
}
