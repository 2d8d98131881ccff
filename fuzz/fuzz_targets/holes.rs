//! Holes: whatever values a device has and is given, it ends with these and the new image, or with
//! an error; and damaged patches with holes end in errors.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions, Hole, HoleSource};
use flashdelta::update::holes::{ValueRecord, WithValues};
use flashdelta::{Codec, PatchHeader};
use flashdelta_fuzz::seal;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Place {
    old: Option<u16>,
    new: Option<u16>,
    len: u8,
    source: u8,
    fill: Option<u8>,
}

#[derive(Arbitrary, Debug)]
struct Input {
    codec: u8,
    old: Vec<u8>,
    new: Vec<u8>,
    holes: Vec<Place>,
    /// What the device has in its holes.
    values: Vec<u8>,
    /// What it is given, as a record after its first four bytes.
    record: Vec<u8>,
    edits: Vec<(u16, u8)>,
    piece: u8,
}

const SOURCES: [HoleSource; 3] = [HoleSource::Kept, HoleSource::Given, HoleSource::Either];

/// The holes as the maker takes them: named after their numbers.
fn holes(input: &Input) -> Vec<Hole> {
    let range = |start: u16, len: u8| u32::from(start)..u32::from(start) + u32::from(len);
    let hole = |(n, place): (usize, &Place)| {
        let hole = match (place.new, place.old) {
            (Some(new), old) => Hole::new(n.to_string(), range(new, place.len))
                .old(old.map(|old| range(old, place.len))),
            (None, old) => Hole::gone(n.to_string(), range(old.unwrap_or(0), place.len)),
        };
        let hole = hole.source(SOURCES[usize::from(place.source) % SOURCES.len()]);
        place.fill.map_or(hole.clone(), |fill| hole.fill(fill))
    };
    input.holes.iter().take(17).enumerate().map(hole).collect()
}

type Made = Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>>;

fn apply(old: &[u8], record: ValueRecord<'_>, patch: &[u8], piece: usize) -> Made {
    let header = PatchHeader::parse(patch).ok().flatten();
    let (memory, size) = header.map_or((2048, 0), |h| (h.workspace_len(), h.new_size as usize));
    let mut workspace = vec![0; memory.min(1 << 20)];
    let mut slot = vec![0; size.min(1 << 20)];
    let old = WithValues::new(old, record);
    let mut applier = Applier::new(&mut workspace, old, &mut slot[..], ApplyOptions::default());
    for piece in patch.chunks(piece) {
        applier.feed(piece)?;
    }
    applier.finish()?;
    Ok(slot)
}

fuzz_target!(|input: Input| {
    let holes = holes(&input);
    let codec = [Codec::Raw, Codec::Lz4, Codec::Model][usize::from(input.codec) % 3];
    let options = DiffOptions::new().profile(DeviceProfile::linux()).ram(16 << 10).codec(codec);
    let mut options = options.effort(1).threads(1);
    for hole in &holes {
        options = options.hole(hole.clone());
    }
    let Ok(made) = diff(&input.old, &input.new, &options) else { return };
    let mut patch = made.bytes;

    // The device's own data, and what becomes of the image with it.
    let mut old = input.old.clone();
    let mut values = input.values.iter().copied().chain(core::iter::repeat(0x5a));
    for range in holes.iter().filter_map(Hole::old_range) {
        let range = range.start as usize..range.end as usize;
        old[range].iter_mut().zip(&mut values).for_each(|(byte, value)| *byte = value);
    }
    let record = [b"FDV\0", &input.record[..]].concat();
    let record = ValueRecord::new(&record).unwrap_or(ValueRecord::EMPTY);
    let whole = apply(&old, record, &patch, patch.len().max(1));
    assert_eq!(apply(&old, record, &patch, usize::from(input.piece).max(1)), whole);
    if let Ok(new) = &whole {
        // Outside of holes and of what ends the image it is the new image.
        let mut expected = input.new.clone();
        for range in holes.iter().filter_map(Hole::new_range) {
            let range = range.start as usize..range.end as usize;
            expected[range.clone()].copy_from_slice(&new[range]);
        }
        let end = new.len().saturating_sub(33);
        assert_eq!(new.len(), expected.len());
        assert!(new[..end] == expected[..end], "success with wrong bytes");
    }

    for (at, value) in &input.edits {
        let at = usize::from(*at) % patch.len();
        patch[at] ^= value;
    }
    seal(&mut patch);
    let whole = apply(&old, record, &patch, patch.len().max(1));
    assert_eq!(apply(&old, record, &patch, usize::from(input.piece).max(1)), whole);
});
