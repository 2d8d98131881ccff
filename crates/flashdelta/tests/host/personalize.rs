//! Holes of files of records, filled for flashing: the same records with other bytes.

use crate::common::testdata;
use flashdelta::file::{personalize, Memory, MemoryOptions};
use flashdelta::holes::{HoleError, HoleRequest, Values};
use flashdelta::image::{Format, Image, ReadOptions, WriteOptions};

const HOLE: core::ops::Range<usize> = 0x2345..0x2365;

fn hole() -> [HoleRequest; 1] {
    ["serial=0x2345-0x2365".parse().unwrap()]
}

fn values() -> Values {
    Values::new().with("serial", "A-042")
}

fn memory(file: &[u8]) -> Vec<u8> {
    Memory::read(file, &MemoryOptions::default()).unwrap().image.into_owned()
}

fn expected(image: &[u8]) -> Vec<u8> {
    let mut filled = image.to_vec();
    filled[HOLE].fill(0);
    filled[HOLE.start..HOLE.start + 5].copy_from_slice(b"A-042");
    filled
}

/// The image of the sample in a format.
fn file_of(format: Format) -> Vec<u8> {
    let hex = testdata("firmware/cortex-m-1.1.hex");
    let image = Image::parse(&hex, &ReadOptions::default()).unwrap();
    image.write(format, &WriteOptions::default()).unwrap()
}

#[test]
fn records_stay_as_they_are_but_for_the_values() {
    for format in [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2] {
        let file = file_of(format);
        let filled = personalize(&file, None, &hole(), &values()).unwrap();
        assert_eq!(filled.len(), file.len(), "{format:?}");
        // Checksums are right, or it would not be read.
        assert_eq!(memory(&filled), expected(&memory(&file)), "{format:?}");
        let changed = filled.iter().zip(&file).filter(|(a, b)| a != b).count();
        assert!((1..150).contains(&changed), "{format:?}: {changed} bytes");
        // Back again, it is the same file.
        let back = Values::new().with("serial", &memory(&file)[HOLE]);
        assert_eq!(personalize(&filled, None, &hole(), &back).unwrap(), file, "{format:?}");
    }
}

/// An ESP image in records: as it is filled alone.
#[test]
fn digests_of_an_esp_image_in_records_are_right() {
    let image = testdata("firmware/esp32-1.1.bin");
    let options = ReadOptions::new().base(0x10000);
    let whole = Image::parse_as(Format::Raw, &image, &options).unwrap();
    let uf2 = whole.write(Format::Uf2, &WriteOptions::default()).unwrap();
    let hole = ["serial=0x40-0x48".parse().unwrap()];
    let filled = personalize(&uf2, None, &hole, &values()).unwrap();
    let alone = personalize(&image, None, &hole, &values()).unwrap();
    assert_ne!(alone, image);
    assert_eq!(memory(&filled)[..alone.len()], alone);
}

#[test]
fn what_has_no_data_cannot_be_filled() {
    // Two bytes, a gap of two, two bytes.
    let hex = b":020000000102FB\n:020004000304F3\n:00000001FF\n";
    let fill = |hole: &str| personalize(hex, None, &[hole.parse().unwrap()], &values());
    let gap = Err(HoleError::Gap { name: "serial".to_owned() });
    assert_eq!(fill("serial=0-5"), gap);
    let values = Values::new().with("serial", "A");
    let filled = personalize(hex, None, &["serial=4-6".parse().unwrap()], &values).unwrap();
    assert_eq!(filled, b":020000000102FB\n:020004004100B9\n:00000001FF\n");
    // Bytes that are there twice; damaged.
    let twice = b":020000000102FB\n:020000000102FB\n:00000001FF\n";
    let fill = |hex: &[u8]| personalize(hex, None, &["serial=0-1".parse().unwrap()], &values);
    assert!(matches!(fill(twice), Err(HoleError::File(_))));
    assert!(matches!(fill(b":020000000102FC\n:00000001FF\n"), Err(HoleError::File(_))));
}
