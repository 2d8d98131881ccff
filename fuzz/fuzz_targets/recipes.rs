//! Deflate streams that no compressor of this world makes: stored blocks, fixed codes, matches
//! anywhere. They are taken apart and come back bit by bit, and edited bundles of them end in an
//! error or in the right file.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::{bundle, DiffOptions};
use flashdelta_fuzz::{crc32, seal};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Streams {
    old: Vec<Block>,
    new: Vec<Block>,
    edits: Vec<(u16, u8)>,
    right_crc: bool,
}

#[derive(Arbitrary, Debug)]
enum Block {
    Stored(Vec<u8>),
    Fixed(Vec<Token>),
}

#[derive(Arbitrary, Debug)]
enum Token {
    Literal(u8),
    /// Length 3 to 10, distance 1 to 4.
    Match(u8, u8),
}

/// Bits, the lowest first (RFC 1951, 3.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).map(|i| value >> i & 1) {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().expect("just pushed") |= (bit << self.used) as u8;
            self.used = (self.used + 1) % 8;
        }
    }

    /// Codes come with their highest bit first.
    fn code(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|i| self.put(value >> i & 1, 1));
    }

    /// A literal or a length by the fixed codes (3.2.6).
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xC0 + symbol - 280, 8),
        }
    }
}

/// A gzip file of these blocks.
fn gzip(blocks: &[Block], right_crc: bool) -> Vec<u8> {
    let (mut bits, mut plain) = (Bits::default(), Vec::<u8>::new());
    for block in blocks {
        match block {
            Block::Stored(bytes) => {
                bits.put(0, 3);
                bits.used = 0;
                let len = bytes.len().min(0xFFFF) as u16;
                bits.bytes.extend(len.to_le_bytes());
                bits.bytes.extend((!len).to_le_bytes());
                bits.bytes.extend(&bytes[..len.into()]);
                plain.extend(&bytes[..len.into()]);
            }
            Block::Fixed(tokens) => {
                bits.put(2, 3);
                for token in tokens {
                    match *token {
                        Token::Match(len, distance) if plain.len() >= 4 => {
                            bits.symbol(257 + u32::from(len % 8));
                            bits.code(u32::from(distance % 4), 5);
                            for _ in 0..3 + len % 8 {
                                plain.push(plain[plain.len() - 1 - usize::from(distance % 4)]);
                            }
                        }
                        Token::Literal(byte) | Token::Match(byte, _) => {
                            bits.symbol(byte.into());
                            plain.push(byte);
                        }
                    }
                }
                bits.symbol(256);
            }
        }
    }
    // The last block is empty.
    bits.put(3, 3);
    bits.symbol(256);
    let mut file = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    file.extend(bits.bytes);
    file.extend((crc32(&plain) ^ u32::from(!right_crc)).to_le_bytes());
    file.extend((plain.len() as u32).to_le_bytes());
    file
}

fuzz_target!(|streams: Streams| {
    let (old, new) = (gzip(&streams.old, true), gzip(&streams.new, streams.right_crc));
    assert_eq!(flashdelta::door::findings(&new).len(), usize::from(!streams.right_crc));
    let options = DiffOptions::new().effort(1).threads(1);
    let mut made = bundle::diff(&old, &new, &options).expect("16 KiB suffice").bytes;
    assert!(bundle::apply(&old, &made).expect("what was made applies") == new);
    for (at, value) in &streams.edits {
        let at = usize::from(*at) % made.len();
        made[at] ^= value;
    }
    seal(&mut made);
    if bundle::info(&made).is_ok_and(|info| info.new_size <= 1 << 20) {
        if let Ok(found) = bundle::apply(&old, &made) {
            assert!(found == new, "success with another file");
        }
    }
});
