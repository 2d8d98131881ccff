//! Files that are cut off, or do not hold what they say: told, and refused where bytes would be
//! lost.

use crate::common::testdata;
use flashdelta::bundle::BundleOptions;
use flashdelta::diff::DiffOptions;
use flashdelta::door::{self, MakeRequest, Warning};
use flashdelta::image::{check, Check, Image, ImageError, ReadOptions, Wrapping};
use flashdelta::Input;

#[track_caller]
fn found(file: &[u8]) -> Vec<Check> {
    check(file).iter().map(|finding| finding.check).collect()
}

#[test]
fn an_elf_file_that_is_cut_off_or_claims_more_than_it_has() {
    for name in ["cortex-m-1.1", "riscv-1.1"] {
        let whole = testdata(&format!("firmware/{name}.elf"));
        assert_eq!(found(&whole), [], "{name}");
        let memory = Image::parse(&whole, &ReadOptions::new()).unwrap();
        let end = memory.segments.iter().map(|s| s.data.len()).sum::<usize>();
        let cut = &whole[..end];
        assert!(found(cut).contains(&Check::ElfSegment), "{name}: {:?}", found(cut));
        // What is missing is no firmware, whoever reads it.
        for options in [ReadOptions::new(), ReadOptions::new().strict(true)] {
            let refused = Image::parse(cut, &options).unwrap_err();
            assert_eq!(refused.class().exit_code(), 8, "{name}: {refused}");
        }
        // Without the table of sections at its end there is still all the memory.
        let sections = &whole[..whole.len() - 8];
        assert_eq!(found(sections), [Check::ElfTable], "{name}");
        assert_eq!(Image::parse(sections, &ReadOptions::new()).unwrap().segments, memory.segments);
    }
    let mut claims = testdata("firmware/cortex-m-1.1.elf");
    // p_filesz of the first program header.
    claims[52 + 16..52 + 20].copy_from_slice(&[0xff; 4]);
    assert_eq!(found(&claims), [Check::ElfSegment]);
    assert!(matches!(
        Image::parse(&claims, &ReadOptions::new()),
        Err(ImageError::BadContainer { .. })
    ));
}

#[test]
fn records_without_an_end_record() {
    for (name, end) in [("cortex-m-1.1.hex", ":00000001"), ("cortex-m-1.0.s19", "S7")] {
        let whole = String::from_utf8(testdata(&format!("firmware/{name}"))).unwrap();
        assert_eq!(found(whole.as_bytes()), [], "{name}");
        let lines: Vec<&str> = whole.lines().filter(|line| !line.starts_with(end)).collect();
        let cut = lines.join("\n");
        assert!(cut.len() < whole.len() - 8);
        assert_eq!(found(cut.as_bytes()), [Check::EndRecord], "{name}");
        assert!(Image::parse(cut.as_bytes(), &ReadOptions::new()).is_ok());
        let strict = Image::parse(cut.as_bytes(), &ReadOptions::new().strict(true));
        assert!(matches!(strict, Err(ImageError::MissingEnd { .. })), "{name}: {strict:?}");
    }
}

#[test]
fn a_gbl_file_has_its_crc_and_its_last_tag() {
    let tag = |id: u32, value: &[u8]| {
        [&id.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat()
    };
    let before = [
        tag(0x03a6_17eb, &[0, 0, 0, 3, 0, 0, 0, 0]),
        tag(0xfe01_01fe, &[&[0, 0, 0, 8][..], &[7; 400]].concat()),
        [0xfc04_04fcu32.to_le_bytes(), 4u32.to_le_bytes()].concat(),
    ]
    .concat();
    let whole = [&before[..], &crc32(&before).to_le_bytes()].concat();
    assert_eq!(found(&whole), []);
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    assert_eq!(found(&flipped), [Check::GblCrc]);
    for end in 20..whole.len() {
        assert_eq!(found(&whole[..end]), [Check::GblEnd], "cut to {end} bytes");
    }
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn a_telink_image_that_is_cut_off() {
    let mut image = vec![0x55; 4000];
    image[8..12].copy_from_slice(b"KNLT");
    image[24..28].copy_from_slice(&4000u32.to_le_bytes());
    assert_eq!(found(&image), []);
    assert_eq!(found(&image[..3999]), [Check::TelinkLength]);
}

#[test]
fn the_end_of_a_gzip_file() {
    let whole =
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0".to_vec();
    let found = |file: &[u8]| door::findings(file).iter().map(|f| f.check).collect::<Vec<_>>();
    assert_eq!(found(&whole), []);
    let mut longer = whole.clone();
    let at = longer.len() - 4;
    longer[at] += 1;
    assert_eq!(found(&longer), [Check::GzipLength]);
}

#[test]
fn an_encrypted_zip_archive_is_told() {
    let encrypted = |name: &str| {
        let mut zip = testdata(name);
        for (magic, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
            for at in 0..zip.len() - 4 {
                if zip[at..].starts_with(magic) {
                    zip[at + flags] |= 1;
                }
            }
        }
        Input::from_bytes(zip).named("heron.zip")
    };
    let [old, new] = ["archives/heron-1.0.zip", "archives/heron-1.1.zip"].map(encrypted);
    let request = MakeRequest::new()
        .diff(DiffOptions::new().effort(1))
        .bundle(BundleOptions::new().accept_manifests(true));
    let made = door::make(&old, &new, &request).unwrap();
    let is_told = |w: &door::FileWarning| w.what == Warning::Wrapped(Wrapping::EncryptedZip);
    assert_eq!(made.warnings.iter().filter(|warning| is_told(warning)).count(), 2);
}
