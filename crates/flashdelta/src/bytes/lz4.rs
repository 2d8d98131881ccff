//! Operations in LZ4 blocks.
//!
//! Each block: its plain length and, shifted left by one, whether it is stored plain (lowest bit 1) or compressed (0); if
//! compressed, the compressed length; the bytes. Both lengths are at most the block size that the header states.

/// Compresses a stream of operations in blocks of at most `block` bytes.
#[cfg(feature = "std")]
pub(crate) fn compress(operations: &[u8], block: usize) -> Vec<u8> {
    use crate::patch::put;
    let mut out = Vec::new();
    for plain in operations.chunks(block) {
        let packed = lz4_flex::block::compress(plain);
        let len = plain.len() as u32;
        if packed.len() < plain.len() {
            put::varint(&mut out, len << 1);
            put::varint(&mut out, packed.len() as u32);
            out.extend_from_slice(&packed);
        } else {
            put::varint(&mut out, len << 1 | 1);
            out.extend_from_slice(plain);
        }
    }
    out
}

/// What the unpacker waits for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// The plain length.
    Head,
    /// The compressed length.
    Packed { plain: u32 },
    /// The bytes of the block.
    Bytes { plain: u32, packed: u32, stored: bool },
}

/// Collects blocks and unpacks them.
#[derive(Debug)]
pub(crate) struct Unpacker<'w> {
    wait: Wait,
    /// The number that is being read.
    value: u32,
    shift: u32,
    /// The block so far.
    packed: &'w mut [u8],
    filled: usize,
}

impl<'w> Unpacker<'w> {
    /// Blocks are at most as long as `packed`.
    pub(crate) fn new(packed: &'w mut [u8]) -> Self {
        Self { wait: Wait::Head, value: 0, shift: 0, packed, filled: 0 }
    }

    /// Is nothing left over of a block?
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.wait, Wait::Head) && self.shift == 0
    }

    /// Takes bytes from the front of `input` until a block is unpacked into `plain`: `Ok(Some(length))`. `Ok(None)`: more input is needed.
    /// `Err(())`: the block is damaged.
    pub(crate) fn unpack(&mut self, input: &mut &[u8], plain: &mut [u8]) -> Result<Option<usize>, ()> {
        loop {
            if let Wait::Bytes { plain: len, packed, stored } = self.wait {
                let wanted = (packed as usize).wrapping_sub(self.filled);
                let (taken, rest) = input.split_at_checked(wanted).unwrap_or((*input, &[]));
                *input = rest;
                let space = self.packed.get_mut(self.filled..).ok_or(())?;
                for (to, from) in space.iter_mut().zip(taken) {
                    *to = *from;
                }
                self.filled = self.filled.wrapping_add(taken.len());
                if self.filled < packed as usize {
                    return Ok(None);
                }
                self.filled = 0;
                self.wait = Wait::Head;
                let block = self.packed.get(..packed as usize).ok_or(())?;
                let out = plain.get_mut(..len as usize).ok_or(())?;
                if stored {
                    for (to, from) in out.iter_mut().zip(block) {
                        *to = *from;
                    }
                } else if !lz4_flex::block::decompress_into(block, out).is_ok_and(|n| n == len as usize) {
                    return Err(());
                }
                return Ok(Some(len as usize));
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.value |= u32::from(byte & 0x7F).wrapping_shl(self.shift);
            self.shift += 7;
            if *byte >= 0x80 {
                // No length has more than three bytes.
                if self.shift > 14 { return Err(()) } else { continue }
            }
            let value = core::mem::take(&mut self.value);
            self.shift = 0;
            let limit = self.packed.len() as u32;
            self.wait = match self.wait {
                Wait::Head if value >> 1 == 0 || value >> 1 > limit => return Err(()),
                Wait::Head if value & 1 == 1 => Wait::Bytes { plain: value >> 1, packed: value >> 1, stored: true },
                Wait::Head => Wait::Packed { plain: value >> 1 },
                Wait::Packed { plain } if value > 0 && value <= limit => Wait::Bytes { plain, packed: value, stored: false },
                _ => return Err(()),
            };
        }
    }
}
