//! Files that are compressed or encrypted as a whole, in formats that are not read here.

use core::fmt;

use super::bytes::{array, u16_le, u32_le};

/// What a firmware file is packed in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Wrapping {
    /// XZ Utils.
    Xz,
    /// LZMA alone, as `lzma` writes it.
    Lzma,
    /// bzip2.
    Bzip2,
    /// Zstandard.
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// 7z archive.
    SevenZip,
    /// Zip archive whose first member is encrypted.
    EncryptedZip,
}

impl Wrapping {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::SevenZip => "7z",
            Self::EncryptedZip => "encrypted zip",
        }
    }
}

impl fmt::Display for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells what a file is packed in, by its first bytes: a patch of it as it is saves little, since
/// packed data changes everywhere. Zip, tar and gzip that can be opened are not among these: see
/// [`Container`](crate::archive::Container).
pub fn wrapping(file: &[u8]) -> Option<Wrapping> {
    // "The .xz File Format", 2.1.1.1; LZMA SDK, lzma-specification.txt; bzip2's "BZh", level, and
    // the magic of a block; RFC 8878, 3.1.1; LZ4 Frame Format; 7zFormat.txt; APPNOTE.TXT, 4.4.4.
    let is_bzip2 = || file.starts_with(b"BZh") && array(file, 4) == Some(*b"1AY&SY");
    let is_lzma = || {
        // Properties 5D, a power of two for the dictionary, and an unknown or a small length.
        let dictionary = u32_le(file, 1).filter(|len| len.is_power_of_two() && *len >= 1 << 16);
        let len = array(file, 5).map(u64::from_le_bytes);
        file.first() == Some(&0x5d)
            && dictionary.is_some()
            && len.is_some_and(|len| len == u64::MAX || len < 1 << 32)
    };
    let is_encrypted_zip =
        || file.starts_with(b"PK\x03\x04") && u16_le(file, 6).is_some_and(|f| f & 1 != 0);
    Some(match file {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Wrapping::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Wrapping::Zstd,
        [0x04, 0x22, 0x4d, 0x18, ..] => Wrapping::Lz4,
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Wrapping::SevenZip,
        _ if is_bzip2() => Wrapping::Bzip2,
        _ if is_encrypted_zip() => Wrapping::EncryptedZip,
        _ if is_lzma() => Wrapping::Lzma,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_by_its_first_bytes() {
        let zip = [&b"PK\x03\x04\x14\0\x01\0"[..], &[0; 30]].concat();
        let lzma = [&[0x5d, 0, 0, 0x80, 0][..], &[0xff; 8], &[0; 9]].concat();
        for (file, expected) in [
            (&b"\xfd7zXZ\0\0\x04"[..], Some(Wrapping::Xz)),
            (b"BZh91AY&SY\0\0", Some(Wrapping::Bzip2)),
            (b"\x28\xb5\x2f\xfd\x04", Some(Wrapping::Zstd)),
            (&zip, Some(Wrapping::EncryptedZip)),
            (&lzma, Some(Wrapping::Lzma)),
            (b"PK\x03\x04\x14\0\0\0", None),
            (b"BZh", None),
            (b"", None),
        ] {
            assert_eq!(wrapping(file), expected);
        }
    }
}
