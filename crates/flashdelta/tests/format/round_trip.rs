//! Properties that hold for any two images.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use crate::common::{apply_pieces, code_like, edited, Random};
use flashdelta::diff::{diff, DeviceProfile, DiffError, DiffOptions};
use flashdelta::image::{AddressMap, AddressRange, MapSegment, SegmentKind};
use flashdelta::{apply, Codec, InstructionSet};
use proptest::prelude::*;

/// Two images that have something in common.
fn pair(seed: u64, len: usize, edits: usize, is_code: bool) -> (Vec<u8>, Vec<u8>) {
    let mut random = Random(seed);
    let old = if is_code { code_like(&mut random, len) } else { random.bytes(len) };
    let new = edited(&mut random, &old, edits);
    (old, new)
}

/// Cuts a patch into pieces of random length, empty ones included.
fn random_pieces<'a>(random: &mut Random, patch: &'a [u8], most: usize) -> Vec<&'a [u8]> {
    let mut rest = patch;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(random.below(most + 1).min(rest.len()));
        pieces.push(piece);
        rest = left;
    }
    pieces
}

fn options(ram: u32, codec: Codec, isa: u8) -> DiffOptions {
    DiffOptions::new()
        .profile(DeviceProfile::linux())
        .ram(ram)
        .codec(codec)
        .isa(InstructionSet::ALL[usize::from(isa)])
        .base(0x4200_0000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn patches_give_the_new_image(
        seed: u64, len in 0usize..6000, edits in 0usize..30, is_code: bool,
        ram in prop::sample::select(vec![5 << 10, 16 << 10, 64 << 10]),
        codec in prop::sample::select(Codec::ALL.to_vec()),
        isa in 0u8..8, piece in 1usize..400,
    ) {
        let (old, new) = pair(seed, len, edits, is_code);
        let Ok(patch) = diff(&old, &new, &options(ram, codec, isa)) else {
            prop_assert!(ram < 16 << 10);
            return Ok(());
        };
        prop_assert!(patch.header.ram <= ram);
        let pieces = random_pieces(&mut Random(seed ^ 1), &patch.bytes, piece);
        prop_assert_eq!(apply_pieces(&old, &patch.bytes, pieces.into_iter()), Ok(new.clone()));
        // More memory than stated changes nothing.
        prop_assert_eq!(apply::apply(&old, &patch.bytes), Ok(new));
    }

    #[test]
    fn a_patch_is_not_larger_than_the_plain_image(
        seed: u64,
        len in 0usize..3000,
        other in 0usize..3000,
    ) {
        let mut random = Random(seed);
        let (old, new) = (random.bytes(len), random.bytes(other));
        let patch = diff(&old, &new, &DiffOptions::new()).unwrap();
        // The model codec, the only one that the profile has, expands noise a little.
        let most = new.len() + new.len() / 64 + 80;
        prop_assert!(patch.bytes.len() <= most, "{} for {}", patch.bytes.len(), new.len());
        let all = DiffOptions::new().profile(DeviceProfile::linux());
        let patch = diff(&old, &new, &all).unwrap();
        let len = patch.bytes.len();
        prop_assert!(len <= new.len() + 80, "{len} for {}", new.len());
    }

    #[test]
    fn threads_do_not_matter(seed: u64, len in 0usize..5000, edits in 0usize..20) {
        let (old, new) = pair(seed, len, edits, true);
        let with = |threads| diff(&old, &new, &DiffOptions::new().threads(threads)).unwrap().bytes;
        let one = with(1);
        prop_assert_eq!(&one, &with(2));
        prop_assert_eq!(&one, &with(7));
        prop_assert_eq!(&one, &with(1));
    }

    #[test]
    fn any_address_map_will_do(
        seed: u64,
        len in 1usize..3000,
        segments in 0usize..40,
        isa in 0u8..8,
    ) {
        let (old, new) = pair(seed, len, 5, true);
        let mut random = Random(seed ^ 2);
        let mut map = || AddressMap {
            segments: (0..segments).map(|_| MapSegment {
                offset: random.next() as u32 >> 19,
                len: random.next() as u32 >> (random.next() as u32 % 32),
                address: random.next() as u32 >> (random.next() as u32 % 32),
                kind: [None, Some(SegmentKind::Code), Some(SegmentKind::Data)][random.below(3)],
            }).collect(),
            reserved: (0..segments / 2)
                .map(|_| AddressRange { start: random.next() as u32, end: random.next() as u32 })
                .collect(),
            ..AddressMap::at(0, 0)
        };
        let maps = (map(), map());
        let codec = if seed & 1 == 0 { Codec::Model } else { Codec::Raw };
        // `base` is not set here: the maps are used.
        let isa = InstructionSet::ALL[usize::from(isa)];
        let options = DiffOptions::new().codec(codec).isa(isa).address_maps(maps.0, maps.1);
        let patch = diff(&old, &new, &options).unwrap();
        prop_assert_eq!(apply_pieces(&old, &patch.bytes, patch.bytes.chunks(13)), Ok(new));
    }
}

#[test]
fn every_cut_in_two_gives_the_same() {
    let (old, new) = pair(5, 3000, 8, true);
    for codec in Codec::ALL {
        let patch = diff(&old, &new, &options(64 << 10, codec, 2)).unwrap().bytes;
        for at in 0..=patch.len() {
            let (a, b) = patch.split_at(at);
            assert_eq!(
                apply_pieces(&old, &patch, [a, b].into_iter()).as_deref(),
                Ok(&new[..]),
                "{codec} cut at {at}"
            );
        }
        assert_eq!(apply_pieces(&old, &patch, patch.chunks(1)).as_deref(), Ok(&new[..]));
    }
}

#[test]
fn extreme_images() {
    let zeros = vec![0; 50_000];
    let ramp: Vec<u8> = (0..50_000u32).map(|i| (i / 200) as u8).collect();
    let periodic: Vec<u8> = (0..50_000u32).map(|i| (i % 7 + i % 3) as u8).collect();
    let random = Random(9).bytes(20_000);
    let images = [Vec::new(), vec![7], zeros, ramp, periodic, random];
    for old in &images {
        for new in &images {
            let patch = diff(old, new, &DiffOptions::new()).unwrap();
            assert_eq!(apply::apply(old, &patch.bytes).as_deref(), Ok(&new[..]));
            let text = format!("{} to {}", old.len(), new.len());
            assert!(
                patch.bytes.len() <= 1000 || new.len() == 20_000,
                "{text}: {}",
                patch.bytes.len()
            );
        }
    }
}

/// Large enough for the stages of the maker to run at the same time.
fn large_pair() -> (Vec<u8>, Vec<u8>) {
    let mut random = Random(11);
    let old = code_like(&mut random, 60_000);
    let new = edited(&mut random, &old, 150);
    (old, new)
}

#[test]
fn threads_do_not_matter_for_large_images() {
    let (old, new) = large_pair();
    for (effort, isa) in [
        (4, Some(InstructionSet::Thumb)),
        (6, Some(InstructionSet::Thumb)),
        (9, Some(InstructionSet::Xtensa)),
        (6, None),
    ] {
        let with = |threads| {
            diff(&old, &new, &DiffOptions::new().isa(isa).effort(effort).threads(threads)).unwrap()
        };
        let one = with(1);
        assert_eq!(apply::apply(&old, &one.bytes).as_ref(), Ok(&new));
        for threads in [2, 3, 8] {
            let other = with(threads);
            assert_eq!(one.bytes, other.bytes, "effort {effort}, {threads} threads");
            assert_eq!(one.report.tried, other.report.tried, "effort {effort}, {threads} threads");
        }
    }
}

#[test]
fn a_maker_with_many_threads_can_be_cancelled_anywhere() {
    let (old, new) = large_pair();
    let calls = Arc::new(AtomicUsize::new(0));
    let options = |last: usize, threads| {
        let calls = calls.clone();
        calls.store(0, Ordering::Relaxed);
        DiffOptions::new().isa(InstructionSet::Thumb).threads(threads).progress(
            move |_| match calls.fetch_add(1, Ordering::Relaxed) < last {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            },
        )
    };
    diff(&old, &new, &options(usize::MAX, 3)).unwrap();
    let all = calls.load(Ordering::Relaxed);
    assert!(all > 20, "{all}");
    for last in 0..all - 1 {
        for threads in [1, 2, 3] {
            assert_eq!(
                diff(&old, &new, &options(last, threads)).unwrap_err(),
                DiffError::Cancelled,
                "after {last}"
            );
        }
    }
}
