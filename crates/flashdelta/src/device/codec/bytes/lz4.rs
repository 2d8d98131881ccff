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

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { wait, value, shift, packed: block, filled } = self;
        let (mut number, mut lens) = match *wait {
            Wait::Head => (0, [0, 0]),
            Wait::Packed { plain } => (1, [plain, 0]),
            Wait::Bytes { plain, packed, stored } => (2 + u8::from(stored), [plain, packed]),
        };
        port.small(&mut number);
        port.words(Some(&mut lens));
        let [plain, packed] = lens;
        *wait = match number {
            0 => Wait::Head,
            1 => Wait::Packed { plain },
            _ => Wait::Bytes { plain, packed, stored: number == 3 },
        };
        port.number(value);
        port.number(shift);
        port.size(filled);
        match block.get_mut(..*filled) {
            Some(bytes) => port.bytes(bytes),
            None => port.refuse(),
        }
    }

    /// Whether nothing is left over of a block.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.wait, Wait::Head) && self.shift == 0
    }

    /// Takes bytes from the front of `input` until a block is unpacked into `plain`:
    /// `Ok(Some(length))`. `Ok(None)`: more input is needed. `Err(())`: the block is damaged.
    pub(crate) fn unpack(
        &mut self,
        input: &mut &[u8],
        plain: &mut [u8],
    ) -> Result<Option<usize>, ()> {
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
                } else {
                    decompress(block, out).ok_or(())?;
                }
                return Ok(Some(len as usize));
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            self.value |= u32::from(byte & 0x7F).wrapping_shl(self.shift);
            self.shift += 7;
            if *byte >= 0x80 {
                // No length has more than three bytes.
                if self.shift > 14 {
                    return Err(());
                } else {
                    continue;
                }
            }
            let value = core::mem::take(&mut self.value);
            self.shift = 0;
            let limit = self.packed.len() as u32;
            self.wait = match self.wait {
                Wait::Head if value >> 1 == 0 || value >> 1 > limit => return Err(()),
                Wait::Head if value & 1 == 1 => {
                    Wait::Bytes { plain: value >> 1, packed: value >> 1, stored: true }
                }
                Wait::Head => Wait::Packed { plain: value >> 1 },
                Wait::Packed { plain } if value > 0 && value <= limit => {
                    Wait::Bytes { plain, packed: value, stored: false }
                }
                _ => return Err(()),
            };
        }
    }
}

/// Decompresses a block that fills `out` exactly; `None` if it is damaged.
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
