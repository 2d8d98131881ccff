//! Reading the fields of a header and of the byte codecs: little-endian base-128
//! numbers ("varints", as LEB128), shortest form only.

use super::HeaderError;

/// Reads fields one after the other. The first error stays, and every field after it reads as
/// zeros: so only the end has to ask whether there was one, which takes much less code than to ask
/// at every field.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    error: Option<HeaderError>,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from `at` on.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, error: None }
    }

    /// Where the next field starts.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Reads one field, and asks at once whether that went well.
    pub(crate) fn checked<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, HeaderError> {
        let field = read(self);
        self.check().map(|()| field)
    }

    /// Leaves `count` bytes out.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// Has a look at what follows the frame: errors name offsets from `at` on.
    #[cfg(feature = "verify")]
    #[inline(always)]
    pub(crate) fn beyond(&mut self, at: u32, look: impl FnOnce(&mut Self)) {
        let here = core::mem::replace(&mut self.at, at as usize);
        look(self);
        self.at = here;
    }

    /// Where the header ends that these are the fields of: the checksum follows them.
    pub(crate) fn end_of_frame(&self) -> usize {
        self.bytes.len().saturating_add(super::limits::CHECKSUM)
    }

    /// The next `count` bytes themselves.
    pub(crate) fn slice(&mut self, count: usize) -> &'a [u8] {
        let end = self.at.saturating_add(count);
        let found = self.bytes.get(self.at..end);
        if found.is_none() {
            self.fail(HeaderError::CutShort { offset: self.bytes.len() as u32 });
        }
        self.at = end;
        found.unwrap_or(&[])
    }

    /// Bytes that have not been read.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// Reports an error, unless there was one before.
    #[inline(never)]
    pub(crate) fn fail(&mut self, error: HeaderError) {
        if self.error.is_none() {
            self.error = Some(error);
        }
    }

    /// A field is not a valid number: the error names the byte that is `back` bytes before the next
    /// field.
    #[inline(never)] // One copy in the device's flash.
    pub(crate) fn bad_number(&mut self, back: u32) {
        self.fail(HeaderError::BadNumber { offset: (self.at as u32).wrapping_sub(back) });
    }

    /// The first error, if there was one.
    pub(crate) fn check(&self) -> Result<(), HeaderError> {
        self.error.map_or(Ok(()), Err)
    }

    /// The first error, if there was one, or that bytes are left.
    pub(crate) fn end(&mut self) -> Result<(), HeaderError> {
        let count = self.left() as u32;
        if count != 0 {
            self.fail(HeaderError::LeftOver { count });
        }
        self.check()
    }

    /// One byte.
    #[inline(never)] // One copy in the device's flash; so below.
    pub(crate) fn byte(&mut self) -> u8 {
        match (self.bytes.get(self.at), self.error) {
            (Some(byte), None) => {
                self.at += 1;
                *byte
            }
            _ => {
                self.fail(HeaderError::CutShort { offset: self.at as u32 });
                0
            }
        }
    }

    /// As many bytes as `to` holds.
    #[inline(never)]
    pub(crate) fn bytes(&mut self, to: &mut [u8]) {
        for byte in to {
            *byte = self.byte();
        }
    }

    /// A number below 2^32.
    #[inline(never)]
    pub(crate) fn varint(&mut self) -> u32 {
        let start = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte();
            let bits = u32::from(byte & 0x7F);
            if shift == 28 && bits > 15 || byte == 0 && shift > 0 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return value;
            }
        }
        self.fail(HeaderError::BadNumber { offset: start as u32 });
        0
    }

    /// A number up to `limit`.
    #[inline(never)]
    pub(crate) fn limited(&mut self, limit: u32) -> u32 {
        let found = self.varint();
        self.at_most(found, limit)
    }

    /// `found`, or an error if it is above `limit`.
    #[inline(never)]
    pub(crate) fn at_most(&mut self, found: u32, limit: u32) -> u32 {
        if found > limit {
            self.fail(HeaderError::TooLarge { offset: self.at as u32, found, limit });
            return 0;
        }
        found
    }

    /// A signed number, zigzag coded: 0, -1, 1, -2...
    pub(crate) fn signed(&mut self) -> i32 {
        unzigzag(self.varint())
    }
}

/// The signed number after 0, 1, 2, 3...: 0, -1, 1, -2...
pub(crate) fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_form_is_a_number() {
        for bytes in [&[0x80, 0][..], &[0xFF, 0x80, 0], &[0xFF, 0xFF, 0xFF, 0xFF, 0x1F], &[0xFF; 6]]
        {
            let mut reader = Reader::new(bytes, 0);
            assert_eq!(reader.varint(), 0);
            assert_eq!(reader.check(), Err(HeaderError::BadNumber { offset: 0 }));
        }
    }

    #[test]
    fn the_first_error_stays_and_the_rest_reads_as_zeros() {
        let mut reader = Reader::new(&[5, 0x80], 0);
        assert_eq!((reader.byte(), reader.varint(), reader.limited(9)), (5, 0, 0));
        reader.fail(HeaderError::LeftOver { count: 1 });
        assert_eq!(reader.check(), Err(HeaderError::CutShort { offset: 2 }));
    }
}
