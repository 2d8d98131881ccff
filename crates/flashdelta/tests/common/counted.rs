//! Images that count what is read and written.

use core::cell::Cell;

use flashdelta::apply::{NewImage, OldImage};

/// An image that counts the bytes that go to and fro.
pub struct Counted<'a, I>(pub I, pub &'a Cell<u64>);

impl<I: OldImage> OldImage for Counted<'_, I> {
    type Error = I::Error;

    fn len(&self) -> u32 {
        self.0.len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), I::Error> {
        self.1.set(self.1.get() + buf.len() as u64);
        self.0.read(offset, buf)
    }
}

impl<I: NewImage> NewImage for Counted<'_, I> {
    type Error = I::Error;

    fn capacity(&self) -> u32 {
        self.0.capacity()
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), I::Error> {
        self.1.set(self.1.get() + 2 * data.len() as u64);
        self.0.write(offset, data)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), I::Error> {
        self.1.set(self.1.get() + buf.len() as u64);
        self.0.read(offset, buf)
    }
}
