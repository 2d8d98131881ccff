//! Writes the numbers that a [`Reader`](crate::device::format::Reader) reads.

/// Appends a number.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, zigzag coded.
pub(crate) fn signed(out: &mut Vec<u8>, value: i32) {
    varint(out, (value << 1 ^ value >> 31) as u32);
}

#[cfg(test)]
mod tests {
    use super::{signed, varint};
    use crate::device::format::Reader;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16383, 16384, 1 << 20, i32::MAX as u32, u32::MAX] {
            let mut out = Vec::new();
            varint(&mut out, value);
            signed(&mut out, value as i32);
            let mut reader = Reader::new(&out, 0);
            assert_eq!((reader.varint(), reader.signed()), (value, value as i32));
            assert_eq!((reader.check(), reader.offset()), (Ok(()), out.len()));
        }
    }
}
