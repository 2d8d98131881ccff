//! Firmware files of any kind: nothing panics, splitting and joining give the identical file, and
//! what is written is read as the same.
#![no_main]

use flashdelta::image::{self, AfterEnd, Facts, Format, Image, Overlap, ReadOptions, WriteOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, file)) = bytes.split_first() else { return };
    let map = image::address_map(file);
    let mut end = 0;
    for segment in &map.segments {
        assert!(segment.offset >= end && segment.len > 0);
        end = segment.offset + segment.len;
        assert!(end as usize <= file.len());
    }
    let split = image::split(file);
    assert_eq!(image::join(&split.data, &split.template, file.len()).as_deref(), Ok(file));
    let _ = Facts::of(file, &split.data);
    let _ = image::elf::map_of_binary(file, 1 << 16);
    // Any bytes as a template.
    let _ = image::join(&split.data, file, 1 << 16);

    let overlap = [Overlap::Refuse, Overlap::AcceptSame, Overlap::FirstWins, Overlap::LastWins];
    let after_end = [AfterEnd::Refuse, AfterEnd::Ignore, AfterEnd::Read];
    let options = ReadOptions::new()
        .strict(first & 1 != 0)
        .overlap(overlap[usize::from(first >> 1 & 3)])
        .after_end(after_end[usize::from(first >> 3 & 3) % 3])
        .ignore_checksums(first & 0x20 != 0)
        .skip_garbage(first & 0x40 != 0);
    for parse in [image::ihex::parse, image::srec::parse, image::titxt::parse, image::uf2::parse] {
        if let Err(error) = parse(file, &options) {
            assert!(!error.to_string().is_empty());
        }
    }
    let Ok(found) = Image::parse(file, &options) else { return };
    assert!(found.segments.windows(2).all(|pair| pair[0].end() < u64::from(pair[1].address)));
    let writing = WriteOptions::new().limit(1 << 16);
    for format in [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2, Format::Raw] {
        let Ok(written) = found.write(format, &writing) else { continue };
        if matches!(format, Format::IntelHex | Format::Srec | Format::TiTxt) {
            let again = Image::parse(&written, &ReadOptions::new().strict(true));
            assert_eq!(again.map(|again| again.segments), Ok(found.segments.clone()), "{format}");
        }
    }
});
