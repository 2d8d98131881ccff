//! Values that are given with an update, for holes of its images.
//!
//! A *hole* is a range of an image that each device has for itself: its serial number, its keys,
//! its calibration. It is declared when the patch is made; one patch serves every device. Neither
//! digest of the patch is over values: a fixed fill stands for them.
//!
//! The applier keeps the values that the old image has, moved if the hole has moved. That takes no
//! more than the feature `holes`. Values that the old image does not have, or that are to be
//! others, come from the old image that [`WithValues`] makes of the real one:
//!
//! ```
//! use flashdelta::apply::{Applier, ApplyOptions};
//! use flashdelta::diff::{self, DiffOptions, Hole};
//! use flashdelta::update::holes::{ValueRecord, WithValues};
//!
//! let old = [7; 3000];
//! let mut new = [8; 3000];
//! new[100..108].fill(0xff);
//! // Made once, for all devices.
//! let options = DiffOptions::new().hole(Hole::new("serial", 100..108).old(None));
//! let patch = diff::diff(&old, &new, &options)?.bytes;
//!
//! // On a device.
//! let record = b"FDV\0\x06serial\x05\0A-042";
//! let values = ValueRecord::new(record).expect("this is a record");
//! let (mut workspace, mut slot) = ([0; 63 * 1024], [0; 3000]);
//! let image = WithValues::new(&old[..], values);
//! let mut applier = Applier::new(&mut workspace, image, &mut slot[..], ApplyOptions::default());
//! applier.feed(&patch).expect("the patch is for this image");
//! applier.finish().expect("the patch is complete");
//! assert_eq!(slot[100..108], *b"A-042\0\0\0");
//! # Ok::<(), diff::DiffError>(())
//! ```
//!
//! # Records
//!
//! A [record](ValueRecord) holds values by the names of holes: `FDV`, a byte 0, and for each value
//! a byte with the length of the name, the name, two bytes with the length of the value (the lower
//! byte first), and the value. Names have 1 to 16 bytes, printable ASCII without blanks, and
//! differ.
//!
//! # Images with checksums
//!
//! The checksum and the digest that end an ESP32's application are those of what the device has in
//! the end: with its values, so its bootloader finds them right.

use crate::device::apply::OldImage;

/// Who has the values of a device.
pub trait HoleValues {
    /// The value for the hole of this name: its length in bytes, and in `buf` what it has from
    /// `offset` on. What of `buf` is past its end stays as it is. `None` if there is no such value,
    /// or it cannot be read. It must be the same whenever it is asked for in an update.
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32>;
}

/// A function with the arguments of [`value`](HoleValues::value).
impl<F: FnMut(&[u8], u32, &mut [u8]) -> Option<u32>> HoleValues for F {
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32> {
        self(name, offset, buf)
    }
}

/// The start of a record of values.
pub(crate) const MAGIC: &[u8; 4] = b"FDV\0";

/// Values in memory, as a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ValueRecord<'a> {
    entries: &'a [u8],
}

impl<'a> ValueRecord<'a> {
    /// No values.
    pub const EMPTY: ValueRecord<'static> = ValueRecord { entries: &[] };

    /// The values of a record.
    ///
    /// # Errors
    ///
    /// [`NotARecord`] if it is none, or is cut off. Nothing is said of names that are there twice:
    /// the first one counts.
    pub fn new(record: &'a [u8]) -> Result<Self, NotARecord> {
        let entries = record.strip_prefix(MAGIC).ok_or(NotARecord { offset: 0 })?;
        let mut left = Entries(entries);
        while left.next().is_some() {}
        if !left.0.is_empty() {
            let offset = record.len().wrapping_sub(left.0.len()) as u32;
            return Err(NotARecord { offset });
        }
        Ok(Self { entries })
    }

    /// The value of this name.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        Entries(self.entries).find(|entry| entry.0 == name).map(|entry| entry.1)
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        Entries(self.entries)
    }
}

/// Values are no business of logs: they may be keys.
impl core::fmt::Debug for ValueRecord<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ValueRecord").finish_non_exhaustive()
    }
}

impl HoleValues for ValueRecord<'_> {
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32> {
        let value = self.get(name)?;
        for (to, from) in buf.iter_mut().zip(value.get(offset as usize..).unwrap_or_default()) {
            *to = *from;
        }
        Some(value.len() as u32)
    }
}

/// Something is no record of values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::exhaustive_structs)] // There is nothing else to say.
pub struct NotARecord {
    /// Offset of the first byte that is not valid.
    pub offset: u32,
}

crate::device::error::codes! {
    impl[] NotARecord {
        Self { .. } => "no-value-record", BadFile;
    }
}

impl core::fmt::Display for NotARecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "this is no record of values for holes, or cut off: see byte {}", self.offset)
    }
}

impl core::error::Error for NotARecord {}

/// Names and values, one after the other.
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first()?;
        let (name, rest) = rest.split_at_checked((*len).into()).filter(|_| *len != 0)?;
        let (len, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        self.0 = rest;
        Some((name, value))
    }
}

/// An old image with values that are given with the update.
#[derive(Clone, Debug)]
pub struct WithValues<O, V> {
    old: O,
    values: V,
}

impl<O: OldImage, V: HoleValues> WithValues<O, V> {
    /// An image with values.
    pub fn new(old: O, values: V) -> Self {
        Self { old, values }
    }

    /// Gives both back.
    pub fn into_parts(self) -> (O, V) {
        (self.old, self.values)
    }
}

impl<O: OldImage, V: HoleValues> OldImage for WithValues<O, V> {
    type Error = O::Error;

    fn len(&self) -> u32 {
        self.old.len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.old.read(offset, buf)
    }

    fn hole_value(
        &mut self,
        name: &[u8],
        offset: u32,
        buf: &mut [u8],
    ) -> Result<Option<u32>, Self::Error> {
        Ok(self.values.value(name, offset, buf))
    }
}
