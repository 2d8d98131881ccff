//! What the applier needs of a device: an old image to read, a new image to write.

#[cfg(feature = "suspend")]
use super::Port;

/// The image that the device has.
pub trait OldImage {
    /// The error type of reading.
    type Error;

    /// Length in bytes of what can be read. It may be longer than the old image that the patch was
    /// made for: slots are padded.
    fn len(&self) -> u32;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset` on. The applier stays inside [`len`](Self::len).
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error>;

    /// The value that is given, with this update, for the hole of this name: its length in bytes,
    /// and in `buf` what it has from `offset` on. What of `buf` is past its end stays as it is.
    /// `None` if no value is given, which is the default. It must be the same whenever it is asked
    /// for in an update.
    ///
    /// [`WithValues`](crate::update::holes::WithValues) gives an image such values.
    #[cfg(feature = "holes")]
    fn hole_value(
        &mut self,
        name: &[u8],
        offset: u32,
        buf: &mut [u8],
    ) -> Result<Option<u32>, Self::Error> {
        let _ = (name, offset, buf);
        Ok(None)
    }
}

/// Where the new image goes. It must not be the place of the old one.
///
/// The applier writes every byte once, in ascending order without gaps, in multiples of the patch's
/// write granularity, except for the last piece, which may be shorter. It reads back only what it
/// has written. Erasing is the implementation's business.
pub trait NewImage {
    /// The error type.
    type Error;

    /// How many bytes there is room for.
    fn capacity(&self) -> u32;

    /// The unit in which this can be written, in bytes, a power of two. It has to divide the
    /// patch's write granularity.
    fn granularity(&self) -> u32 {
        1
    }

    /// Writes `data` at `offset`.
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error>;

    /// Reads back what was written.
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error>;

    /// Passes through `port` what a reset must not wipe out: what has been taken but is not yet
    /// where it belongs, and where it goes on. The same code saves and loads it. By default that is
    /// nothing, as all that was written is there.
    ///
    /// # Errors
    ///
    /// If what was written cannot be read, say. When it loads, an update that cannot go on here is
    /// [refused](Port::refuse).
    #[cfg(feature = "suspend")]
    fn suspend(&mut self, port: &mut Port<'_>) -> Result<(), Self::Error> {
        let _ = port;
        Ok(())
    }

    /// Everything is written; it is read back next. Called once.
    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// What was read back is right, and the patch ended where it should: the update may be put to
    /// use. Called once, last, by [`Applier::finish`](super::Applier::finish), and only then.
    fn commit(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A slice was asked for bytes that it does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfBounds;

impl core::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("access outside the image")
    }
}

impl core::error::Error for OutOfBounds {}

/// Copies `len` bytes; unlike `copy_from_slice` it cannot panic.
fn copy(to: Option<&mut [u8]>, from: Option<&[u8]>) -> Result<(), OutOfBounds> {
    let (to, from) = to.zip(from).ok_or(OutOfBounds)?;
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    Ok(())
}

/// The part of an image that an access touches.
fn range(offset: u32, len: usize) -> core::ops::Range<usize> {
    offset as usize..(offset as usize).saturating_add(len)
}

impl OldImage for &[u8] {
    type Error = OutOfBounds;

    fn len(&self) -> u32 {
        u32::try_from(<[u8]>::len(self)).unwrap_or(u32::MAX)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.get(range(offset, buf.len()));
        copy(Some(buf), from)
    }
}

impl NewImage for &mut [u8] {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        copy(self.get_mut(range(offset, data.len())), Some(data))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.get(range(offset, buf.len()));
        copy(Some(buf), from)
    }
}
