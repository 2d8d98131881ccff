//! Patches that no maker makes.

/// CRC-32, as simple as can be.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A patch from the empty image to `new_size` times the same byte, 2 to 2^30 of them: a literal,
/// and a copy of it. It asks for `ram` units of 256 bytes, and its digest of the new image is
/// wrong.
pub fn bomb(new_size: u32, ram: u32) -> Vec<u8> {
    // A literal of one byte; a copy from the new image, of all the rest, at a distance of 1.
    let mut body = vec![0, b'!'];
    varint(&mut body, (new_size - 2) << 2 | 2);
    varint(&mut body, 1);
    // No features, codec raw, no ISA, granularity 1.
    let mut fields = vec![0, 0, 0];
    varint(&mut fields, ram);
    varint(&mut fields, 0);
    varint(&mut fields, new_size << 1);
    varint(&mut fields, body.len() as u32);
    varint(&mut fields, 1);
    // The start of SHA-256("").
    fields.extend([0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8]);
    fields.extend([0; 32]);
    let mut patch = b"FDP\0".to_vec();
    // Magic and version, the length itself, and the checksum.
    varint(&mut patch, (4 + 1 + fields.len() + 4) as u32);
    patch.extend(fields);
    patch.extend(crc32(&patch).to_le_bytes());
    patch.extend(body);
    patch
}
