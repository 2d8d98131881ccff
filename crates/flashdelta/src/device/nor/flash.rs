//! What a slot needs of its flash.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

/// Flash that can be read.
///
/// Drivers with the traits of `embedded-storage` have this. Others implement it if their units are
/// known only when the program runs: flash behind callbacks, say.
pub trait ReadFlash {
    /// The error type.
    type Error;

    /// Size of the flash in bytes.
    fn size(&self) -> usize;

    /// Reads start and end at multiples of this, in bytes, up to 512.
    fn read_unit(&self) -> usize;

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    ///
    /// If it cannot be read, as a torn unit in flash with an error-correcting code.
    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;
}

/// Flash that can be written.
pub trait Flash: ReadFlash {
    /// Writes start and end at multiples of this, in bytes.
    fn write_unit(&self) -> usize;

    /// Sectors are erased as a whole, and have this many bytes: a multiple of the write unit. Below
    /// 4 GiB.
    fn sector(&self) -> usize;

    /// Erases the sector that starts at `offset`.
    ///
    /// # Errors
    ///
    /// If it cannot be erased.
    fn erase_at(&mut self, offset: u32) -> Result<(), Self::Error>;

    /// Writes units that are erased, all in one sector.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;
}

impl<F: ReadNorFlash> ReadFlash for F {
    type Error = F::Error;

    fn size(&self) -> usize {
        self.capacity()
    }

    fn read_unit(&self) -> usize {
        F::READ_SIZE
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.read(offset, bytes)
    }
}

impl<F: NorFlash> Flash for F {
    fn write_unit(&self) -> usize {
        F::WRITE_SIZE
    }

    fn sector(&self) -> usize {
        F::ERASE_SIZE
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), Self::Error> {
        self.erase(offset, offset.saturating_add(F::ERASE_SIZE as u32))
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.write(offset, bytes)
    }
}
