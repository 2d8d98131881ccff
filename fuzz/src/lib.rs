//! What several targets need: checksums put right, so that edits are seen at all.

// What the tests receive and update, too.
#[path = "../../crates/flashdelta/tests/common/pieces.rs"]
pub mod pieces;
#[path = "../../crates/flashdelta/tests/common/sets.rs"]
pub mod sets;
#[path = "../../crates/flashdelta/tests/common/toy.rs"]
pub mod toy;

use flashdelta::apply::{Sha256Engine as _, SoftwareSha256};

/// CRC-32, as simple as can be.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let (mut sha, mut digest) = (SoftwareSha256, [0; 32]);
    let mut message = sha.start();
    sha.update(&mut message, bytes);
    sha.digest(&mut message, &mut digest);
    digest
}

/// A number as formats of ours have it.
pub fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed number likewise.
pub fn signed(out: &mut Vec<u8>, value: i32) {
    varint(out, (value << 1 ^ value >> 31) as u32);
}

/// Puts the checksum of the header of a patch or a bundle right, where the header says its length.
pub fn seal(patch: &mut [u8]) {
    let Some(&[low, high]) = patch.get(4..6) else { return };
    let len = usize::from(low & 0x7F) | if low >= 0x80 { usize::from(high & 0x7F) << 7 } else { 0 };
    if (10..=patch.len()).contains(&len) {
        let crc = crc32(&patch[..len - 4]);
        patch[len - 4..len].copy_from_slice(&crc.to_le_bytes());
    }
}

/// The same with the checksum of the host section, which ends the patch.
pub fn seal_all(patch: &mut [u8]) {
    seal(patch);
    let Ok(Some(header)) = flashdelta::PatchHeader::parse(patch) else { return };
    let start = header.header_len as usize + header.body_len as usize;
    if header.host_len >= 4 && start.saturating_add(header.host_len as usize) == patch.len() {
        let end = patch.len() - 4;
        let crc = crc32(&patch[start..end]);
        patch[end..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// An old file and a patch in one input, as the chore writes its seeds: a byte of choices, the
/// length of the old file in 2 bytes (little-endian), the old file, the patch.
pub fn pair(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[choices, low, high], rest) = bytes.split_first_chunk()?;
    let len = usize::from(u16::from_le_bytes([low, high]));
    let (old, patch) = rest.split_at_checked(len)?;
    Some((choices, old, patch))
}
