//! The holes of a patch.

use core::ops::Range;
use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::hole::HoleSource;
use crate::device::apply::holes::Table;
use crate::device::format::holes::{Holes, Side};
use crate::device::format::{PatchHeader, DIGEST_LEN};

/// What a patch says of a hole.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoleFacts {
    /// What it is called.
    pub name: String,
    /// Its bytes of the old image, if that has it.
    pub old: Option<Range<u32>>,
    /// Its bytes of the new image, if that has it.
    pub new: Option<Range<u32>>,
    /// How many bytes it has.
    pub len: u32,
    /// Where its value comes from; `None` if the new image does not have it.
    pub source: Option<HoleSource>,
    /// The byte that stands for each byte of it in both digests.
    pub fill: u8,
}

/// The holes of a patch, or of its first bytes as far as the header goes; none if that is no whole
/// header.
pub fn list(patch: &[u8]) -> Vec<HoleFacts> {
    let Ok(Some(header)) = PatchHeader::parse(patch) else { return Vec::new() };
    let table = header.hole_table(patch);
    let holes = if table.is_empty() { None } else { Some(Holes::new(table)) };
    let facts = |hole: crate::device::format::holes::Hole<'_>| {
        let range = |side| hole.start(side).map(|start| start..start + hole.len);
        HoleFacts {
            name: String::from_utf8_lossy(hole.name).into_owned(),
            old: range(Side::Old),
            new: range(Side::New),
            len: hole.len,
            source: match (hole.is_kept(), hole.is_given()) {
                (true, true) => Some(HoleSource::Either),
                (true, false) => Some(HoleSource::Kept),
                (false, true) => Some(HoleSource::Given),
                (false, false) => None,
            },
            fill: hole.fill,
        }
    };
    holes.into_iter().flatten().map(facts).collect()
}

/// An old image as its digest in a patch is made: with fills in its holes, and a checksum and a
/// digest that are right for that.
pub(crate) fn old_as_digested<'a>(
    patch: &[u8],
    header: &PatchHeader,
    old: &'a [u8],
) -> Cow<'a, [u8]> {
    let holes = header.holes(patch);
    as_digested(holes, Side::Old, holes.old_end(), old)
}

/// A new image as its digest in a patch is made.
pub(crate) fn new_as_digested<'a>(
    patch: &[u8],
    header: &PatchHeader,
    new: &'a [u8],
) -> Cow<'a, [u8]> {
    as_digested(header.holes(patch), Side::New, header.coded_size(), new)
}

fn as_digested<'a>(holes: Table<'_>, side: Side, end: u32, image: &'a [u8]) -> Cow<'a, [u8]> {
    if holes.is_empty() {
        return Cow::Borrowed(image);
    }
    let mut image = image.to_vec();
    holes.fill(side, 0, &mut image, &mut 0);
    if let Some((start, own)) = image.split_at_mut_checked(end as usize) {
        if own.len() == DIGEST_LEN as usize {
            own.copy_from_slice(&Sha256::digest(start));
        }
    }
    Cow::Owned(image)
}
