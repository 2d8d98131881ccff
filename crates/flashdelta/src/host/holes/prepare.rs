//! Images with fills in their holes, and the table of these.

use core::ops::Range;

use sha2::{Digest as _, Sha256};

use super::error::HoleError;
use super::hole::{is_name, Hole, HoleSource};
use super::list::HoleFacts;
use super::sums::Sums;
use super::values::Values;
use crate::device::format::holes::{
    IN_OLD, MOST_HOLES, NAME_SHIFT, NEW_CHECKSUM, OLD_CHECKSUM, OLD_DIGEST,
};
use crate::host::put;

/// What stands for a hole that has no single byte.
const FILL: u8 = 0xff;

/// Two images that a patch with holes is made from.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// The old image as decoders see it: fills in its holes, zeros from its checksum on.
    pub(crate) old: Vec<u8>,
    /// The new image with fills in its holes; checksum and digest are right.
    pub(crate) new: Vec<u8>,
    /// SHA-256 of the old image with fills in its holes; checksum and digest are right.
    pub(crate) old_digest: [u8; 32],
    /// The table.
    pub(crate) table: Vec<u8>,
    /// The new image ends with a digest that the device has to compute.
    pub(crate) needs_own_digest: bool,
}

/// Puts fills into the holes of both images.
pub(crate) fn prepare(old: &[u8], new: &[u8], holes: &[Hole]) -> Result<Prepared, HoleError> {
    check_names(holes)?;
    let sums =
        |image, has_holes: bool| if has_holes { Sums::of(image) } else { Ok(Sums::default()) };
    let old_sums = sums(old, holes.iter().any(|hole| hole.old.is_some()))?;
    let new_sums = sums(new, holes.iter().any(|hole| hole.new.is_some()))?;
    check_ranges(holes, |hole| hole.old.as_ref(), &old_sums, old.len())?;
    check_ranges(holes, |hole| hole.new.as_ref(), &new_sums, new.len())?;
    let mut holes: Vec<_> = holes.iter().collect();
    holes.sort_by_key(|hole| {
        let start = |range: &Option<Range<u32>>| range.as_ref().map(|range| range.start);
        (start(&hole.new), start(&hole.old))
    });
    let head = holes.len() as u8
        | if old_sums.checksum.is_some() { OLD_CHECKSUM } else { 0 }
        | if new_sums.checksum.is_some() { NEW_CHECKSUM } else { 0 }
        | if old_sums.digest.is_some() { OLD_DIGEST } else { 0 };
    let (mut table, mut old_end, mut new_end) = (vec![head], 0u32, 0u32);
    let (mut old, mut filled) = (old.to_vec(), new.to_vec());
    for hole in holes {
        let lens =
            [&hole.old, &hole.new].map(|range| range.as_ref().map(|range| range.end - range.start));
        let len = match lens {
            [Some(old), Some(new)] if old != new => {
                return Err(HoleError::OtherLength { name: hole.name.clone(), old, new })
            }
            [old, new] => new.or(old).unwrap_or(0),
        };
        let source = match (&hole.old, &hole.new, hole.source) {
            (None, _, HoleSource::Kept) => {
                return Err(HoleError::NothingToKeep { name: hole.name.clone() })
            }
            (_, None, _) => 0,
            (None, Some(_), _) => HoleSource::Given.flags(),
            (Some(_), Some(_), source) => source.flags(),
        };
        let fill = hole.fill.unwrap_or_else(|| match &hole.new {
            Some(range) => only_byte(&new[to_usize(range)]).unwrap_or(FILL),
            None => FILL,
        });
        let in_old = if hole.old.is_some() { IN_OLD } else { 0 };
        table.push(source | in_old | (hole.name.len() as u8) << NAME_SHIFT);
        put::varint(&mut table, len);
        if let Some(range) = &hole.new {
            put::varint(&mut table, range.start - new_end);
            new_end = range.end;
            new_sums.put(&mut filled, range.start as usize, (0..len).map(|_| fill));
        }
        if let Some(range) = &hole.old {
            put::signed(&mut table, range.start.wrapping_sub(old_end) as i32);
            old_end = range.end;
            old_sums.put(&mut old, range.start as usize, (0..len).map(|_| fill));
        }
        table.push(fill);
        table.extend_from_slice(hole.name.as_bytes());
    }
    old_sums.finish(&mut old);
    new_sums.finish(&mut filled);
    let old_digest = Sha256::digest(&old).into();
    let limit = old_sums.limit(old.len());
    old[limit..].fill(0);
    let needs_own_digest = new_sums.digest.is_some();
    Ok(Prepared { old, new: filled, old_digest, table, needs_own_digest })
}

/// The values of the new image where values may be given, and what a patch with these holes makes
/// of the old image and these values.
pub(crate) fn expected(
    holes: &[HoleFacts],
    old: &[u8],
    new: &[u8],
) -> Result<(Values, Vec<u8>), HoleError> {
    let (mut given, mut expected) = (Values::new(), new.to_vec());
    let has_holes = holes.iter().any(|hole| hole.new.is_some());
    let sums = if has_holes { Sums::of(new)? } else { Sums::default() };
    for hole in holes {
        match (hole.source, &hole.new, &hole.old) {
            (Some(HoleSource::Kept), Some(new), Some(old_range)) => {
                let value = old[to_usize(old_range)].iter().copied();
                sums.put(&mut expected, new.start as usize, value);
            }
            (Some(_), Some(range), _) => {
                given.set(hole.name.clone(), &new[to_usize(range)]);
            }
            _ => {}
        }
    }
    sums.finish(&mut expected);
    Ok((given, expected))
}

fn to_usize(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The byte that all are, if they are the same.
fn only_byte(bytes: &[u8]) -> Option<u8> {
    let first = bytes.first()?;
    bytes.iter().all(|byte| byte == first).then_some(*first)
}

pub(super) fn check_names(holes: &[Hole]) -> Result<(), HoleError> {
    let (found, limit) = (holes.len(), usize::from(MOST_HOLES));
    if found > limit {
        return Err(HoleError::TooMany { found, limit });
    }
    for (n, hole) in holes.iter().enumerate() {
        let name = hole.name.clone();
        if !is_name(&name) {
            return Err(HoleError::BadName { name });
        }
        if holes[..n].iter().any(|other| other.name == name) {
            return Err(HoleError::SameName { name });
        }
    }
    Ok(())
}

/// Whether holes are where they can be, in one of the images.
fn check_ranges(
    holes: &[Hole],
    range: impl Fn(&Hole) -> Option<&Range<u32>>,
    sums: &Sums,
    len: usize,
) -> Result<(), HoleError> {
    let limit = sums.limit(len);
    for (range, hole) in holes.iter().filter_map(|hole| Some((range(hole)?, hole))) {
        let name = hole.name.clone();
        if range.end as usize > limit || range.is_empty() {
            return Err(HoleError::Outside { name, end: range.end, limit: limit as u32 });
        }
        if !sums.allows(&to_usize(range)) {
            return Err(HoleError::NoSegment { name });
        }
    }
    check_overlaps(holes, range)
}

/// Whether no two holes of one of the images have a byte in common.
pub(super) fn check_overlaps(
    holes: &[Hole],
    range: impl Fn(&Hole) -> Option<&Range<u32>>,
) -> Result<(), HoleError> {
    let mut found: Vec<_> = holes.iter().filter_map(|hole| Some((range(hole)?, hole))).collect();
    found.sort_by_key(|(range, _)| (range.start, range.end));
    match found.windows(2).find(|two| two[1].0.start < two[0].0.end) {
        Some(two) => {
            let [name, other] = [two[0].1, two[1].1].map(|hole| hole.name.clone());
            Err(HoleError::Overlap { name, other })
        }
        None => Ok(()),
    }
}
