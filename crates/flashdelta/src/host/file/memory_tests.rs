//! Files that hold more than the one memory of one device: far records, several chips, several
//! images, and what tools put around them.

use super::*;
use crate::device::error::Remedy;
use crate::device::format::crc32;
use crate::host::apply::apply as apply_image;
use crate::host::diff::{DiffOptions, Patch};
use crate::host::image::{self, Format, Image, ReadOptions, WriteOptions};
use crate::host::image::{ImageError, Selection};
use sha2::Digest as _;

const PICO: u32 = 0xe48b_ff59;
const ABSOLUTE: u32 = 0xe48b_ff57;

fn versions() -> [Vec<u8>; 2] {
    ["cortex-m-1.0.bin", "cortex-m-1.1.bin"].map(|name| {
        let path = format!("{}/../../testdata/firmware/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))[..6000].to_vec()
    })
}

fn options() -> DiffOptions {
    DiffOptions::new().effort(2)
}

/// One block of UF2.
#[derive(Clone)]
struct Block {
    flags: u32,
    address: u32,
    data: Vec<u8>,
    number: u32,
    total: u32,
    family: u32,
    /// What follows the payload.
    tail: Vec<u8>,
}

impl Block {
    fn bytes(&self) -> Vec<u8> {
        let len = self.data.len() as u32;
        let (first, second) = (0x0a32_4655u32, 0x9e5d_5157);
        let words =
            [first, second, self.flags, self.address, len, self.number, self.total, self.family];
        let mut block: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        block.extend(&self.data);
        block.extend(&self.tail);
        assert!(block.len() <= 508);
        block.resize(508, 0);
        block.extend(0x0ab1_6f30u32.to_le_bytes());
        block
    }
}

/// Blocks of 256 bytes, numbered from 0.
fn series(image: &[u8], address: u32, family: u32) -> Vec<Block> {
    let total = image.len().div_ceil(256) as u32;
    let block = |(number, data): (usize, &[u8])| Block {
        flags: 0x2000,
        address: address + number as u32 * 256,
        data: data.to_vec(),
        number: number as u32,
        total,
        family,
        tail: Vec::new(),
    };
    image.chunks(256).enumerate().map(block).collect()
}

fn uf2(blocks: &[Block]) -> Vec<u8> {
    blocks.iter().flat_map(Block::bytes).collect()
}

/// What esptool puts at the end of each block.
fn with_md5(mut block: Block) -> Block {
    block.flags |= 0x4000;
    block.tail = vec![0; 476 - 24 - block.data.len()];
    block.tail.extend(block.address.to_le_bytes());
    block.tail.extend((block.data.len() as u32).to_le_bytes());
    block.tail.extend(md5::Md5::digest(&block.data));
    block
}

/// The block that picotool puts in front because of erratum E10 of the RP2350.
fn e10(tag: &[u8]) -> Block {
    let flags = if tag.is_empty() { 0x2000 } else { 0xa000 };
    let data = vec![0xef; 256];
    Block {
        flags,
        address: 0x10ff_ff00,
        data,
        number: 0,
        total: 2,
        family: ABSOLUTE,
        tail: tag.to_vec(),
    }
}

fn memory(file: &[u8], options: &MemoryOptions) -> Vec<u8> {
    Memory::read(file, options).unwrap().image.into_owned()
}

/// The files come back; a device makes the memory of the new one. Returns the patch.
fn round_trip(old: &[u8], new: &[u8], taken: &MemoryOptions) -> Patch {
    let patch = diff_with(old, new, &options(), taken).unwrap();
    assert!(apply(old, &patch.bytes, Output::Same).unwrap() == new);
    let slot = apply_image(&memory(old, taken), &patch.bytes).unwrap();
    assert!(slot == memory(new, taken));
    assert!(apply(old, &patch.bytes, Output::Binary).unwrap() == slot);
    patch
}

#[test]
fn uf2_files_of_all_tools_are_patched_by_their_memory() {
    let versions = versions();
    let plain = versions.clone().map(|v| uf2(&series(&v, 0x1000_0000, PICO)));
    let least = round_trip(&plain[0], &plain[1], &MemoryOptions::default()).bytes.len();
    let tag = [8, 0x99, 0x57, 0xe3, 4, 0, 0, 0];
    type Make = fn(&[u8], &[u8]) -> Vec<Block>;
    let kinds: [(&str, Make); 9] = [
        ("picotool 2.0", |v, _| [vec![e10(&[])], series(v, 0x1000_0000, PICO)].concat()),
        ("picotool 2.1", |v, tag| [vec![e10(tag)], series(v, 0x1000_0000, PICO)].concat()),
        ("E10 at the end", |v, tag| [series(v, 0x1000_0000, PICO), vec![e10(tag)]].concat()),
        ("numbers begin again", |v, _| {
            let (first, second) = v.split_at(2048);
            [series(first, 0x1000_0000, PICO), series(second, 0x1000_0800, PICO)].concat()
        }),
        ("two families side by side", |v, _| {
            let (first, second) = v.split_at(2048);
            [series(first, 0x1000_0000, PICO), series(second, 0x1000_0800, ABSOLUTE)].concat()
        }),
        ("MD5", |v, _| series(v, 0x1_0000, PICO).into_iter().map(with_md5).collect()),
        ("tags in each block", |v, tag| {
            let mut blocks = series(v, 0x1000_0000, PICO);
            blocks.iter_mut().for_each(|b| (b.flags, b.tail) = (0xa000, tag.to_vec()));
            blocks
        }),
        ("padded with FF", |v, _| {
            let mut blocks = series(v, 0x1000_0000, PICO);
            blocks.iter_mut().for_each(|block| block.tail = vec![0xff; 476 - block.data.len()]);
            blocks
        }),
        ("backwards", |v, _| series(v, 0x1000_0000, PICO).into_iter().rev().collect()),
    ];
    for (name, make) in kinds {
        let [old, new] = versions.clone().map(|version| uf2(&make(&version, &tag)));
        let taken = MemoryOptions::default();
        let patch = round_trip(&old, &new, &taken);
        assert!(memory(&new, &taken) == versions[1], "{name}");
        let len = patch.bytes.len();
        assert!(len <= least + 32, "{name}: {len} bytes, plain {least}");
        // From nothing that helps, too.
        let taken = MemoryOptions::default();
        let patch = diff_with(&versions[0], &new, &options(), &taken).unwrap().bytes;
        assert!(apply(&versions[0], &patch, Output::Same).unwrap() == new, "{name}");
    }
}

#[test]
fn two_chips_in_one_file_are_patched_together_or_one_by_one() {
    let versions = versions();
    let other = |v: &[u8]| v.iter().rev().copied().collect::<Vec<u8>>();
    let [old, new] = versions.clone().map(|v| {
        uf2(&[series(&v, 0x1000_0000, PICO), series(&other(&v), 0x1000_0000, ABSOLUTE)].concat())
    });
    // Together: for computers.
    let all = MemoryOptions::default();
    assert!(matches!(
        &Memory::read(&new, &all).unwrap().warnings()[..],
        [MemoryWarning::SeveralTargets { targets }] if targets.len() == 2
    ));
    let both = round_trip(&old, &new, &all);
    assert!(memory(&new, &all) == [&versions[1][..], &other(&versions[1])].concat());
    // One: for devices. The other comes back with the file.
    for (family, expected) in [(PICO, versions[1].clone()), (ABSOLUTE, other(&versions[1]))] {
        let mut one = MemoryOptions::default();
        one.read.select.family = Some(family);
        assert_eq!(Memory::read(&new, &one).unwrap().warnings(), []);
        assert!(memory(&new, &one) == expected);
        let patch = round_trip(&old, &new, &one);
        let most = both.bytes.len() * 13 / 10 + 128;
        assert!(patch.bytes.len() <= most, "{} bytes, both {most}", patch.bytes.len());
        // A device's own memory is enough for it, and for a plain binary on a host.
        let slot = memory(&old, &one);
        assert!(apply(&slot, &patch.bytes, Output::Binary).unwrap() == expected);
        let refused = apply(&slot, &patch.bytes, Output::Same);
        assert_eq!(refused, Err(FileError::NeedsOldText));
    }
    let mut none = MemoryOptions::default();
    none.read.select.family = Some(7);
    let refused = diff_with(&old, &new, &options(), &none);
    assert!(matches!(refused, Err(MakeError::OldFile(ImageError::NotInFile { .. }))));
}

/// LibreTiny: an image for each partition, all from address 0; the first block of each has tags.
#[test]
fn images_that_all_begin_at_address_0() {
    let versions = versions();
    let make = |v: &[u8]| {
        let tagged = |blocks: &mut [Block]| blocks[0].flags = 0xa000;
        let (mut first, mut second) =
            (series(v, 0, PICO), series(&v.iter().map(|b| !b).collect::<Vec<_>>(), 0, PICO));
        tagged(&mut first);
        tagged(&mut second);
        let mut header = first[0].clone();
        (header.flags, header.data, header.tail) = (0xa001, Vec::new(), b"board".to_vec());
        let mut blocks = [vec![header], first, second].concat();
        // A block of the first image tells how it differs in the other partition.
        (blocks[5].flags, blocks[5].tail) = (0xa000, vec![v[9], 8, 7]);
        let total = blocks.len() as u32;
        for (number, block) in blocks.iter_mut().enumerate() {
            (block.number, block.total) = (number as u32, total);
        }
        uf2(&blocks)
    };
    let [old, new] = versions.clone().map(|v| make(&v));
    let plain = diff(&versions[0], &versions[1], &options()).unwrap().bytes.len();
    let mut all = MemoryOptions::default();
    // The second image holds no code that could be predicted.
    let both = round_trip(&old, &new, &all).bytes.len();
    assert!(both < plain * 3 + 256, "{both} bytes, one image {plain}");
    all.read.select.part = Some(0);
    assert!(memory(&new, &all) == versions[1]);
    round_trip(&old, &new, &all);
    all.read.select.part = Some(1);
    assert_eq!(memory(&new, &all)[0], !versions[1][0]);
    round_trip(&old, &new, &all);
    all.read.select.part = Some(2);
    assert!(matches!(Memory::read(&new, &all), Err(ImageError::NotInFile { .. })));
}

fn record(kind: u8, address: u16, data: &[u8]) -> String {
    let head = [data.len() as u8, (address >> 8) as u8, address as u8, kind];
    let bytes = [&head[..], data].concat();
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!(":{digits}{sum:02X}\n")
}

/// A section of a micro:bit Universal Hex file, or of its older form in blocks of 512 characters.
fn section(board: u16, kind: u8, data: &[u8], in_blocks: bool) -> String {
    let [high, low] = board.to_be_bytes();
    let start = record(4, 0, &[0, 0]) + &record(0x0a, 0, &[high, low, 0xc0, 0xde]);
    let records = data.chunks(16).enumerate().map(|(n, data)| record(kind, n as u16 * 16, data));
    let records: Vec<String> = records.collect();
    let step = if in_blocks { 9 } else { records.len() };
    let block = |records: &[String]| {
        start.clone() + &records.concat() + &record(0x0c, 0, &[0xff; 7]) + &record(0x0b, 0, &[])
    };
    records.chunks(step).map(block).collect()
}

#[test]
fn a_universal_hex_file_has_a_memory_for_each_board() {
    let versions = versions();
    let other = |v: &[u8]| v.iter().rev().copied().collect::<Vec<u8>>();
    for in_blocks in [false, true] {
        let [old, new] = versions.clone().map(|v| {
            let sections = section(0x9900, 0, &v, in_blocks)
                + &section(0x9903, 0x0d, &other(&v), in_blocks)
                + &record(0x0e, 0, b"sources")
                + &record(1, 0, &[]);
            sections.into_bytes()
        });
        round_trip(&old, &new, &MemoryOptions::default());
        for (board, expected) in [(0x9900, versions[1].clone()), (0x9903, other(&versions[1]))] {
            let mut one = MemoryOptions::default();
            one.read.select.board = Some(board);
            assert!(memory(&new, &one) == expected, "{board:x}");
            round_trip(&old, &new, &one);
        }
        let refused = Image::parse(&new, &ReadOptions::default());
        assert!(
            matches!(refused, Err(ImageError::SeveralTargets { targets }) if targets.len() == 2)
        );
        let mut wrong = MemoryOptions::default();
        wrong.read.select.board = Some(0x9905);
        assert!(matches!(Memory::read(&new, &wrong), Err(ImageError::NotInFile { .. })));
    }
    // One board: nothing to select.
    let [old, new] = versions
        .clone()
        .map(|v| (section(0x9903, 0x0d, &v, false) + &record(1, 0, &[])).into_bytes());
    round_trip(&old, &new, &MemoryOptions::default());
    assert!(memory(&new, &MemoryOptions::default()) == versions[1]);
}

#[test]
fn records_of_unknown_types_are_carried_if_they_are_accepted() {
    let [old, new] = versions().map(|v| {
        let body = Image::parse(&v, &ReadOptions { base: Some(0), ..ReadOptions::default() });
        let text = body.unwrap().write(Format::IntelHex, &WriteOptions::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let signature = (0..64u16).step_by(16).map(|at| record(0xfd, at, &v[20..36]));
        text.replace(":00000001FF", &(signature.collect::<String>() + ":00000001FF")).into_bytes()
    });
    let refused = diff(&old, &new, &options());
    let is_unknown = |error: &ImageError| {
        matches!(error, ImageError::UnknownRecord { found: 0xfd, .. })
            && error.remedy() == Some(Remedy::AcceptRecords)
    };
    assert!(matches!(refused, Err(MakeError::OldFile(error)) if is_unknown(&error)));
    let mut taken = MemoryOptions::default();
    taken.read.unknown_records = true;
    round_trip(&old, &new, &taken);
    assert!(memory(&new, &taken) == versions()[1]);
}

/// An application, and the settings of the chip (UICR of an nRF52) far away.
fn with_settings(image: &[u8], settings: &[u8]) -> Vec<u8> {
    let segment = |address, data: &[u8]| image::Segment { address, data: data.to_vec() };
    let segments = vec![segment(0x2_6000, image), segment(0x1000_1014, settings)];
    let image = Image { format: Format::Raw, segments, entry: None, header: None };
    image.write(Format::IntelHex, &WriteOptions::default()).unwrap()
}

#[test]
fn far_records_are_warned_of_and_a_range_leaves_them_to_the_file() {
    let versions = versions();
    let long: Vec<u8> = (0..5000u32).map(|n| ((n * n) >> 7) as u8).collect();
    for settings in [&[0, 0x40, 0x0f, 0][..], &long] {
        let old = with_settings(&versions[0], settings);
        let mut changed = settings.to_vec();
        changed[2] ^= 1;
        let new = with_settings(&versions[1], &changed);
        let warnings = Memory::read(&new, &MemoryOptions::default()).unwrap().warnings();
        let [MemoryWarning::FarApart { parts }] = &warnings[..] else { panic!("{warnings:?}") };
        assert_eq!((parts.len(), warnings[0].range()), (2, Some((0x2_6000, 0x2_6000 + 6000))));
        let said = warnings[0].to_string();
        assert!(said.contains("2 parts") && said.contains("0x10001014"), "{said}");
        let mut taken = MemoryOptions { range: Some((0x2_6000, 0x8_0000)), ..Default::default() };
        assert_eq!(Memory::read(&new, &taken).unwrap().warnings(), []);
        assert!(memory(&new, &taken) == versions[1]);
        let patch = round_trip(&old, &new, &taken);
        let plain = diff(&versions[0], &versions[1], &options()).unwrap().bytes.len();
        assert!(patch.bytes.len() <= plain + 160, "{} bytes, plain {plain}", patch.bytes.len());
        // A range through the middle of the data.
        taken.range = Some((0x2_6100, 0x2_7000));
        assert!(memory(&new, &taken) == versions[1][0x100..0x1000]);
        round_trip(&old, &new, &taken);
        // From the device's plain binary to the file.
        taken.range = Some((0x2_6000, 1 << 32));
        let patch = diff_with(&versions[0], &new, &options(), &taken).unwrap().bytes;
        assert!(apply(&versions[0], &patch, Output::Same).unwrap() == new);
        taken.range = Some((0, 16));
        assert_eq!(Memory::read(&new, &taken), Err(ImageError::Empty));
    }
}

/// Sections with a selection, a range and a rest, each byte changed and the checksum put right: an
/// error, or the very file.
#[test]
fn hostile_sections_with_a_rest_never_lead_to_another_file() {
    let [old, new] = versions().map(|v| with_settings(&v[..900], &v[..400]));
    let [old_uf2, new_uf2] = versions()
        .map(|v| uf2(&[series(&v[..700], 0, PICO), series(&v[900..1400], 0, ABSOLUTE)].concat()));
    let mut family = MemoryOptions::default();
    family.read.select = Selection { family: Some(PICO), part: Some(0), ..Default::default() };
    let range = MemoryOptions { range: Some((0x2_6000, 0x3_0000)), ..Default::default() };
    let cases = [
        (&old, &new, &range),
        (&old_uf2, &new_uf2, &family),
        (&old_uf2, &new_uf2, &MemoryOptions::default()),
    ];
    for (old, new, taken) in cases {
        let patch = diff_with(old, new, &options(), taken).unwrap();
        let end = patch.bytes.len() - 4;
        let start = patch.bytes.len() - patch.header.host_len as usize;
        for at in start..end {
            for change in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut bad = patch.bytes.clone();
                bad[at] ^= change;
                let crc = crc32(&bad[start..end]);
                bad[end..].copy_from_slice(&crc.to_le_bytes());
                if let Ok(found) = apply(old, &bad, Output::Same) {
                    assert!(found == *new, "byte {at} changed by {change}");
                }
            }
        }
    }
}

#[test]
fn a_binary_of_a_container_is_the_memory_in_it() {
    let dfuse = |v: &[u8]| {
        let mut file = b"DfuSe\x01\0\0\0\0\x01Target".to_vec();
        file.resize(11 + 266, 0);
        file.extend((v.len() as u32 + 8).to_le_bytes());
        file.extend([1, 0, 0, 0, 0, 0, 0, 8]);
        file.extend((v.len() as u32).to_le_bytes());
        file.extend(v);
        file
    };
    let versions = versions();
    let [old, new] = versions.clone().map(|v| dfuse(&v));
    let patch = diff(&old, &new, &options()).unwrap().bytes;
    assert!(apply(&old, &patch, Output::Same).unwrap() == new);
    assert!(apply(&old, &patch, Output::Binary).unwrap() == versions[1]);
    let elf = |name: &str| {
        let path = format!("{}/../../testdata/firmware/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    };
    let [old, new] = ["cortex-m-1.0.elf", "cortex-m-1.1.elf"].map(elf);
    let patch = diff(&old, &new, &options().effort(1)).unwrap().bytes;
    let binary = apply(&old, &patch, Output::Binary).unwrap();
    let found = Image::parse(&new, &ReadOptions::default()).unwrap();
    assert!(binary == found.write(Format::Raw, &WriteOptions::default()).unwrap());
}
