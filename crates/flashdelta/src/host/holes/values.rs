//! What fills the holes of one device.

use std::collections::BTreeMap;

use super::error::HoleError;

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
