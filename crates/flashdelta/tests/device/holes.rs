//! Data of one device in an image of all: one patch, and every device keeps what it has.

use core::convert::Infallible;
use core::ops::Range;

use crate::common::cuts::Proof;
use crate::common::{code_like, damaged_copies, edited, testdata, with_own_digest, Random};
use flashdelta::apply::{self, Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::apply::{HeapApplier, HeapError, MemoryImage, OldImage};
use flashdelta::diff::{self, ChunkSize, DeviceProfile, DiffError, DiffOptions, Hole, HoleSource};
use flashdelta::door::{self, ApplyRequest, MakeRequest, PatchError};
use flashdelta::holes::{self, personalize, HoleError, Values};
use flashdelta::image::esp::EspImage;
use flashdelta::sign::{self, PrivateKey};
use flashdelta::update::holes::{ValueRecord, WithValues};
use flashdelta::verify::Guard;
use flashdelta::{Codec, ErrorClass, HeaderError, Input, PatchHeader};
use sha2::{Digest as _, Sha256};

type Made = Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>>;

/// A serial number that has moved, calibration that may only be kept, and a key that is new.
const OLD_SERIAL: Range<usize> = 2000..2032;
const NEW_SERIAL: Range<usize> = 2040..2072;
const OLD_CALIBRATION: Range<usize> = 4000..4300;
const NEW_CALIBRATION: Range<usize> = 4040..4340;
const KEY: Range<usize> = 5000..5016;

fn range(range: &Range<usize>) -> Range<u32> {
    range.start as u32..range.end as u32
}

/// Two versions of an image of 6 KB, with FF in their holes.
fn versions() -> (Vec<u8>, Vec<u8>) {
    let mut random = Random(7);
    let mut old = code_like(&mut random, 6000);
    let mut new = [&old[..1000], &random.bytes(40)[..], &old[1000..5900]].concat();
    for at in (0..new.len()).step_by(700) {
        new[at] ^= 0x55;
    }
    for hole in [OLD_SERIAL, OLD_CALIBRATION] {
        old[hole].fill(0xff);
    }
    for hole in [NEW_SERIAL, NEW_CALIBRATION, KEY] {
        new[hole].fill(0xff);
    }
    (old, new)
}

fn options() -> DiffOptions {
    let calibration = Hole::new("calibration", range(&NEW_CALIBRATION));
    DiffOptions::new()
        .profile(DeviceProfile::small())
        .hole(calibration.old(range(&OLD_CALIBRATION)).source(HoleSource::Kept))
        .hole(Hole::new("serial", range(&NEW_SERIAL)).old(range(&OLD_SERIAL)))
        .hole(Hole::new("key", range(&KEY)).old(None))
}

/// Applies a patch with values, as hosts do, in no more workspace than it asks for.
fn apply_with(old: &[u8], patch: &[u8], values: &Values) -> Made {
    let old = WithValues::new(old, values);
    match HeapApplier::new().exact(true).run(patch, old, MemoryImage::new(1 << 20)) {
        Ok(update) => Ok(update.new.into_bytes()),
        Err(HeapError::Apply(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// A device: its old image, and what becomes of it with this key.
fn device(random: &mut Random, key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut old, mut new) = versions();
    for (from, to) in [(OLD_SERIAL, NEW_SERIAL), (OLD_CALIBRATION, NEW_CALIBRATION)] {
        let value = random.bytes(from.len());
        old[from].copy_from_slice(&value);
        new[to].copy_from_slice(&value);
    }
    new[KEY].copy_from_slice(key);
    (old, new)
}

#[test]
fn one_patch_serves_ten_thousand_devices() {
    let (old, new) = versions();
    let patch = diff::diff(&old, &new, &options()).unwrap().bytes;
    let names: Vec<_> = holes::list(&patch).into_iter().map(|hole| hole.name).collect();
    assert_eq!(names, ["serial", "calibration", "key"]);
    let mut random = Random(1);
    for _ in 0..10_000 {
        let key = random.bytes(16);
        let (old, new) = device(&mut random, &key);
        assert!(apply_with(&old, &patch, &Values::new().with("key", key)).unwrap() == new);
    }
}

#[test]
fn a_device_that_differs_elsewhere_is_refused() {
    let (old, new) = versions();
    let patch = diff::diff(&old, &new, &options()).unwrap().bytes;
    let values = Values::new().with("key", [1; 16]);
    for at in [0, 1999, 2032, 3999, 4300, 5999] {
        let mut device = old.clone();
        device[at] ^= 1;
        let error = apply_with(&device, &patch, &values).unwrap_err();
        assert!(matches!(error, ApplyError::OldMismatch { .. }), "{at}: {error}");
    }
    assert!(apply_with(&old, &patch, &values).is_ok());
}

#[test]
fn a_value_that_is_missing_or_too_long_is_an_error_before_the_first_write() {
    let (old, new) = versions();
    let patch = diff::diff(&old, &new, &options()).unwrap().bytes;
    let cases = [
        (Values::new(), "hole-value-missing"),
        (Values::new().with("key", [1; 17]), "hole-value-too-long"),
        // That of calibration can only be kept, that of the serial number has to fit.
        (Values::new().with("key", "a").with("serial", [1; 33]), "hole-value-too-long"),
    ];
    for (values, code) in cases {
        let mut slot = vec![0x55; new.len()];
        let mut workspace = vec![0; 64 << 10];
        let image = WithValues::new(&old[..], &values);
        let mut applier =
            Applier::new(&mut workspace, image, &mut slot[..], ApplyOptions::default());
        let error = applier.feed(&patch).unwrap_err();
        assert_eq!((error.code(), error.class()), (code, ErrorClass::Misuse));
        assert!(slot.iter().all(|byte| *byte == 0x55));
    }
    // An image that knows of no values keeps what is there, and has no key.
    assert_eq!(apply::apply(&old, &patch).unwrap_err().code(), "hole-value-missing");
    // To see that it fits takes no values.
    assert!(apply::verify(&old, &patch).is_ok() && apply::explain(&old, &patch).is_ok());
}

#[test]
fn what_is_given_comes_before_what_is_there_and_zeros_follow_it() {
    let (old, new) = versions();
    let patch = diff::diff(&old, &new, &options()).unwrap().bytes;
    let (old, mut expected) = device(&mut Random(3), &[0; 16]);
    let values = Values::new().with("key", "k").with("serial", "A-7").with("calibration", "no");
    expected[NEW_SERIAL].fill(0);
    expected[NEW_SERIAL][..3].copy_from_slice(b"A-7");
    expected[KEY.start] = b'k';
    assert!(apply_with(&old, &patch, &values).unwrap() == expected);
    let record = values.to_record().unwrap();
    assert_eq!(Values::from(ValueRecord::new(&record).unwrap()), values);
    for len in 0..record.len() {
        // Cut between two values it is a record still.
        let whole = ValueRecord::new(&record[..len]).is_ok_and(|cut| cut.iter().count() < 3);
        assert!(whole == [4, 4 + 1 + 11 + 2 + 2, 4 + 16 + 1 + 3 + 2 + 1].contains(&len), "{len}");
    }
}

#[test]
fn without_holes_patches_are_what_they_were() {
    let (old, new) = versions();
    let patch = diff::diff(&old, &new, &DiffOptions::new()).unwrap();
    assert!(!patch.header.has_holes() && holes::list(&patch.bytes).is_empty());
    // Bit 7 of the features.
    assert_eq!(patch.bytes[5] & 0x80, 0);
    let with = diff::diff(&old, &new, &options()).unwrap();
    assert!(with.header.has_holes() && with.bytes[5] & 0x80 != 0);
}

/// The codecs and the ways in which calls are cut make no difference.
#[test]
fn all_codecs_and_pieces_agree() {
    let (old, new) = versions();
    let (old_device, expected) = device(&mut Random(9), &[7; 16]);
    for codec in [Codec::Raw, Codec::Lz4, Codec::Model, Codec::Zstd] {
        let profile = match codec {
            Codec::Zstd => DeviceProfile::linux(),
            _ => DeviceProfile::small(),
        };
        let options = options().profile(profile).codec(codec).chunks(ChunkSize::Bytes(256));
        let patch = diff::diff(&old, &new, &options).unwrap().bytes;
        let header = PatchHeader::parse(&patch).unwrap().unwrap();
        for (piece, budget) in [(1, 1), (7, 600), (64, 5000), (usize::MAX, u32::MAX)] {
            let mut slot = vec![0; new.len()];
            let mut workspace = vec![0xA5; header.workspace_len() + 1];
            let record = Values::new().with("key", [7; 16]).to_record().unwrap();
            let image = WithValues::new(&old_device[..], ValueRecord::new(&record).unwrap());
            let options = ApplyOptions::default();
            let mut applier = Applier::new(&mut workspace[1..], image, &mut slot[..], options);
            let mut taken = 0;
            loop {
                let end = patch.len().min(taken + piece.min(patch.len()));
                let progress = applier.feed_within(&patch[taken..end], budget).unwrap();
                taken = progress.taken as usize;
                if progress.done {
                    break;
                }
            }
            applier.finish().unwrap();
            assert!(slot == expected, "{codec} {piece} {budget}");
        }
    }
}

/// A plain model: fill, compare, put values.
#[test]
fn any_holes_do_what_a_plain_model_does() {
    let mut random = Random(11);
    for round in 0..150 {
        let len = 300 + random.below(2000);
        let old = code_like(&mut random, len);
        let mut new = edited(&mut random, &old, 5);
        if random.below(3) == 0 {
            [_, new] = with_own_digest(&new);
        }
        // Places from the start of both images on.
        let limit = new.len().min(old.len()).saturating_sub(40);
        let (mut made, mut at_old, mut at_new) = (Vec::new(), 0, 0);
        let (mut device, mut expected, mut given) = (old.clone(), new.clone(), Values::new());
        for n in 0..1 + random.below(6) {
            let len = 1 + random.below(30);
            at_old += random.below(80);
            at_new += random.below(80);
            let (from, to) = (at_old..at_old + len, at_new..at_new + len);
            (at_old, at_new) = (from.end, to.end);
            if from.end > limit || to.end > limit {
                break;
            }
            let name = format!("h{n}");
            let value = random.bytes(len);
            let mut hole = Hole::new(&name, range(&to)).old(range(&from));
            match random.below(5) {
                0 => hole = hole.source(HoleSource::Kept),
                1 => hole = hole.old(None),
                2 => hole = Hole::gone(&name, range(&from)),
                3 => hole = hole.source(HoleSource::Given).fill(random.next() as u8),
                _ => {}
            }
            if hole.old_range().is_some() {
                device[from].copy_from_slice(&value);
            }
            if hole.new_range().is_some() {
                expected[to.clone()].copy_from_slice(&value);
                let keeps = hole.old_range().is_some() && random.below(2) == 0;
                let must = hole == hole.clone().source(HoleSource::Given);
                let may = hole != hole.clone().source(HoleSource::Kept);
                if must || hole.old_range().is_none() || may && !keeps {
                    let len = 1 + random.below(len);
                    let value = random.bytes(len);
                    expected[to.clone()].fill(0);
                    expected[to.start..to.start + value.len()].copy_from_slice(&value);
                    given.set(&name, value);
                }
            }
            made.push(hole);
        }
        if made.is_empty() {
            continue;
        }
        let options = DiffOptions::new().effort(2).profile(DeviceProfile::small());
        let options = made.into_iter().fold(options, DiffOptions::hole);
        let patch = diff::diff(&old, &new, &options).unwrap();
        if patch.header.has_own_digest {
            let end = expected.len() - 32;
            [_, expected] = with_own_digest(&expected[..end]);
        }
        let found = apply_with(&device, &patch.bytes, &given).unwrap();
        assert!(found == expected, "round {round}");
        // And what a device makes is again what a patch can be made from.
        assert!(diff::diff(&found, &new, &options).is_ok() || patch.header.has_own_digest);
    }
}

#[test]
fn holes_change_places() {
    let (mut old, mut new) = (vec![0; 200], vec![1; 200]);
    let options = DiffOptions::new()
        .hole(Hole::new("a", 100..110).old(10..20))
        .hole(Hole::new("b", 10..20).old(100..110));
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    old[10..20].fill(b'a');
    old[100..110].fill(b'b');
    new[100..110].fill(b'a');
    new[10..20].fill(b'b');
    assert_eq!(apply::apply(&old, &patch).unwrap(), new);
}

/// An application of an ESP32 with a hole in each of two segments.
fn esp() -> (Vec<u8>, Vec<u8>, [Hole; 2]) {
    let [old, new] = ["esp32-1.0.bin", "esp32-1.1.bin"].map(|name| {
        let mut image = testdata(&format!("firmware/{name}"));
        // "Append digest", which the checksum does not cover.
        image[23] = 1;
        image.extend(Sha256::digest(&image));
        let parsed = EspImage::parse(&image, 0).unwrap();
        assert!(parsed.digest.is_some() && parsed.end == image.len());
        image
    });
    let at = |image: &[u8], segment: usize, into: usize| {
        let start = EspImage::parse(image, 0).unwrap().segments[segment].range.start + into;
        start as u32..start as u32 + 17
    };
    let serial = Hole::new("serial", at(&new, 0, 300)).old(at(&old, 0, 280));
    let last = EspImage::parse(&new, 0).unwrap().segments.len() - 1;
    let key = Hole::new("key", at(&new, last, 64)).old(None);
    (old, new, [serial, key])
}

#[test]
fn checksum_and_digest_of_an_esp_image_come_out_right_on_the_device() {
    let (old, new, holes) = esp();
    let options = holes.iter().cloned().fold(DiffOptions::new().effort(2), DiffOptions::hole);
    let patch = diff::diff(&old, &new, &options).unwrap();
    assert!(patch.header.has_own_digest);
    let mut random = Random(5);
    for _ in 0..20 {
        let (serial, key) = (random.bytes(17), random.bytes(5));
        let was = Hole::new("serial", holes[0].old_range().unwrap());
        let device = personalize(&old, &[was], &Values::new().with("serial", &serial[..])).unwrap();
        let both = Values::new().with("serial", &serial[..]).with("key", &key[..]);
        let expected = personalize(&new, &holes, &both).unwrap();
        let made = apply_with(&device, &patch.bytes, &Values::new().with("key", key)).unwrap();
        assert!(made == expected);
        assert_eq!(flashdelta::image::check(&made), [], "sums are right");
        // A wrong sum of the old image is another image.
        let mut wrong = device.clone();
        let checksum = EspImage::parse(&wrong, 0).unwrap().checksum;
        wrong[checksum] ^= 1;
        let error = apply_with(&wrong, &patch.bytes, &both).unwrap_err();
        assert!(matches!(error, ApplyError::OldMismatch { .. }), "{error}");
    }
    assert_eq!(patch.header.new_digest, Sha256::digest(filled(&new, &holes))[..]);
}

/// An image with fills: what its digest in a patch is of.
fn filled(image: &[u8], holes: &[Hole]) -> Vec<u8> {
    let values = holes.iter().fold(Values::new(), |values, hole| {
        values.with(hole.name(), vec![0xff; hole.new_range().unwrap().len()])
    });
    personalize(image, holes, &values).unwrap()
}

/// Slots whose sectors are smaller than the holes.
#[test]
fn a_power_cut_anywhere_does_no_harm() {
    let (old, new) = versions();
    let kept = DiffOptions::new().effort(2).codec(Codec::Lz4).profile(DeviceProfile::small());
    let options = kept
        .hole(Hole::new("serial", range(&NEW_SERIAL)).old(range(&OLD_SERIAL)))
        .hole(Hole::new("calibration", range(&NEW_CALIBRATION)).old(range(&OLD_CALIBRATION)));
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    let (old, new) = device(&mut Random(13), &[0xff; 16]);
    let outcome = Proof { restarts: 20, ..Proof::new(&old, &new, &patch) }.run::<1, 4, 256>();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    assert!(outcome.cuts > 1000, "{outcome:?}");
}

fn key() -> PrivateKey {
    PrivateKey::from_pem(&String::from_utf8(testdata("signed/ed25519.pem")).unwrap()).unwrap()
}

/// Signed, in chunks, with suspensions and resets between all calls.
#[test]
fn a_signed_update_goes_on_after_resets() {
    let (esp_old, esp_new, esp_holes) = esp();
    let (old, new) = versions();
    let plain = (old, new, options(), Values::new().with("key", [7; 16]));
    let esp_options =
        esp_holes.iter().cloned().fold(DiffOptions::new().effort(1), DiffOptions::hole);
    let esp = (esp_old, esp_new, esp_options, Values::new().with("key", "abc").with("serial", "x"));
    for (old, new, options, values) in [plain, esp] {
        let options = options.chunks(ChunkSize::Bytes(1024));
        let patch = sign::sign(&diff::diff(&old, &new, &options).unwrap().bytes, &key()).unwrap();
        let header = PatchHeader::parse(&patch).unwrap().unwrap();
        let expected = apply_with(&old, &patch, &values).unwrap();
        for (every, budget) in [(333, 3000), (2000, 60_000)] {
            let (mut slot, mut kept) = (vec![0x55; new.len()], Vec::new());
            let (mut taken, mut done) = (0, false);
            while !done {
                let mut workspace = vec![0xA5; header.workspace_len()];
                let mut buffer = vec![0x5A; header.chunk_ram() as usize];
                let image = WithValues::new(&old[..], &values);
                let options = ApplyOptions::default();
                let applier = Applier::new(&mut workspace, image, &mut slot[..], options);
                let mut guard = Guard::require_signature(applier, key().public(), &mut buffer);
                let read = |offset: u32, buf: &mut [u8]| {
                    buf.copy_from_slice(&kept[offset as usize..offset as usize + buf.len()]);
                    Ok::<_, Infallible>(())
                };
                while !kept.is_empty()
                    && guard.resume_within(kept.len() as u32, read, None, budget).unwrap().pending
                {
                }
                let end = patch.len().min(taken + every);
                loop {
                    let progress = guard.feed_within(&patch[taken..end], budget).unwrap();
                    (taken, done) = (progress.taken as usize, progress.done);
                    // A digest that is suspended starts again.
                    if done || taken == end && !progress.pending {
                        break;
                    }
                }
                let mut saved = Vec::new();
                let put = |piece: &[u8]| {
                    saved.extend_from_slice(piece);
                    Ok::<_, Infallible>(())
                };
                guard.suspend(put).unwrap();
                assert!(saved.len() as u32 <= header.suspension_len() + header.chunk_ram());
                drop(guard);
                kept = saved;
            }
            // It is verified once more before it is put to use.
            let mut workspace = vec![0; header.workspace_len()];
            let mut buffer = vec![0; header.chunk_ram() as usize];
            let image = WithValues::new(&old[..], &values);
            let applier =
                Applier::new(&mut workspace, image, &mut slot[..], ApplyOptions::default());
            let mut guard = Guard::require_signature(applier, key().public(), &mut buffer);
            let read = |offset: u32, buf: &mut [u8]| {
                buf.copy_from_slice(&kept[offset as usize..offset as usize + buf.len()]);
                Ok::<_, Infallible>(())
            };
            guard.resume(kept.len() as u32, read, None).unwrap();
            assert!(guard.feed(&[]).unwrap().done);
            guard.finish().unwrap();
            assert!(slot == expected, "{every} {budget}");
        }
    }
}

/// No more is read and written in a call than it may, and no read leaves the old image.
#[test]
fn calls_keep_to_their_budget() {
    struct Counted<'a>(&'a [u8], &'a core::cell::Cell<u32>);
    impl OldImage for Counted<'_> {
        type Error = OutOfBounds;
        fn len(&self) -> u32 {
            self.0.len() as u32
        }
        fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
            self.1.set(self.1.get() + buf.len() as u32);
            self.0.read(offset, buf)
        }
    }
    let (old, new, holes) = esp();
    // All of the image, nearly, is one hole.
    let large = Hole::new("large", 4000..20_000).old(4000..20_000);
    let plain = [vec![7; 30_000], vec![8; 30_000]];
    let esp_options = DiffOptions::new().effort(1).hole(holes[0].clone());
    let jobs = [
        (old, new, esp_options),
        (plain[0].clone(), plain[1].clone(), DiffOptions::new().effort(1).hole(large)),
    ];
    for (old, new, options) in jobs {
        let patch = diff::diff(&old, &new, &options.ram(12 << 10)).unwrap();
        let (read, budget) = (core::cell::Cell::new(0), 4096);
        let mut workspace = vec![0; patch.header.workspace_len()];
        let mut slot = vec![0; new.len()];
        let image = Counted(&old, &read);
        let mut applier =
            Applier::new(&mut workspace, image, &mut slot[..], ApplyOptions::default());
        let mut taken = 0;
        loop {
            read.set(0);
            let progress = applier.feed_within(&patch.bytes[taken..], budget).unwrap();
            assert!(read.get() <= budget, "{} bytes", read.get());
            taken = progress.taken as usize;
            if progress.done {
                break;
            }
        }
        applier.finish().unwrap();
    }
}

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
