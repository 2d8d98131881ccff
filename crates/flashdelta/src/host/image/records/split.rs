//! Taking files apart, and joining them again.

use std::borrow::Cow;

use super::{make, render, uf2_blocks};
use crate::host::budget::{unwatched, Budget, Stop};
use crate::host::image::address_map::address_map;
use crate::host::image::detect::detect;
use crate::host::image::formats::{apj, ihex, srec, titxt, uf2_writer};
use crate::host::image::template::{Block, Split, APJ, INTEL_HEX, SREC, TI_TXT, UF2, VERBATIM};
use crate::host::image::{Format, ImageError};
use crate::host::room;

/// Takes a file apart into data and template such that [`join`] gives the identical file. Never
/// fails: a file that is no record file, or too irregular, is its own data.
pub fn split(file: &[u8]) -> Split<'_> {
    // Nobody ends it; what there is no memory for is its own data, too.
    unwatched(|budget| split_within(file, budget)).unwrap_or_else(|_| verbatim(file))
}

/// The same, within a budget.
pub(crate) fn split_within<'a>(file: &'a [u8], budget: &mut Budget<'_>) -> Result<Split<'a>, Stop> {
    let made = match detect(file) {
        Format::IntelHex => make::hex(file, budget)?.map(make::Made::split),
        Format::Srec => make::srec(file, budget)?.map(make::Made::split),
        Format::TiTxt => make::titxt(file, budget)?.map(make::Made::split),
        Format::Uf2 => uf2_blocks::make(file, budget)?.map(make::Made::split),
        Format::Apj => apj::split(file, budget)?,
        _ => None,
    };
    let Some(split) = made else { return Ok(verbatim(file)) };
    match join_within(&split.data, &split.template, file.len(), budget) {
        Ok(again) if again == file => Ok(split),
        Err(ImageError::OutOfMemory { needed }) => Err(Stop::OutOfMemory { needed }),
        Err(ImageError::Cancelled) => Err(Stop::Cancelled),
        _ => Ok(verbatim(file)),
    }
}

/// A file that is its own data.
fn verbatim(file: &[u8]) -> Split<'_> {
    Split {
        data: Cow::Borrowed(file),
        map: address_map(file),
        template: vec![VERBATIM],
        placed: Vec::new(),
    }
}

/// Writes the file that was [split](split) into `data` and `template`.
///
/// # Errors
/// [`ImageError::BadTemplate`] if the template is damaged or does not belong to the data;
/// [`ImageError::TooLarge`] if the file would be longer than `limit` bytes.
pub fn join(data: &[u8], template: &[u8], limit: usize) -> Result<Vec<u8>, ImageError> {
    unwatched(|budget| join_within(data, template, limit, budget))
}

/// The same, within a budget.
pub(crate) fn join_within(
    data: &[u8],
    template: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, ImageError> {
    let damaged = |problem| ImageError::BadTemplate { offset: 0, problem };
    match template.first() {
        Some(&VERBATIM) if template.len() == 1 && data.len() <= limit => Ok(room::copy(data)?),
        Some(&VERBATIM) if template.len() == 1 => {
            Err(ImageError::TooLarge { needed: data.len() as u64, limit: limit as u64 })
        }
        Some(&INTEL_HEX) => render::render::<ihex::HexWriter>(data, template, limit, budget),
        Some(&SREC) => render::render::<srec::SrecWriter>(data, template, limit, budget),
        Some(&TI_TXT) => render::render::<titxt::TiTxtWriter>(data, template, limit, budget),
        Some(&UF2) => render::render::<uf2_writer::Uf2Writer>(data, template, limit, budget),
        Some(&APJ) => apj::join(data, render::packed(template)?, limit, budget),
        _ => Err(damaged("unknown format (made by a newer version?)")),
    }
}

/// Where the data that belongs to a template is, in the order of the file; nothing of a file
/// that is its own data.
pub(crate) fn blocks(template: &[u8]) -> Result<Vec<Block>, ImageError> {
    match template.first() {
        Some(&VERBATIM) => Ok(Vec::new()),
        Some(&(INTEL_HEX | SREC | TI_TXT | UF2)) => render::blocks(template),
        _ => Err(ImageError::BadTemplate {
            offset: 0,
            problem: "unknown format (made by a newer version?)",
        }),
    }
}

/// The data operations of a template that [`push_operation`] writes: where they are, the distance
/// to the data before, and the length, which is not 0. Those that force an address record or go
/// back are left out.
pub(crate) fn data_operations(template: &[u8]) -> Vec<(core::ops::Range<usize>, u32, u32)> {
    match template.first() {
        Some(&(INTEL_HEX | SREC | TI_TXT | UF2)) => render::data_operations(template),
        _ => Vec::new(),
    }
}
