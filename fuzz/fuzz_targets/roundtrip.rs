//! Whatever the images, the patch gives the new one.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::apply::apply;
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::image::{AddressMap, MapSegment, SegmentKind};
use flashdelta::{Codec, InstructionSet};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    codec: u8,
    isa: u8,
    small: bool,
    old: Vec<u8>,
    /// Pieces of the new image: of the old one, or of its own.
    new: Vec<Piece>,
    segments: Vec<(u16, u16, u32, bool)>,
}

#[derive(Arbitrary, Debug)]
enum Piece {
    Old(u16, u16),
    Own(Vec<u8>),
}

fuzz_target!(|input: Input| {
    let old = &input.old;
    let mut new = Vec::new();
    for piece in &input.new {
        match piece {
            Piece::Old(from, len) => {
                new.extend(old.iter().skip((*from).into()).take((*len).into()))
            }
            Piece::Own(bytes) => new.extend(bytes),
        }
        if new.len() > 1 << 16 {
            return;
        }
    }
    let segment = |(offset, len, address, is_code): &(u16, u16, u32, bool)| MapSegment {
        offset: (*offset).into(),
        len: (*len).into(),
        address: *address,
        kind: Some(if *is_code { SegmentKind::Code } else { SegmentKind::Data }),
    };
    let map = AddressMap {
        segments: input.segments.iter().map(segment).collect(),
        ..AddressMap::at(0, 0)
    };
    let codec = Codec::ALL[usize::from(input.codec) % Codec::ALL.len()];
    let isa = [
        InstructionSet::None,
        InstructionSet::Thumb,
        InstructionSet::RiscV,
        InstructionSet::Xtensa,
    ][usize::from(input.isa) % 4];
    let options = DiffOptions::new()
        .profile(DeviceProfile::linux())
        .ram(if input.small { 16 << 10 } else { 64 << 10 })
        .codec(codec)
        .isa(isa)
        .address_maps(map.clone(), map)
        .threads(1);
    let patch = diff(old, &new, &options).expect("16 KiB suffice");
    assert_eq!(apply(old, &patch.bytes).as_ref(), Ok(&new));
});
