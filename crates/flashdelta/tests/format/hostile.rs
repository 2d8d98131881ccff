//! Patches that are cut short, damaged, or made to do harm: none may panic, write outside the
//! declared size, or end in success with wrong bytes.

use crate::common::{code_like, edited, seal, Random};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage, OldImage, OutOfBounds};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::{Codec, InstructionSet, PatchHeader};

/// Checks that the applier keeps to its own rules.
struct Strict {
    data: Vec<u8>,
    limit: usize,
    flushed: bool,
    committed: bool,
}

impl NewImage for Strict {
    type Error = OutOfBounds;
    fn capacity(&self) -> u32 {
        self.limit as u32
    }
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        assert!(!self.flushed && !data.is_empty());
        assert_eq!(offset as usize, self.data.len(), "writes ascend without gaps");
        assert!(self.data.len() + data.len() <= self.limit, "a write outside the declared size");
        self.data.extend_from_slice(data);
        Ok(())
    }
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        buf.copy_from_slice(&self.data[offset as usize..][..buf.len()]);
        Ok(())
    }
    fn flush(&mut self) -> Result<(), OutOfBounds> {
        self.flushed = true;
        Ok(())
    }
    fn commit(&mut self) -> Result<(), OutOfBounds> {
        assert!(self.flushed && !self.committed);
        self.committed = true;
        Ok(())
    }
}

/// Panics on a read outside.
struct Guarded<'a>(&'a [u8]);

impl OldImage for Guarded<'_> {
    type Error = OutOfBounds;
    fn len(&self) -> u32 {
        self.0.len() as u32
    }
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        buf.copy_from_slice(&self.0[offset as usize..][..buf.len()]);
        Ok(())
    }
}

type Failure = ApplyError<OutOfBounds, OutOfBounds>;

/// Applies a patch of which nothing is known.
fn try_apply(old: &[u8], patch: &[u8], piece: usize) -> Result<Vec<u8>, Failure> {
    let header = PatchHeader::parse(patch).ok().flatten();
    let limit = header.map_or(0, |h| h.new_size as usize);
    let mut workspace = vec![0x5A; header.map_or(2048, |h| h.workspace_len()).min(1 << 18)];
    // A header may declare more than anybody has.
    let new =
        Strict { data: Vec::new(), limit: limit.min(1 << 20), flushed: false, committed: false };
    let mut applier = Applier::new(&mut workspace, Guarded(old), new, ApplyOptions::default());
    for piece in patch.chunks(piece) {
        if let Err(error) = applier.feed(piece) {
            assert_eq!(applier.feed(b"x"), Err(ApplyError::Poisoned));
            assert_eq!(applier.finish().err(), Some(ApplyError::Poisoned));
            return Err(error);
        }
    }
    let (_, new) = applier.finish()?;
    assert!(new.committed);
    Ok(new.data)
}

struct Sample {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
}

fn samples(len: usize) -> Vec<Sample> {
    let mut random = Random(77);
    let mut samples = Vec::new();
    for codec in Codec::ALL {
        for isa in InstructionSet::ALL {
            let old = code_like(&mut random, len);
            let new = edited(&mut random, &old, 6);
            let options = DiffOptions::new()
                .profile(DeviceProfile::linux())
                .ram(16 << 10)
                .codec(codec)
                .isa(isa)
                .base(0x4200_0000);
            let patch = diff(&old, &new, &options).unwrap().bytes;
            samples.push(Sample { old, new, patch });
        }
    }
    samples
}

/// Whatever happened, a success has to be a true one.
fn check(sample: &Sample, patch: &[u8], piece: usize) -> bool {
    match try_apply(&sample.old, patch, piece) {
        Ok(new) => {
            assert!(new == sample.new, "success with wrong bytes");
            true
        }
        Err(_) => false,
    }
}

#[test]
fn every_truncation_is_an_error() {
    for sample in samples(1200) {
        for len in 0..sample.patch.len() {
            let error = try_apply(&sample.old, &sample.patch[..len], 64).unwrap_err();
            assert!(
                matches!(error, ApplyError::Truncated { fed, .. } if fed as usize == len),
                "{error:?}"
            );
        }
        let mut longer = sample.patch.clone();
        longer.push(0);
        for piece in [1, longer.len()] {
            let error = try_apply(&sample.old, &longer, piece).unwrap_err();
            assert_eq!(error, ApplyError::TrailingInput { expected: sample.patch.len() as u32 });
        }
    }
}

#[test]
fn every_flipped_bit_is_harmless() {
    for sample in samples(900) {
        let header = PatchHeader::parse(&sample.patch).unwrap().unwrap().header_len as usize;
        for bit in 0..sample.patch.len() * 8 {
            let mut patch = sample.patch.clone();
            patch[bit / 8] ^= 1 << (bit % 8);
            let applied = check(&sample, &patch, 50);
            // In the body a bit may be one that nothing depends on; in the header there is none.
            assert!(!applied || bit / 8 >= header);
        }
    }
}

#[test]
fn headers_that_were_tampered_with_are_harmless() {
    for sample in samples(600) {
        let header = PatchHeader::parse(&sample.patch).unwrap().unwrap().header_len as usize;
        for at in 5..header - 4 {
            for value in [0, 1, 0x7F, 0x80, 0xFF, sample.patch[at] ^ 1, sample.patch[at] ^ 0x10] {
                let mut patch = sample.patch.clone();
                patch[at] = value;
                seal(&mut patch);
                check(&sample, &patch, 64);
            }
        }
    }
}

/// Changes a few bytes anywhere, sometimes with a header that looks right.
fn mutate(random: &mut Random, patch: &[u8]) -> Vec<u8> {
    let mut patch = patch.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(patch.len());
        match random.below(6) {
            0 => patch[at] = random.next() as u8,
            1 => patch[at] ^= 1 << random.below(8),
            2 => patch.insert(at, random.next() as u8),
            3 if patch.len() > 1 => drop(patch.remove(at)),
            4 => patch.truncate(at + 1),
            _ => patch[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][random.below(6)],
        }
    }
    if random.below(4) != 0 {
        seal(&mut patch);
    }
    patch
}

fn mutated(count: usize, seed: u64) {
    let samples = samples(700);
    let mut random = Random(seed);
    for i in 0..count {
        let sample = &samples[i % samples.len()];
        let patch = mutate(&mut random, &sample.patch);
        let piece = 1 + random.below(300);
        check(sample, &patch, piece);
    }
}

#[test]
fn mutated_patches_are_harmless() {
    mutated(5_000, 1);
}

#[test]
#[ignore = "takes a minute"]
fn a_hundred_thousand_mutated_patches_are_harmless() {
    mutated(100_000, 2);
}

/// The result, error or not, does not depend on how the patch is cut, even if it is damaged.
#[test]
fn damaged_patches_fail_alike_in_all_pieces() {
    let samples = samples(700);
    let mut random = Random(3);
    for i in 0..2_000 {
        let sample = &samples[i % samples.len()];
        let patch = mutate(&mut random, &sample.patch);
        let whole = try_apply(&sample.old, &patch, patch.len());
        for piece in [1, 7, 150] {
            assert_eq!(try_apply(&sample.old, &patch, piece), whole);
        }
    }
}
