//! Filling holes for flashing.

use core::ops::Range;
use std::collections::BTreeMap;

use super::error::HoleError;
use super::hole::Hole;
use super::prepare::{check_names, check_overlaps};
use super::sums::Sums;

/// Values of a device, by the names of holes.
///
/// ```
/// use flashdelta::holes::Values;
/// let values = Values::new().with("serial", "A-042").with("key", [7; 32]);
/// assert_eq!(values.get("serial"), Some(&b"A-042"[..]));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Values(BTreeMap<String, Vec<u8>>);

impl Values {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; in place of an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.set(name, value);
        self
    }

    /// One more; gives an earlier one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        self.0.insert(name.into(), value.into())
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values as a [record](crate::update::holes::ValueRecord) for devices.
    ///
    /// # Errors
    ///
    /// [`HoleError::TooLong`] if a value has more than 65535 bytes, [`HoleError::BadName`].
    pub fn to_record(&self) -> Result<Vec<u8>, HoleError> {
        let mut record = crate::device::update::holes::MAGIC.to_vec();
        for (name, value) in &self.0 {
            if !super::hole::is_name(name) {
                return Err(HoleError::BadName { name: name.clone() });
            }
            let (found, limit) = (value.len(), u16::MAX);
            let len = u16::try_from(found).map_err(|_| HoleError::TooLong {
                name: name.clone(),
                found,
                limit: limit.into(),
            })?;
            record.push(name.len() as u8);
            record.extend_from_slice(name.as_bytes());
            record.extend_from_slice(&len.to_le_bytes());
            record.extend_from_slice(value);
        }
        Ok(record)
    }
}

impl From<crate::device::update::holes::ValueRecord<'_>> for Values {
    fn from(record: crate::device::update::holes::ValueRecord<'_>) -> Self {
        let mut values = Self::new();
        for (name, value) in record.iter() {
            let name = String::from_utf8_lossy(name).into_owned();
            // The first one counts.
            values.0.entry(name).or_insert_with(|| value.to_vec());
        }
        values
    }
}

/// Values are no business of logs: they may be keys.
impl core::fmt::Debug for Values {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl crate::device::update::holes::HoleValues for Values {
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32> {
        (&*self).value(name, offset, buf)
    }
}

impl crate::device::update::holes::HoleValues for &Values {
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32> {
        let value = self.get(core::str::from_utf8(name).ok()?)?;
        for (to, from) in buf.iter_mut().zip(value.get(offset as usize..).unwrap_or_default()) {
            *to = *from;
        }
        Some(value.len() as u32)
    }
}

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
