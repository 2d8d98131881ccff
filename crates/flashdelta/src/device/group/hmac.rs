//! HMAC-SHA-256 (RFC 2104), over whatever computes SHA-256.

use crate::device::sha256::{Sha256Engine, SoftwareSha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The authentication code of `message` by `key`, which may have any length.
#[inline(never)] // One copy in the device's flash.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    let short = if key.len() > BLOCK { &sha256(&[key])[..] } else { key };
    block.iter_mut().zip(short).for_each(|(to, from)| *to = *from);
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36), message]);
    sha256(&[&block.map(|byte| byte ^ 0x5C), &inner])
}

/// Whether both are equal, in a time that does not tell where they differ.
pub(super) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b));
    a.len() == b.len() && core::hint::black_box(differs) == 0
}

#[inline(never)]
fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let (mut message, mut digest) = (SoftwareSha256.start(), [0; 32]);
    for part in parts {
        SoftwareSha256.update(&mut message, part);
    }
    SoftwareSha256.digest(&mut message, &mut digest);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
        digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
    }

    /// RFC 4231, section 4: the test cases 1 to 4, 6 and 7, and 5, which is cut to 16 bytes.
    #[test]
    fn it_is_that_of_rfc_4231() {
        let long =
            "This is a test using a larger than block-size key and a larger than block-size \
                    data. The key needs to be hashed before being used by the HMAC algorithm.";
        let cases: [(Vec<u8>, Vec<u8>, &str); 7] = [
            (
                vec![0x0B; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xAA; 20],
                vec![0xDD; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                (1..=25).collect(),
                vec![0xCD; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (vec![0x0C; 20], b"Test With Truncation".to_vec(), "a3b6167473100ee06e0c796c2955552b"),
            (
                vec![0xAA; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xAA; 131],
                long.as_bytes().to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            let expected = hex(expected);
            assert_eq!(hmac(&key, &message)[..expected.len()], expected);
        }
    }

    #[test]
    fn equal_means_equal() {
        assert!(is_equal(&[1, 2], &[1, 2]) && is_equal(&[], &[]));
        assert!(!is_equal(&[1, 2], &[1, 3]) && !is_equal(&[1], &[1, 2]) && !is_equal(&[1], &[]));
    }
}
