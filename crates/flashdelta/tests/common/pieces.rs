//! Signed patches in pieces, for what receives them.
#![allow(dead_code, unreachable_pub)] // Not every test uses all of it.

use flashdelta::apply::{Sha256Engine as _, SoftwareSha256};
use flashdelta::receive::PatchId;
use flashdelta::verify::{self, Message};
use flashdelta::{Identity, PatchHeader};

pub use super::toy::Toy;

/// The feature of a header that it says for which devices it is.
const IDENTITY: u8 = 1 << 1;

/// A block with a signature by this key.
fn block(key: Toy, message: &Message) -> Vec<u8> {
    let signature = key.sign(message);
    [&[1, signature.algorithm][..], &signature.key_id, &signature.bytes].concat()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let (mut engine, mut digest) = (SoftwareSha256, [0; 32]);
    let mut message = engine.start();
    engine.update(&mut message, bytes);
    engine.digest(&mut message, &mut digest);
    digest
}

/// CRC-32 as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ 0xEDB8_8320 & (crc & 1).wrapping_neg();
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A patch that can be received: its header is right, its body is anything.
#[derive(Clone, Debug)]
pub struct Patch {
    pub bytes: Vec<u8>,
    pub header: PatchHeader,
}

impl Patch {
    /// A body of `len` bytes in chunks of 2^`log2`, signed with a key if there is one.
    pub fn new(len: usize, log2: u8, seed: u8, key: Option<u8>) -> Self {
        let body: Vec<u8> =
            (0..len).map(|at| (at * 7 + at / 251 * 13) as u8 ^ seed.wrapping_mul(29)).collect();
        Self::of(&body, log2, seed, key, None)
    }

    /// The same, for some devices; revisions and counter are below 128.
    pub fn for_devices(
        len: usize,
        log2: u8,
        seed: u8,
        key: Option<u8>,
        identity: Identity,
    ) -> Self {
        let body: Vec<u8> = (0..len).map(|at| (at / 3) as u8 ^ seed).collect();
        Self::of(&body, log2, seed, key, Some(identity))
    }

    fn of(body: &[u8], log2: u8, seed: u8, key: Option<u8>, identity: Option<Identity>) -> Self {
        let table: Vec<u8> =
            body.chunks(1 << log2).flat_map(|chunk| sha256(chunk)[..16].to_vec()).collect();
        let mut header = b"FDP\0".to_vec();
        let features = 4 | u8::from(key.is_some()) << 4;
        // Length, features, raw codec, granularity, 16 KiB of RAM, sizes of the images.
        header.extend([0, features, 0, 0, 64, 100, 0]);
        let mut number = body.len();
        while number > 127 {
            header.push(number as u8 & 127 | 128);
            number >>= 7;
        }
        header.extend([number as u8, log2]);
        header.extend(sha256(&table));
        header.push(0);
        if let Some(identity) = identity {
            header[5] |= IDENTITY;
            header.extend(identity.product.to_be_bytes());
            let revisions = identity.hardware_to - identity.hardware_from;
            let numbers = [identity.hardware_from, revisions, identity.security_counter as u16];
            header.extend(numbers.map(|number| number as u8));
        }
        header.extend([seed; 44]);
        header[4] = header.len() as u8 + 4;
        header.extend(crc32(&header).to_le_bytes());
        let block = key.map(|key| block(Toy(key), &verify::message(&mut SoftwareSha256, &header)));
        let bytes = [header, block.unwrap_or_default(), table, body.to_vec()].concat();
        Self::from(bytes)
    }

    pub fn from(bytes: Vec<u8>) -> Self {
        let header = PatchHeader::parse(&bytes).expect("a header").expect("the whole header");
        assert_eq!(header.patch_len(), bytes.len() as u64);
        Self { bytes, header }
    }

    /// What a store calls it.
    pub fn id(&self) -> PatchId {
        *sha256(&self.bytes[..self.header.header_len as usize]).first_chunk().unwrap()
    }

    /// What is offered to a store.
    pub fn front(&self) -> &[u8] {
        &self.bytes[..self.front_len()]
    }

    fn front_len(&self) -> usize {
        (self.header.header_len + self.header.signatures_len()) as usize
    }

    fn chunk(&self) -> usize {
        self.header.chunks.expect("it has chunks").size() as usize
    }

    pub fn table_pieces(&self) -> u32 {
        self.header.chunk_table_len().div_ceil(self.chunk() as u32)
    }

    pub fn pieces(&self) -> u32 {
        self.table_pieces() + self.header.chunk_count()
    }

    /// What is put into a store.
    pub fn piece(&self, piece: u32) -> &[u8] {
        let (all, index) = match piece.checked_sub(self.table_pieces()) {
            Some(index) => (&self.bytes[self.header.body_offset() as usize..], index),
            None => (&self.bytes[self.front_len()..self.header.body_offset() as usize], piece),
        };
        &all[index as usize * self.chunk()..]
            [..self.chunk().min(all.len() - index as usize * self.chunk())]
    }

    /// Several pieces as one.
    pub fn sum(&self, pieces: &[u32]) -> Vec<u8> {
        let mut sum = Vec::new();
        for number in pieces {
            let piece = self.piece(*number);
            sum.resize(sum.len().max(piece.len()), 0);
            sum.iter_mut().zip(piece).for_each(|(to, from)| *to ^= from);
        }
        sum
    }
}
