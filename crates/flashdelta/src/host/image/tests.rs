//! Hostile input: whatever the bytes, nothing panics, and splitting and joining give the identical
//! file.

use super::*;

/// A small generator (xorshift), so that failures can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn elf() -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, 0, 40, 0]);
    for word in [1u32, 0x0800_0001, 52, 116, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [52u16, 32, 1, 40, 1, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [1u32, 84, 0x2000_0000, 0x0800_0000, 32, 48, 5, 4] {
        file.extend(word.to_le_bytes());
    }
    file.extend([7; 32]);
    for word in [0u32, 1, 6, 0x2000_0000, 84, 16, 0, 0, 4, 0] {
        file.extend(word.to_le_bytes());
    }
    file
}

fn esp() -> Vec<u8> {
    let mut file = vec![0xe9, 2, 2, 0x20, 0, 4, 8, 0x40, 0xee, 0, 0, 0, 13, 0];
    file.resize(23, 0);
    file.push(1);
    for address in [0x4200_0020u32, 0x4080_0000] {
        file.extend(address.to_le_bytes());
        file.extend(64u32.to_le_bytes());
        file.extend([0x82, 0x80].repeat(32));
    }
    file.resize(file.len() | 15, 0);
    file.extend([0; 33]);
    file
}

fn zigbee() -> Vec<u8> {
    let tag = |id: u32, value: &[u8]| {
        [&id.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat()
    };
    let program = [&0x4000u32.to_le_bytes()[..], &[0x70, 0x47].repeat(200)].concat();
    let inner =
        [tag(gbl::HEADER, &[0; 8]), tag(gbl::ERASE_PROGRAM, &program), tag(gbl::END, &[0; 4])]
            .concat();
    let mut file = zigbee::MAGIC.to_le_bytes().to_vec();
    file.extend([0, 1, 56, 0]);
    file.resize(52, 0);
    file.extend((62 + inner.len() as u32).to_le_bytes());
    file.extend([0, 0]);
    file.extend((inner.len() as u32).to_le_bytes());
    file.extend(inner);
    file
}

fn mcuboot() -> Vec<u8> {
    let mut file = Vec::new();
    for word in [mcuboot::MAGIC, 0x0802_0000, 0x0000_0020, 200, 0, 0x0003_0201, 9, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend([0x70, 0x47].repeat(100));
    file.extend([0x07, 0x69, 40, 0, 0x10, 0, 32, 0]);
    file.extend([9; 32]);
    file
}

fn dfuse() -> Vec<u8> {
    let mut file = b"DfuSe\x01".to_vec();
    file.extend(0u32.to_le_bytes());
    file.extend([1]);
    file.extend(b"Target\0");
    file.resize(11 + 266, 0);
    file.extend(72u32.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(0x0800_0000u32.to_le_bytes());
    file.extend(64u32.to_le_bytes());
    file.extend([3; 64]);
    file.extend([0, 0, 0x11, 0xdf, 0x83, 4, 0x1a, 1, b'U', b'F', b'D', 16, 0, 0, 0, 0]);
    file
}

fn examples() -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..250u32).map(|n| (n * n) as u8).collect();
    let segments =
        vec![Segment { address: 0xfff8, data: data.clone() }, Segment { address: 0x2_0000, data }];
    let image =
        Image { format: Format::Raw, segments, entry: Some(0x1_0000), header: Some(b"x".to_vec()) };
    let text = [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2, Format::Raw];
    let mut files: Vec<_> =
        text.map(|format| image.write(format, &WriteOptions::default()).unwrap()).into();
    files.extend([elf(), esp(), zigbee(), mcuboot(), dfuse()]);
    files
}

fn every_option() -> Vec<ReadOptions> {
    let all = ReadOptions {
        overlap: Overlap::LastWins,
        after_end: AfterEnd::Read,
        ignore_checksums: true,
        skip_garbage: true,
        ..ReadOptions::default()
    };
    let same = ReadOptions {
        overlap: Overlap::AcceptSame,
        after_end: AfterEnd::Ignore,
        ..ReadOptions::default()
    };
    let first = ReadOptions {
        overlap: Overlap::FirstWins,
        ignore_checksums: true,
        ..ReadOptions::default()
    };
    vec![ReadOptions::default(), ReadOptions::new().strict(true), all, same, first]
}

/// Everything that can be done with a file.
fn try_everything(file: &[u8]) {
    let map = address_map(file);
    let mut end = 0;
    for segment in &map.segments {
        assert!(segment.offset >= end && segment.len > 0);
        end = segment.offset + segment.len;
        assert!(end as usize <= file.len());
    }
    let made = split(file);
    assert_eq!(join(&made.data, &made.template, file.len()).unwrap(), file);
    assert!(made
        .map
        .segments
        .last()
        .is_none_or(|s| (s.offset + s.len) as usize <= made.data.len()));
    for options in every_option() {
        match Image::parse(file, &options) {
            Ok(image) => {
                assert!(image
                    .segments
                    .windows(2)
                    .all(|pair| pair[0].end() < u64::from(pair[1].address)));
                let options = WriteOptions { limit: 1 << 16, ..WriteOptions::default() };
                for format in [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Raw] {
                    let Ok(again) = image.write(format, &options) else { continue };
                    if format != Format::Raw {
                        assert_eq!(
                            Image::parse(&again, &ReadOptions::default()).unwrap().segments,
                            image.segments
                        );
                    }
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn examples_are_recognised() {
    use Format::{DfuSe, Elf, Esp, IntelHex, Mcuboot, Raw, Srec, TiTxt, Uf2, ZigbeeOta};
    let formats: Vec<Format> = examples().iter().map(|file| detect(file)).collect();
    assert_eq!(formats, [IntelHex, Srec, TiTxt, Uf2, Raw, Elf, Esp, ZigbeeOta, Mcuboot, DfuSe]);
    for file in examples() {
        try_everything(&file);
        assert!(Image::parse(&file, &ReadOptions::default()).is_ok(), "{}", detect(&file));
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for file in examples() {
        for round in 0..10 {
            let mut bad = file.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bad.len());
                match random.below(6) {
                    0 => bad.truncate(at),
                    1 => bad.insert(at, random.next() as u8),
                    2 => bad[at..].iter_mut().take(4).for_each(|b| *b = 0xff),
                    3 if round % 2 == 0 => bad[at] = b"\r\n :S@0f"[random.below(8)],
                    4 => {
                        let end = at + random.below(bad.len() - at);
                        let copy = bad[at..end].to_vec();
                        bad.extend(copy);
                    }
                    _ => bad[at] ^= 1 << random.below(8),
                }
                if bad.is_empty() {
                    break;
                }
            }
            try_everything(&bad);
        }
    }
}

#[test]
fn headers_with_extreme_fields_never_panic() {
    // Every 32-bit field of every header in turn holds an extreme value.
    for file in examples().into_iter().skip(5) {
        for at in 0..file.len().min(340) {
            for value in [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, u32::MAX] {
                let mut bad = file.clone();
                for (byte, new) in bad[at..].iter_mut().zip(value.to_le_bytes()) {
                    *byte = new;
                }
                let _ = (address_map(&bad), Image::parse(&bad, &ReadOptions::default()));
            }
        }
    }
}

/// As `objcopy -O symbolsrec` writes it.
#[test]
fn a_table_of_symbols_before_s_records() {
    let table = |lines: usize| {
        let symbols: String = (0..lines).map(|n| format!("  symbol_{n} $8{n:04x}\r\n")).collect();
        format!("$$ app.s19\r\n{symbols}$$ \r\nS107000001020304EE\r\nS9030000FC\r\n").into_bytes()
    };
    for lines in [0, 2, 1000] {
        let file = table(lines);
        assert_eq!(detect(&file), Format::Srec);
        assert_eq!(
            Image::parse(&file, &ReadOptions::default()).unwrap().segments[0].data,
            [1, 2, 3, 4]
        );
        let Split { data, template, .. } = split(&file);
        assert!(join(&data, &template, file.len()).unwrap() == file);
        let strict = Image::parse(&file, &ReadOptions::new().strict(true));
        assert_eq!(strict, Err(ImageError::NotStrict { line: 1, problem: "a table of symbols" }));
    }
    // What is no symbol is no table.
    let damaged = b"$$ app\n  symbol 8000\n$$\nS107000001020304EE\n";
    let error = Image::parse(damaged, &ReadOptions::default()).unwrap_err();
    assert_eq!(error, ImageError::NoRecord { line: 2, column: 3, found: b's' });
}
