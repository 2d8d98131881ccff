//! What a finished patch spends its bytes on.

use std::borrow::Cow;

use super::memory::apply_limited;
use crate::device::apply::{ApplyError, OutOfBounds};
#[cfg(any(feature = "lz4", feature = "zstd"))]
use crate::device::codec::bytes;
use crate::device::codec::bytes::{OpSource, Operations};
use crate::device::codec::model::{Model, NoOracle, Step};
use crate::device::coding::range::{ByteSource, Decoding, RangeDecoder};
use crate::device::coding::{BitCoder, Part};
use crate::device::format::limits::MODEL_WEIGHTS;
use crate::device::format::{Codec, PatchHeader};
use crate::device::predict::address_map::AddressMaps;
use crate::device::predict::walker::Walker;
use crate::host::encode::InMemory;
use crate::host::encode::Meter;
use crate::host::encode::Tally;

/// What a patch spends its bytes on, and what it does with them.
///
/// The same numbers as in the [`Report`](crate::diff::Report) of the maker, for patches whose maker
/// is gone.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breakdown {
    /// The header.
    pub header: PatchHeader,
    /// What the body spends its bytes on; empty for the byte codecs.
    pub parts: Vec<PartBytes>,
    /// Copies from the old image.
    pub copies_from_old: u32,
    /// Copies from the new image.
    pub copies_from_new: u32,
    /// Bytes of the new image that are copied from the old one, corrected ones included.
    pub bytes_from_old: u32,
    /// Bytes of the new image that are copied from the new one.
    pub bytes_from_new: u32,
    /// Bytes of the new image that are spelled out.
    pub literals: u32,
}

/// What one part of a body costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartBytes {
    /// Name of the part: hits, control, references, corrections, literals or distances.
    pub name: &'static str,
    /// Bytes, rounded.
    pub bytes: u64,
}

impl PartBytes {
    pub(crate) fn list(spent: [u64; Part::COUNT]) -> Vec<Self> {
        Part::ALL.iter().zip(spent).map(|(part, bytes)| Self { name: part.name(), bytes }).collect()
    }
}

/// Applies a patch in memory and tells what its bytes are spent on. It takes twice the time of
/// [`apply`](super::apply).
///
/// ```
/// # use flashdelta::{apply, diff, DiffOptions};
/// let (old, new) = (b"the old firmware", b"the new firmware");
/// let patch = diff::diff(old, new, &DiffOptions::new())?;
/// let breakdown = apply::explain(old, &patch.bytes)?;
/// assert_eq!(breakdown.literals, patch.report.literals);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`verify`](super::verify): only of a patch that works it is known what its bytes are
/// for.
pub fn explain(
    old: &[u8],
    patch: &[u8],
) -> Result<Breakdown, ApplyError<OutOfBounds, OutOfBounds>> {
    let (header, new) = apply_limited(old, patch)?;
    let body = patch.get(header.body_offset() as usize..).unwrap_or(&[]);
    let body = body.get(..header.body_len as usize).unwrap_or(body);
    let (mut words, mut maps) = (header.map_words(), AddressMaps::default());
    header.read_maps((patch, 0), &mut words, &mut maps)?;
    let mut old = Cow::Borrowed(old.get(..header.old_size as usize).unwrap_or(old));
    let mut new = new;
    if header.has_holes() {
        let holes = header.holes(patch);
        holes.show_old(0, old.to_mut());
        holes.show_new(0, &mut new);
    }
    let replay = Replay { old: &old, new: &new, header: &header, maps };
    let (tally, spent) = match header.codec {
        Codec::Model => {
            let (tally, spent) = replay.model(body);
            (tally, Some(spent))
        }
        _ => (replay.operations(body), None),
    };
    Ok(Breakdown {
        header,
        parts: spent.map_or_else(Vec::new, PartBytes::list),
        copies_from_old: tally.copies[0],
        copies_from_new: tally.copies[1],
        bytes_from_old: tally.bytes[0],
        bytes_from_new: tally.bytes[1],
        literals: tally.literals,
    })
}

/// A patch that is known to work, decoded once more.
struct Replay<'a> {
    old: &'a [u8],
    new: &'a [u8],
    header: &'a PatchHeader,
    maps: AddressMaps<'a>,
}

impl Replay<'_> {
    fn walker(&self) -> Walker<'_> {
        Walker::new(self.header.isa, self.maps)
    }

    fn model(&self, body: &[u8]) -> (Tally, [u64; Part::COUNT]) {
        let tables = self.header.tables;
        let (mut slots, mut weights) = (vec![0; tables.model_slots()], vec![0; MODEL_WEIGHTS]);
        let mut shifts = vec![0; usize::from(tables.shifts) * 2];
        let memory = (&mut slots[..], &mut weights[..], &mut shifts[..]);
        let mut model =
            Model::new(memory, self.walker(), self.header.old_size, self.header.coded_size());
        let mut images = InMemory::new(self.old, self.new, self.header.order());
        let mut source = Bytes(body.iter());
        let mut decoder = RangeDecoder::new(&mut source);
        let (mut tally, mut meter) = (Tally::default(), Meter::new());
        while model.position() < self.header.coded_size() {
            let before = model.copying();
            let decoding = Decoding { decoder: &mut decoder, source: &mut source };
            let mut coder = Metered { decoding, meter: &mut meter };
            let Step::Wrote(len) = model.step(&mut coder, &mut images, &mut NoOracle) else {
                break;
            };
            tally.count(before, model.copying(), len);
        }
        (tally, meter.bytes_by_part())
    }

    fn operations(&self, body: &[u8]) -> Tally {
        let mut shifts = vec![0; usize::from(self.header.tables.shifts) * 2];
        let (old_size, new_size) = (self.header.old_size, self.header.coded_size());
        let mut operations = Operations::new(&mut shifts, self.walker(), old_size, new_size);
        let mut images = InMemory::new(self.old, self.new, self.header.order());
        let stream = unpack(self.header, body);
        let mut source = Bytes(stream.iter());
        let mut tally = Tally::default();
        let mut at = 0;
        while at < new_size {
            let before = operations.copying();
            let wrote = if source.0.len() == 0 && operations.is_between() {
                operations.copy_rest().map(|()| 0)
            } else {
                operations.step(&mut source, &mut images).map(|written| written.len)
            };
            let Ok(len) = wrote else { break };
            tally.count(before, operations.copying(), len.into());
            at += u32::from(len);
        }
        tally
    }
}

/// The stream of operations in a body.
fn unpack(header: &PatchHeader, body: &[u8]) -> Vec<u8> {
    match header.codec {
        #[cfg(feature = "lz4")]
        Codec::Lz4 => {
            let block = 1 << header.tables.block_log2;
            let (mut stream, mut packed, mut plain, mut body) =
                (Vec::new(), vec![0; block], vec![0; block], body);
            let mut unpacker = bytes::lz4::Unpacker::new(&mut packed);
            while let Ok(Some(len)) = unpacker.unpack(&mut body, &mut plain) {
                stream.extend_from_slice(&plain[..len]);
            }
            stream
        }
        #[cfg(feature = "zstd")]
        Codec::Zstd => {
            let (mut stream, mut plain, mut body) = (Vec::new(), vec![0; 1 << 16], body);
            let Ok(mut unpacker) = bytes::zstd::Unpacker::new() else { return stream };
            while let Ok(len @ 1..) = unpacker.unpack(&mut body, &mut plain) {
                stream.extend_from_slice(&plain[..len]);
            }
            stream
        }
        _ => body.to_vec(),
    }
}

/// Reads decisions and adds up what they cost.
struct Metered<'a, S> {
    decoding: Decoding<'a, S>,
    meter: &'a mut Meter,
}

impl<S: ByteSource> BitCoder for Metered<'_, S> {
    const HEEDS: bool = false;

    fn code(&mut self, p: u16, bit: bool) -> bool {
        let bit = self.decoding.code(p, bit);
        self.meter.code(p, bit)
    }

    fn enter(&mut self, part: Part) {
        self.meter.enter(part);
    }
}

/// Bytes in memory.
struct Bytes<'a>(core::slice::Iter<'a, u8>);

impl ByteSource for Bytes<'_> {
    fn next_byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }
}

impl OpSource for Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        self.0.next().copied()
    }
}
