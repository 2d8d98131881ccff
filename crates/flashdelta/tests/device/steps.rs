//! Calls of bounded length: no call does more than it may, and the result is the same.

use core::cell::{Cell, RefCell};
use core::convert::Infallible;

use crate::common::counted::Counted;
use crate::common::slots::{flash_with, update, workspace, Flash, SMALL};
use crate::common::{apply_in_pieces, damaged_copies, with_own_digest, Random};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, OutOfBounds};
use flashdelta::diff::{self, DiffOptions};
use flashdelta::nor::{slots, Slot};
use flashdelta::update::ab::{AbUpdate, Verified};
use flashdelta::{Codec, PatchHeader};
use proptest::prelude::*;

/// Feeds a patch in random pieces with random budgets.
fn apply_randomly(old: &[u8], patch: &[u8], seed: u64) -> Result<Vec<u8>, crate::common::Error> {
    let header = PatchHeader::parse(patch).ok().flatten();
    let (len, size) = header.map_or((2048, 0), |h| (h.workspace_len(), h.new_size as usize));
    let mut random = Random(seed);
    let comfort = [0, 1, 300, 5000][random.below(4)];
    let mut workspace = vec![0xAA; len.min(1 << 24) + comfort];
    let mut slot = vec![0x55; size.min(1 << 24)];
    let mut applier = Applier::new(&mut workspace, old, &mut slot[..], ApplyOptions::default());
    let (longest, most) = ([1, 3, 50, 5000][random.below(4)], [1, 100, 3000][random.below(3)]);
    let mut taken = 0;
    loop {
        let rest = &patch[taken..];
        let piece = &rest[..random.below(longest + 1).min(rest.len())];
        let progress = applier.feed_within(piece, random.below(most) as u32)?;
        assert!((taken..=taken + piece.len()).contains(&(progress.taken as usize)));
        taken = progress.taken as usize;
        if taken == patch.len() && !progress.pending {
            break;
        }
    }
    applier.finish()?;
    Ok(slot)
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn the_result_does_not_depend_on_budgets(
        codec in codec(),
        page in prop::sample::select(vec![1u32, 8, 64]),
        own_digest: bool,
        seed: u64,
    ) {
        let made = update(codec, page, 5000);
        let (old, mut new) = (made.old, made.new);
        let mut patch = made.patch;
        if own_digest {
            new = with_own_digest(&new)[1].clone();
            patch = crate::common::slots::patch(&old, &new, codec, page);
        }
        prop_assert_eq!(apply_randomly(&old, &patch, seed), Ok(new));
        // Errors are the same, too, but for the damage that Zstandard's decoder comes to first.
        for bad in damaged_copies(&patch, seed, 12) {
            let whole = apply_in_pieces(&old, &bad, bad.len());
            let by_steps = apply_randomly(&old, &bad, seed);
            if codec == Codec::Zstd {
                prop_assert_eq!(by_steps.is_ok(), whole.is_ok());
            } else {
                prop_assert_eq!(by_steps, whole);
            }
        }
    }
}

/// Zstandard's decoder refuses to be asked some 16 times in a row without input.
#[test]
fn calls_without_input_change_nothing() {
    for codec in Codec::ALL {
        let made = update(codec, 1, 5000);
        let (mut memory, mut slot) = (workspace(&made.patch), vec![0; made.new.len()]);
        let options = ApplyOptions::default();
        let mut applier = Applier::new(&mut memory, &made.old[..], &mut slot[..], options);
        for piece in made.patch.chunks(50) {
            for _ in 0..40 {
                applier.feed(&[]).unwrap();
            }
            applier.feed(piece).unwrap();
        }
        applier.finish().unwrap();
        assert!(slot == made.new, "{codec:?}");
    }
}

/// The most bytes of one call with this budget, and the number of calls, for a patch that is there
/// as a whole.
fn longest_call(old: &[u8], new: &[u8], patch: &[u8], comfort: usize, budget: u32) -> (u64, u32) {
    let mut memory = vec![0; workspace(patch).len() + comfort];
    let (count, mut slot) = (Cell::new(0), vec![0; new.len()]);
    let (from, to) = (Counted(old, &count), Counted(&mut slot[..], &count));
    let mut applier = Applier::new(&mut memory, from, to, ApplyOptions::default());
    let (mut taken, mut most, mut calls) = (0, 0, 0);
    loop {
        count.set(0);
        let progress = applier.feed_within(&patch[taken..], budget).unwrap();
        (taken, most, calls) = (progress.taken as usize, count.get().max(most), calls + 1);
        if progress.done && !progress.pending {
            break;
        }
        assert!(progress.pending, "all of the patch is there");
    }
    applier.finish().unwrap();
    assert!(slot == new);
    (most, calls)
}

#[test]
fn no_call_does_more_than_it_may() {
    for codec in Codec::ALL {
        for (page, comfort) in [(1, 0), (8, 4096), (256, 1000)] {
            let made = update(codec, page, 40_000);
            let of = |budget| longest_call(&made.old, &made.new, &made.patch, comfort, budget);
            for budget in [2200, 4096, 30_000] {
                let (most, calls) = of(budget);
                assert!(most <= budget.into(), "{codec} {page} {budget}: {most}");
                // And it does not do much less either.
                let all = 2 * made.old.len() + 3 * made.new.len();
                let few = (all / (budget as usize - 2000) + 4) * 3;
                assert!(calls as usize <= few, "{codec} {page} {budget}: {calls} calls");
            }
            // One step is always taken: at most the windows and twice the page with what is made.
            let (most, _) = of(1);
            assert!(most <= 1024 + 128 + 2 * 32 + 2 * 256 + 4, "{codec} {page}: {most}");
        }
    }
}

/// Half an image is one copy: a few bytes of the patch.
#[test]
fn a_long_copy_takes_many_calls_and_no_input() {
    let mut random = Random(1);
    let old = random.bytes(60_000);
    let patch = diff::diff(&old, &old, &DiffOptions::new().codec(Codec::Raw)).unwrap().bytes;
    let (_, calls) = longest_call(&old, &old, &patch, 0, 4096);
    assert!(calls > 60);
}

/// In flash, what is read and written is what was counted, but for the sectors that are copied and
/// the last one.
#[test]
fn flash_is_not_read_or_written_more_than_counted() {
    for codec in [Codec::Model, Codec::Lz4] {
        let made = update(codec, 8, 25_000);
        let flash = RefCell::new(flash_with::<4, 8, 4096>(&made.old, SMALL));
        let (running, other) = (SMALL, Slot::new(SMALL.len, SMALL.len));
        let (old, new) = slots(&flash, running, other, [0; 4096]).unwrap();
        let selected = Cell::new(0);
        let select = |_: &Verified| {
            selected.set(selected.get() + 1);
            Ok::<_, Infallible>(())
        };
        let mut memory = workspace(&made.patch);
        let mut update = AbUpdate::new(&mut memory, old, new, select, ApplyOptions::default());
        let work = |flash: &Flash| flash.counters().bytes_read + flash.counters().bytes_written;
        let (mut taken, mut most) = (0, 0);
        loop {
            let before = work(&flash.borrow());
            let progress = update.feed_within(&made.patch[taken..], 4096).unwrap();
            taken = progress.taken as usize;
            most = most.max(work(&flash.borrow()) - before);
            if progress.done && !progress.pending {
                break;
            }
            assert_eq!(selected.get(), 0);
        }
        // Sectors here differ from their first page on.
        assert!(most <= 4096 + 100, "{codec}: {most}");
        let _ = update.finish().unwrap();
        assert_eq!(selected.get(), 1);
        assert!(flash.borrow().holds(other.start, &made.new));
    }
}

#[test]
fn bytes_behind_the_end_are_an_error_whatever_the_budget() {
    let made = update(Codec::Model, 1, 3000);
    let longer = [&made.patch[..], b"!"].concat();
    let expected = made.patch.len() as u32;
    assert_eq!(
        apply_randomly(&made.old, &longer, 5),
        Err(ApplyError::<OutOfBounds, OutOfBounds>::TrailingInput { expected })
    );
}
