//! Blocks of RFC 7959.

/// The value of a Block option: which block of which size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Block {
    /// Its number, of 20 bits.
    pub(super) number: u32,
    /// Whether there are more after it.
    pub(super) more: bool,
    /// 0 to 6: blocks of 16 to 1024 bytes.
    pub(super) exponent: u8,
}

/// The largest block: 1024 bytes.
pub(super) const LARGEST: u8 = 6;

impl Block {
    /// The first one, of this size.
    pub(super) fn first(exponent: u8) -> Self {
        Self { number: 0, more: false, exponent: exponent.min(LARGEST) }
    }

    /// Reads an option; `None`, if it cannot be (exponent 7 is reserved).
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 3 {
            return None;
        }
        let value = bytes.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
        let exponent = (value & 7) as u8;
        let block = Self { number: value >> 4, more: value & 8 != 0, exponent };
        (exponent <= LARGEST).then_some(block)
    }

    /// The option: as few bytes as will do.
    pub(super) fn write(self) -> Vec<u8> {
        let more = if self.more { 8 } else { 0 };
        uint(self.number << 4 | more | u32::from(self.exponent))
    }

    /// Bytes of a block.
    pub(super) fn size(self) -> u64 {
        16 << self.exponent
    }

    /// Where the block begins.
    pub(super) fn start(self) -> u64 {
        u64::from(self.number) * self.size()
    }

    /// The same place in smaller blocks.
    pub(super) fn shrunk(self, exponent: u8) -> Self {
        match self.exponent.checked_sub(exponent) {
            Some(times) if times > 0 => Self { number: self.number << times, exponent, ..self },
            _ => self,
        }
    }
}

/// An unsigned option: big-endian, without zeros at its front.
pub(super) fn uint(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    bytes.into_iter().skip_while(|&byte| byte == 0).collect()
}

/// Reads an unsigned option of up to four bytes.
pub(super) fn read_uint(bytes: &[u8]) -> Option<u32> {
    let value = bytes.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
    (bytes.len() <= 4).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_written() {
        for (bytes, number, more, exponent) in [
            (&[][..], 0, false, 0),
            (&[0x06], 0, false, 6),
            (&[0x1a], 1, true, 2),
            (&[0x12, 0x3e], 0x123, true, 6),
            (&[0xff, 0xff, 0xfd], 0xfffff, true, 5),
        ] {
            let block = Block { number, more, exponent };
            assert_eq!((Block::read(bytes), &*block.write()), (Some(block), bytes));
        }
        assert_eq!([&[7][..], &[0xf], &[0, 0, 0, 0]].map(Block::read), [None; 3]);
    }

    #[test]
    fn smaller_blocks_begin_at_the_same_place() {
        let block = Block { number: 3, more: true, exponent: 6 };
        let small = block.shrunk(2);
        assert_eq!((small.number, small.size(), small.start()), (48, 64, block.start()));
        assert_eq!(small.shrunk(4), small);
    }
}
