//! Holes that are refused, and patches with holes that are damaged.

use super::holes::*;
use crate::common::{damaged_copies, Random};
use flashdelta::apply::HeapApplier;
use flashdelta::apply::{self, ApplyError, OutOfBounds};
use flashdelta::diff::{self, ChunkSize, DiffError, DiffOptions, Hole, HoleSource};
use flashdelta::door::{self, ApplyRequest, MakeRequest, PatchError};
use flashdelta::holes::{personalize, HoleError, Values};
use flashdelta::update::holes::WithValues;
use flashdelta::{Codec, HeaderError, Input};

/// A value that was not written as it should be is noticed, although no digest is over it.
#[test]
fn what_reads_back_otherwise_is_noticed() {
    struct Weak(Vec<u8>, usize);
    impl apply::NewImage for Weak {
        type Error = OutOfBounds;
        fn capacity(&self) -> u32 {
            1 << 20
        }
        fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
            self.0.write(offset, data)
        }
        fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
            self.0.read(offset, buf)?;
            if let Some(byte) = self.1.checked_sub(offset as usize).and_then(|at| buf.get_mut(at)) {
                *byte ^= 1;
            }
            Ok(())
        }
    }
    let (old, new, holes) = esp();
    let options = holes.iter().cloned().fold(DiffOptions::new().effort(1), DiffOptions::hole);
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    let values = Values::new().with("key", [9; 17]);
    let serial = holes[0].new_range().unwrap().start as usize;
    let key = holes[1].new_range().unwrap().end as usize - 1;
    let ends = [new.len() - 33, new.len() - 32, new.len() - 1];
    for (at, is_right) in [(serial, false), (key, false), (usize::MAX, true)]
        .into_iter()
        .chain(ends.map(|at| (at, false)))
    {
        let image = WithValues::new(&old[..], &values);
        let run = HeapApplier::new().run(&patch[..], image, Weak(Vec::new(), at));
        assert_eq!(run.is_ok(), is_right, "{at}");
        if let Err(error) = run {
            assert_eq!(error.code(), "new-mismatch");
        }
    }
}

#[test]
fn images_that_are_vouched_for_cannot_have_holes() {
    let refused = |old: &[u8], new: &[u8]| {
        let options = DiffOptions::new().hole(Hole::new("serial", 0x210..0x220));
        match diff::diff(old, new, &options) {
            Err(DiffError::Hole(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    // MCUboot: a digest.
    let mut mcuboot = Vec::new();
    for word in [0x96f3_b83du32, 0, 0x0000_0200, 400, 0, 1, 0, 0] {
        mcuboot.extend(word.to_le_bytes());
    }
    mcuboot.resize(0x200 + 400, 0xff);
    mcuboot.extend([0x07, 0x69, 40, 0, 0x10, 0, 32, 0]);
    mcuboot.extend([9; 32]);
    let plain = vec![0xff; 2000];
    for (old, new) in [(&mcuboot, &mcuboot), (&plain, &mcuboot), (&mcuboot, &plain)] {
        let error = refused(old, new);
        assert_eq!(error, HoleError::Vouched { by: "a digest for MCUboot" });
        assert_eq!(error.remedy(), Some(flashdelta::Remedy::UseDataPartition));
    }
    // Secure boot, both versions; what else follows an ESP image.
    let (old, new, [serial, _]) = esp();
    let with = |new: &[u8]| match diff::diff(&old, new, &DiffOptions::new().hole(serial.clone())) {
        Err(DiffError::Hole(error)) => error,
        other => panic!("{other:?}"),
    };
    let signed = [&new[..], &[0; 68]].concat();
    let mut block = new.clone();
    block.resize(new.len().next_multiple_of(4096), 0xff);
    block.extend([0xe7, 2, 0, 0]);
    block.resize(block.len() + 4092, 0x11);
    for image in [&signed, &block] {
        assert_eq!(with(image), HoleError::Vouched { by: "a signature for secure boot" });
    }
    let padded = [&new[..], &[0xff; 16]].concat();
    assert!(matches!(with(&padded), HoleError::Trailing { .. }));
    let mut wrong = new.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(with(&wrong), HoleError::WrongSum);
    // A device without the model codec computes no digest.
    let options = DiffOptions::new().hole(serial.clone()).codec(Codec::Lz4);
    let error = diff::diff(&old, &new, &options).unwrap_err();
    assert_eq!(error, DiffError::Hole(HoleError::OwnDigest));
}

#[test]
fn holes_that_cannot_be_are_named() {
    let image = [0xff; 100];
    let code = |holes: &[Hole]| {
        let options = holes.iter().cloned().fold(DiffOptions::new(), DiffOptions::hole);
        diff::diff(&image, &image, &options).map(|_| ()).map_err(|error| error.code())
    };
    let hole = |name: &str, range| Hole::new(name, range);
    assert_eq!(code(&[hole("a b", 1..2)]), Err("hole-name"));
    assert_eq!(code(&[hole("", 1..2)]), Err("hole-name"));
    assert_eq!(code(&[hole("seventeen-letters", 1..2)]), Err("hole-name"));
    assert_eq!(code(&[hole("a", 1..2), hole("a", 3..4)]), Err("hole-same-name"));
    let many: Vec<_> = (0..17).map(|n| hole(&format!("h{n}"), n..n + 1)).collect();
    assert_eq!(code(&many), Err("holes-too-many"));
    assert_eq!(code(&many[..16]), Ok(()));
    assert_eq!(code(&[hole("a", 2..2)]), Err("hole-outside"));
    assert_eq!(code(&[hole("a", 90..101)]), Err("hole-outside"));
    assert_eq!(code(&[hole("a", 1..5), hole("b", 4..6)]), Err("hole-overlap"));
    assert_eq!(code(&[hole("a", 1..5).old(1..4)]), Err("hole-other-length"));
    let kept = hole("a", 1..5).old(None).source(HoleSource::Kept);
    assert_eq!(code(&[kept]), Err("hole-nothing-to-keep"));
    assert_eq!(code(&[hole("a", 1..5), hole("b", 5..6), Hole::gone("c", 0..1)]), Ok(()));
}

#[test]
fn the_door_proves_patches_with_holes_and_takes_values() {
    let (old, new) = versions();
    let (old_input, new_input) = (Input::from_bytes(&old[..]), Input::from_bytes(&new[..]));
    let made = door::make(&old_input, &new_input, &MakeRequest::new().diff(options())).unwrap();
    assert!(made.verified);
    let (device, expected) = device(&mut Random(17), &[3; 16]);
    let device = Input::from_bytes(&device[..]);
    let values = Values::new().with("key", [3; 16]);
    let request = || ApplyRequest::new().values(values.clone());
    let applied = door::apply(&device, &made.bytes, request()).unwrap();
    assert!(applied.bytes == expected);
    // A second time it is told what it is.
    let error = door::apply(&Input::from_bytes(&expected[..]), &made.bytes, request()).unwrap_err();
    assert!(matches!(error, PatchError::AlreadyNew), "{error}");
    for name in ["other", "calibration"] {
        let request = ApplyRequest::new().values(values.clone().with(name, "x"));
        let error = door::apply(&device, &made.bytes, request).unwrap_err();
        assert!(matches!(error, PatchError::Hole(HoleError::Unknown { .. })), "{error}");
    }
}

#[test]
fn damaged_patches_with_holes_are_refused() {
    let (old, new) = versions();
    let patch =
        diff::diff(&old, &new, &options().codec(Codec::Raw).chunks(ChunkSize::None)).unwrap();
    let (old, new) = device(&mut Random(19), &[3; 16]);
    let values = Values::new().with("key", [3; 16]);
    let shown = |image: &[u8]| {
        let mut image = image[..image.len() - 1].to_vec();
        for hole in [NEW_SERIAL, NEW_CALIBRATION, KEY] {
            image[hole].fill(0);
        }
        image
    };
    let mut bad_holes = 0;
    for copy in damaged_copies(&patch.bytes, 23, 3000) {
        match apply_with(&old, &copy, &values) {
            // A header with a right checksum may say where values come from, and whether the last
            // byte is a checksum: nobody vouches for it but a signature.
            Ok(made) => assert!(shown(&made) == shown(&new)),
            Err(ApplyError::Header(HeaderError::BadHole { .. })) => bad_holes += 1,
            Err(_) => {}
        }
    }
    assert!(bad_holes > 5, "only {bad_holes}");
}

#[test]
fn personalizing_corrects_each_image_of_a_whole_flash() {
    let (_, app, [serial, _]) = esp();
    let range = serial.new_range().unwrap();
    let mut flash = vec![0xff; 0x1000];
    flash.extend(&app);
    flash.resize(0x2_0000, 0xff);
    flash.extend(&app);
    flash.resize(flash.len().next_multiple_of(0x1000), 0xff);
    let hole = Hole::new("serial", range.start + 0x2_0000..range.end + 0x2_0000);
    let outside = Hole::new("nvs", 0x1_f000..0x1_f010);
    let values = Values::new().with("serial", "A-1").with("nvs", "N");
    let made = personalize(&flash, &[hole, outside], &values).unwrap();
    assert_eq!(made.len(), flash.len());
    assert_eq!(flashdelta::image::check(&made), []);
    assert!(made[..0x1_f000] == flash[..0x1_f000]);
    assert_eq!(made[0x1_f000..0x1_f002], *b"N\0");
    let alone = personalize(&app, &[serial], &Values::new().with("serial", "A-1")).unwrap();
    assert!(made[0x2_0000..][..app.len()] == alone);
    // In the header of an image there are no holes.
    let header = [Hole::new("h", 0x1004..0x1008)];
    let error = personalize(&flash, &header, &Values::new().with("h", "x")).unwrap_err();
    assert_eq!(error.code(), "hole-no-segment");
}
