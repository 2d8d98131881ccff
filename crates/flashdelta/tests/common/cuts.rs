//! The proof that an A/B update survives a power cut anywhere.
//!
//! The update is run once and recorded. Then, for every cut of that run, it is started again on the
//! flash as the cut has left it. That takes one run of the applier for all cuts, not one for each:
//! a restart makes the same calls to its slot as the whole run does (the old image is the same, and
//! the slot reads back the same, which is checked), so all restarts get them from the same applier
//! ([`Fan`]). And each gets only those that matter:
//!
//! - up to the cut the flash holds what the whole run has left there, which a slot that holds all
//!   of the new image stands for;
//! - once the restart has come to erase the sector at hand, and that holds the same as in a run
//!   without a cut, it goes on as that one does up to the end of the sector: it sleeps until then;
//! - once that is so for all that is still to come, it has got where a run without a cut gets.
//!
//! All three are checked, not assumed. [`Proof::restarts`] of the cuts, drawn at random, are also
//! done in the plain way, with a second cut on top.

use core::cell::RefCell;
use core::convert::Infallible;
use std::rc::Rc;

use flashdelta::apply::{Applier, ApplyOptions, NewImage};
use flashdelta::nor::{slots, NorNew, Slot};
use flashdelta::update::ab::{AbUpdate, Verified};
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
    /// This is share `.0` of `.1` of the cuts.
    pub share: (u64, u64),
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Writes and erases of the run without a cut.
    pub operations: usize,
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
        self.operations = other.operations;
        self.cuts += other.cuts;
        self.restarts += other.restarts;
        self.most_erases = self.most_erases.max(other.most_erases);
        self.failures.extend(other.failures);
    }
}

impl<'a> Proof<'a> {
    pub fn new(old: &'a [u8], new: &'a [u8], patch: &'a [u8]) -> Self {
        let rules = Rules::default();
        Self { old, new, patch, comfort: 0, buffer: 0, rules, seed: 1, restarts: 0, share: (0, 1) }
    }

    /// Tries all the cuts of this share.
    pub fn run<const READ: usize, const WRITE: usize, const ERASE: usize>(&self) -> Outcome {
        Bench::<READ, WRITE, ERASE>::new(self).run()
    }
}

type Slotted<const READ: usize, const WRITE: usize, const ERASE: usize> =
    NorNew<NorSim<READ, WRITE, ERASE>, Vec<u8>>;

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
        let (old, new) =
            slots(flash, self.running, self.other, vec![0; self.proof.buffer]).map_err(text)?;
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
        let result =
            self.update(&flash).and_then(|()| self.check_end(&flash.borrow(), &self.start));
        let mut flash = flash.into_inner();
        self.recorded = flash.recorded();
        outcome.operations = self.recorded.len();
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

    /// Whether the right image is in the slot, and nothing else was done to the flash.
    fn check_end(
        &self,
        flash: &NorSim<READ, WRITE, ERASE>,
        before: &NorSim<READ, WRITE, ERASE>,
    ) -> Result<(), String> {
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
            NorNew::with_buffer(flash, start, len, vec![0; self.proof.buffer])
                .expect("it was possible before")
        };
        let mut cuts = self.start.cuts(&self.recorded);
        let next = cuts.next();
        let fan = Fan {
            bench: self,
            lead: new(finished),
            main: new(self.start.clone()),
            cuts,
            next,
            awake: Vec::new(),
            asleep: Vec::new(),
            group: None,
            outcome,
        };
        let mut workspace = self.workspace();
        let mut applier =
            Applier::new(&mut workspace, self.proof.old, fan, ApplyOptions::default());
        let fed = applier.feed(self.proof.patch).map(|_| ());
        let result = fed.and_then(|()| applier.finish().map(|(_, fan)| fan.is_done()));
        match result {
            Ok(true) => {}
            Ok(false) => {
                outcome.failures.push("not all cuts were tried: the proof is broken".to_owned())
            }
            Err(error) => outcome.failures.push(text(error)),
        }
    }

    /// Some cuts in the plain way: the running update is cut, started again, cut again, and started
    /// again.
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
            let result =
                self.update(&flash).and_then(|()| self.check_end(&flash.borrow(), &self.start));
            outcome.restarts += 1;
            match result {
                Ok(()) if interrupted => {}
                Ok(()) => {
                    outcome.failures.push(format!("{first}: the cut did not interrupt the update"))
                }
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
    /// Whether that sector was finished.
    finished: bool,
    image: Slotted<READ, WRITE, ERASE>,
    /// Wear of the flash before.
    wear: Vec<u32>,
    /// The first of those with the same sector.
    first: Rc<NorSim<READ, WRITE, ERASE>>,
}

/// A slot that hands on everything to all restarts that it concerns.
struct Fan<'a, 'o, const READ: usize, const WRITE: usize, const ERASE: usize> {
    bench: &'a Bench<'a, READ, WRITE, ERASE>,
    /// A slot that holds the new image already.
    lead: Slotted<READ, WRITE, ERASE>,
    /// The run without a cut.
    main: Slotted<READ, WRITE, ERASE>,
    cuts: Cuts<'a, READ, WRITE, ERASE>,
    next: Option<(Cut, NorSim<READ, WRITE, ERASE>)>,
    awake: Vec<Restart<READ, WRITE, ERASE>>,
    /// Up to the end of the sector at hand these do what `main` does. That sector is there in them
    /// already.
    asleep: Vec<Restart<READ, WRITE, ERASE>>,
    /// The sector of the last cut, and the flash after the first cut in it.
    group: Option<(usize, Rc<NorSim<READ, WRITE, ERASE>>)>,
    outcome: &'o mut Outcome,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Fan<'_, '_, READ, WRITE, ERASE> {
    /// Whether all cuts are tried, and the run without a cut made the new image.
    fn is_done(&self) -> bool {
        let rest = self.awake.len() + self.asleep.len() + usize::from(self.next.is_some());
        rest == 0 && self.bench.check_end(self.main.flash(), &self.bench.start).is_ok()
    }

    /// Starts again after all cuts of operations that begin before `end`.
    fn join(&mut self, end: usize) {
        let bench = self.bench;
        let begins = |cut: &Cut| {
            (bench.recorded[cut.operation as usize].offset() - bench.other.start) as usize
        };
        while let Some((cut, flash)) = self.next.take_if(|(cut, _)| begins(cut) < end) {
            self.next = self.cuts.next();
            let (share, shares) = bench.proof.share;
            let sector = bench.recorded[cut.operation as usize].offset() as usize / ERASE;
            let first = match &self.group {
                Some((number, first)) if *number == sector => first.clone(),
                _ => self.new_group(sector, &flash),
            };
            if cut.operation % shares != share {
                continue;
            }
            self.outcome.cuts += 1;
            let start = (sector - bench.sector(0)) * ERASE;
            if !flash
                .holds((sector * ERASE) as u32, &bench.proof.new[start..begins(&cut).max(start)])
            {
                self.outcome.failures.push(format!("{cut}: what was written before it is wrong"));
            }
            let after = bench.recorded.get(cut.operation as usize + 1);
            let is_last =
                after.is_none_or(|operation| operation.offset() as usize / ERASE != sector);
            let finished = is_last && cut.position == POSITIONS;
            let wear = flash.wear();
            let mut image = self.lead.clone();
            *image.flash_mut() = flash;
            self.awake.push(Restart { cut, sector, finished, image, wear, first });
        }
    }

    /// The first cut in a sector: what is before it is as it should be.
    fn new_group(
        &mut self,
        sector: usize,
        flash: &NorSim<READ, WRITE, ERASE>,
    ) -> Rc<NorSim<READ, WRITE, ERASE>> {
        let bench = self.bench;
        for before in bench.sector(0)..sector {
            let known = self.group.as_ref().is_some_and(|(known, first)| {
                before < *known && first.shares_sector(flash, before)
            });
            let start = (before - bench.sector(0)) * ERASE;
            let right = &bench.proof.new[start..bench.proof.new.len().min(start + ERASE)];
            if !known && !flash.holds((before * ERASE) as u32, right) {
                self.outcome
                    .failures
                    .push(format!("sector {before} is wrong although it was finished"));
            }
        }
        let first = Rc::new(flash.clone());
        self.group = Some((sector, first.clone()));
        first
    }

    /// All restarts that are awake do this; those that fail are out.
    fn all(
        &mut self,
        mut call: impl FnMut(&mut Slotted<READ, WRITE, ERASE>) -> Result<(), String>,
    ) {
        let failures = &mut self.outcome.failures;
        self.awake.retain_mut(|restart| match call(&mut restart.image) {
            Ok(()) => true,
            Err(error) => {
                failures.push(format!("{}: {error}", restart.cut));
                false
            }
        });
    }

    /// A write within one sector: all make it. Those that go on as the run without a cut does need
    /// no longer be watched.
    fn write_in_sector(&mut self, offset: u32, data: &[u8]) -> Result<(), String> {
        let end = offset as usize + data.len();
        self.join(end);
        self.lead.write(offset, data).map_err(text)?;
        self.main.write(offset, data).map_err(text)?;
        for mut restart in core::mem::take(&mut self.awake) {
            let before = restart.image.flash().operations();
            if let Err(error) = restart.image.write(offset, data) {
                self.outcome.failures.push(format!("{}: {}", restart.cut, text(error)));
            } else if restart.image.flash().operations() == before {
                // It still finds what it wants: nothing was done.
                self.awake.push(restart);
            } else {
                self.settle(restart, end);
            }
        }
        if end.is_multiple_of(ERASE) {
            for mut restart in core::mem::take(&mut self.asleep) {
                let flash = core::mem::replace(restart.image.flash_mut(), NorSim::new(0));
                restart.image = self.lead.clone();
                *restart.image.flash_mut() = flash;
                self.awake.push(restart);
            }
        }
        Ok(())
    }

    /// Checks whether a restart that has come to erase and write the sector at hand is where the
    /// run without a cut is. `end`: the image is written up to here.
    fn settle(&mut self, mut restart: Restart<READ, WRITE, ERASE>, end: usize) {
        let bench = self.bench;
        let (flash, main) = (restart.image.flash(), self.main.flash());
        let (here, sectors) = (bench.sector(end - 1), bench.sector(bench.other.len as usize));
        if !flash.same_sector(main, here) {
            return self.awake.push(restart);
        }
        let rest_is_same = (here + 1..sectors).all(|sector| flash.same_sector(main, sector));
        // What waits for the rest of its unit is not in the flash yet.
        if !restart.check(bench, end - end % WRITE, self.outcome) || rest_is_same {
            return;
        }
        // In the sector at hand nothing will differ any more: it may as well be there.
        restart.image.flash_mut().restore_sector(self.lead.flash(), here);
        let now = restart.image.flash().wear();
        let twin = |other: &Restart<READ, WRITE, ERASE>| {
            let (mine, its) = (restart.image.flash(), other.image.flash());
            let worn_more = |sector: usize| {
                now[sector] - restart.wear[sector] > its.wear()[sector] - other.wear[sector]
            };
            let touched = here + 1..sectors.min(here + 3);
            other.sector == restart.sector
                && (here + 1..sectors).all(|sector| mine.same_sector(its, sector))
                && !touched.into_iter().any(worn_more)
        };
        // Two that hold the same have the same future.
        if !self.asleep.last().is_some_and(twin) {
            restart.wear[here] = now[here];
            self.asleep.push(restart);
        }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Restart<READ, WRITE, ERASE> {
    /// Whether the image in the flash is right up to `end`, and nothing was done that need not be.
    fn check(
        &self,
        bench: &Bench<'_, READ, WRITE, ERASE>,
        end: usize,
        outcome: &mut Outcome,
    ) -> bool {
        let wear = self.image.flash().wear();
        let erases =
            wear.iter().zip(&self.wear).map(|(after, before)| after - before).max().unwrap_or(0);
        outcome.most_erases = outcome.most_erases.max(erases);
        let most = if bench.proof.buffer >= ERASE { 1 } else { 2 };
        let result = match self.problem(bench, end, &wear) {
            None if erases > most => Some(format!("a sector was erased more than {most} times")),
            problem => problem,
        };
        if let Some(problem) = &result {
            outcome.failures.push(format!("{}: {problem}", self.cut));
        }
        result.is_none()
    }

    fn problem(
        &self,
        bench: &Bench<'_, READ, WRITE, ERASE>,
        end: usize,
        wear: &[u32],
    ) -> Option<String> {
        let flash = self.image.flash();
        if let Some(violation) = flash.violations().first() {
            return Some(format!("{violation}"));
        }
        // What was finished has not been touched; that includes the running slot.
        let finished = self.sector + usize::from(self.finished);
        if let Some(sector) =
            (0..self.sector).find(|sector| !flash.shares_sector(&self.first, *sector))
        {
            return Some(format!("sector {sector} was finished, but was written again"));
        }
        if wear[..finished] != self.wear[..finished] {
            return Some("a finished sector was erased again".to_owned());
        }
        let from = (self.sector - bench.sector(0)) * ERASE;
        (!flash.holds((self.sector * ERASE) as u32, &bench.proof.new[from..end.max(from)]))
            .then(|| "the new image is wrong".to_owned())
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NewImage
    for Fan<'_, '_, READ, WRITE, ERASE>
{
    type Error = String;

    fn capacity(&self) -> u32 {
        self.lead.capacity()
    }

    /// Sector by sector: the slots themselves do nothing else.
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), String> {
        let (mut offset, mut data) = (offset, data);
        while !data.is_empty() {
            let (front, rest) = data.split_at(data.len().min(ERASE - offset as usize % ERASE));
            self.write_in_sector(offset, front)?;
            (offset, data) = (offset + front.len() as u32, rest);
        }
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), String> {
        self.lead.read(offset, buf).map_err(text)?;
        let mut found = vec![0; buf.len()];
        let mut same =
            |image: &mut Slotted<READ, WRITE, ERASE>| match image.read(offset, &mut found) {
                Ok(()) if found == *buf => Ok(()),
                Ok(()) => Err(format!("reads back wrong at {offset}")),
                Err(error) => Err(text(error)),
            };
        same(&mut self.main)?;
        self.all(same);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        let (bench, end) = (self.bench, self.bench.proof.new.len());
        // The last unit may have been written at the end only.
        self.join(usize::MAX);
        self.lead.flush().map_err(text)?;
        self.main.flush().map_err(text)?;
        self.all(|image| image.flush().map_err(text));
        let after = bench.other.start as usize + end;
        let after = after as u32..after.next_multiple_of(ERASE) as u32;
        // Those that sleep go on as `main` does, which is checked at the end.
        self.asleep.clear();
        for restart in core::mem::take(&mut self.awake) {
            let blank =
                restart.image.flash().contents(after.clone()).iter().all(|byte| *byte == 0xFF);
            if restart.check(bench, end, self.outcome) && !blank {
                let what = "what follows the image in its last sector is not erased";
                self.outcome.failures.push(format!("{}: {what}", restart.cut));
            }
        }
        Ok(())
    }
}

fn text(error: impl core::fmt::Debug) -> String {
    format!("{error:?}")
}
