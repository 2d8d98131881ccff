//! What the tests share.
#![allow(dead_code, unreachable_pub)] // Not every test uses all of it.

pub mod archives;
pub mod counted;
pub mod cuts;
pub mod handmade;
pub mod in_place;
pub mod pieces;
pub mod sets;
pub mod slots;
pub mod table;
pub mod toy;

use handmade::crc32;

use flashdelta::apply::{Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::PatchHeader;

/// A sample file.
pub fn testdata(name: &str) -> Vec<u8> {
    let path = format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// An image of whole pages, but not of whole pages of 32 bytes, and the same with its SHA-256 at
/// its end.
pub fn with_own_digest(image: &[u8]) -> [Vec<u8>; 2] {
    let bare = &image[..(image.len() - 16) & !31 | 16];
    [bare.to_vec(), [bare, &<sha2::Sha256 as sha2::Digest>::digest(bare)].concat()]
}

pub type Error = ApplyError<OutOfBounds, OutOfBounds>;

/// Applies a patch in pieces of the same length, in exactly the workspace that its header states,
/// badly aligned, into a slot of exactly the right length.
pub fn apply_in_pieces(old: &[u8], patch: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
    apply_pieces(old, patch, patch.chunks(piece.max(1)))
}

/// Applies a patch in these pieces.
pub fn apply_pieces<'a>(
    old: &[u8],
    patch: &[u8],
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Error> {
    let header = PatchHeader::parse(patch);
    let (len, size) =
        header.ok().flatten().map_or((2048, 0), |h| (h.workspace_len(), h.new_size as usize));
    // A hostile header may ask for anything.
    let mut workspace = vec![0xAA; len.min(1 << 24) + 1];
    let mut slot = vec![0x55; size.min(1 << 24)];
    let mut applier =
        Applier::new(&mut workspace[1..], old, &mut slot[..], ApplyOptions::default());
    for piece in pieces {
        applier.feed(piece)?;
    }
    applier.finish()?;
    Ok(slot)
}

/// A random generator (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Puts the right checksum under a header that was tampered with, if its length still makes sense.
pub fn seal(patch: &mut [u8]) {
    let Some(&[low, high]) = patch.get(4..6) else { return };
    let len = usize::from(low & 0x7F) | if low >= 0x80 { usize::from(high & 0x7F) << 7 } else { 0 };
    if len >= 10 && len <= patch.len() {
        let crc = crc32(&patch[..len - 4]);
        patch[len - 4..len].copy_from_slice(&crc.to_le_bytes());
    }
}

/// What looks like code: the same few instructions with registers and targets that vary, and tables
/// of words.
pub fn code_like(random: &mut Random, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        match random.below(8) {
            0 => out.extend((0x4200_0000 + (random.next() as u32 & 0xFFFF)).to_le_bytes()),
            1 => out.extend((random.next() as u32 & 0x00FF_F000 | 0xEF).to_le_bytes()),
            2 => out.extend([0x82, 0x80]),
            3 => out.extend((random.next() as u16 & 0x0FFC | 0xE001).to_le_bytes()),
            4 => out.extend((0xF800_F000u32 | random.next() as u32 & 0x03FF).to_le_bytes()),
            5 => out.extend([0x36, 0x41, 0x00]),
            _ => {
                out.extend([0x13, 0x05 + (random.next() as u8 & 8), random.next() as u8 & 0xF0, 0])
            }
        }
    }
    out.truncate(len);
    out
}

/// The image with some of its parts changed, removed, inserted, repeated and moved.
pub fn edited(random: &mut Random, image: &[u8], edits: usize) -> Vec<u8> {
    let mut out = image.to_vec();
    for _ in 0..edits {
        let at = random.below(out.len() + 1);
        let len = random.below(100).min(out.len() - at);
        match random.below(6) {
            0 => drop(out.drain(at..at + len)),
            1 => {
                let count = random.below(100);
                let inserted = random.bytes(count);
                out.splice(at..at, inserted);
            }
            2 => {
                let again = out[at..at + len].to_vec();
                let to = random.below(out.len() + 1);
                out.splice(to..to, again);
            }
            3 => {
                let moved: Vec<u8> = out.drain(at..at + len).collect();
                let to = random.below(out.len() + 1);
                out.splice(to..to, moved);
            }
            4 => {
                let delta = random.next() as u8;
                out[at..at + len].iter_mut().step_by(4).for_each(|b| *b = b.wrapping_add(delta));
            }
            _ => out[at..at + len].iter_mut().for_each(|b| *b = random.next() as u8),
        }
    }
    out
}

/// Copies of a patch, each with a few bytes changed, some of them with a header that is right
/// again, some of them cut.
pub fn damaged_copies(patch: &[u8], seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(seed);
    let mut copies = Vec::new();
    for i in 0..count {
        let mut bad = patch.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bad.len());
            bad[at] ^= 1 << random.below(8);
        }
        if i % 3 == 0 {
            bad.truncate(random.below(bad.len()));
        }
        seal(&mut bad);
        copies.push(bad);
    }
    copies
}
