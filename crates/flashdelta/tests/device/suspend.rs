//! Going on after a break: an update that is suspended anywhere, any number of times, makes the
//! same image, and takes no byte of the patch twice.

use core::cell::RefCell;
use core::convert::Infallible;

use crate::common::slots::{update, workspace, Flash, SMALL};
use crate::common::{code_like, edited, with_own_digest, Random};
use flashdelta::apply::{Applier, ApplyError, ApplyOptions, ResumeError, SuspendError};
use flashdelta::diff::{diff, ChunkSize, DeviceProfile, DiffOptions};
use flashdelta::nor::{slots, Records, Slot, SlotError};
use flashdelta::update::ab::{AbUpdate, Verified};
use flashdelta::{Codec, Identity, InstructionSet, PatchHeader};
use flashdelta_sim::{Rules, SimError};

const CODECS: [Codec; 3] = [Codec::Raw, Codec::Lz4, Codec::Model];

struct Made {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
}

fn make(codec: Codec, isa: InstructionSet, page: u32, own_digest: bool, len: usize) -> Made {
    let mut random = Random(u64::from(page) + len as u64);
    let old = code_like(&mut random, len);
    let mut new = edited(&mut random, &old, 20);
    if own_digest {
        new = with_own_digest(&new)[1].clone();
    }
    let mut profile = DeviceProfile::linux();
    (profile.ram, profile.sector, profile.page) = (12 << 10, 4096, page);
    let mut options =
        DiffOptions::new().profile(profile).codec(codec).isa(isa).base(0x4200_0000).effort(2);
    if page == 8 {
        let identity = Identity { product: 7, ..Identity::default() };
        options = options.identity(identity).chunks(ChunkSize::Bytes(256));
    }
    let patch = diff(&old, &new, &options).unwrap().bytes;
    Made { old, new, patch }
}

/// What a device keeps over a reset.
struct Kept {
    slot: Vec<u8>,
    suspension: Vec<u8>,
}

fn reader(bytes: &[u8]) -> impl FnMut(u32, &mut [u8]) -> Result<(), Infallible> + '_ {
    |offset, buf| {
        buf.copy_from_slice(&bytes[offset as usize..offset as usize + buf.len()]);
        Ok(())
    }
}

/// Applies a patch with a reset whenever `every` more bytes of it have been taken, or in the middle
/// of a budget. Gives the image, how many bytes were fed in all, and how long a suspension was.
fn with_resets(made: &Made, every: usize, budget: u32, seed: u64) -> (Vec<u8>, usize, usize) {
    let mut random = Random(seed);
    let header = PatchHeader::parse(&made.patch).unwrap().unwrap();
    let mut kept = Kept { slot: vec![0x55; made.new.len()], suspension: Vec::new() };
    let (mut fed, mut longest, mut done) = (0, 0, false);
    let mut taken = 0;
    while !done {
        // Never the same memory, nor the same surplus: but no less than before.
        let surplus = if seed.is_multiple_of(2) { 0 } else { 700 };
        let memory = &mut vec![random.next() as u8; header.workspace_len() + surplus + 3];
        let memory = &mut memory[random.below(4)..];
        let mut applier =
            Applier::new(memory, &made.old[..], &mut kept.slot[..], ApplyOptions::default());
        if !kept.suspension.is_empty() {
            let len = kept.suspension.len() as u32;
            let known = (taken >= header.header_len as usize).then_some(&header);
            let told = PatchHeader::of_suspension(len, reader(&kept.suspension));
            assert_eq!(told, Ok(known.copied()));
            let mut progress;
            loop {
                progress = applier
                    .resume_within(len, reader(&kept.suspension), known, budget)
                    .unwrap_or_else(|error| panic!("at {taken}: {error}"));
                if !progress.pending {
                    break;
                }
                assert!(budget < u32::MAX);
            }
            assert_eq!(progress.taken as usize, taken);
        }
        let mut goal = every;
        loop {
            let rest = &made.patch[taken..];
            let piece = &rest[..random.below(70).min(goal).min(rest.len())];
            let progress = applier.feed_within(piece, budget).unwrap();
            let new = progress.taken as usize - taken;
            (taken, fed, goal) = (taken + new, fed + new, goal - new);
            if progress.done && taken == made.patch.len() {
                done = true;
                break;
            }
            if goal == 0 || (budget < u32::MAX && random.below(40) == 0) {
                break;
            }
        }
        kept.suspension.clear();
        let len = applier.suspension_len().unwrap();
        let put = |bytes: &[u8]| {
            kept.suspension.extend_from_slice(bytes);
            Ok::<_, Infallible>(())
        };
        applier.suspend(put).unwrap();
        assert_eq!(kept.suspension.len(), len as usize);
        assert!(len <= header.suspension_len(), "{len} bytes");
        longest = longest.max(kept.suspension.len());
        if done {
            applier.finish().unwrap();
        }
    }
    (kept.slot, fed, longest)
}

#[test]
fn an_update_goes_on_where_it_was() {
    for codec in CODECS {
        for (isa, page) in InstructionSet::ALL.into_iter().zip([1, 8, 64, 16, 1, 8, 32, 1]) {
            let made = make(codec, isa, page, page == 16, 4000);
            for (every, budget) in [(1, u32::MAX), (100, u32::MAX), (37, 600), (333, 1)] {
                for seed in 0..2 {
                    let (image, fed, _) = with_resets(&made, every, budget, seed);
                    assert!(image == made.new, "{codec} {isa} {page} {every} {budget}");
                    assert_eq!(fed, made.patch.len(), "{codec} {isa}: bytes taken twice");
                }
            }
        }
    }
}

/// Pairs of images that are not ours: old and new, one pair a line, in a file that the environment
/// names.
///
/// ```text
/// FLASHDELTA_PAIRS=pairs.txt cargo test --release -p flashdelta --all-features --test device \
///     suspend -- --ignored --nocapture
/// ```
#[test]
#[ignore = "takes images of one's own"]
fn real_updates_go_on_where_they_were() {
    let list = std::env::var("FLASHDELTA_PAIRS").expect("FLASHDELTA_PAIRS");
    for line in std::fs::read_to_string(list).unwrap().lines() {
        let (old, new) = line.split_once(' ').expect("old and new");
        let (old, new) = (std::fs::read(old).unwrap(), std::fs::read(new).unwrap());
        let mut profile = DeviceProfile::linux();
        (profile.ram, profile.sector, profile.page) = (16 << 10, 4096, 8);
        let patch = diff(&old, &new, &DiffOptions::new().profile(profile)).unwrap().bytes;
        let made = Made { old, new, patch };
        for seed in 0..2 {
            let (image, fed, longest) = with_resets(&made, 100, u32::MAX, seed);
            assert!(image == made.new, "{line}");
            assert_eq!(fed, made.patch.len(), "{line}: bytes taken twice");
            println!("{line}: patch {fed} bytes, suspensions of up to {longest} bytes");
        }
    }
}

/// An update that has taken about half of its patch, and its suspension.
fn suspended(made: &Made, slot: &mut [u8]) -> Vec<u8> {
    let mut memory = workspace(&made.patch);
    let mut applier = Applier::new(&mut memory, &made.old[..], slot, ApplyOptions::default());
    applier.feed(&made.patch[..made.patch.len() / 2]).unwrap();
    let mut suspension = Vec::new();
    applier
        .suspend(|bytes| {
            suspension.extend_from_slice(bytes);
            Ok::<_, Infallible>(())
        })
        .unwrap();
    suspension
}

#[test]
fn every_damaged_byte_is_noticed_and_the_update_starts_from_the_beginning() {
    for codec in CODECS {
        let made = make(codec, InstructionSet::RiscV, 8, false, 3000);
        let mut slot = vec![0; made.new.len()];
        let good = suspended(&made, &mut slot);
        let mut memory = workspace(&made.patch);
        let mut applier =
            Applier::new(&mut memory, &made.old[..], &mut slot[..], ApplyOptions::default());
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 1 << (i % 8);
            let refused = applier.resume(bad.len() as u32, reader(&bad), None);
            assert_eq!(refused, Err(ResumeError::Damaged), "{codec}: byte {i}");
        }
        for len in [0, 3, 4, 20, good.len() - 1] {
            let refused = applier.resume(len as u32, reader(&good), None);
            assert_eq!(refused, Err(ResumeError::Damaged), "{codec}: {len} bytes");
        }
        applier.feed(&made.patch).unwrap();
        applier.finish().unwrap();
        assert!(slot == made.new);
    }
}

/// CRC-32 as in gzip.
fn crc32(bytes: &[u8]) -> u32 {
    crate::common::handmade::crc32(bytes)
}

/// What has the right checksum and is wrong nevertheless: nothing panics, and no wrong image is
/// taken for right.
#[test]
fn wrong_state_does_no_harm() {
    for codec in CODECS {
        let made = make(codec, InstructionSet::Thumb, 8, true, 3000);
        let mut slot = vec![0; made.new.len()];
        let good = suspended(&made, &mut slot);
        let written = slot.clone();
        let (mut refused, mut failed, mut right) = (0, 0, 0);
        let mut random = Random(5);
        for i in 0..good.len().min(6000) {
            let mut bad = good[..good.len() - 4].to_vec();
            // All that comes before the tables, and some of them.
            let at = if i < 900 { i } else { random.below(bad.len()) };
            bad[at] = bad[at].wrapping_add([1, 255, 128, random.next() as u8 | 1][i % 4]);
            bad.extend_from_slice(&crc32(&bad).to_le_bytes());
            slot.copy_from_slice(&written);
            let mut memory = workspace(&made.patch);
            let mut applier =
                Applier::new(&mut memory, &made.old[..], &mut slot[..], ApplyOptions::default());
            match applier.resume(bad.len() as u32, reader(&bad), None) {
                Err(_) => refused += 1,
                Ok(progress) => {
                    let rest = made.patch.get(progress.taken as usize..).unwrap_or(&[]);
                    if applier.feed(rest).is_ok() && applier.finish().is_ok() {
                        right += 1;
                        assert!(slot == made.new, "{codec}: byte {at}");
                    } else {
                        failed += 1;
                    }
                }
            }
        }
        assert!(refused > 50 && failed > 100 && right > 0, "{codec}: {refused} {failed} {right}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let made = make(Codec::Model, InstructionSet::None, 1, false, 3000);
    let other = make(Codec::Model, InstructionSet::None, 1, false, 3100);
    let mut slot = vec![0; made.new.len().max(other.new.len())];
    let good = suspended(&made, &mut slot);
    let len = good.len() as u32;
    let header = PatchHeader::parse(&other.patch).unwrap().unwrap();
    let options = ApplyOptions::default();

    let mut memory = vec![0; workspace(&made.patch).len().max(workspace(&other.patch).len())];
    let mut applier = Applier::new(&mut memory, &made.old[..], &mut slot[..], options);
    let refused = applier.resume(len, reader(&good), Some(&header));
    assert_eq!(refused, Err(ResumeError::OtherPatch));
    for (at, found) in [(3, ResumeError::OtherVersion), (4, ResumeError::OtherVersion)] {
        let mut bad = good[..good.len() - 4].to_vec();
        bad[at] ^= 1;
        bad.extend_from_slice(&crc32(&bad).to_le_bytes());
        assert_eq!(applier.resume(len, reader(&bad), None), Err(found));
        assert_eq!(PatchHeader::of_suspension(len, reader(&bad)), Ok(None));
    }
    assert_eq!(PatchHeader::of_suspension(10, reader(&good)), Ok(None));
    assert_eq!(PatchHeader::of_suspension(len, |_, _| Err("no")), Err("no"));
    let unread = applier.resume(len, |_, _| Err("no"), None);
    assert_eq!(unread, Err(ResumeError::Place("no")));
    applier.feed(&made.patch[..1]).unwrap();
    assert_eq!(applier.resume(len, reader(&good), None), Err(ResumeError::InUse));

    let mut small = vec![0; workspace(&made.patch).len() - 1];
    let mut applier = Applier::new(&mut small, &made.old[..], &mut slot[..], options);
    let refused = applier.resume(len, reader(&good), None).unwrap_err();
    assert!(matches!(refused, ResumeError::Apply(ApplyError::WorkspaceTooSmall { .. })));

    // The old image is another one by now.
    let mut changed = made.old.clone();
    changed[17] ^= 1;
    let mut applier = Applier::new(&mut memory, &changed[..], &mut slot[..], options);
    let refused = applier.resume(len, reader(&good), None).unwrap_err();
    assert!(matches!(refused, ResumeError::Apply(ApplyError::OldMismatch { .. })), "{refused}");
    // And no applier takes a patch before it has been found right.
    let progress = applier.resume_within(len, reader(&good), None, 64).unwrap();
    assert!(progress.pending && progress.taken > 0);
    assert_eq!(applier.feed(&made.patch), Err(ApplyError::Poisoned));
}

#[test]
fn zstandard_says_that_it_cannot_be_suspended() {
    let made = update(Codec::Zstd, 1, 3000);
    let (mut memory, mut slot) = (workspace(&made.patch), vec![0; made.new.len()]);
    let options = ApplyOptions::default();
    let mut applier = Applier::new(&mut memory, &made.old[..], &mut slot[..], options);
    let (front, rest) = made.patch.split_at(made.patch.len() / 2);
    applier.feed(front).unwrap();
    let refused = applier.suspend(|_| Err(())).unwrap_err();
    assert_eq!(refused, SuspendError::Codec { codec: Codec::Zstd });
    applier.feed(rest).unwrap();
    applier.finish().unwrap();
    assert!(slot == made.new);
}

/// Where records are: after both slots.
const REGION: Slot = Slot::new(2 * SMALL.len, 8 * 4096);

type Error = ApplyError<SlotError<Shared>, SlotError<Shared>>;
type Shared = flashdelta::nor::SharedError<SimError>;

/// A part of an update on a device with flash: goes on with the last suspension, if there is one,
/// or starts; takes up to `bytes` more of the patch and suspends. True if the image is complete.
/// Errors are cuts. `buffer`: lent to the slot.
fn part(
    flash: &mut Flash,
    patch: &[u8],
    bytes: usize,
    buffer: usize,
    suspends: bool,
) -> Result<bool, Error> {
    let shared = RefCell::new(core::mem::replace(flash, Flash::new(1)));
    let result = (|| {
        let other = Slot::new(SMALL.len, SMALL.len);
        let (old, new) = slots(&shared, SMALL, other, vec![0; buffer]).unwrap();
        let mut records =
            Records::new(flashdelta::nor::Shared(&shared), REGION.start, REGION.len).unwrap();
        let mut memory = workspace(patch);
        let select = |_: &Verified| Ok::<_, Infallible>(());
        let mut update = AbUpdate::new(&mut memory, old, new, select, ApplyOptions::default());
        let taken = match update.applier().resume_from(&mut records, None) {
            Ok(progress) => progress.taken as usize,
            Err(ResumeError::Nothing | ResumeError::OtherImage) => 0,
            Err(ResumeError::Apply(error)) => return Err(error),
            Err(error) => panic!("{error:?}"),
        };
        let end = (taken + bytes).min(patch.len());
        let done = update.feed(&patch[taken..end])?.done;
        if done {
            update.finish().map(drop).map_err(|error| match error {
                flashdelta::update::ab::AbError::Apply(error) => error,
                other => panic!("{other:?}"),
            })?;
        } else if suspends {
            match update.applier().suspend_to(&mut records) {
                Ok(()) => {}
                Err(SuspendError::New(error) | SuspendError::Place(error)) => {
                    return Err(ApplyError::Finish { error })
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        Ok(done)
    })();
    *flash = shared.into_inner();
    result
}

fn flash_for(made: &crate::common::slots::Update) -> Flash {
    let mut rules = Rules::default();
    rules.memory_alignment = 4;
    let mut flash = Flash::used(REGION.start as usize / 4096 + 8, 42).rules(rules);
    flash.load(0, &made.old).unwrap();
    flash.protect(0..SMALL.len);
    flash
}

#[test]
fn an_update_in_flash_goes_on_after_any_reset() {
    for (codec, buffer) in [(Codec::Model, 0), (Codec::Lz4, 4096), (Codec::Raw, 0)] {
        let made = update(codec, 8, 21_000);
        let mut flash = flash_for(&made);
        let (mut resets, mut erases) = (0, 0);
        while !part(&mut flash, &made.patch, made.patch.len() / 9 + 1, buffer, true).unwrap() {
            resets += 1;
            erases = flash.counters().erases;
        }
        assert!(resets > 5 && erases > 0);
        assert!(flash.holds(SMALL.len, &made.new), "{codec}");
        assert!(flash.violations().is_empty(), "{codec}: {:?}", flash.violations());
    }
}

/// The power is cut at every operation of a part: while the image is written, in the middle of a
/// suspension, whatever. Then the update goes on from the last suspension that is whole.
#[test]
fn a_cut_anywhere_leaves_a_suspension_to_go_on_with() {
    for (codec, buffer) in [(Codec::Model, 0), (Codec::Lz4, 4096)] {
        let made = update(codec, 8, 14_000);
        let mut flash = flash_for(&made);
        let piece = made.patch.len() / 5 + 1;
        loop {
            let mut whole = flash.clone();
            whole.record();
            let done = part(&mut whole, &made.patch, piece, buffer, true).unwrap();
            let operations = whole.recorded();
            let skip = operations.len() / 60 + 1;
            for (i, (cut, mut after)) in flash.cuts(&operations).enumerate() {
                if i / 17 % skip != 0 && i % 5 != 0 {
                    continue;
                }
                let mut parts = 0;
                while !part(&mut after, &made.patch, made.patch.len() / 2, buffer, true)
                    .unwrap_or_else(|error| panic!("{codec} {cut}: {error:?}"))
                {
                    parts += 1;
                    assert!(parts < 5);
                }
                assert!(after.holds(SMALL.len, &made.new), "{codec} {cut}");
                assert!(after.violations().is_empty(), "{codec} {cut}: {:?}", after.violations());
            }
            flash = whole.clone();
            if done {
                break;
            }
        }
    }
}

/// It went on for a long while after it was suspended, and then the power was cut: what was written
/// meanwhile is made again.
#[test]
fn an_old_suspension_is_as_good_as_a_new_one() {
    for buffer in [0, 4096] {
        let made = update(Codec::Model, 8, 17_000);
        let mut flash = flash_for(&made);
        // The slot holds the image already, but for its end: sectors are kept, and one is renewed.
        let mut before = made.new.clone();
        before[9000..].fill(0x77);
        flash.load(SMALL.len, &before).unwrap();
        assert!(!part(&mut flash, &made.patch, made.patch.len() / 3, buffer, true).unwrap());
        let mut whole = flash.clone();
        whole.record();
        assert!(!part(&mut whole, &made.patch, made.patch.len() / 2, buffer, false).unwrap());
        for (cut, mut after) in flash.cuts(&whole.recorded()) {
            let done = part(&mut after, &made.patch, made.patch.len(), buffer, true)
                .unwrap_or_else(|error| panic!("{cut}: {error:?}"));
            assert!(done);
            assert!(after.holds(SMALL.len, &made.new), "{cut}");
            assert!(after.violations().is_empty(), "{cut}: {:?}", after.violations());
        }
    }
}
