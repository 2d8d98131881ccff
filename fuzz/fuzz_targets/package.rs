//! Files through patches: the identical file comes back, and a hostile host section (its checksum
//! put right) gives an error, or that very file.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::file::{apply, diff, Output};
use flashdelta::image::{Format, Image, Segment, WriteOptions};
use flashdelta::{Codec, DiffOptions};
use flashdelta_fuzz::crc32;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    old: File,
    new: File,
    edits: Vec<(u16, u8)>,
}

#[derive(Arbitrary, Debug)]
struct File {
    segments: Vec<(u32, Vec<u8>)>,
    format: u8,
    record_len: u8,
    crlf: bool,
    /// Changes in the file.
    edits: Vec<(u16, u8)>,
}

impl File {
    fn bytes(&self) -> Vec<u8> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut sorted = self.segments.clone();
        sorted.sort();
        for (address, data) in sorted {
            let free = segments.last().is_none_or(|last| last.end() < u64::from(address));
            if free && !data.is_empty() && u64::from(address) + data.len() as u64 <= 1 << 32 {
                segments.push(Segment { address, data });
            }
        }
        let image = Image { format: Format::Raw, segments, entry: None, header: None };
        let formats = [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2, Format::Raw];
        let options = WriteOptions::new()
            .record_len(usize::from(self.record_len).clamp(1, 250))
            .crlf(self.crlf)
            .limit(1 << 16);
        let mut bytes =
            image.write(formats[usize::from(self.format) % 5], &options).unwrap_or_default();
        edit(&mut bytes, &self.edits);
        bytes
    }
}

fn edit(bytes: &mut [u8], edits: &[(u16, u8)]) {
    let len = bytes.len().max(1);
    for (at, value) in edits {
        if let Some(byte) = bytes.get_mut(usize::from(*at) % len) {
            *byte ^= value;
        }
    }
}

fuzz_target!(|input: Input| {
    let (old, new) = (input.old.bytes(), input.new.bytes());
    let options = DiffOptions::new().codec(Codec::Raw).effort(1).threads(1);
    let Ok(patch) = diff(&old, &new, &options) else { return };
    assert_eq!(apply(&old, &patch.bytes, Output::Same).as_ref(), Ok(&new));
    for output in [Output::Binary, Output::IntelHex, Output::Srec] {
        let _ = apply(&old, &patch.bytes, output);
    }
    let mut hostile = patch.bytes;
    let start = hostile.len() - patch.header.host_len as usize;
    if start < hostile.len() {
        let end = hostile.len() - 4;
        edit(&mut hostile[start..end], &input.edits);
        let crc = crc32(&hostile[start..end]);
        hostile[end..].copy_from_slice(&crc.to_le_bytes());
        if let Ok(found) = apply(&old, &hostile, Output::Same) {
            assert!(found == new, "success with another file");
        }
    }
});
