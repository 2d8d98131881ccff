//! Bits, the lowest of a byte first.

use super::error::DeflateError;
use crate::host::budget::Stop;
use crate::host::room;

/// Reads bits.
#[derive(Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The position in bits.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn bit(&mut self) -> Result<u32, DeflateError> {
        let byte = self.bytes.get(self.at / 8).ok_or(DeflateError::CutShort)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    /// Up to 16 bits.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32, DeflateError> {
        (0..count).try_fold(0, |value, i| Ok(value | self.bit()? << i))
    }

    /// Goes to the next byte; the bits left out have to be zero, as everybody writes them.
    pub(super) fn align(&mut self) -> Result<bool, DeflateError> {
        let mut clear = true;
        while !self.at.is_multiple_of(8) {
            clear &= self.bit()? == 0;
        }
        Ok(clear)
    }

    /// `count` bytes, from a byte boundary.
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DeflateError> {
        let start = self.at / 8;
        let end = start.checked_add(count).ok_or(DeflateError::CutShort)?;
        let bytes = self.bytes.get(start..end).ok_or(DeflateError::CutShort)?;
        self.at = end * 8;
        Ok(bytes)
    }
}

/// Writes bits.
#[derive(Clone, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    hold: u64,
    held: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of a value, 32 at most.
    pub(super) fn bits(&mut self, value: u32, count: u32) {
        self.hold |= u64::from(value) << self.held;
        self.held += count;
        while self.held >= 8 {
            self.bytes.push(self.hold as u8);
            self.hold >>= 8;
            self.held -= 8;
        }
    }

    /// Appends zeros up to the next byte boundary.
    pub(super) fn align(&mut self) {
        if self.held > 0 {
            self.bits(0, 8 - self.held);
        }
    }

    /// Makes room for this many more bytes.
    pub(super) fn make_room(&mut self, bytes: usize) -> Result<(), Stop> {
        room::reserve(&mut self.bytes, bytes + size_of::<u64>())
    }

    /// Appends bytes; only at a byte boundary.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Length in bits.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.held as usize
    }

    /// Everything, filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }
}
