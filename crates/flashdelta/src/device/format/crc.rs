//! CRC-32 as in IEEE 802.3 and gzip, bit by bit: a header is short, and a table would take more
//! code than it saves time.

/// The reflected polynomial.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The CRC-32 of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    Crc32::START.and(bytes).value()
}

/// The CRC-32 of bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// Of no bytes.
    pub(crate) const START: Self = Self(!0);

    /// Of these bytes after those before.
    pub(crate) fn and(self, bytes: &[u8]) -> Self {
        let step = |crc: u32, _| crc >> 1 ^ POLYNOMIAL & (crc & 1).wrapping_neg();
        Self(bytes.iter().fold(self.0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step)))
    }

    /// The checksum.
    pub(crate) fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        // "CRC-32/ISO-HDLC" of the CRC catalogue (reveng.sourceforge.io).
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(Crc32::START.and(b"1234").and(b"").and(b"56789").value(), 0xCBF4_3926);
    }
}
