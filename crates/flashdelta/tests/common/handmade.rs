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

/// A member of a bundle as its header describes it: all fields after the name of the method.
pub struct Member<'a> {
    pub method: u8,
    pub size: u32,
    /// Content size and recipe length.
    pub deflated: Option<(u32, u32)>,
    /// Of methods with an old member: 0, 1 and 5.
    pub old: bool,
    /// Of methods with a part: 1, 3, 4 and 5.
    pub part: Option<&'a [u8]>,
    pub name: &'a str,
}

/// A bundle from `old`, one member, to a file with these members, of `new_size` bytes. Its digest
/// of the new file is wrong.
pub fn bundle(old: &[u8], new_size: u32, common: &[u8], members: &[Member<'_>]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let mut fields = vec![0, 0];
    varint(&mut fields, old.len() as u32);
    varint(&mut fields, new_size);
    fields.extend(&Sha256::digest(old)[..12]);
    fields.extend([0; 32]);
    varint(&mut fields, common.len() as u32);
    varint(&mut fields, members.len() as u32);
    let mut parts = Vec::new();
    let mut expected_old = 0;
    for member in members {
        fields.push(member.method | if member.deflated.is_some() { 0x20 } else { 0 });
        varint(&mut fields, 0);
        varint(&mut fields, member.size);
        if member.old {
            // Member 0: minus 1 after the first, in zigzag.
            varint(&mut fields, expected_old);
            expected_old = 1;
        }
        if let Some((content, recipe)) = member.deflated {
            varint(&mut fields, content);
            varint(&mut fields, recipe);
        }
        if let Some(part) = member.part {
            varint(&mut fields, part.len() as u32);
            parts.extend(part);
        }
        varint(&mut fields, member.name.len() as u32);
        fields.extend(member.name.as_bytes());
    }
    let mut len = Vec::new();
    let rest = 4 + fields.len() + 4;
    varint(
        &mut len,
        (rest
            + if rest + 1 < 0x80 {
                1
            } else if rest + 2 < 0x4000 {
                2
            } else {
                3
            }) as u32,
    );
    let mut bundle = [b"FDB\0", &len[..], &fields].concat();
    bundle.extend(crc32(&bundle).to_le_bytes());
    [&bundle[..], common, &parts].concat()
}
