//! Operations in LZ4 blocks.
//!
//! A decoder of our own: it has no way to panic, which a device build proves when it is linked;
//! tests hold it against `lz4_flex`, which compresses. The block format:
//! <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>.
//!
//! Each block: its plain length and, shifted left by one, whether it is stored plain (lowest bit 1)
//! or compressed (0); if compressed, the compressed length; the bytes. Both lengths are at most the
//! block size that the header states.

#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// Collects blocks and unpacks them.
#[derive(Debug)]
pub(crate) struct Unpacker<'w> {
    /// The plain length of the block; 0 as long as it is not known.
    plain: u32,
    /// The number of bytes that the block is stored in; 0 as long as it is not known.
    packed: u32,
    /// Whether it is stored plain.
    stored: bool,
    /// The number that is being read.
    value: u32,
    shift: u32,
    /// The block so far.
    block: &'w mut [u8],
    filled: usize,
}

impl<'w> Unpacker<'w> {
    /// Blocks are at most as long as `block`.
    pub(crate) fn new(block: &'w mut [u8]) -> Self {
        Self { plain: 0, packed: 0, stored: false, value: 0, shift: 0, block, filled: 0 }
    }

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { plain, packed, stored, value, shift, block, filled } = self;
        for number in [plain, packed, value, shift] {
            port.number(number);
        }
        port.flag(stored);
        port.size(filled);
        match block.get_mut(..*filled) {
            Some(bytes) => port.bytes(bytes),
            None => port.refuse(),
        }
    }

    /// Whether nothing is left over of a block.
    pub(crate) fn is_between(&self) -> bool {
        self.plain == 0 && self.shift == 0
    }

    /// Takes bytes from the front of `input` until a block is unpacked into `plain`:
    /// `Ok(Some(length))`. `Ok(None)`: more input is needed. `Err(())`: the block is damaged.
    #[inline(never)] // Its registers and those of the steps need not be saved together.
    pub(crate) fn unpack(
        &mut self,
        input: &mut &[u8],
        plain: &mut [u8],
    ) -> Result<Option<usize>, ()> {
        while self.packed == 0 {
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.value |= u32::from(byte & 0x7F).wrapping_shl(self.shift);
            self.shift += 7;
            if *byte >= 0x80 {
                // No length has more than three bytes.
                if self.shift > 14 {
                    return Err(());
                }
                continue;
            }
            let value = core::mem::take(&mut self.value);
            self.shift = 0;
            let len = if self.plain > 0 {
                self.packed = value;
                value
            } else {
                (self.plain, self.stored) = (value >> 1, value & 1 == 1);
                if self.stored {
                    self.packed = self.plain;
                }
                self.plain
            };
            if len == 0 || len > self.block.len() as u32 {
                return Err(());
            }
        }
        let wanted = (self.packed as usize).wrapping_sub(self.filled);
        let (taken, rest) = input.split_at_checked(wanted).unwrap_or((*input, &[]));
        *input = rest;
        let space = self.block.get_mut(self.filled..).ok_or(())?;
        for (to, from) in space.iter_mut().zip(taken) {
            *to = *from;
        }
        self.filled = self.filled.wrapping_add(taken.len());
        if taken.len() < wanted {
            return Ok(None);
        }
        let block = self.block.get(..self.filled).ok_or(())?;
        let out = plain.get_mut(..self.plain as usize).ok_or(())?;
        if self.stored {
            for (to, from) in out.iter_mut().zip(block) {
                *to = *from;
            }
        } else {
            decompress(block, out).ok_or(())?;
        }
        (self.plain, self.packed, self.filled) = (0, 0, 0);
        Ok(Some(out.len()))
    }
}

/// Decompresses a block that fills `out` exactly; `None` if it is damaged.
#[inline(never)]
pub(crate) fn decompress(block: &[u8], out: &mut [u8]) -> Option<()> {
    // The output is read while it is written.
    let out = core::cell::Cell::from_mut(out).as_slice_of_cells();
    let mut input = block;
    let mut at = 0usize;
    loop {
        let token = take(&mut input)?;
        let literals = length(token >> 4, &mut input)?;
        let (bytes, rest) = input.split_at_checked(literals)?;
        input = rest;
        let end = at.checked_add(literals)?;
        for (to, from) in out.get(at..end)?.iter().zip(bytes) {
            to.set(*from);
        }
        at = end;
        if input.is_empty() {
            return (at == out.len()).then_some(());
        }
        let distance = usize::from(u16::from_le_bytes([take(&mut input)?, take(&mut input)?]));
        // The shortest match has four bytes.
        let end = at.checked_add(length(token & 15, &mut input)?)?.checked_add(4)?;
        let source = out.get(at.checked_sub(distance).filter(|_| distance > 0)?..)?;
        for (to, from) in out.get(at..end)?.iter().zip(source) {
            to.set(from.get());
        }
        at = end;
    }
}

/// A length: four bits, and if these are all ones, bytes to add up, the last of which is not 255.
fn length(nibble: u8, input: &mut &[u8]) -> Option<usize> {
    let mut sum = usize::from(nibble);
    if nibble == 15 {
        loop {
            let byte = take(input)?;
            sum = sum.checked_add(usize::from(byte))?;
            if byte < 255 {
                break;
            }
        }
    }
    Some(sum)
}

fn take(input: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = input.split_first()?;
    *input = rest;
    Some(*byte)
}
