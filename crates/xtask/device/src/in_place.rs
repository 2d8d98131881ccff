//! An update in one slot from its begin to its end, and the bootloader's question: linked, so that
//! its size is measured and what panics is found, and never run.

use core::cell::RefCell;

use flashdelta::nor::Slot;
use flashdelta::update::in_place::{is_unfinished, InPlaceLayout, InPlaceUpdate};

use crate::chip::Chip;
use crate::update::Device;

/// Pieces in which the patch comes from its store, in bytes.
const PIECE: usize = 64;

/// Begins an update, or goes on with it. `Ok(true)`: it has come to its end.
#[inline(never)]
pub(crate) fn update(device: &Device, workspace: &mut [u8], patch: &[u8]) -> Result<bool, ()> {
    // A part of the flash each: what counts is that these are not known when compiling.
    let (half, rest) = (device.new_len >> 1, device.new_len >> 2);
    let layout = InPlaceLayout {
        slot: Slot::new(0, half),
        scratch: Slot::new(half, rest),
        journal: Slot::new(half.wrapping_add(rest), rest),
    };
    let flash = RefCell::new(Chip(device));
    let mut update =
        InPlaceUpdate::begin(&flash, layout, workspace, patch, device.options).map_err(|_| ())?;
    loop {
        let progress = update.progress();
        let rest = patch.get(progress.taken as usize..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        let piece = rest.get(..PIECE).unwrap_or(rest);
        update.feed(piece).map_err(|_| ())?;
    }
    update.finish().map_err(|_| ())?;
    // The bootloader's part.
    is_unfinished(Chip(device), layout.journal).map(|is_unfinished| !is_unfinished).map_err(|_| ())
}
