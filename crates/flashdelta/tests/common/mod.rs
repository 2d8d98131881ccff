//! What the tests share.
#![allow(dead_code)] // Not every test uses all of it.

use flashdelta::apply::{Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::PatchHeader;

/// A sample file.
pub fn testdata(name: &str) -> Vec<u8> {
    let path = format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub type Error = ApplyError<OutOfBounds, OutOfBounds>;

/// Applies a patch in pieces of the same length, in exactly the workspace that its header states, badly aligned, into a slot
/// of exactly the right length.
pub fn apply_in_pieces(old: &[u8], patch: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
    apply_pieces(old, patch, patch.chunks(piece.max(1)))
}

/// Applies a patch in these pieces.
pub fn apply_pieces<'a>(old: &[u8], patch: &[u8], pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let header = PatchHeader::parse(patch);
    let (len, size) = header.ok().flatten().map_or((2048, 0), |h| (h.workspace_len(), h.new_size as usize));
    // A hostile header may ask for anything.
    let mut workspace = vec![0xAA; len.min(1 << 24) + 1];
    let mut slot = vec![0x55; size.min(1 << 24)];
    let mut applier = Applier::new(&mut workspace[1..], old, &mut slot[..], ApplyOptions::default());
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
