//! The proof that an update in one slot survives a power cut anywhere.
//!
//! The update is run once and recorded, with a snapshot of the flash after each piece of the patch.
//! Then, for every cut of that run, it begins again on the flash as the cut has left it, until the
//! flash is the same as in a snapshot with as much of the patch taken: what comes then is what came
//! in the run without a cut, as all that an update knows after a reset is in the flash. That is
//! checked, not assumed, for some cuts drawn at random, which go on to their end, with a second cut
//! on top.

use core::cell::RefCell;
use std::collections::HashMap;

use flashdelta::apply::ApplyOptions;
use flashdelta::nor::Slot;
use flashdelta::update::in_place::{is_unfinished, InPlaceLayout, InPlaceUpdate};
use flashdelta::PatchHeader;
use flashdelta_sim::{Cut, NorSim, Operation, Rules, POSITIONS};

use super::Random;

/// The patch is fed in pieces of this many bytes.
const PIECE: usize = 48;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Writes and erases of the run without a cut.
    pub operations: usize,
    /// Cuts that were tried.
    pub cuts: u64,
    /// Of these, with a second cut.
    pub double: u64,
    /// Most erases of a sector of the slot, of the scratch area, and of the journal, in the run
    /// without a cut.
    pub wear: [u32; 3],
    /// What went wrong, if anything.
    pub failures: Vec<String>,
}

/// A flash with one slot, a scratch area and a journal, in this order.
pub struct Bench<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    old: &'a [u8],
    new: &'a [u8],
    patch: &'a [u8],
    header: PatchHeader,
    layout: InPlaceLayout,
    start: NorSim<READ, WRITE, ERASE>,
    recorded: Vec<Operation>,
    snapshots: HashMap<u32, NorSim<READ, WRITE, ERASE>>,
    done: NorSim<READ, WRITE, ERASE>,
}

/// How a run ended.
enum End<const READ: usize, const WRITE: usize, const ERASE: usize> {
    /// The update has come to its end.
    Done(NorSim<READ, WRITE, ERASE>),
    /// It has become what a run without a cut was.
    Met,
    /// It failed.
    Failed(NorSim<READ, WRITE, ERASE>, String),
}

impl<'a, const READ: usize, const WRITE: usize, const ERASE: usize> Bench<'a, READ, WRITE, ERASE> {
    /// The flash holds the old image, and at its other places anything.
    pub fn new(old: &'a [u8], new: &'a [u8], patch: &'a [u8], rules: Rules, seed: u64) -> Self {
        let header = PatchHeader::parse(patch).unwrap().unwrap();
        let order = header.in_place().unwrap();
        let slot = Slot::new(0, order.slot_len(header.old_size, header.new_size));
        let scratch = Slot::new(slot.len, order.scratch() * order.sector());
        let journal = InPlaceLayout::journal_len(&header, ERASE as u32);
        let layout =
            InPlaceLayout { slot, scratch, journal: Slot::new(slot.len + scratch.len, journal) };
        let sectors = (slot.len + scratch.len + journal) as usize / ERASE;
        let mut start = NorSim::used(sectors, seed).rules(rules);
        start.load(0, old).unwrap();
        let done = start.clone();
        let (recorded, snapshots) = (Vec::new(), HashMap::new());
        Self { old, new, patch, header, layout, start, recorded, snapshots, done }
    }

    /// The whole update, from its start or from what a cut has left; as far as `is_met` wants.
    fn update(
        &self,
        flash: NorSim<READ, WRITE, ERASE>,
        mut is_met: impl FnMut(u32, &NorSim<READ, WRITE, ERASE>) -> bool,
    ) -> End<READ, WRITE, ERASE> {
        let flash = RefCell::new(flash);
        let mut workspace = vec![0xA5; self.header.workspace_len()];
        let ended = (|| {
            let front = &self.patch[..self.header.body_offset() as usize];
            let options = ApplyOptions::default();
            let mut update =
                InPlaceUpdate::begin(&flash, self.layout, &mut workspace, front, options)
                    .map_err(|error| error.to_string())?;
            loop {
                let progress = update.progress();
                if is_met(progress.taken, &flash.borrow()) {
                    return Ok(true);
                }
                let rest = &self.patch[progress.taken as usize..];
                if rest.is_empty() && progress.done {
                    break;
                }
                update.feed(&rest[..rest.len().min(PIECE)]).map_err(|error| error.to_string())?;
            }
            update.finish().map_err(|error| error.to_string())?;
            Ok(false)
        })();
        match ended {
            Ok(true) => End::Met,
            Ok(false) => End::Done(flash.into_inner()),
            Err(error) => End::Failed(flash.into_inner(), error),
        }
    }

    /// Runs without a cut.
    pub fn run(&mut self) -> Outcome {
        let mut flash = self.start.clone();
        flash.record();
        let mut snapshots = HashMap::new();
        let ended = self.update(flash, |taken, flash| {
            let mut snapshot = flash.clone();
            snapshot.recorded();
            snapshots.insert(taken, snapshot);
            false
        });
        let mut outcome = Outcome::default();
        match ended {
            End::Done(mut flash) => {
                self.recorded = flash.recorded();
                outcome.operations = self.recorded.len();
                outcome.failures.extend(self.check(&flash).err());
                let wear = flash.wear();
                let most = |part: Slot| {
                    let sectors =
                        part.start as usize / ERASE..(part.start + part.len) as usize / ERASE;
                    wear[sectors].iter().copied().max().unwrap_or(0)
                };
                let InPlaceLayout { slot, scratch, journal } = self.layout;
                outcome.wear = [slot, scratch, journal].map(most);
                self.done = flash;
            }
            End::Met => unreachable!("nothing is compared"),
            End::Failed(_, error) => outcome.failures.push(error),
        }
        self.snapshots = snapshots;
        outcome
    }

    /// Tries share `.0` of `.1` of all cuts, and `double` of these twice.
    pub fn cuts(&mut self, share: (u64, u64), double: u64, seed: u64) -> Outcome {
        let mut outcome = self.run();
        let recorded = core::mem::take(&mut self.recorded);
        let all = recorded.len() as u64 * (u64::from(POSITIONS) + 1);
        let each = (all / share.1).checked_div(double).unwrap_or(u64::MAX).max(1);
        let mut random = Random(seed);
        for (number, (cut, flash)) in (0..).zip(self.start.cuts(&recorded)) {
            if number % share.1 != share.0 || outcome.failures.len() > 10 {
                continue;
            }
            outcome.cuts += 1;
            let mut fail = |what: String| outcome.failures.push(format!("{cut}: {what}"));
            if let Err(what) = self.check_boot(&flash) {
                fail(what);
            }
            if self.is_done(&flash) {
                if let Err(what) = self.check(&flash) {
                    fail(what);
                }
                continue;
            }
            if outcome.cuts.is_multiple_of(each) {
                outcome.double += 1;
                if let Err(what) = self.cut_again(flash, &mut random) {
                    outcome.failures.push(format!("{cut}: {what}"));
                }
                continue;
            }
            let met = |taken: u32, flash: &NorSim<READ, WRITE, ERASE>| {
                self.snapshots.get(&taken).is_some_and(|other| self.is_same(flash, other))
            };
            match self.update(flash, met) {
                End::Met => {}
                End::Done(flash) => {
                    if let Err(what) = self.check(&flash) {
                        fail(what);
                    }
                }
                End::Failed(_, error) => fail(error),
            }
        }
        self.recorded = recorded;
        outcome
    }

    /// A second cut at any place of what comes after the first one, and then to the end.
    fn cut_again(
        &self,
        flash: NorSim<READ, WRITE, ERASE>,
        random: &mut Random,
    ) -> Result<(), String> {
        let mut flash = flash;
        // As likely soon as late.
        let most = 1u64 << (random.next() % 12);
        let operation = flash.operations() + random.next() % most;
        flash.cut_at(Cut { operation, position: (random.next() % 17) as u8 });
        let cut_off = match self.update(flash, |_, _| false) {
            End::Done(flash) | End::Failed(flash, _) => flash,
            End::Met => unreachable!("nothing is compared"),
        };
        let mut flash = cut_off;
        flash.power_on();
        self.check_boot(&flash)?;
        if self.is_done(&flash) {
            return self.check(&flash);
        }
        match self.update(flash, |_, _| false) {
            End::Done(flash) => self.check(&flash),
            End::Failed(_, error) => Err(format!("after a second cut: {error}")),
            End::Met => unreachable!("nothing is compared"),
        }
    }

    /// Whether the new image is there, and would be started.
    fn is_done(&self, flash: &NorSim<READ, WRITE, ERASE>) -> bool {
        is_unfinished(flash.clone(), self.layout.journal) == Ok(false) && flash.holds(0, self.new)
    }

    /// Whether both flashes hold the same.
    fn is_same(
        &self,
        flash: &NorSim<READ, WRITE, ERASE>,
        other: &NorSim<READ, WRITE, ERASE>,
    ) -> bool {
        let InPlaceLayout { journal, .. } = self.layout;
        let sectors = (journal.start + journal.len) as usize / ERASE;
        // From the last: that is where they differ.
        (0..sectors).rev().all(|sector| flash.same_sector(other, sector))
    }

    /// Whether the bootloader starts nothing but a whole image.
    fn check_boot(&self, flash: &NorSim<READ, WRITE, ERASE>) -> Result<(), String> {
        let is_unfinished =
            is_unfinished(flash.clone(), self.layout.journal).map_err(|e| e.to_string())?;
        if is_unfinished || flash.holds(0, self.old) || flash.holds(0, self.new) {
            Ok(())
        } else {
            Err("a mixed image would be started".into())
        }
    }

    /// Whether the update has come to its end, and has kept to the rules of the flash.
    fn check(&self, flash: &NorSim<READ, WRITE, ERASE>) -> Result<(), String> {
        if !flash.holds(0, self.new) {
            return Err("the slot does not hold the new image".into());
        }
        if is_unfinished(flash.clone(), self.layout.journal).map_err(|e| e.to_string())? {
            return Err("the update is unfinished".into());
        }
        match flash.violations() {
            [] => Ok(()),
            [first, ..] => Err(first.to_string()),
        }
    }
}
