//! A new image in memory, with a limit.

use crate::device::apply::{NewImage, OldImage as _, OutOfBounds};
use crate::device::format::MAX_SIZE;
use crate::host::budget;

/// A new image in memory that grows as it is made, up to a limit.
///
/// A patch of a few dozen bytes can promise an image of 2 GiB, and keep the promise. Whoever takes
/// patches from strangers wants an [`ApplyError::NewTooLong`](crate::apply::ApplyError::NewTooLong)
/// then, before anything is written. An image for which there is no memory is an error, too; the
/// plain `Vec` has no limit but the format's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryImage {
    bytes: Vec<u8>,
    limit: u32,
}

impl MemoryImage {
    /// An empty image that may grow to `limit` bytes.
    pub fn new(limit: u32) -> Self {
        Self { bytes: Vec::new(), limit: limit.min(MAX_SIZE) }
    }

    /// An empty image with a limit that no honest patch reaches: 64 MiB and 16 times the lengths,
    /// in bytes, of old image and patch together.
    pub fn for_patch(old_len: u64, patch_len: u64) -> Self {
        Self::new(budget::output_limit(old_len, patch_len))
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl NewImage for MemoryImage {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        self.limit
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        if data.len() > (self.limit as usize).saturating_sub(self.bytes.len()) {
            return Err(OutOfBounds);
        }
        self.bytes.write(offset, data)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        self.bytes.read(offset, buf)
    }
}

impl From<OutOfBounds> for std::io::Error {
    fn from(error: OutOfBounds) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

/// Grows as the new image does, if there is memory for it: [`OutOfBounds`] if not. A limit has
/// [`MemoryImage`].
impl NewImage for Vec<u8> {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        MAX_SIZE
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        if offset as usize != self.len() {
            return Err(OutOfBounds);
        }
        self.try_reserve(data.len()).map_err(|_| OutOfBounds)?;
        self.extend_from_slice(data);
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        self.as_slice().read(offset, buf)
    }
}
