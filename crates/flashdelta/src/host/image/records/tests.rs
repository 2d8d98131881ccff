use super::*;
use crate::host::image::template::*;
use crate::host::image::{
    detect, ihex, srec, titxt, Format, Image, ImageError, Overlap, ReadOptions,
};

fn read(text: &[u8]) -> Result<Image, ImageError> {
    match detect(text) {
        Format::Srec => srec::parse(text, &ReadOptions::default()),
        Format::TiTxt => titxt::parse(text, &ReadOptions::default()),
        _ => ihex::parse(text, &ReadOptions::default()),
    }
}

/// An Intel HEX record with the right checksum.
fn hex(kind: u8, address: u16, data: &[u8]) -> String {
    let mut bytes = vec![data.len() as u8, (address >> 8) as u8, address as u8, kind];
    bytes.extend(data);
    bytes.push(bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)).wrapping_neg());
    bytes.iter().fold(":".into(), |text, b| format!("{text}{b:02X}"))
}

/// A record of an unknown type in line 2.
fn unknown(format: Format, column: usize, found: u8) -> ImageError {
    ImageError::UnknownRecord { format, line: 2, column, found }
}

/// An S-record with the right checksum.
fn srec(kind: u8, address: &[u8], data: &[u8]) -> String {
    let mut bytes = vec![(address.len() + data.len() + 1) as u8];
    bytes.extend(address);
    bytes.extend(data);
    bytes.push(!bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)));
    bytes.iter().fold(format!("S{kind}"), |text, b| format!("{text}{b:02X}"))
}

fn lines(records: &[String], end: &str) -> Vec<u8> {
    records.iter().flat_map(|record| [record.as_str(), end]).collect::<String>().into_bytes()
}

/// Splits, joins, and gives the size of the template.
#[track_caller]
fn exact(file: &[u8]) -> usize {
    let split = split(file);
    assert_eq!(join(&split.data, &split.template, file.len()).unwrap(), file);
    let first = split.map.segments.first();
    assert!(first.is_some() || split.template == [VERBATIM]);
    split.template.len()
}

fn program(records: u16, len: u16) -> Vec<String> {
    (0..records)
        .map(|n| hex(0, n * len, &(0..len).map(|i| (n * 31 + i) as u8).collect::<Vec<_>>()))
        .collect()
}

const EOF: &str = ":00000001FF";

#[test]
fn every_line_end_case_and_ending_is_reproduced_for_a_few_bytes() {
    let mut records = program(200, 16);
    records.push(EOF.into());
    for end in ["\n", "\r\n", "\r", "\r\r\n"] {
        let file = lines(&records, end);
        assert!(exact(&file) < 10);
        assert!(exact(&file.to_ascii_lowercase()) < 10);
        assert!(exact(&file[..file.len() - end.len()]) < 10);
        assert!(exact(&[&file[..], b"\x1a"].concat()) < 16);
        assert!(exact(&[&file[..], end.as_bytes()].concat()) < 16);
    }
}

#[test]
fn writers_habits() {
    let base = |upper: u16| hex(4, 0, &upper.to_be_bytes());
    let start = hex(5, 0, &[8, 0, 1, 0x41]);
    let body = program(300, 32);
    // GNU objcopy: address record first, start record before the end.
    let gnu = [&[base(0x800)], &body[..], &[start.clone(), EOF.into()]].concat();
    assert!(exact(&lines(&gnu, "\r\n")) < 25);
    // intelhex: start record first, redundant address record.
    let intelhex = [&[start, base(0)], &body[..], &[EOF.into()]].concat();
    assert!(exact(&lines(&intelhex, "\n")) < 20);
    // A linker's section boundaries: short records inside contiguous data.
    let mut at = 0u16;
    let sections: Vec<String> = (0..400u16)
        .map(|n| {
            let len = if n % 100 == 99 { 5 } else { 16 };
            at += len;
            hex(0, at - len, &vec![n as u8; usize::from(len)])
        })
        .collect();
    assert!(exact(&lines(&sections, "\n")) < 30);
    // Records aligned to 16, from an odd start.
    let aligned: Vec<String> = core::iter::once(hex(0, 3, &[1; 13]))
        .chain((1..100).map(|n| hex(0, n * 16, &[2; 16])))
        .collect();
    assert!(exact(&lines(&aligned, "\n")) < 20);
    // I16HEX address records, and then I32HEX ones, as objcopy writes beyond 1 MiB.
    let far = [
        &[hex(2, 0, &[0x10, 0])],
        &body[..],
        &[hex(2, 0, &[0, 0]), base(0x10)],
        &body[..],
        &[EOF.into()],
    ]
    .concat();
    assert!(exact(&lines(&far, "\r\n")) < 40);
}

#[test]
fn data_across_64_kib_gets_its_address_records_back() {
    let mut records = Vec::new();
    for n in 0..0x3000u32 {
        let address = 0x1_fff8 + n * 16;
        for part in [address, address + 8] {
            if records.is_empty() || part & 0xffff == 0 {
                records.push(hex(4, 0, &((part >> 16) as u16).to_be_bytes()));
            }
            records.push(hex(0, part as u16, &(n + part).to_le_bytes().repeat(2)));
        }
    }
    assert!(exact(&lines(&records, "\n")) < 20);
}

#[test]
fn records_across_64_kib() {
    // bincopy cuts records by their length only.
    let records: Vec<String> = (0..0x3000u32)
        .flat_map(|n| {
            let address = 0x1_fff8 + n * 16;
            let base = n == 0 || address >> 16 != (address - 16) >> 16;
            let base = base.then(|| hex(4, 0, &((address >> 16) as u16).to_be_bytes()));
            base.into_iter().chain([hex(0, address as u16, &[n as u8; 16])])
        })
        .collect();
    assert!(exact(&lines(&records, "\n")) < 20);
}

#[test]
fn segments_at_any_alignment_with_a_count() {
    let mut records = Vec::new();
    for (address, count) in
        [(0xf_0000u32, 125u32), (0x10_c402, 1), (0x12_b258, 10), (0x16_74da, 125)]
    {
        records.extend(
            (0..count).map(|n| srec(2, &(address + n * 4).to_be_bytes()[1..], &[n as u8; 4])),
        );
        records.push(srec(2, &(address + count * 4).to_be_bytes()[1..], &[1]));
    }
    records.push(srec(5, &[1, 9], &[]));
    assert!(exact(&lines(&records, "\n")) < 50);
}

#[test]
fn irregular_files_are_carried_whole_and_mixed_ones_partly() {
    // Every line different in case and ends: nothing to gain.
    let wild: Vec<u8> = program(100, 16)
        .iter()
        .enumerate()
        .flat_map(|(n, r)| {
            if n % 2 == 0 { format!("{r} \r\n") } else { format!(" {}\n", r.to_lowercase()) }
                .into_bytes()
        })
        .collect();
    assert_eq!(exact(&wild), 1);
    // A few comments, a wrong checksum and text past the end stay as text.
    let mut records = program(300, 16);
    records.insert(3, "; a comment".into());
    records.insert(50, ":0400000001020304FF".into());
    records.push(EOF.into());
    records.push("behind".into());
    assert!(exact(&lines(&records, "\n")) < 70);
    for odd in [
        &b""[..],
        b":",
        b"S",
        b"@",
        b":00",
        b"S1130000",
        b"@0000\n",
        b":00000001FF",
        b"S9030000FC\n",
        b"q",
    ] {
        exact(odd);
    }
}

#[test]
fn s_records_of_all_writers() {
    let data = |kind: u8, from: u32, count: u32, len: usize| -> Vec<String> {
        let width = usize::from(kind) + 1;
        (0..count)
            .map(|n| {
                srec(kind, &(from + n * len as u32).to_be_bytes()[4 - width..], &vec![n as u8; len])
            })
            .collect()
    };
    let header = srec(0, &[0, 0], b"demo.srec");
    let gcc =
        [vec![header.clone()], data(3, 0x0800_0000, 300, 16), vec![srec(7, &[8, 0, 1, 0x95], &[])]]
            .concat();
    assert!(exact(&lines(&gcc, "\r\n")) < 40);
    // srec_cat: a count record, S1 and S2 mixed, 32 bytes.
    let mixed = [
        vec![header],
        data(1, 0xff00, 8, 32),
        data(2, 0x1_0000, 300, 32),
        vec![srec(5, &[1, 0x34], &[]), srec(8, &[0, 0, 0], &[])],
    ]
    .concat();
    assert!(exact(&lines(&mixed, "\n")) < 50);
    // CodeWarrior: S2 data, S9 terminator.
    let codewarrior = [data(2, 0xfe_8000, 300, 16), vec![srec(9, &[0, 0], &[])]].concat();
    assert!(exact(&lines(&codewarrior, "\r\n")) < 25);
}

#[test]
fn ti_txt() {
    let line = |n: u8| {
        (0..16)
            .map(|i| format!("{:02X}", n.wrapping_mul(7).wrapping_add(i)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for blank in ["", " "] {
        let body: String = (0..100).map(|n| format!("{}{blank}\n", line(n))).collect();
        let file = format!("@F000\n{body}@FFFE\n00 F0{blank}\nq\n");
        assert!(exact(file.as_bytes()) < 25);
        let image = read(file.as_bytes()).unwrap();
        assert_eq!(
            (image.format, image.segments.len(), image.segments[1].address),
            (Format::TiTxt, 2, 0xfffe)
        );
    }
    // Verilog's vmem begins in the same way.
    assert_eq!(detect(b"@00000000 7C 05 60\n@00000003 00\n"), Format::Vmem);
    assert_eq!(detect(b"@F000 \r\n00 01\r\nq\r\n"), Format::TiTxt);
    assert_eq!(
        read(b"@F000\n00 1\nq\n").unwrap_err(),
        ImageError::BadDigit { line: 2, column: 5, found: None }
    );
    assert_eq!(
        read(b"@F000\n00 G1\nq\n").unwrap_err(),
        ImageError::BadDigit { line: 2, column: 4, found: Some(b'G') }
    );
    assert_eq!(
        read(b"@F000\n00\nq\n01\n").unwrap_err(),
        ImageError::DataAfterEnd { line: 4, column: 1 }
    );
}

/// A block of a UF2 file.
fn block(number: u32, total: u32, family: u32, address: u32, flags: u32) -> Vec<u8> {
    let mut block = Vec::new();
    for word in [0x0a32_4655, 0x9e5d_5157, flags, address, 256, number, total, family] {
        block.extend(word.to_le_bytes());
    }
    block.extend([number as u8; 256]);
    block.resize(508, 0);
    block.extend(0x0ab1_6f30u32.to_le_bytes());
    block
}

#[test]
fn uf2_with_several_families_and_a_gap() {
    let mut file = Vec::new();
    for n in 0..40 {
        file.extend(block(
            n,
            40,
            0xada5_2840,
            if n < 20 { n * 256 } else { 0xf_0000 + n * 256 },
            0x2000,
        ));
    }
    let one_family = exact(&file);
    assert!(one_family < 45);
    for n in 0..40 {
        file.extend(block(n, 40, 0xe48b_ff56, 0x1000_0000 + n * 256, 0x2000));
    }
    // The first block of the second family is carried as it is.
    assert!(exact(&file) < 600);
    file.extend([1, 2, 3]);
    exact(&file);
}

#[test]
fn damaged_templates_are_refused() {
    let mut records = program(50, 16);
    records.push(EOF.into());
    let file = lines(&records, "\n");
    let made = split(&file);
    for at in 0..made.template.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut template = made.template.clone();
            template[at] = value;
            // Whatever comes out is bounded, and nothing panics.
            if let Ok(out) = join(&made.data, &template, 10_000) {
                assert!(out.len() <= 10_000);
            }
        }
        let _ = join(&made.data, &made.template[..at], 10_000);
    }
    assert!(matches!(
        join(&made.data, &made.template, file.len() - 1),
        Err(ImageError::TooLarge { .. })
    ));
    assert!(matches!(
        join(&made.data[1..], &made.template, file.len()),
        Err(ImageError::BadTemplate { .. })
    ));
    assert!(matches!(join(&[], &[], 10), Err(ImageError::BadTemplate { .. })));
}

/// What tools disagree about: one row per quirk.
#[test]
fn quirks_of_intel_hex() {
    let two = |n: u8| [n, n + 1];
    type Case = (&'static str, Vec<String>, &'static [(u32, usize)]);
    let accepted: [Case; 11] = [
        (
            "data crosses 64 KiB after 02: linear",
            vec![hex(2, 0, &[0x10, 0]), hex(0, 0xffff, &two(1))],
            &[(0x1_ffff, 2)],
        ),
        (
            "data crosses 64 KiB after 04: linear",
            vec![hex(4, 0, &[8, 0]), hex(0, 0xffff, &two(1))],
            &[(0x0800_ffff, 2)],
        ),
        (
            "02 then 04: the last wins",
            vec![hex(2, 0, &[0x10, 0]), hex(4, 0, &[0, 2]), hex(0, 0, &two(1))],
            &[(0x2_0000, 2)],
        ),
        (
            "04 then 02: the last wins",
            vec![hex(4, 0, &[0, 2]), hex(2, 0, &[0x10, 0]), hex(0, 0, &two(1))],
            &[(0x1_0000, 2)],
        ),
        ("no end record", vec![hex(0, 0, &two(1))], &[(0, 2)]),
        ("04 with an address", vec![hex(4, 0x1234, &[0, 1]), hex(0, 0, &two(1))], &[(0x1_0000, 2)]),
        ("a data record without data", vec![hex(0, 0x100, &[]), hex(0, 0, &two(1))], &[(0, 2)]),
        ("blanks around", vec![format!("  {}\t", hex(0, 0, &two(1))), " ".into()], &[(0, 2)]),
        (
            "two start records",
            vec![hex(0, 0, &two(1)), hex(5, 0, &[0, 0, 0, 1]), hex(5, 0, &[0, 0, 0, 2])],
            &[(0, 2)],
        ),
        ("text behind the end", vec![hex(0, 0, &two(1)), EOF.into(), "text".into()], &[(0, 2)]),
        ("Ctrl-Z", vec![hex(0, 0, &two(1)), EOF.into(), "\x1a".into()], &[(0, 2)]),
    ];
    for (quirk, records, segments) in accepted {
        let file = lines(&records, "\r\n");
        let image = read(&file).unwrap_or_else(|e| panic!("{quirk}: {e}"));
        let found: Vec<_> = image.segments.iter().map(|s| (s.address, s.data.len())).collect();
        assert_eq!(found, segments, "{quirk}");
        assert!(
            ihex::parse(&file, &ReadOptions::new().strict(true)).is_err() || quirk.contains("wins"),
            "{quirk}"
        );
        exact(&file);
    }
    // The end record of I8HEX may hold the entry point.
    assert_eq!(
        read(&lines(&[hex(0, 0, &two(1)), ":00FF0F01F1".into()], "\n")).unwrap().entry,
        Some(0xff0f)
    );
    assert_eq!(
        read(&lines(&[hex(0, 0, &two(1)), hex(3, 0, &[0x12, 0x34, 0, 5])], "\n")).unwrap().entry,
        Some(0x1_2345)
    );

    let good = || hex(0, 0, &two(1));
    let refused: [(Vec<String>, ImageError); 12] = [
        (
            vec![hex(4, 0, &[0xff, 0xff]), hex(0, 0xffff, &two(1))],
            ImageError::AddressOverflow { line: 2, column: 1, address: 1 << 32 },
        ),
        (vec![good(), good()], ImageError::Overlap { line: 2, column: 1, address: 0 }),
        (
            vec![good(), EOF.into(), hex(0, 8, &two(1))],
            ImageError::DataAfterEnd { line: 3, column: 1 },
        ),
        (
            vec![good(), ":020000000102FC".into()],
            ImageError::BadChecksum { line: 2, column: 14, expected: 0xfb, found: 0xfc },
        ),
        (
            vec![good(), ":0200000001G2FB".into()],
            ImageError::BadDigit { line: 2, column: 12, found: Some(b'G') },
        ),
        (
            vec![good(), ":0300000001FC".into()],
            ImageError::BadLength { line: 2, column: 2, expected: 8, found: 6 },
        ),
        (
            vec![good(), ":0100000001FE00".into()],
            ImageError::BadLength { line: 2, column: 2, expected: 6, found: 7 },
        ),
        (
            vec![good(), ":0100000001FE0".into()],
            ImageError::BadDigit { line: 2, column: 15, found: None },
        ),
        (vec![good(), ":".into()], ImageError::BadDigit { line: 2, column: 2, found: None }),
        (vec![good(), "comment".into()], ImageError::NoRecord { line: 2, column: 1, found: b'c' }),
        (vec![good(), hex(6, 0, &[])], unknown(Format::IntelHex, 8, 6)),
        (
            vec![good(), hex(4, 0, &[1])],
            ImageError::BadRecord {
                line: 2,
                column: 1,
                problem: "an address record needs 2 bytes of data",
            },
        ),
    ];
    for (records, error) in refused {
        let file = lines(&records, "\n");
        assert_eq!(ihex::parse(&file, &ReadOptions::default()), Err(error.clone()), "{error}");
        exact(&file);
    }
}

#[test]
fn options_accept_what_the_default_refuses() {
    let good = || hex(0, 0, &[1, 2]);
    let accept = |records: &[String], options: &dyn Fn(&mut ReadOptions)| {
        let mut chosen = ReadOptions::default();
        options(&mut chosen);
        ihex::parse(&lines(records, "\n"), &chosen).unwrap().segments
    };
    let wins = |policy| accept(&[good(), hex(0, 1, &[7])], &|o| o.overlap = policy)[0].data.clone();
    assert_eq!((wins(Overlap::FirstWins), wins(Overlap::LastWins)), (vec![1, 2], vec![1, 7]));
    let after = [good(), EOF.into(), hex(0, 2, &[3])];
    assert_eq!(accept(&after, &|o| o.after_end = super::super::AfterEnd::Ignore)[0].data, [1, 2]);
    assert_eq!(accept(&after, &|o| o.after_end = super::super::AfterEnd::Read)[0].data, [1, 2, 3]);
    assert_eq!(accept(&[":020000000102FC".into()], &|o| o.ignore_checksums = true)[0].data, [1, 2]);
    assert_eq!(accept(&["; note".into(), good()], &|o| o.skip_garbage = true)[0].data, [1, 2]);
}

#[test]
fn quirks_of_s_records() {
    let data = || srec(1, &[0, 0], &[1, 2]);
    let accepted: [(&str, Vec<String>); 9] = [
        ("S0 without address", vec!["S001FE".into(), data()]),
        ("no S0, no terminator", vec![data()]),
        ("S2 data with S9", vec![srec(2, &[0, 0, 0], &[1, 2]), srec(9, &[0, 0], &[])]),
        ("S5 of 4 bytes (Green Hills)", vec![data(), srec(5, &[0, 0, 0, 1], &[])]),
        ("S6", vec![data(), srec(6, &[0, 0, 1], &[])]),
        ("S0 that is not text", vec![srec(0, &[0, 0], &[0xff, 0, 0x80]), data()]),
        ("a data record without data", vec![data(), srec(1, &[0, 8], &[])]),
        ("lower case", vec![data().to_lowercase()]),
        ("blanks", vec![format!("{}  ", data()), String::new()]),
    ];
    for (quirk, records) in accepted {
        let file = lines(&records, "\n");
        let image =
            srec::parse(&file, &ReadOptions::default()).unwrap_or_else(|e| panic!("{quirk}: {e}"));
        assert_eq!(
            (image.segments[0].address, &image.segments[0].data[..]),
            (0, &[1, 2][..]),
            "{quirk}"
        );
        exact(&file);
    }
    let refused: [(Vec<String>, ImageError); 12] = [
        (vec![data(), srec(4, &[0, 0], &[])], unknown(Format::Srec, 2, 4)),
        (
            vec![data(), srec(5, &[0, 2], &[])],
            ImageError::BadCount { line: 2, column: 1, expected: 2, found: 1 },
        ),
        (vec![data() + " text"], ImageError::BadDigit { line: 1, column: 15, found: Some(b' ') }),
        (vec![data(), data()], ImageError::Overlap { line: 2, column: 1, address: 0 }),
        (
            vec!["S1050000010200".into()],
            ImageError::BadChecksum { line: 1, column: 13, expected: 0xf7, found: 0 },
        ),
        (
            vec![data(), srec(9, &[0, 0], &[]), srec(1, &[0, 2], &[3])],
            ImageError::DataAfterEnd { line: 3, column: 1 },
        ),
        (vec!["S104000001FA0".into()], ImageError::BadDigit { line: 1, column: 14, found: None }),
        (
            vec!["S103FC".into()],
            ImageError::BadLength { line: 1, column: 3, expected: 3, found: 1 },
        ),
        (
            vec![data(), "S100".into()],
            ImageError::ShortCount { line: 2, column: 3, least: 3, found: 0 },
        ),
        (
            vec!["S10200FD".into()],
            ImageError::ShortCount { line: 1, column: 3, least: 3, found: 2 },
        ),
        (
            vec!["S70300FC".into()],
            ImageError::ShortCount { line: 1, column: 3, least: 5, found: 3 },
        ),
        (
            vec![data() + "\r" + &data()],
            ImageError::BadDigit { line: 1, column: 15, found: Some(b'\r') },
        ),
    ];
    for (records, error) in refused {
        let file = lines(&records, "\n");
        assert_eq!(srec::parse(&file, &ReadOptions::default()), Err(error.clone()), "{error}");
        exact(&file);
    }
}

#[test]
fn a_terminator_with_address_0_names_no_entry() {
    for (kind, address) in [(9, &[0, 0][..]), (8, &[0, 0, 0]), (7, &[0, 0, 0, 0])] {
        let file = lines(&[srec(1, &[0, 0], &[1, 2]), srec(kind, address, &[])], "\n");
        let image = read(&file).unwrap();
        assert_eq!(image.entry, None);
        let hex =
            image.write(Format::IntelHex, &crate::host::image::WriteOptions::default()).unwrap();
        assert_eq!(hex, b":020000000102FB\n:00000001FF\n");
    }
    let file = lines(&[srec(1, &[0, 0], &[1, 2]), srec(9, &[0x80, 0], &[])], "\n");
    assert_eq!(read(&file).unwrap().entry, Some(0x8000));
}

#[test]
fn text_in_utf_16_is_told_to_be_that() {
    let text = lines(&program(3, 16), "\r\n");
    let little: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|byte| [*byte, 0])).collect();
    let big: Vec<u8> =
        [0xfe, 0xff].into_iter().chain(text.iter().flat_map(|byte| [0, *byte])).collect();
    for file in [little, big] {
        assert_eq!(detect(&file), Format::IntelHex);
        assert_eq!(Image::parse(&file, &ReadOptions::default()), Err(ImageError::Utf16));
        exact(&file);
    }
    assert_eq!(srec::parse(b"\xff\xfeS\0", &ReadOptions::default()), Err(ImageError::Utf16));
    assert_eq!(detect(b"\xff\xfe\x01\x02 no text"), Format::Raw);
}

/// What is wrong with a UF2 file.
fn uf2_error(file: &[u8]) -> ImageError {
    assert_eq!(detect(file), Format::Uf2);
    exact(file);
    Image::parse(file, &ReadOptions::default()).unwrap_err()
}

#[test]
fn damaged_blocks_of_uf2_are_named() {
    const FAMILY: u32 = 0xada5_2840;
    let whole: Vec<u8> = (0..10).flat_map(|n| block(n, 10, FAMILY, n * 256, 0x2000)).collect();
    assert_eq!(Image::parse(&whole, &ReadOptions::default()).unwrap().len(), 2560);
    let with = |at: usize, value: u32| {
        let mut bad = whole.clone();
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bad
    };
    let bad = |block: usize, problem, found| ImageError::BadBlock {
        block,
        offset: block * 512,
        problem,
        found,
    };
    let first = "the first word must be 0x0a324655";
    assert_eq!(uf2_error(&with(3 * 512, 7)), bad(3, first, 7));
    assert_eq!(uf2_error(&with(0, 7)), bad(0, first, 7));
    assert_eq!(uf2_error(&with(4, 7)), bad(0, "the second word must be 0x9e5d5157", 7));
    assert_eq!(uf2_error(&with(9 * 512 + 508, 7)), bad(9, "the last word must be 0x0ab16f30", 7));
    let payload = "the payload has at most 0x1dc bytes";
    assert_eq!(uf2_error(&with(16, u32::MAX)), bad(0, payload, u32::MAX));
    assert_eq!(uf2_error(&with(512 + 16, 477)), bad(1, payload, 477));
    assert_eq!(uf2_error(&whole[..9 * 512 + 100]), bad(9, "a block has 0x200 bytes", 100));
    assert_eq!(
        uf2_error(&with(512 + 20, 10)),
        bad(1, "the number of a block must be below the number of blocks", 10)
    );
    // The reader that skips what is none has the rest.
    let skip = ReadOptions { skip_garbage: true, ..ReadOptions::default() };
    assert_eq!(Image::parse(&with(3 * 512, 7), &skip).unwrap().len(), 2304);
}

#[test]
fn missing_blocks_of_uf2_are_named() {
    const FAMILY: u32 = 0xada5_2840;
    let file = |numbers: &[u32], total: u32, family: u32| -> Vec<u8> {
        numbers.iter().flat_map(|n| block(*n, total, family, n * 256, 0x2000)).collect()
    };
    let missing = |number: u32, total: u32, found: usize, block: usize| ImageError::MissingBlock {
        number,
        total,
        found,
        block,
        offset: block * 512,
    };
    assert_eq!(uf2_error(&file(&[0, 1, 3, 4], 5, FAMILY)), missing(2, 5, 4, 2));
    assert_eq!(uf2_error(&file(&[1, 2], 3, FAMILY)), missing(0, 3, 2, 0));
    assert_eq!(uf2_error(&file(&[0, 1], 3, FAMILY)), missing(2, 3, 2, 2));
    assert_eq!(uf2_error(&file(&[0, 1], u32::MAX, FAMILY)), missing(2, u32::MAX, 2, 2));
    let lenient = ReadOptions { ignore_checksums: true, ..ReadOptions::default() };
    assert_eq!(Image::parse(&file(&[0, 1, 3], 5, FAMILY), &lenient).unwrap().len(), 768);
    let read = |file: &[u8]| Image::parse(file, &ReadOptions::default());
    // Any order; families that count together or each for itself; files that were joined.
    assert!(read(&file(&[2, 0, 1], 3, FAMILY)).is_ok());
    let together: Vec<u8> =
        (0..6).flat_map(|n| block(n, 6, if n < 3 { FAMILY } else { 1 }, n * 256, 0x2000)).collect();
    assert!(read(&together).is_ok());
    assert_eq!(uf2_error(&together[..5 * 512]), missing(5, 6, 5, 5));
    let apart = [
        file(&[0, 1], 2, FAMILY),
        (0..2).flat_map(|n| block(n, 2, 1, 4096 + n * 256, 0x2000)).collect(),
    ]
    .concat();
    assert!(read(&apart).is_ok());
    assert_eq!(uf2_error(&apart[..3 * 512]), missing(1, 2, 1, 3));
    let joined: Vec<u8> = [0, 1, 2, 0, 1, 2]
        .iter()
        .enumerate()
        .flat_map(|(at, n)| block(*n, 3, FAMILY, at as u32 * 256, 0))
        .collect();
    assert!(read(&joined).is_ok());
    let less = [&joined[..4 * 512], &joined[5 * 512..]].concat();
    assert_eq!(uf2_error(&less), missing(1, 3, 5, 4));
    // The first block of an RP2350: one of two that never come.
    let mut workaround = block(0, 2, 0xe48b_ff57, 0x10ff_ff00, 0x2000);
    workaround[32..288].fill(0xef);
    assert!(read(&[workaround, file(&[0, 1, 2], 3, 0xe48b_ff59)].concat()).is_ok());
}
