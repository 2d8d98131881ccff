//! Filling holes for flashing.

use core::ops::Range;

use super::error::HoleError;
use super::hole::Hole;
use super::prepare::{check_names, check_overlaps};
use super::sums::Sums;
use super::values::Values;

/// Fills the holes of an image with the values of a device, for flashing: each needs one. Zeros
/// follow a value that is shorter than its hole. Checksums and digests of ESP images in the file
/// are corrected.
///
/// ```
/// use flashdelta::diff::Hole;
/// use flashdelta::holes::{personalize, Values};
/// let image = [0xff; 64];
/// let holes = [Hole::new("serial", 16..24)];
/// let filled = personalize(&image, &holes, &Values::new().with("serial", "A-042"))?;
/// assert_eq!(filled[16..24], *b"A-042\0\0\0");
/// # Ok::<(), flashdelta::holes::HoleError>(())
/// ```
///
/// # Errors
///
/// [`HoleError`]: a hole without a value or a value without a hole, one that is too long, or an
/// image that cannot have holes.
pub fn personalize(image: &[u8], holes: &[Hole], values: &Values) -> Result<Vec<u8>, HoleError> {
    check_names(holes)?;
    let known = |name: &&str| holes.iter().any(|hole| hole.name == *name);
    if let Some(name) = values.names().find(|name| !known(name)) {
        return Err(HoleError::Unknown { name: name.to_owned() });
    }
    let range =
        |hole: &Hole| hole.new.as_ref().map(|range| range.start as usize..range.end as usize);
    let ranges: Vec<Range<usize>> = holes.iter().filter_map(range).collect();
    check_overlaps(holes, |hole| hole.new.as_ref())?;
    let all = Sums::all_of(image, &ranges)?;
    let mut filled = image.to_vec();
    for hole in holes {
        let Some(range) = range(hole) else { continue };
        let name = || hole.name.clone();
        let sums = all.iter().find(|sums| sums.holds(&range));
        let limit = sums.map_or(image.len(), |sums| sums.limit(image.len()));
        if range.end > limit || range.is_empty() {
            return Err(HoleError::Outside {
                name: name(),
                end: range.end as u32,
                limit: limit as u32,
            });
        }
        // In a whole flash holes may be outside of images, but not in their headers.
        let is_plain = |sums: &Sums| !sums.touches(&range);
        if sums.is_none() && !all.iter().all(is_plain) {
            return Err(HoleError::NoSegment { name: name() });
        }
        let value = values.get(&hole.name).ok_or_else(|| HoleError::NoValue { name: name() })?;
        if value.len() > range.len() {
            let (found, limit) = (value.len(), range.len() as u32);
            return Err(HoleError::TooLong { name: name(), found, limit });
        }
        let zeros = core::iter::repeat(&0);
        let value = value.iter().chain(zeros).copied().take(range.len());
        match sums {
            Some(sums) => sums.put(&mut filled, range.start, value),
            None => Sums::default().put(&mut filled, range.start, value),
        }
    }
    for sums in &all {
        sums.finish(&mut filled);
    }
    Ok(filled)
}
