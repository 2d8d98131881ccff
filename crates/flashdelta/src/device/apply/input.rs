//! Bytes that have come in but are not yet used.

use crate::device::codec::bytes::OpSource;
#[cfg(feature = "model")]
use crate::device::coding::range::ByteSource;
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// A ring of bytes in lent memory.
#[derive(Debug)]
pub(crate) struct Ring<'w> {
    memory: &'w mut [u8],
    head: u32,
    len: u32,
}

impl<'w> Ring<'w> {
    /// A ring without room.
    pub(crate) const fn empty() -> Self {
        Self { memory: &mut [], head: 0, len: 0 }
    }

    /// An empty ring.
    pub(crate) fn new(memory: &'w mut [u8]) -> Self {
        Self { memory, head: 0, len: 0 }
    }

    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { memory, head, len } = self;
        port.bytes(memory);
        port.number(head);
        port.number(len);
    }

    /// Number of bytes in it.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Appends bytes; `false` if there is not enough room.
    #[must_use]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let size = self.memory.len() as u32;
        for byte in bytes {
            let mut at = self.head.wrapping_add(self.len);
            if at >= size {
                at = at.wrapping_sub(size);
            }
            let (true, Some(slot)) = (self.len < size, self.memory.get_mut(at as usize)) else {
                return false;
            };
            *slot = *byte;
            self.len = self.len.wrapping_add(1);
        }
        true
    }

    fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        let byte = self.memory.get(self.head as usize).copied();
        self.head = self.head.wrapping_add(1);
        if self.head >= self.memory.len() as u32 {
            self.head = 0;
        }
        byte
    }
}

/// What is left over in the ring, then what was just fed.
#[derive(Debug)]
pub(crate) struct Input<'r, 'w, 'i> {
    /// Left over.
    pub(crate) ring: &'r mut Ring<'w>,
    /// Just fed.
    pub(crate) fresh: &'i [u8],
}

impl Input<'_, '_, '_> {
    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.ring.len().saturating_add(self.fresh.len())
    }

    /// Puts everything into the ring; `false` if there is not enough room.
    #[must_use]
    pub(crate) fn keep(&mut self) -> bool {
        self.ring.push(core::mem::take(&mut self.fresh))
    }
}

impl OpSource for Input<'_, '_, '_> {
    fn next(&mut self) -> Option<u8> {
        if self.ring.len() > 0 {
            return self.ring.pop();
        }
        let (byte, rest) = self.fresh.split_first()?;
        self.fresh = rest;
        Some(*byte)
    }
}

#[cfg(feature = "model")]
impl ByteSource for Input<'_, '_, '_> {
    fn next_byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_order() {
        let mut memory = [0; 5];
        let mut ring = Ring::new(&mut memory);
        for round in 0..20u8 {
            assert!(ring.push(&[round, round, round]));
            let mut input = Input { ring: &mut ring, fresh: &[100, 101] };
            assert_eq!(input.len(), 5);
            for expected in [round, round, round, 100] {
                assert_eq!(input.next(), Some(expected));
            }
            assert!(input.keep());
            assert_eq!(ring.pop(), Some(101));
        }
        assert!(!ring.push(&[0; 6]));
    }
}
