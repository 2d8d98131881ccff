//! Signed patches with chunk digests, edited, in pieces, within budgets, suspended and resumed, the
//! suspension edited as well: nothing is written that is not a part of the right image, and what
//! ends well has it.
#![no_main]

use core::convert::Infallible;

use arbitrary::Arbitrary;
use flashdelta::apply::{Applier, ApplyOptions, NewImage, OutOfBounds};
use flashdelta::diff::{diff, ChunkSize, DeviceProfile, DiffOptions};
use flashdelta::sign;
use flashdelta::verify::Guard;
use flashdelta::{Codec, PatchHeader};
use flashdelta_fuzz::seal;
use flashdelta_fuzz::toy::Toy;
use libfuzzer_sys::fuzz_target;

const KEY: Toy = Toy(7);

#[derive(Arbitrary, Debug)]
enum Step {
    /// This many bytes more, within a budget.
    Feed(u16, Option<u16>),
    /// Suspended, and resumed by another guard, within a budget.
    Reset(Option<u16>),
    /// The same, but something happened to the suspension: it may be refused, and then the update
    /// begins again.
    Damaged(Vec<(u16, u8)>, Option<u16>),
}

#[derive(Arbitrary, Debug)]
struct Case {
    codec: u8,
    old: Vec<u8>,
    changes: Vec<(u16, u8)>,
    more: Vec<u8>,
    /// At which byte, before which step, what is changed.
    edits: Vec<(u16, u8, u8)>,
    sealed: bool,
    steps: Vec<Step>,
}

/// What is written must be a part of the new image.
struct Slot<'s>(&'s mut [u8], &'s [u8]);

impl NewImage for Slot<'_> {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        NewImage::read(&mut &mut *self.0, offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let right = self.1.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        assert_eq!(right, Some(bytes), "at {offset}");
        NewImage::write(&mut &mut *self.0, offset, bytes)
    }
}

fn images(case: &Case) -> Option<(Vec<u8>, Vec<u8>)> {
    if case.old.is_empty() || case.old.len() > 4000 || case.more.len() > 4000 {
        return None;
    }
    let mut new = case.old.clone();
    for (at, value) in &case.changes {
        let at = usize::from(*at) % new.len();
        new[at] ^= value;
    }
    new.extend(&case.more);
    Some((case.old.clone(), new))
}

fn signed_patch(case: &Case, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut profile = DeviceProfile::small();
    profile.codecs = vec![[Codec::Raw, Codec::Lz4, Codec::Model][usize::from(case.codec) % 3]];
    profile.page = 8;
    let options = DiffOptions::new().profile(profile).effort(1).threads(1);
    let patch = diff(old, new, &options.chunks(ChunkSize::Bytes(256))).expect("it fits").bytes;
    let message = sign::message(&patch).expect("it has chunks");
    sign::attach(&patch, KEY.sign(&message)).expect("it can be signed")
}

fuzz_target!(|case: Case| {
    let Some((old, new)) = images(&case) else { return };
    let right = signed_patch(&case, &old, &new);
    let header = PatchHeader::parse(&right).expect("ours").expect("whole");
    let mut patch = right.clone();
    let mut slot = vec![0x5A; new.len()];
    let mut workspace = vec![0; header.workspace_len()];
    let mut buffer = vec![0; header.chunk_ram() as usize];
    let mut kept: Option<(Vec<u8>, Option<u16>)> = None;
    let mut steps = case.steps.iter().enumerate().peekable();
    let mut all_in_one = true;
    'updates: loop {
        let image = Slot(&mut slot, &new);
        let applier = Applier::new(&mut workspace, &old[..], image, ApplyOptions::default());
        let mut guard = Guard::require_signature(applier, KEY, &mut buffer);
        if let Some((suspension, budget)) = kept.take() {
            let budget = budget.map_or(u32::MAX, |budget| u32::from(budget) + 1);
            loop {
                let read = |offset: u32, bytes: &mut [u8]| -> Result<(), Infallible> {
                    let end = offset as usize + bytes.len();
                    bytes.copy_from_slice(&suspension[offset as usize..end]);
                    Ok(())
                };
                let len = suspension.len() as u32;
                match guard.resume_within(len, read, Some(&header), budget) {
                    Ok(progress) if progress.pending => {}
                    Ok(_) | Err(_) => break,
                }
            }
        }
        for (number, step) in steps.by_ref() {
            for (at, when, change) in &case.edits {
                if usize::from(*when) == number {
                    let at = usize::from(*at) % patch.len();
                    patch[at] ^= change;
                    if case.sealed {
                        seal(&mut patch);
                    }
                }
            }
            let (keep, damage, budget) = match step {
                Step::Feed(len, budget) => {
                    let at = (guard.progress().taken as usize).max(guard.next() as usize);
                    let rest = patch.get(at..).unwrap_or(&[]);
                    let piece = &rest[..rest.len().min(usize::from(*len))];
                    let budget = budget.map_or(u32::MAX, |budget| u32::from(budget) + 1);
                    if guard.feed_within(piece, budget).is_err() && guard.next() == 0 {
                        break 'updates;
                    }
                    continue;
                }
                Step::Reset(budget) => (true, &Vec::new(), budget),
                Step::Damaged(damage, budget) => (false, damage, budget),
            };
            let mut suspension = Vec::new();
            let put = |bytes: &[u8]| {
                suspension.extend_from_slice(bytes);
                Ok::<(), Infallible>(())
            };
            if guard.suspend(put).is_ok() {
                for (at, change) in damage {
                    let at = usize::from(*at) % suspension.len();
                    suspension[at] ^= change;
                }
                kept = Some((suspension, *budget));
            }
            all_in_one &= keep;
            continue 'updates;
        }
        // The rest, as it should be. It ends well if nothing was wrong before.
        let at = guard.next() as usize;
        let fed = right.get(at..).map_or(Ok(()), |rest| guard.feed(rest).map(drop));
        let ended = fed.is_ok() && guard.finish().is_ok();
        assert!(!ended || slot == new);
        assert!(ended || !all_in_one || !case.edits.is_empty());
        break;
    }
});
