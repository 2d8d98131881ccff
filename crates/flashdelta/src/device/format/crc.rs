//! CRC-32 as in IEEE 802.3 and gzip, bit by bit: a header is short, and a table would take more
//! code than it saves time.

/// The reflected polynomial.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The CRC-32 of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ POLYNOMIAL & (crc & 1).wrapping_neg();
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_catalogue() {
        // "CRC-32/ISO-HDLC" of the CRC catalogue (reveng.sourceforge.io).
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
    }
}
