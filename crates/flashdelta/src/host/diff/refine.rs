//! The second parse: by what the model will really predict, at the prices that it will really have.
//!
//! The first parse sees masked images and prices that are the same everywhere. With its copies the
//! model codes the new image once more into nothing, and this parse follows one step behind: a
//! shortest path like the first (Viterbi 1967), but each copy from the old image goes unit by unit,
//! with a walk of its own, and the model is asked what each decision would cost at this very place.
//! (LZMA's optimal parser and zopfli get their prices in the same way.) It keeps to the model's
//! rules: a copy ends only in a unit that is not as predicted.
//!
//! Most of an image is beyond doubt: one copy is left, and goes on as predicted. There nothing is
//! priced. What all ways have in common is told at once, so that the next round, or the coding, can
//! follow in another thread.

use std::collections::BTreeSet;

use super::active::{Active, Way};
use super::candidates::{self, Candidate};
use super::control::Control;
use super::error::DiffError;
use super::options::Phase;
use super::parse::{self, Step, NEW_FLAG};
use super::plan::Plan;
use super::search::Prediction;
use super::stream::CopyWriter;
use super::work;
use crate::device::codec::model::Model;
use crate::device::format::limits::MODEL_WEIGHTS;
use crate::device::format::{Order, Tables};
use crate::host::encode::price::{DistancePrices, Price, BIT};
use crate::host::encode::{ahead, InMemory};

/// Candidates that are followed at the same time; more are dropped, worst first.
const MOST_ACTIVE: usize = 48;

/// The same when candidates have been more than [`BUSY`] at a time so far: time stays linear on any
/// input.
const MOST_WHEN_BUSY: usize = 8;
const BUSY: u64 = 12;

/// A way between copies is given up when the cheapest copy is so much cheaper.
const FREE_MARGIN: u64 = 60 * BIT as u64;

/// A copy is given up when another way is so much cheaper: it could be entered anew from there.
const COPY_MARGIN: u64 = 60 * BIT as u64;

/// The same past the end of a candidate. Candidates end where bytes become different; copies may
/// well run on.
const BEYOND_MARGIN: u64 = 30 * BIT as u64;

/// Of two copies from the same place one is given up when the other is so much cheaper ...
const TWIN_MARGIN: u64 = 20 * BIT as u64;

/// ... or cheaper at all, when both are longer than this: what they know of their targets is the
/// same then.
const ALIKE: u32 = 256;

/// Positions between two looks at the clock, and at what is published.
const PACE: u32 = 1 << 12;

/// What there is to choose from.
#[derive(Clone, Copy)]
pub(crate) struct Refine<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) new: &'a [u8],
    pub(crate) prediction: &'a Prediction,
    /// Two lists, each sorted by start.
    pub(crate) candidates: [&'a [Candidate]; 2],
    /// For each offset of the old image, whether a copy may begin there without its walk getting
    /// out of step.
    pub(crate) entrances: &'a [bool],
    pub(crate) tables: Tables,
    pub(crate) order: Order,
}

impl Refine<'_> {
    /// Chooses anew, given the copies of an earlier parse, and tells `writer` what it chooses.
    pub(crate) fn parse(
        &self,
        plan: Plan<'_>,
        writer: CopyWriter<'_>,
        control: &Control<'_>,
    ) -> Result<(), DiffError> {
        let mut slots = vec![0; self.tables.model_slots()];
        let mut weights = vec![0; MODEL_WEIGHTS];
        let mut shifts = vec![0; usize::from(self.tables.shifts) * 2];
        let memory = (&mut slots[..], &mut weights[..], &mut shifts[..]);
        let (old_len, new_len) = (self.old.len() as u32, self.new.len() as u32);
        let model = Model::new(memory, self.prediction.walker(), old_len, new_len);
        let mut ways = [Way::NONE; AHEAD];
        ways[0] = Way::START;
        let steps = Steps::default();
        let (new_copies, distances) = (NewCopies::default(), model.distance_prices());
        let active = Vec::new();
        let mut path = Path {
            given: *self,
            active,
            ways,
            steps,
            published: 0,
            writer,
            new_copies,
            distances,
            busy: 0,
        };
        path.run(model, plan, control)?;
        path.publish_to(new_len);
        path.writer.publish(new_len, None);
        Ok(())
    }
}

/// Ways are known at most this far ahead: a unit and a byte, rounded up to a power of two.
const AHEAD: usize = 8;

/// The shortest path, as far as it has come.
struct Path<'a> {
    given: Refine<'a>,
    active: Vec<Active<'a>>,
    /// The cheapest ways to the next positions, between copies.
    ways: [Way; AHEAD],
    /// The last step of each of them.
    steps: Steps,
    /// Up to where the writer has been told.
    published: u32,
    writer: CopyWriter<'a>,
    new_copies: NewCopies,
    distances: DistancePrices,
    /// The sum of the numbers of candidates, over all places where there was something to do.
    busy: u64,
}

impl Path<'_> {
    fn run(
        &mut self,
        mut model: Model<'_>,
        mut plan: Plan<'_>,
        control: &Control<'_>,
    ) -> Result<(), DiffError> {
        let Refine { old, new, candidates, order, .. } = self.given;
        let mut images = InMemory::new(old, new, order);
        let mut waiting = candidates::merged(candidates).peekable();
        let (mut at, mut reported) = (0, 0);
        while at < new.len() as u32 {
            while model.position() < at {
                let was_free = model.copying().is_none();
                self.new_copies.watch(&mut model, &mut images, &mut plan);
                if was_free && model.copying().is_some() {
                    self.distances = model.distance_prices();
                }
            }
            if at - reported >= PACE {
                control.advance(Phase::Parse, 0)?;
                self.publish_common(at);
                reported = at;
            }
            if let Some(next) = self.follow_only(at, &model) {
                at = next;
                continue;
            }
            while let Some(c) = waiting.next_if(|c| c.start <= at) {
                if c.end > at {
                    self.active.push(Active::new(*c));
                }
            }
            self.limit_active(at);
            let cheapest = self.leave(at, &mut model);
            let free = core::mem::replace(&mut self.ways[at as usize % AHEAD], Way::NONE);
            let limit = cheapest.min(free.cost).saturating_add(COPY_MARGIN);
            if free.is_open() && free.cost <= cheapest.saturating_add(FREE_MARGIN) {
                self.literal(at, &free, &mut model);
                self.enter(at, &free, limit, &model);
            }
            self.advance(at, limit, &mut model);
            at = self.next(at);
        }
        Ok(())
    }

    /// Goes on to the next unit in the only copy that is left, if it is as predicted: then there is
    /// nothing to choose, and prices do not matter.
    fn follow_only(&mut self, at: u32, model: &Model<'_>) -> Option<u32> {
        let Refine { old, new, prediction, order, .. } = self.given;
        let floor = order.stretch(at).floor;
        if self.ways.iter().any(Way::is_open) {
            return None;
        }
        self.drop_twins();
        let mut inside = self.active.iter_mut().filter(|a| a.is_inside());
        let a = inside.next().filter(|a| a.is_old() && a.next == at)?;
        // The last unit goes the usual way, where the way to the end is noted.
        if inside.next().is_some() || new.len() as u32 - at <= 4 {
            return None;
        }
        a.look((old, floor), new, at, model, || prediction.walker());
        a.pass(at)
    }

    /// Of two copies that go on from the same place in the same way only the cheaper one has a
    /// future.
    fn drop_twins(&mut self) {
        for i in 1..self.active.len() {
            let (before, rest) = self.active.split_at_mut(i);
            let b = &mut rest[0];
            if !b.is_inside() || !b.is_old() {
                continue;
            }
            let same = |a: &&mut Active<'_>| {
                a.is_inside()
                    && a.candidate.shift == b.candidate.shift
                    && a.next == b.next
                    && a.is_old()
            };
            if let Some(a) = before.iter_mut().find(same) {
                let margin =
                    if b.next - b.entered.max(a.entered) < ALIKE { TWIN_MARGIN } else { 0 };
                if b.cost + margin < a.cost {
                    a.close();
                } else if a.cost + margin <= b.cost {
                    b.close();
                }
            }
        }
    }

    /// Tells what all ways that are still open have in common.
    fn publish_common(&mut self, at: u32) {
        let mut inside = self.active.iter().filter(|a| a.is_inside());
        let open = (at..at + AHEAD as u32).filter(|at| self.ways[*at as usize % AHEAD].is_open());
        let mut places: BTreeSet<u32> =
            inside.clone().map(|a| a.entered).chain(open.clone()).collect();
        // Back from the last place, until all ways are at the same; if that is too far it has to
        // wait.
        for _ in 0..PACE {
            match places.pop_last() {
                Some(last) if places.is_empty() => {
                    let only =
                        inside.next().filter(|_| inside.next().is_none() && open.count() == 0);
                    let only = only.map(|a| a.copied(at));
                    self.publish_to(last);
                    return self.writer.publish(last, only);
                }
                Some(last) => places.insert(self.steps.at(last).start(last)),
                None => return,
            };
        }
    }

    /// The way to this place is certain.
    fn publish_to(&mut self, end: u32) {
        let Steps { first, list } = &self.steps;
        parse::trace(list, *first, self.published..end)
            .into_iter()
            .for_each(|copy| self.writer.push(copy));
        self.published = end;
        self.steps.forget(end);
    }

    /// The next position at which there is something to do. Drops candidates that end before it.
    fn next(&mut self, at: u32) -> u32 {
        let ways = (at + 1..at + AHEAD as u32).find(|at| self.ways[*at as usize % AHEAD].is_open());
        let copies = self.active.iter().filter(|a| a.is_inside()).map(|a| a.next).min();
        let next = ways.into_iter().chain(copies).min().unwrap_or(at + 1);
        self.active.retain(|a| a.candidate.end > next || a.is_inside() && a.is_old());
        next
    }

    /// Drops candidates if there are too many.
    fn limit_active(&mut self, at: u32) {
        self.busy += self.active.len() as u64;
        work::count(1 + self.active.len());
        let is_busy = self.busy > BUSY * (u64::from(at) + (1 << 18));
        let most = if is_busy { MOST_WHEN_BUSY } else { MOST_ACTIVE };
        if self.active.len() > most {
            self.active
                .sort_by_key(|a| (a.cost, core::cmp::Reverse(a.candidate.end), a.candidate.shift));
            self.active.truncate(most);
        }
    }

    /// Takes a way if it is cheaper than what is known.
    fn relax(&mut self, to: u32, way: Way, step: Step) {
        let known = &mut self.ways[to as usize % AHEAD];
        if way.cost < known.cost {
            *known = way;
            self.steps.set(to, step);
        }
    }

    /// Ends copies from the old image in their next unit. Returns the cost of the cheapest way
    /// inside a copy.
    fn leave(&mut self, at: u32, model: &mut Model<'_>) -> u64 {
        let Refine { old, new, prediction, order, .. } = self.given;
        let floor = order.stretch(at).floor;
        let mut cheapest = Way::NEVER;
        for i in 0..self.active.len() {
            let a = &mut self.active[i];
            if a.cost < cheapest {
                cheapest = a.cost;
            }
            if !a.is_inside() || !a.is_old() || a.next != at {
                continue;
            }
            if a.unit.is_none() {
                a.look((old, floor), new, at, model, || prediction.walker());
            }
            if a.unit.is_none() {
                // The old image has ended, or is gone there, and the copy with it.
                let ended = Some(a.candidate.source(at));
                let way = Way { cost: a.cost, ended, literals: 0, ..a.way };
                let step = Step { entered: a.entered, shift: a.candidate.shift };
                a.close();
                self.relax(at, way, step);
            } else if let Some((to, way)) = a.leave(at, model) {
                let step = Step { entered: a.entered, shift: a.candidate.shift };
                self.relax(to, way, step);
            }
        }
        cheapest
    }

    /// Spells out a byte.
    fn literal(&mut self, at: u32, free: &Way, model: &mut Model<'_>) {
        let Refine { old, new, order, .. } = self.given;
        let floor = order.stretch(at).floor;
        let ghost = free.ended.and_then(|e| ahead(old, e + free.literals, floor).first());
        let ghost = ghost.copied().unwrap_or(0);
        let price = model.jump_price(free.literals, false)
            + model.literal_price(free.unit_state, [ghost, new[at as usize]], free.literals);
        let mut unit_state = free.unit_state;
        unit_state.byte(new[at as usize], at, &mut model.walker);
        let (cost, literals) = (free.cost + u64::from(price), free.literals + 1);
        let way = Way { cost, literals, unit_state, ..*free };
        self.relax(at + 1, way, Step::LITERAL);
    }

    /// Starts copies where that is cheaper than what led there before, and within `limit`.
    fn enter(&mut self, at: u32, free: &Way, limit: u64, model: &Model<'_>) {
        let Refine { old, new, prediction, entrances, order, .. } = self.given;
        let floor = order.stretch(at).floor;
        let cost = free.cost + u64::from(model.jump_price(free.literals, true));
        if cost > limit {
            return;
        }
        for a in self.active.iter_mut().filter(|a| a.candidate.end > at && a.cost > cost) {
            let source = a.candidate.source(at);
            let price = if a.is_old() {
                let is_open = if a.is_inside() { a.next == at } else { entrances[source as usize] };
                if !is_open {
                    continue;
                }
                model.old_price(
                    &self.distances,
                    (at, source),
                    (free.expected(at), free.alignments),
                    free.literals,
                )
            } else {
                model.new_price(&self.distances, at - source, free.distance, free.literals)
            };
            let cost = cost + u64::from(price);
            if cost < a.cost && cost <= limit {
                a.enter(at, cost, free);
                if a.is_old() {
                    a.look((old, floor), new, at, model, || prediction.walker());
                }
            }
        }
    }

    /// Goes on in copies that are within `limit`: by the unit that has been looked at, or by a
    /// byte.
    fn advance(&mut self, at: u32, limit: u64, model: &mut Model<'_>) {
        let end = self.given.new.len() as u32;
        for i in 0..self.active.len() {
            let a = &mut self.active[i];
            if a.cost > limit {
                a.close();
                continue;
            }
            if !a.is_old() {
                a.cost += u64::from(self.new_copies.hit(a.age));
                (a.age, a.next) = (a.age + 1, at + 1);
                if a.candidate.end == at + 1 {
                    let miss = if at + 1 < end { self.new_copies.miss(a.age) } else { 0 };
                    let way = Way { cost: a.cost + u64::from(miss), literals: 0, ..a.way };
                    let step = Step { entered: a.entered | NEW_FLAG, shift: a.candidate.shift };
                    self.relax(at + 1, way, step);
                }
            } else if let Some(is_hit) = a.unit.as_ref().map(|unit| unit.is_hit) {
                a.advance(at, model);
                if a.next >= end {
                    let way = Way { cost: a.cost, ..a.way };
                    let step = Step { entered: a.entered, shift: a.candidate.shift };
                    self.relax(end, way, step);
                } else if !is_hit && a.candidate.end <= at {
                    let cheapest = self.ways.iter().map(|way| way.cost).min().unwrap_or(Way::NEVER);
                    if a.cost > cheapest.saturating_add(BEYOND_MARGIN) {
                        a.close();
                    }
                }
            }
        }
    }
}

/// The last steps of the cheapest ways to all positions that may matter still.
#[derive(Default)]
struct Steps {
    /// The position of the first in the list.
    first: u32,
    list: Vec<Step>,
}

impl Steps {
    fn at(&self, at: u32) -> &Step {
        &self.list[(at - self.first) as usize]
    }

    fn set(&mut self, at: u32, step: Step) {
        let i = (at - self.first) as usize;
        if i >= self.list.len() {
            if i >= self.list.capacity() {
                self.list.reserve_exact(i / 4 + PACE as usize);
            }
            self.list.resize(i + 1, Step::LITERAL);
        }
        self.list[i] = step;
    }

    /// What leads to places before this one is not asked for any more.
    fn forget(&mut self, before: u32) {
        let known = self.list.len();
        let old = ((before - self.first) as usize).min(known);
        // Seldom enough that moving the rest costs nothing.
        if old > PACE as usize && old > known / 2 {
            self.list.drain(..old);
            self.first += old as u32;
        }
    }
}

/// What copies from the new image cost, by their age: means of what the model has spent on them of
/// late.
struct NewCopies {
    hits: [u32; 32],
    misses: [u32; 32],
}

impl Default for NewCopies {
    fn default() -> Self {
        Self { hits: [BIT / 4; 32], misses: [4 * BIT; 32] }
    }
}

impl NewCopies {
    /// Lets the model make a step, and learns from it.
    fn watch(&mut self, model: &mut Model<'_>, images: &mut InMemory<'_>, plan: &mut Plan<'_>) {
        let before = model.age_in_new();
        let mut spent = Price::default();
        model.step(&mut spent, images, plan);
        if let Some(age) = before {
            let ages = if model.age_in_new().is_some() { &mut self.hits } else { &mut self.misses };
            let mean = &mut ages[age.min(31) as usize];
            *mean = (*mean * 15 + spent.0) / 16;
        }
    }

    /// The first byte comes with the copy.
    fn hit(&self, age: u32) -> u32 {
        if age == 0 {
            0
        } else {
            self.hits[age.min(31) as usize]
        }
    }

    fn miss(&self, age: u32) -> u32 {
        self.misses[age.min(31) as usize]
    }
}
