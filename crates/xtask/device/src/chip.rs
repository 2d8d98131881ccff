//! Flash and a key, as a device brings them: for what is linked for its size only.

#[cfg(any(feature = "receive", feature = "set", feature = "in-place"))]
use flashdelta::nor::{Flash, ReadFlash};
#[cfg(any(feature = "receive", feature = "signed", feature = "guard", feature = "set"))]
use flashdelta::verify::{Algorithm, KeyId, Message, Verdict, Verifier};

use crate::update::Device;
#[cfg(any(feature = "receive", feature = "set", feature = "in-place"))]
use crate::update::FlashError;

/// The slot for the new image, as flash.
#[cfg(any(feature = "receive", feature = "set", feature = "in-place"))]
pub(crate) struct Chip<'a>(pub(crate) &'a Device);

#[cfg(any(feature = "receive", feature = "set", feature = "in-place"))]
impl ReadFlash for Chip<'_> {
    type Error = FlashError;

    fn size(&self) -> usize {
        self.0.new_len as usize
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let from = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.read)(from, bytes.as_mut_ptr(), bytes.len()))
    }
}

#[cfg(any(feature = "receive", feature = "set", feature = "in-place"))]
impl Flash for Chip<'_> {
    fn write_unit(&self) -> usize {
        4
    }

    fn sector(&self) -> usize {
        4096
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), FlashError> {
        let at = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.write)(at, core::ptr::null(), 4096))
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let at = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.write)(at, bytes.as_ptr(), bytes.len()))
    }
}

/// A key in hardware.
#[cfg(any(feature = "receive", feature = "signed", feature = "guard", feature = "set"))]
pub(crate) struct Key<'a>(pub(crate) &'a Device);

#[cfg(any(feature = "receive", feature = "signed", feature = "guard", feature = "set"))]
impl Verifier for Key<'_> {
    // The curve's arithmetic would be here: no part of what is measured.
    #[inline(never)]
    #[link_section = ".text.guest.verify"]
    fn verify(
        &mut self,
        _: Algorithm,
        _: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let mut answer = *signature;
        if (self.0.read)(message.as_ptr(), answer.as_mut_ptr(), message.len()) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}
