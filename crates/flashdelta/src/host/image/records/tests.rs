use super::*;
use crate::host::image::template::*;
use crate::host::image::{detect, ihex, srec, titxt, Format, Image, ImageError, ReadOptions};

pub(super) fn read(text: &[u8]) -> Result<Image, ImageError> {
    match detect(text) {
        Format::Srec => srec::parse(text, &ReadOptions::default()),
        Format::TiTxt => titxt::parse(text, &ReadOptions::default()),
        _ => ihex::parse(text, &ReadOptions::default()),
    }
}

/// An Intel HEX record with the right checksum.
pub(super) fn hex(kind: u8, address: u16, data: &[u8]) -> String {
    let mut bytes = vec![data.len() as u8, (address >> 8) as u8, address as u8, kind];
    bytes.extend(data);
    bytes.push(bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)).wrapping_neg());
    bytes.iter().fold(":".into(), |text, b| format!("{text}{b:02X}"))
}

/// A record of an unknown type in line 2.
pub(super) fn unknown(format: Format, column: usize, found: u8) -> ImageError {
    ImageError::UnknownRecord { format, line: 2, column, found }
}

/// An S-record with the right checksum.
pub(super) fn srec(kind: u8, address: &[u8], data: &[u8]) -> String {
    let mut bytes = vec![(address.len() + data.len() + 1) as u8];
    bytes.extend(address);
    bytes.extend(data);
    bytes.push(!bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)));
    bytes.iter().fold(format!("S{kind}"), |text, b| format!("{text}{b:02X}"))
}

pub(super) fn lines(records: &[String], end: &str) -> Vec<u8> {
    records.iter().flat_map(|record| [record.as_str(), end]).collect::<String>().into_bytes()
}

/// Splits, joins, and gives the size of the template.
#[track_caller]
pub(super) fn exact(file: &[u8]) -> usize {
    let split = split(file);
    assert_eq!(join(&split.data, &split.template, file.len()).unwrap(), file);
    let first = split.map.segments.first();
    assert!(first.is_some() || split.template == [VERBATIM]);
    split.template.len()
}

pub(super) fn program(records: u16, len: u16) -> Vec<String> {
    (0..records)
        .map(|n| hex(0, n * len, &(0..len).map(|i| (n * 31 + i) as u8).collect::<Vec<_>>()))
        .collect()
}

pub(super) const EOF: &str = ":00000001FF";

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
pub(super) fn block(number: u32, total: u32, family: u32, address: u32, flags: u32) -> Vec<u8> {
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
