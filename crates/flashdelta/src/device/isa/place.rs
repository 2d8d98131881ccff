//! What an instruction set sees of the old image.

/// Bytes of the old image that an instruction set may look at, from the unit on (fewer at the end
/// of the image).
pub(crate) const LOOKAHEAD: usize = 64;

/// A place in the old image.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The old image from the unit on: at least 1 and at most [`LOOKAHEAD`] bytes.
    pub(crate) old: &'a [u8],
    /// The first four of them, the first one lowest; missing ones are 0.
    pub(crate) front: u32,
    /// Address of the unit in the old image.
    pub(crate) old_address: u32,
    /// Which values are addresses of the old image (or of the chip's RAM).
    pub(crate) ranges: &'a [AddressRange],
}

impl<'a> Place<'a> {
    /// The place where these bytes are.
    pub(crate) fn new(old: &'a [u8], old_address: u32, ranges: &'a [AddressRange]) -> Self {
        let mut front = [0; 4];
        match old.first_chunk() {
            Some(four) => front = *four,
            None => front.iter_mut().zip(old).for_each(|(to, from)| *to = *from),
        }
        Self { old, front: u32::from_le_bytes(front), old_address, ranges }
    }

    /// The first `len` bytes, 1 to 4: the [code](Unit::code) of a unit.
    pub(crate) fn code(&self, len: u8) -> u32 {
        self.front & u32::MAX.wrapping_shr(32u32.wrapping_sub(u32::from(len) * 8))
    }

    /// Whether this value is an address of the old image or of the chip's RAM.
    pub(crate) fn is_address(&self, value: u32) -> bool {
        self.ranges.iter().any(|r| r.start <= value && value < r.end)
    }

    /// The 32-bit little-endian word at the unit, if 4 bytes are left.
    pub(crate) fn word(&self) -> Option<u32> {
        (self.old.len() >= 4).then_some(self.front)
    }

    /// The 16-bit little-endian value at the unit, if 2 bytes are left.
    pub(crate) fn half(&self) -> Option<u16> {
        (self.old.len() >= 2).then_some(self.front as u16)
    }
}

/// A range of addresses `start..end` that pointers may point into.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct AddressRange {
    /// First address.
    pub start: u32,
    /// One past the last address.
    pub end: u32,
}
