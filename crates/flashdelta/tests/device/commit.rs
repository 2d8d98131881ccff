//! How an update ends: the new image is committed by `finish` and nowhere else, and the outcome
//! does not depend on how the input was cut.

use core::cell::Cell;

use crate::common::{code_like, edited, testdata, Random};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage, OutOfBounds};
use flashdelta::diff::{diff, DiffOptions};
use flashdelta::{file, Codec, InstructionSet, PatchHeader};

/// A slot that counts how often it is committed, and may refuse.
struct Slot<'a> {
    bytes: Vec<u8>,
    commits: &'a Cell<u32>,
    refuses: bool,
}

impl NewImage for Slot<'_> {
    type Error = OutOfBounds;
    fn capacity(&self) -> u32 {
        1 << 20
    }
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        self.bytes.write(offset, data)
    }
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        self.bytes.read(offset, buf)
    }
    fn commit(&mut self) -> Result<(), OutOfBounds> {
        self.commits.set(self.commits.get() + 1);
        if self.refuses {
            Err(OutOfBounds)
        } else {
            Ok(())
        }
    }
}

type Outcome = Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>>;

/// Applies input in these pieces. Committing comes last, once, and only with success.
fn run<'a>(
    old: &[u8],
    pieces: impl IntoIterator<Item = &'a [u8]>,
    workspace: usize,
    options: ApplyOptions,
) -> Outcome {
    let commits = Cell::new(0);
    let slot = Slot { bytes: Vec::new(), commits: &commits, refuses: false };
    let mut workspace = vec![0; workspace];
    let mut applier = Applier::new(&mut workspace, old, slot, options);
    let mut fed = Ok(());
    for piece in pieces {
        fed = fed.and_then(|()| applier.feed(piece).map(|_| ()));
        assert_eq!(commits.get(), 0, "committed by feed");
    }
    let finished = applier.finish();
    assert_eq!(commits.get(), u32::from(finished.is_ok()));
    // An error is final.
    assert!(fed.is_ok() || finished.is_err());
    fed.and(finished).map(|(_, slot)| slot.bytes)
}

/// Patches between small images, each with its old and its new one.
fn patches() -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut random = Random(5);
    let old = code_like(&mut random, 400);
    let new = edited(&mut random, &old, 2);
    let mut patches = Vec::new();
    for codec in [Codec::Raw, Codec::Lz4, Codec::Model] {
        let options = DiffOptions::new().ram(8 << 10).codec(codec).isa(InstructionSet::None);
        let patch = diff(&old, &new, &options).unwrap().bytes;
        patches.push((old.clone(), new.clone(), patch));
    }
    patches
}

#[test]
fn the_outcome_does_not_depend_on_the_cuts() {
    let strict = ApplyOptions::default();
    for (old, new, patch) in patches() {
        let expected = patch.len() as u32;
        let workspace = PatchHeader::parse(&patch).unwrap().unwrap().workspace_len();
        for padding in [0, 1, 7] {
            let input = [&patch[..], &vec![0xFF; padding]].concat();
            for (options, is_right) in
                [(strict, padding == 0), (strict.ignore_trailing(true), true)]
            {
                let right = match is_right {
                    true => Ok(new.clone()),
                    false => Err(ApplyError::TrailingInput { expected }),
                };
                // All ways to cut it into three; into bytes; and from its end on.
                for first in 0..=input.len() {
                    // Every place of the second cut near the end, where it matters, some elsewhere.
                    let step = if padding == 0 { 13 } else { 1 };
                    for second in (first..=input.len()).rev().step_by(step) {
                        let pieces = [&input[..first], &input[first..second], &input[second..]];
                        let outcome = run(&old, pieces, workspace, options);
                        assert!(outcome == right, "cut at {first} and {second}: {outcome:?}");
                    }
                }
                assert!(run(&old, input.chunks(1), workspace, options) == right);
            }
        }
        let whole = &patch[..patch.len() - 1];
        for cut in 0..=whole.len() {
            let outcome = run(&old, [&whole[..cut], &whole[cut..]], workspace, strict);
            let fed = whole.len() as u32;
            assert_eq!(outcome, Err(ApplyError::Truncated { fed, expected: Some(expected) }));
        }
    }
}

/// What hosts need to write the new file is part of the patch, and need not be fed.
#[test]
fn padding_comes_after_the_host_section() {
    let [old, new] = ["1.0.s19", "1.1.hex"].map(|v| testdata(&format!("firmware/cortex-m-{v}")));
    let patch = file::diff(&old, &new, &DiffOptions::new().effort(1)).unwrap().bytes;
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    assert!(header.host_len > 0);
    let files = file::Files::of(&old, &patch).unwrap();
    let body = (header.header_len + header.body_len) as usize;
    let padded = [&patch[..], &[0x1A; 9]].concat();
    let strict = ApplyOptions::default();
    for end in (body..=padded.len()).step_by(5).chain([patch.len(), padded.len()]) {
        let fed = &padded[..end];
        for cut in (body - 1..=end).step_by(7) {
            let pieces = || [&fed[..cut], &fed[cut..]];
            let run = |options| {
                run(files.old_image(), pieces(), header.workspace_len(), options).map(|_| ())
            };
            let expected = patch.len() as u32;
            let right = match end <= patch.len() {
                true => Ok(()),
                false => Err(ApplyError::TrailingInput { expected }),
            };
            assert_eq!(run(strict), right, "{end} bytes, cut at {cut}");
            assert_eq!(run(strict.ignore_trailing(true)), Ok(()), "{end} bytes, cut at {cut}");
        }
    }
}

#[test]
fn a_commit_that_fails_is_the_error_of_finish() {
    let (old, _, patch) = patches().remove(0);
    let commits = Cell::new(0);
    let slot = Slot { bytes: Vec::new(), commits: &commits, refuses: true };
    let mut workspace = vec![0; 8 << 10];
    let mut applier = Applier::new(&mut workspace, &old[..], slot, ApplyOptions::default());
    assert!(applier.feed(&patch).unwrap().done);
    assert_eq!(applier.finish().err(), Some(ApplyError::Finish { error: OutOfBounds }));
    assert_eq!(commits.get(), 1);
}
