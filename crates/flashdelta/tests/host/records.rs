//! Files of records with the habits of many writers: the identical file comes back through a patch,
//! and the memory is the right one. One line of the table per quirk.

use flashdelta::diff::DiffOptions;
use flashdelta::file::MakeError;
use flashdelta::file::{apply, diff, Memory, MemoryOptions, Output};
use flashdelta::image::{detect, Image, ImageError, ReadOptions};

pub(crate) fn hex(kind: u8, address: u16, data: &[u8]) -> String {
    let [high, low] = address.to_be_bytes();
    let bytes = [&[data.len() as u8, high, low, kind], data].concat();
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    format!(":{}{sum:02X}", digits(&bytes))
}

fn srec(kind: u8, address: &[u8], data: &[u8]) -> String {
    let bytes = [&[(address.len() + data.len() + 1) as u8], address, data].concat();
    let sum = !bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    format!("S{kind}{}{sum:02X}", digits(&bytes))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

const END: &str = ":00000001FF";

/// Data that does not repeat.
fn data(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * n / 3 + n) as u8).collect()
}

/// Records of 16 bytes from this address on.
fn body(address: u16, len: usize) -> Vec<String> {
    let data = data(len);
    data.chunks(16).enumerate().map(|(n, part)| hex(0, address + 16 * n as u16, part)).collect()
}

fn s_body(address: u16, len: usize) -> Vec<String> {
    let data = data(len);
    let record =
        |(n, part): (usize, &[u8])| srec(1, &(address + 16 * n as u16).to_be_bytes(), part);
    data.chunks(16).enumerate().map(record).collect()
}

fn lines(lines: &[String], end: &str) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_str(), end]).collect::<String>().into_bytes()
}

fn with(mut body: Vec<String>, more: &[String]) -> Vec<String> {
    body.extend_from_slice(more);
    body
}

/// A quirk: its name, the file, and where its memory begins and ends.
type Quirk = (&'static str, Vec<u8>, (u32, u64));

fn hex_quirks() -> Vec<Quirk> {
    let plain = || with(body(0x100, 400), &[END.into()]);
    let text = |list: &[String]| lines(list, "\n");
    let short = (0x100, 0x100 + 400);
    let lower = String::from_utf8(text(&plain())).unwrap().to_lowercase().into_bytes();
    let mut no_newline = text(&plain());
    no_newline.pop();
    let record_255 = vec![hex(0, 0, &data(255)), hex(0, 255, &data(255)), END.into()];
    let wrap = vec![hex(2, 0, &[0x10, 0]), hex(0, 0xfff8, &data(16)), END.into()];
    let unordered: Vec<String> = body(0x100, 400).into_iter().rev().chain([END.into()]).collect();
    let both_bases = vec![
        hex(4, 0, &[8, 0]),
        hex(0, 0, &data(16)),
        hex(2, 0, &[0x20, 0]),
        hex(0, 0, &data(16)),
        END.into(),
    ];
    vec![
        ("plain", text(&plain()), short),
        ("lower case", lower, short),
        ("CR LF", lines(&plain(), "\r\n"), short),
        ("CR", lines(&plain(), "\r"), short),
        ("no final newline", no_newline.clone(), short),
        ("Ctrl-Z", [&text(&plain())[..], b"\x1a"].concat(), short),
        ("Ctrl-Z after the end record", [&no_newline[..], b"\x1a"].concat(), short),
        ("byte order mark", [b"\xef\xbb\xbf", &text(&plain())[..]].concat(), short),
        ("blank lines", [b"\n\n", &text(&plain())[..], b"\n \n"].concat(), short),
        ("no end record", text(&body(0x100, 400)), short),
        (
            "end record with entry point",
            text(&with(body(0x100, 400), &[hex(1, 0x0f01, &[])])),
            short,
        ),
        ("start record first", text(&with(vec![hex(3, 0, &[1, 2, 3, 4])], &plain())), short),
        (
            "start record last",
            text(&with(body(0x100, 400), &[hex(5, 0, &[8, 0, 1, 1]), END.into()])),
            short,
        ),
        (
            "two start records",
            text(&with(vec![hex(5, 0, &[0; 4]), hex(5, 0, &[0, 0, 1, 1])], &plain())),
            short,
        ),
        ("empty data record", text(&with(vec![hex(0, 0x8000, &[])], &plain())), short),
        ("records of 255 bytes", text(&record_255), (0, 510)),
        ("segment record, data beyond 64 KiB", text(&wrap), (0x1_fff8, 0x2_0008)),
        ("both kinds of address records", text(&both_bases), (0x2_0000, 0x0800_0010)),
        (
            "address record with an address",
            text(&with(vec![hex(4, 0x1234, &[0, 0])], &plain())),
            short,
        ),
        (
            "redundant address records",
            text(&with(vec![hex(4, 0, &[0, 0]), hex(2, 0, &[0, 0])], &plain())),
            short,
        ),
        ("descending", text(&unordered), short),
        ("blanks around one record", [b"  ", &text(&plain())[..]].concat(), short),
        ("no data at all", format!("{END}\n").into_bytes(), (0, 0)),
        ("text after the end", [&text(&plain())[..], b"that was it\n"].concat(), short),
    ]
}

fn s_quirks() -> Vec<Quirk> {
    let end = || srec(9, &[0, 0], &[]);
    let plain = || with(s_body(0x100, 400), &[end()]);
    let text = |list: &[String]| lines(list, "\n");
    let short = (0x100, 0x100 + 400);
    let header = |data: &[u8]| text(&with(vec![srec(0, &[0, 0], data)], &plain()));
    let counted =
        |kind, count: &[u8]| text(&with(s_body(0x100, 400), &[srec(kind, count, &[]), end()]));
    let mixed = vec![
        srec(1, &[1, 0], &data(16)),
        srec(2, &[0, 1, 0x10], &data(16)),
        srec(3, &[0, 0, 1, 0x20], &data(16)),
        srec(7, &[0, 0, 1, 0], &[]),
    ];
    vec![
        ("plain", text(&plain()), short),
        (
            "lower case digits",
            String::from_utf8(text(&plain()))
                .unwrap()
                .to_lowercase()
                .replace('s', "S")
                .into_bytes(),
            short,
        ),
        (
            "lower case",
            String::from_utf8(text(&plain())).unwrap().to_lowercase().into_bytes(),
            short,
        ),
        ("CR LF", lines(&plain(), "\r\n"), short),
        ("header", header(b"http://srecord.sourceforge.net/"), short),
        ("header that is no text", header(&[0xff, 0xfe, 0, 0, 7]), short),
        ("header without address", text(&with(vec!["S001FE".into()], &plain())), short),
        ("count", counted(5, &[0, 25]), short),
        ("count of 3 bytes", counted(6, &[0, 0, 25]), short),
        ("count of 4 bytes", counted(5, &[0, 0, 0, 25]), short),
        ("no terminator", text(&s_body(0x100, 400)), short),
        (
            "terminator of another size",
            text(&with(s_body(0x100, 400), &[srec(7, &[8, 0, 0, 0], &[])])),
            short,
        ),
        ("all sizes of addresses", text(&mixed), (0x100, 0x130)),
        (
            "252 bytes",
            text(&[srec(1, &[0, 0], &data(252)), srec(1, &[0, 252], &data(252)), end()]),
            (0, 504),
        ),
        ("empty data record", text(&with(vec![srec(1, &[0x80, 0], &[])], &plain())), short),
        ("no data at all", text(&[srec(0, &[0, 0], b"x"), end()]), (0, 0)),
    ]
}

#[test]
fn the_identical_file_comes_back() {
    let options = DiffOptions::new().effort(1).threads(1);
    let other = lines(&with(body(0x110, 380), &[END.into()]), "\n");
    for (name, file, (start, end)) in hex_quirks().into_iter().chain(s_quirks()) {
        let found = Image::parse(&file, &ReadOptions::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(detect(&file).is_records(), "{name}");
        assert_eq!(found.bounds().unwrap_or_default(), (start, end), "{name}");
        for (old, new) in [(&other, &file), (&file, &other), (&file, &file)] {
            let patch = diff(old, new, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(apply(old, &patch.bytes, Output::Same).as_ref() == Ok(new), "{name}");
            let memory = Memory::read(new, &MemoryOptions::default()).unwrap();
            let image = apply(old, &patch.bytes, Output::Binary);
            // Text is no memory.
            let has_data = *new != file || end > 0;
            assert!(
                image.as_deref() == Ok(&*memory.image) || !has_data && image.is_err(),
                "{name}: the device makes another image"
            );
        }
    }
}

/// A file with a fault, and the place that is told: line and column.
type Fault = (&'static str, Vec<String>, (usize, usize));

fn faults() -> Vec<Fault> {
    let good = || hex(0, 0, &data(16));
    let s_good = || srec(1, &[0, 0], &data(16));
    vec![
        ("odd number of digits", vec![good(), good()[..good().len() - 1].into()], (2, 43)),
        ("too short", vec![good(), ":0000".into()], (2, 2)),
        ("checksum", vec![good(), ":0100100001ED".into()], (2, 12)),
        ("digit", vec![good(), ":01001000Z1EE".into()], (2, 10)),
        ("type", vec![good(), hex(7, 0, &[])], (2, 8)),
        ("address record of 1 byte", vec![good(), hex(4, 0, &[1])], (2, 1)),
        ("start record of 2 bytes", vec![good(), hex(5, 0, &[1, 2])], (2, 1)),
        ("end record with data", vec![good(), hex(1, 0, &[1])], (2, 1)),
        ("overlap", vec![good(), hex(0, 16, &[1]), hex(0, 17, &[1]), hex(0, 3, &[1])], (4, 1)),
        (
            "overlap in the middle",
            vec![good(), hex(0, 16, &[1]), hex(0, 15, &[1]), hex(0, 16, &[1])],
            (3, 1),
        ),
        ("data after the end", vec![good(), END.into(), hex(0, 32, &[1])], (3, 1)),
        ("beyond 32 bits", vec![hex(4, 0, &[255, 255]), hex(0, 0xffff, &[1, 2])], (2, 1)),
        ("comment", vec![good(), "# comment".into()], (2, 1)),
        ("blank inside", vec![good(), ":01 0010 00 01 EE".into()], (2, 4)),
        ("S: odd number of digits", vec![s_good(), s_good()[..s_good().len() - 1].into()], (2, 42)),
        ("S: too short", vec![s_good(), "S1".into()], (2, 3)),
        ("S: checksum", vec![s_good(), "S104001001E9".into()], (2, 11)),
        ("S: digit", vec![s_good(), "S10400100?EA".into()], (2, 10)),
        ("S: reserved type", vec![s_good(), srec(4, &[0, 0], &[])], (2, 2)),
        ("S: no type", vec![s_good(), "SX0300".into()], (2, 1)),
        ("S: length below the address", vec![s_good(), "S10100FE".into()], (2, 3)),
        ("S: count", vec![s_good(), srec(5, &[0, 7], &[])], (2, 1)),
        ("S: overlap", vec![s_good(), s_good()], (2, 1)),
        (
            "S: data after the end",
            vec![s_good(), srec(9, &[0, 0], &[]), srec(1, &[0, 32], &[1])],
            (3, 1),
        ),
        ("S: text after the checksum", vec![s_good(), srec(1, &[0, 32], &[1]) + " x"], (2, 13)),
    ]
}

#[test]
fn faults_are_told_with_their_place() {
    for (name, records, (line, column)) in faults() {
        for end in ["\n", "\r\n", "\r"] {
            let file = lines(&records, end);
            let error = Image::parse(&file, &ReadOptions::default()).expect_err(name);
            let place = format!("line {line}, column {column}: ");
            assert!(error.to_string().starts_with(&place), "{name}: {error}");
            let refused = diff(&file, b"x", &DiffOptions::new());
            assert!(matches!(refused, Err(MakeError::OldFile(found)) if found == error), "{name}");
        }
    }
    assert_eq!(Image::parse(b"", &ReadOptions::default()), Err(ImageError::Empty));
}

/// Lines cut off at any place, doubled, joined and shuffled: never a panic, and what is accepted
/// comes back.
#[test]
fn damaged_files_are_refused_or_come_back() {
    let options = DiffOptions::new().effort(1).threads(1);
    for (_, file, _) in hex_quirks().into_iter().chain(s_quirks()) {
        for at in (0..file.len()).step_by(53) {
            let cut = file[..at].to_vec();
            let twice = [&file[..at], &file[at / 2..]].concat();
            let without = [&file[..at / 3], &file[at..]].concat();
            for bad in [cut, twice, without] {
                if let Ok(patch) = diff(&file, &bad, &options) {
                    assert!(apply(&file, &patch.bytes, Output::Same) == Ok(bad));
                }
            }
        }
    }
}
