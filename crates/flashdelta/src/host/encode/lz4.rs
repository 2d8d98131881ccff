//! Compresses operations in [LZ4 blocks](crate::device::codec::bytes::lz4).

use crate::host::put;

/// Compresses a stream of operations in blocks of at most `block` bytes.
pub(crate) fn compress(operations: &[u8], block: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for plain in operations.chunks(block) {
        let packed = lz4_flex::block::compress(plain);
        let len = plain.len() as u32;
        if packed.len() < plain.len() {
            put::varint(&mut out, len << 1);
            put::varint(&mut out, packed.len() as u32);
            out.extend_from_slice(&packed);
        } else {
            put::varint(&mut out, len << 1 | 1);
            out.extend_from_slice(plain);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::codec::bytes::lz4::{decompress, Unpacker};

    fn samples() -> Vec<Vec<u8>> {
        let mut seed = 1u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 16
        };
        (0..200usize)
            .map(|i| {
                let mut bytes: Vec<u8> = Vec::new();
                while bytes.len() < i * 20 + 1 {
                    let (kind, len) = (random() % 3, random() as usize % 400 + 1);
                    match kind {
                        0 => bytes.extend((0..len).map(|_| random() as u8)),
                        1 => bytes.extend(core::iter::repeat_n(7, len)),
                        _ => bytes.extend_from_within(bytes.len().saturating_sub(len)..),
                    }
                }
                bytes
            })
            .collect()
    }

    #[test]
    fn what_lz4_flex_packs_is_unpacked() {
        for plain in samples() {
            let packed = lz4_flex::block::compress(&plain);
            let mut out = vec![0; plain.len()];
            assert_eq!(decompress(&packed, &mut out), Some(()));
            assert_eq!(out, plain);
            assert_eq!(decompress(&packed, &mut vec![0; plain.len() + 1]), None);
            assert_eq!(decompress(&packed, &mut vec![0; plain.len() - 1]), None);
        }
    }

    #[test]
    fn damaged_blocks_end_in_nothing_worse_than_an_error() {
        for plain in samples().into_iter().step_by(9) {
            let packed = lz4_flex::block::compress(&plain);
            for i in 0..packed.len() {
                let mut damaged = packed.clone();
                damaged[i] ^= 0x55;
                let (mut ours, mut theirs) = (vec![0; plain.len()], vec![0; plain.len()]);
                let us = decompress(&damaged, &mut ours);
                let them = lz4_flex::block::decompress_into(&damaged, &mut theirs);
                if us.is_some() {
                    assert_eq!(them.ok(), Some(plain.len()));
                    assert_eq!(ours, theirs);
                }
                assert_eq!(decompress(&packed[..i], &mut ours), None);
            }
        }
    }

    #[test]
    fn blocks_come_out_of_pieces_of_any_size() {
        let plain: Vec<u8> = samples().concat();
        let packed = compress(&plain, 512);
        for piece in [1, 3, 1000] {
            let (mut memory, mut block) = ([0; 512], [0; 512]);
            let mut unpacker = Unpacker::new(&mut memory);
            let mut out = Vec::new();
            for mut input in packed.chunks(piece) {
                while let Some(len) = unpacker.unpack(&mut input, &mut block).unwrap() {
                    out.extend_from_slice(&block[..len]);
                }
                assert!(input.is_empty());
            }
            assert!(unpacker.is_between());
            assert_eq!(out, plain);
        }
    }
}
