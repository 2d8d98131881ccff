//! Patches between the sample images of `testdata`, in every codec and in the RAM of every profile.

use crate::common::{apply_in_pieces, testdata};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::{apply, Codec, InstructionSet};

/// Pairs of sample images.
const PAIRS: [(&str, &str); 7] = [
    ("firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"),
    ("firmware/riscv-1.1.bin", "firmware/riscv-1.0.bin"),
    ("firmware/cortex-m-1.0.bin", "firmware/cortex-m-1.1.bin"),
    ("edge/reordered-old.bin", "edge/reordered-new.bin"),
    ("edge/inserted-old.bin", "edge/inserted-new.bin"),
    ("edge/empty.bin", "firmware/riscv-1.0.bin"),
    ("firmware/riscv-1.0.bin", "edge/empty.bin"),
];

#[test]
fn every_codec_in_every_memory() {
    for (old, new) in PAIRS {
        let (old, new) = (testdata(old), testdata(new));
        for ram in [4 << 10, 16 << 10, 64 << 10] {
            for codec in Codec::ALL {
                let options =
                    DiffOptions::new().profile(DeviceProfile::linux()).ram(ram).codec(codec);
                let patch = match diff(&old, &new, &options) {
                    Ok(patch) => patch,
                    Err(error) if ram < 16 << 10 => {
                        println!("{codec} in {ram}: {error}");
                        continue;
                    }
                    Err(error) => panic!("{codec} in {ram}: {error}"),
                };
                println!("{codec} in {ram}: {} bytes, {:?}", patch.bytes.len(), patch.report.isa);
                assert!(patch.header.ram <= ram);
                for piece in [1, 7, 300, usize::MAX] {
                    assert_eq!(
                        apply_in_pieces(&old, &patch.bytes, piece).as_deref(),
                        Ok(&new[..]),
                        "{codec} in {ram}"
                    );
                }
                assert_eq!(apply::apply(&old, &patch.bytes).as_deref(), Ok(&new[..]));
            }
        }
    }
}

#[test]
fn a_patch_explains_itself_as_its_maker_did() {
    for (old, new) in PAIRS {
        let (mut old, new) = (testdata(old), testdata(new));
        for codec in Codec::ALL {
            let patch =
                diff(&old, &new, &DiffOptions::new().profile(DeviceProfile::linux()).codec(codec))
                    .unwrap();
            // A slot is longer than the image in it.
            old.resize(old.len() + 100, 0xFF);
            let (told, report) = (apply::explain(&old, &patch.bytes).unwrap(), &patch.report);
            old.truncate(old.len() - 100);
            assert_eq!(told.header, patch.header);
            assert_eq!(told.header.address_map_len(), report.address_map_len);
            assert_eq!(told.parts, report.parts, "{codec}");

            assert_eq!(
                ([
                    told.copies_from_old,
                    told.copies_from_new,
                    told.bytes_from_old,
                    told.bytes_from_new,
                    told.literals
                ]),
                ([
                    report.copies_from_old,
                    report.copies_from_new,
                    report.bytes_from_old,
                    report.bytes_from_new,
                    report.literals
                ]),
                "{codec}"
            );
            assert_eq!(told.bytes_from_old + told.bytes_from_new + told.literals, new.len() as u32);
            if codec == Codec::Model {
                let parts: u64 = told.parts.iter().map(|p| p.bytes).sum();
                assert!(
                    parts.abs_diff(report.body_len.into()) <= 16,
                    "{parts} against {}",
                    report.body_len
                );
            }
        }
    }
    let [old, new] = ["firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"].map(testdata);
    let patch = diff(&old, &new, &DiffOptions::new()).unwrap();
    assert!(matches!(
        apply::explain(&new, &patch.bytes),
        Err(apply::ApplyError::OldMismatch { .. })
    ));
}

#[test]
fn identical_images_take_70_bytes() {
    let image: Vec<u8> =
        testdata("firmware/riscv-1.0.bin").into_iter().cycle().take(1 << 20).collect();
    let patch = diff(&image, &image, &DiffOptions::new()).unwrap();
    assert!(patch.bytes.len() <= 70, "{} bytes", patch.bytes.len());
    assert!(patch.header.ram <= 4096, "{} bytes of RAM", patch.header.ram);
    assert_eq!(apply::apply(&image, &patch.bytes).unwrap(), image);
}

#[test]
fn identical_firmware_takes_70_bytes_and_little_memory() {
    for name in ["riscv-1.0.bin", "cortex-m-1.0.bin", "cortex-m-1.0.elf"] {
        let image = testdata(&format!("firmware/{name}"));
        // The model codec has to say bit by bit that nothing has changed.
        for (codec, most) in [(None, 70), (Some(Codec::Raw), 64), (Some(Codec::Model), 70)] {
            let patch = diff(&image, &image, &DiffOptions::new().codec(codec)).unwrap();
            assert!(patch.bytes.len() <= most, "{name}: {} bytes", patch.bytes.len());
            assert_eq!(apply::apply(&image, &patch.bytes).as_deref(), Ok(&image[..]));
            assert!(patch.header.ram <= 4096, "{name}: {} bytes of RAM", patch.header.ram);
        }
    }
}

#[test]
fn a_small_patch_has_no_map_that_it_does_not_need() {
    let old = testdata("firmware/riscv-1.0.bin");
    let mut new = old.clone();
    let at = new.len() / 2;
    new[at] ^= 0x55;
    let patch = diff(&old, &new, &DiffOptions::new()).unwrap();
    assert!(patch.bytes.len() <= 80, "{} bytes", patch.bytes.len());
    assert_eq!(apply::apply(&old, &patch.bytes), Ok(new));
}

#[test]
fn the_instruction_set_is_found() {
    for (old, new, isa) in [
        ("firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin", InstructionSet::RiscV),
        ("firmware/cortex-m-1.0.bin", "firmware/cortex-m-1.1.bin", InstructionSet::Thumb),
    ] {
        let patch = diff(&testdata(old), &testdata(new), &DiffOptions::new()).unwrap();
        assert_eq!(patch.report.isa, isa);
    }
}
