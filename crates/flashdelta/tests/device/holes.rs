//! Data of one device in an image of all: one patch, and every device keeps what it has.

use core::convert::Infallible;
use core::ops::Range;

use crate::common::cuts::Proof;
use crate::common::{code_like, edited, testdata, with_own_digest, Random};
use flashdelta::apply::{self, Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::apply::{HeapApplier, HeapError, MemoryImage, OldImage};
use flashdelta::diff::{self, ChunkSize, DeviceProfile, DiffOptions, Hole, HoleSource};
use flashdelta::holes::{self, personalize, Values};
use flashdelta::image::esp::EspImage;
use flashdelta::sign::{self, PrivateKey};
use flashdelta::update::holes::{ValueRecord, WithValues};
use flashdelta::verify::Guard;
use flashdelta::{Codec, ErrorClass, PatchHeader};
use sha2::{Digest as _, Sha256};

pub(super) type Made = Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>>;

/// A serial number that has moved, calibration that may only be kept, and a key that is new.
pub(super) const OLD_SERIAL: Range<usize> = 2000..2032;
pub(super) const NEW_SERIAL: Range<usize> = 2040..2072;
pub(super) const OLD_CALIBRATION: Range<usize> = 4000..4300;
pub(super) const NEW_CALIBRATION: Range<usize> = 4040..4340;
pub(super) const KEY: Range<usize> = 5000..5016;

pub(super) fn range(range: &Range<usize>) -> Range<u32> {
    range.start as u32..range.end as u32
}

/// Two versions of an image of 6 KB, with FF in their holes.
pub(super) fn versions() -> (Vec<u8>, Vec<u8>) {
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

pub(super) fn options() -> DiffOptions {
    let calibration = Hole::new("calibration", range(&NEW_CALIBRATION));
    DiffOptions::new()
        .profile(DeviceProfile::small())
        .hole(calibration.old(range(&OLD_CALIBRATION)).source(HoleSource::Kept))
        .hole(Hole::new("serial", range(&NEW_SERIAL)).old(range(&OLD_SERIAL)))
        .hole(Hole::new("key", range(&KEY)).old(None))
}

/// Applies a patch with values, as hosts do, in no more workspace than it asks for.
pub(super) fn apply_with(old: &[u8], patch: &[u8], values: &Values) -> Made {
    let old = WithValues::new(old, values);
    match HeapApplier::new().exact(true).run(patch, old, MemoryImage::new(1 << 20)) {
        Ok(update) => Ok(update.new.into_bytes()),
        Err(HeapError::Apply(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// A device: its old image, and what becomes of it with this key.
pub(super) fn device(random: &mut Random, key: &[u8]) -> (Vec<u8>, Vec<u8>) {
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
pub(super) fn esp() -> (Vec<u8>, Vec<u8>, [Hole; 2]) {
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
pub(super) fn filled(image: &[u8], holes: &[Hole]) -> Vec<u8> {
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

pub(super) fn key() -> PrivateKey {
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
