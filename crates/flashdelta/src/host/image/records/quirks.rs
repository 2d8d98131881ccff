//! What tools and people do to files of records.

use super::tests::*;
use crate::host::image::{detect, ihex, srec, Format, Image, ImageError, Overlap, ReadOptions};

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
        ("text after the end", vec![hex(0, 0, &two(1)), EOF.into(), "text".into()], &[(0, 2)]),
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
