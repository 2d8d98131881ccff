//! Reading and writing the fields of a header and of the byte codecs: little-endian base-128 numbers ("varints", as LEB128), shortest form only.

use super::HeaderError;

/// Reads fields one after the other; says where and what it was when they run out.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where the next field starts.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Leaves `count` bytes out.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// One byte.
    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, HeaderError> {
        let byte = self.bytes.get(self.at).ok_or(HeaderError::CutShort { field })?;
        self.at += 1;
        Ok(*byte)
    }

    /// `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], HeaderError> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let array = rest.first_chunk::<N>().ok_or(HeaderError::CutShort { field })?;
        self.at += N;
        Ok(*array)
    }

    /// A number below 2^32.
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, HeaderError> {
        let start = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte(field)?;
            let bits = u32::from(byte & 0x7F);
            if shift == 28 && bits > 15 || byte == 0 && shift > 0 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(HeaderError::BadNumber { field, offset: start as u32 })
    }

    /// A signed number, zigzag coded: 0, -1, 1, -2...
    pub(crate) fn signed(&mut self, field: &'static str) -> Result<i32, HeaderError> {
        self.varint(field).map(unzigzag)
    }
}

/// The signed number behind 0, 1, 2, 3...: 0, -1, 1, -2...
pub(crate) fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// Writing, for the maker.
#[cfg(feature = "std")]
pub(crate) mod put {
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
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16383, 16384, 1 << 20, i32::MAX as u32, u32::MAX] {
            let mut out = Vec::new();
            put::varint(&mut out, value);
            put::signed(&mut out, value as i32);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint("x"), Ok(value));
            assert_eq!(reader.signed("x"), Ok(value as i32));
            assert_eq!(reader.offset(), out.len());
        }
    }

    #[test]
    fn only_the_shortest_form_is_a_number() {
        for bytes in [&[0x80, 0][..], &[0xFF, 0x80, 0], &[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], &[0xFF; 6]] {
            assert!(matches!(Reader::new(bytes).varint("x"), Err(HeaderError::BadNumber { field: "x", offset: 0 })));
        }
        assert_eq!(Reader::new(&[0x80]).varint("x"), Err(HeaderError::CutShort { field: "x" }));
    }
}
