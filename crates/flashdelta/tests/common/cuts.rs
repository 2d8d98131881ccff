//! The proof that an A/B update survives a power cut anywhere.
//!
//! The update is run once and recorded. Then, for every cut of that run, it is started again on the flash as the cut has left it. That takes one run of
//! the applier for all cuts, not one for each: a restart makes the same calls to its slot as the whole run does (the old image is
//! the same, and the slot reads back the same, which is checked), so all restarts get them from the same applier ([`Fan`]). And each gets only
//! those that matter: up to the sector of the cut the flash holds what the whole run has left there, which a slot that holds all of
//! the new image stands for; two sectors further on, the flash is again as the whole run has found it. Both are checked, too.
//! [`Proof::restarts`] of the cuts, drawn at random, are also done in the plain way, with a second cut on top.

use core::cell::RefCell;
use core::convert::Infallible;
use std::rc::Rc;

use flashdelta::apply::ab::{AbUpdate, Verified};
use flashdelta::apply::nor::{slots, NorNew, Slot};
use flashdelta::apply::{Applier, ApplyOptions, NewImage};
use flashdelta::PatchHeader;
use flashdelta_sim::{Cut, Cuts, NorSim, Operation, Rules, POSITIONS};

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    pub old: &'a [u8],
    pub new: &'a [u8],
    pub patch: &'a [u8],
    /// Workspace beyond what the patch asks for, in bytes.
    pub comfort: usize,
    /// Buffer lent to the slot, in bytes.
    pub buffer: usize,
    pub rules: Rules,
    pub seed: u64,
    /// How many cuts are tried in the plain way, too.
    pub restarts: u64,
    /// Only every so many operations are cut if all the restarts together would take more writes than this.
    pub patience: u64,
    /// This is share `.0` of `.1` of the cuts.
    pub share: (u64, u64),
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Writes and erases of the run without a cut.
    pub operations: usize,
    /// Every so many of them were cut.
    pub every: u64,
    /// Cuts that were tried.
    pub cuts: u64,
    /// Of these, restarts in the plain way.
    pub restarts: u64,
    /// Most erases of one sector in one restart.
    pub most_erases: u32,
    /// What went wrong, if anything.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Adds another share.
    pub fn add(&mut self, other: Self) {
        (self.operations, self.every) = (other.operations, other.every);
        self.cuts += other.cuts;
        self.restarts += other.restarts;
        self.most_erases = self.most_erases.max(other.most_erases);
        self.failures.extend(other.failures);
    }
}

impl<'a> Proof<'a> {
    pub fn new(old: &'a [u8], new: &'a [u8], patch: &'a [u8]) -> Self {
        let rules = Rules::default();
        Self { old, new, patch, comfort: 0, buffer: 0, rules, seed: 1, restarts: 0, patience: u64::MAX, share: (0, 1) }
    }

    /// Tries all the cuts of this share.
    pub fn run<const READ: usize, const WRITE: usize, const ERASE: usize>(&self) -> Outcome {
        Bench::<READ, WRITE, ERASE>::new(self).run()
    }
}

type Slotted<const READ: usize, const WRITE: usize, const ERASE: usize> = NorNew<NorSim<READ, WRITE, ERASE>, Vec<u8>>;

/// A flash with both slots.
struct Bench<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    proof: Proof<'a>,
    running: Slot,
    other: Slot,
    start: NorSim<READ, WRITE, ERASE>,
    recorded: Vec<Operation>,
}

impl<'a, const READ: usize, const WRITE: usize, const ERASE: usize> Bench<'a, READ, WRITE, ERASE> {
    fn new(proof: &Proof<'a>) -> Self {
        // One sector is spare: without a lent buffer the last one of a slot is not kept.
        let sectors = proof.old.len().max(proof.new.len()).div_ceil(ERASE) + 1;
        let len = (sectors * ERASE) as u32;
        let mut start = NorSim::used(2 * sectors, proof.seed).rules(proof.rules);
        start.load(0, proof.old).expect("it fits");
        start.protect(0..len);
        let (running, other) = (Slot::new(0, len), Slot::new(len, len));
        Self { proof: *proof, running, other, start, recorded: Vec::new() }
    }

    /// The update, from its start to its end: the very thing.
    fn update(&self, flash: &RefCell<NorSim<READ, WRITE, ERASE>>) -> Result<(), String> {
        let mut workspace = self.workspace();
        let (old, new) = slots(flash, self.running, self.other, vec![0; self.proof.buffer]).map_err(text)?;
        let select = |_: &Verified| Ok::<(), Infallible>(());
        let mut update = AbUpdate::new(&mut workspace, old, new, select, ApplyOptions::default());
        for piece in self.proof.patch.chunks(1000) {
            update.feed(piece).map_err(text)?;
        }
        update.finish().map(|_| ()).map_err(text)
    }

    fn workspace(&self) -> Vec<u8> {
        let header = PatchHeader::parse(self.proof.patch).expect("a patch").expect("all of it");
        vec![0; header.workspace_len() + self.proof.comfort]
    }

    fn run(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut flash = self.start.clone();
        flash.record();
        let flash = RefCell::new(flash);
        let result = self.update(&flash).and_then(|()| self.check_end(&flash.borrow(), &self.start));
        let mut flash = flash.into_inner();
        self.recorded = flash.recorded();
        outcome.operations = self.recorded.len();
        // Each restart goes through two sectors or more.
        let operations = self.recorded.len() as u64;
        let writes_per_sector = operations / self.proof.new.len().div_ceil(ERASE).max(1) as u64;
        let work = operations * (u64::from(POSITIONS) + 1) * 2 * writes_per_sector;
        outcome.every = work.div_ceil(self.proof.patience).max(1);
        if flash.wear().iter().any(|erases| *erases > 1) {
            outcome.failures.push("without a cut: a sector was erased twice".to_owned());
        }
        if let Err(failure) = result {
            outcome.failures.push(format!("without a cut: {failure}"));
            return outcome;
        }
        self.lockstep(flash, &mut outcome);
        self.restarts(&mut outcome);
        outcome
    }

    /// Is the right image in the slot, and was nothing else done to the flash?
    fn check_end(&self, flash: &NorSim<READ, WRITE, ERASE>, before: &NorSim<READ, WRITE, ERASE>) -> Result<(), String> {
        if let Some(violation) = flash.violations().first() {
            return Err(format!("{violation}"));
        }
        if !flash.holds(self.other.start, self.proof.new) {
            return Err("the new image is wrong".to_owned());
        }
        let running = self.running.len as usize / ERASE;
        if !(0..running).all(|sector| flash.shares_sector(before, sector)) {
            return Err("the running slot was touched".to_owned());
        }
        Ok(())
    }

    /// All cuts, with one applier.
    fn lockstep(&self, finished: NorSim<READ, WRITE, ERASE>, outcome: &mut Outcome) {
        let new = |flash| {
            let (start, len) = (self.other.start, self.other.len);
            NorNew::with_buffer(flash, start, len, vec![0; self.proof.buffer]).expect("it was possible before")
        };
        let mut cuts = self.start.cuts(&self.recorded);
        let next = cuts.next();
        let fan = Fan {
            bench: self,
            lead: new(finished),
            cuts,
            next,
            live: Vec::new(),
            calls: Vec::new(),
            group: None,
            outcome,
        };
        let mut workspace = self.workspace();
        let mut applier = Applier::new(&mut workspace, self.proof.old, fan, ApplyOptions::default());
        let fed = applier.feed(self.proof.patch).map(|_| ());
        let result = fed.and_then(|()| applier.finish().map(|(_, fan)| fan.next.is_none() && fan.live.is_empty()));
        match result {
            Ok(true) => {}
            Ok(false) => outcome.failures.push("not all cuts were tried: the proof is broken".to_owned()),
            Err(error) => outcome.failures.push(text(error)),
        }
    }

    /// Some cuts in the plain way: the running update is cut, started again, cut again, and started again.
    fn restarts(&self, outcome: &mut Outcome) {
        let mut random = super::Random(self.proof.seed + self.proof.share.0);
        for _ in 0..self.proof.restarts / self.proof.share.1 {
            let mut cut = |from: u64, count: usize| Cut {
                operation: from + random.below(count) as u64,
                position: random.below(usize::from(POSITIONS) + 1) as u8,
            };
            let flash = RefCell::new(self.start.clone());
            let first = cut(0, self.recorded.len());
            flash.borrow_mut().cut_at(first);
            let interrupted = self.update(&flash).is_err() && flash.borrow().is_off();
            flash.borrow_mut().power_on();
            // It may come too late; then the second run is complete.
            let done = flash.borrow().operations();
            flash.borrow_mut().cut_at(cut(done, self.recorded.len() - first.operation as usize));
            let _ = self.update(&flash);
            flash.borrow_mut().power_on();
            let result = self.update(&flash).and_then(|()| self.check_end(&flash.borrow(), &self.start));
            outcome.restarts += 1;
            match result {
                Ok(()) if interrupted => {}
                Ok(()) => outcome.failures.push(format!("{first}: the cut did not interrupt the update")),
                Err(failure) => outcome.failures.push(format!("{first}, and another: {failure}")),
            }
        }
    }

    /// The sector of the flash that an offset in the slot is in.
    fn sector(&self, offset: usize) -> usize {
        (self.other.start as usize + offset) / ERASE
    }
}

/// A restart under way.
struct Restart<const READ: usize, const WRITE: usize, const ERASE: usize> {
    cut: Cut,
    /// The sector of the cut.
    sector: usize,
    /// Was that sector finished?
    finished: bool,
    image: Slotted<READ, WRITE, ERASE>,
    wear: Vec<u32>,
    /// The first of those with the same sector.
    first: Rc<NorSim<READ, WRITE, ERASE>>,
}

/// What the applier asks of its slot.
enum Call {
    Write(u32, Vec<u8>),
    /// With what has to be read.
    Read(u32, Vec<u8>),
}

impl Call {
    fn make<const READ: usize, const WRITE: usize, const ERASE: usize>(
        &self,
        image: &mut Slotted<READ, WRITE, ERASE>,
    ) -> Result<(), String> {
        match self {
            Self::Write(offset, data) => image.write(*offset, data).map_err(text),
            Self::Read(offset, expected) => {
                let mut found = vec![0; expected.len()];
                image.read(*offset, &mut found).map_err(text)?;
                if found == *expected {
                    Ok(())
                } else {
                    Err(format!("reads back wrong at {offset}"))
                }
            }
        }
    }
}

/// A slot that hands on everything to all restarts that it concerns.
struct Fan<'a, 'o, const READ: usize, const WRITE: usize, const ERASE: usize> {
    bench: &'a Bench<'a, READ, WRITE, ERASE>,
    /// A slot that holds the new image already.
    lead: Slotted<READ, WRITE, ERASE>,
    cuts: Cuts<'a, READ, WRITE, ERASE>,
    next: Option<(Cut, NorSim<READ, WRITE, ERASE>)>,
    live: Vec<Restart<READ, WRITE, ERASE>>,
    /// What the restarts have yet to do: each does a sector's worth in one go, which the caches of the machine like.
    calls: Vec<Call>,
    /// The sector of the last cut, and the flash after the first cut in it.
    group: Option<(usize, Rc<NorSim<READ, WRITE, ERASE>>)>,
    outcome: &'o mut Outcome,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Fan<'_, '_, READ, WRITE, ERASE> {
    /// Starts again after all cuts in sectors that begin before `end`.
    fn join(&mut self, end: usize) {
        let bench = self.bench;
        let begins = |cut: &Cut| (bench.recorded[cut.operation as usize].offset() - bench.other.start) as usize;
        if self.next.as_ref().is_some_and(|(cut, _)| begins(cut) < end) {
            // What was called for before is not for those that join now.
            self.catch_up();
        }
        while let Some((cut, flash)) = self.next.take_if(|(cut, _)| begins(cut) < end) {
            self.next = self.cuts.next();
            let (share, shares) = bench.proof.share;
            let sector = bench.recorded[cut.operation as usize].offset() as usize / ERASE;
            let first = match &self.group {
                Some((number, first)) if *number == sector => first.clone(),
                _ => self.new_group(sector, &flash),
            };
            let every = self.outcome.every;
            if cut.operation % every != 0 || cut.operation / every % shares != share {
                continue;
            }
            self.outcome.cuts += 1;
            let after = bench.recorded.get(cut.operation as usize + 1);
            let is_last = after.is_none_or(|operation| operation.offset() as usize / ERASE != sector);
            let finished = is_last && cut.position == POSITIONS;
            let wear = flash.wear();
            let mut image = self.lead.clone();
            *image.flash_mut() = flash;
            self.live.push(Restart { cut, sector, finished, image, wear, first });
        }
    }

    /// The first cut in a sector: what is before it is as it should be.
    fn new_group(&mut self, sector: usize, flash: &NorSim<READ, WRITE, ERASE>) -> Rc<NorSim<READ, WRITE, ERASE>> {
        let bench = self.bench;
        for before in bench.sector(0)..sector {
            let known =
                self.group.as_ref().is_some_and(|(known, first)| before < *known && first.shares_sector(flash, before));
            let start = (before - bench.sector(0)) * ERASE;
            let right = &bench.proof.new[start..bench.proof.new.len().min(start + ERASE)];
            if !known && !flash.holds((before * ERASE) as u32, right) {
                self.outcome.failures.push(format!("sector {before} is wrong although it was finished"));
            }
        }
        let first = Rc::new(flash.clone());
        self.group = Some((sector, first.clone()));
        first
    }

    /// All restarts do what there is to do; those that fail are out.
    fn catch_up(&mut self) {
        let calls = core::mem::take(&mut self.calls);
        self.all(|image| calls.iter().try_for_each(|call| call.make(image)));
    }

    /// All restarts do this; those that fail are out.
    fn all(&mut self, mut call: impl FnMut(&mut Slotted<READ, WRITE, ERASE>) -> Result<(), String>) {
        let failures = &mut self.outcome.failures;
        self.live.retain_mut(|restart| match call(&mut restart.image) {
            Ok(()) => true,
            Err(error) => {
                failures.push(format!("{}: {error}", restart.cut));
                false
            }
        });
    }

    /// Lets go the restarts for which nothing that is still to come differs from the run without a cut. `end`: the image is complete up to here.
    fn leave(&mut self, end: usize, is_complete: bool) {
        let bench = self.bench;
        let outcome = &mut *self.outcome;
        let reached = bench.sector(end.saturating_sub(1)) + 1;
        self.live.retain(|restart| {
            let flash = restart.image.flash();
            let sectors = bench.sector(bench.other.len as usize);
            let untouched = |sector| flash.shares_sector(&bench.start, sector);
            let passed = reached > restart.sector + 1 && end.is_multiple_of(ERASE) && (reached..sectors).all(untouched);
            if !passed && !is_complete {
                return true;
            }
            if let Err(failure) = restart.check(bench, end, is_complete) {
                outcome.failures.push(format!("{}: {failure}", restart.cut));
            }
            let erases = flash.wear().into_iter().zip(&restart.wear).map(|(after, before)| after - before).max();
            outcome.most_erases = outcome.most_erases.max(erases.unwrap_or(0));
            false
        });
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Restart<READ, WRITE, ERASE> {
    /// Is the image right up to `end`, and was nothing done that need not be?
    fn check(&self, bench: &Bench<'_, READ, WRITE, ERASE>, end: usize, is_complete: bool) -> Result<(), String> {
        let flash = self.image.flash();
        if let Some(violation) = flash.violations().first() {
            return Err(format!("{violation}"));
        }
        // What was finished has not been touched; that includes the running slot.
        let finished = self.sector + usize::from(self.finished);
        if let Some(sector) = (0..self.sector).find(|sector| !flash.shares_sector(&self.first, *sector)) {
            return Err(format!("sector {sector} was finished, but was written again"));
        }
        let wear = flash.wear();
        if wear[..finished] != self.wear[..finished] {
            return Err("a finished sector was erased again".to_owned());
        }
        let most = if bench.proof.buffer >= ERASE { 1 } else { 2 };
        if wear.iter().zip(&self.wear).any(|(after, before)| after - before > most) {
            return Err(format!("a sector was erased more than {most} times"));
        }
        let from = (self.sector - bench.sector(0)) * ERASE;
        if !flash.holds((self.sector * ERASE) as u32, &bench.proof.new[from..end]) {
            return Err("the new image is wrong".to_owned());
        }
        let start = bench.other.start as usize + end;
        let behind = flash.contents(start as u32..start.next_multiple_of(ERASE) as u32);
        if is_complete && behind.iter().any(|byte| *byte != 0xFF) {
            return Err("what is behind the image in its last sector is not erased".to_owned());
        }
        Ok(())
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NewImage for Fan<'_, '_, READ, WRITE, ERASE> {
    type Error = String;

    fn capacity(&self) -> u32 {
        self.lead.capacity()
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), String> {
        let end = offset as usize + data.len();
        self.join(end);
        self.calls.push(Call::Write(offset, data.to_vec()));
        self.lead.write(offset, data).map_err(text)?;
        if end.is_multiple_of(ERASE) {
            self.catch_up();
            self.leave(end, false);
        }
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), String> {
        self.lead.read(offset, buf).map_err(text)?;
        self.calls.push(Call::Read(offset, buf.to_vec()));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        // The last unit may have been written at the end only.
        self.join(usize::MAX);
        self.catch_up();
        self.all(|image| image.flush().map_err(text));
        self.lead.flush().map_err(text)?;
        self.leave(self.bench.proof.new.len(), true);
        Ok(())
    }
}

fn text(error: impl core::fmt::Debug) -> String {
    format!("{error:?}")
}
