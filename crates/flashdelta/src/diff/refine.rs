//! The second parse: by what the model will really predict, at the prices that it will really have.

use super::candidates::Candidate;
use super::parse::{self, Copy};
use super::plan::Plan;
use super::search::Prediction;
use crate::coding::{BitCoder, Meter, Part};
use crate::isa::{Form, LOOKAHEAD};
use crate::model::price::{Past, BIT};
use crate::model::{InMemory, Model, Shape, Space, WEIGHTS};
use crate::patch::Tables;
use crate::predict::shift_map::ShiftMap;
use crate::predict::walker::{Forecast, Walker};

fn env(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}


/// How the cheapest way to a position between copies came there.
#[derive(Clone, Copy)]
struct Way {
    cost: u64,
    alignments: [u32; 2],
    /// Where the last copy from the old image ended, if the last copy was one.
    ended: Option<u32>,
    distance: u32,
    literals: u32,
    past: Past,
}

const NOWHERE: Way =
    Way { cost: u64::MAX, alignments: [0; 2], ended: Some(0), distance: 0, literals: 0, past: Past { history: 0, run: 0 } };

impl Way {
    fn expected(&self, at: u32) -> u32 {
        self.ended.unwrap_or(at.wrapping_sub(self.alignments[0]))
    }
}

#[derive(Clone, Copy)]
struct StepBack {
    entered: u32,
    shift: u32,
}
const LITERAL: u32 = u32::MAX;
const NEW_FLAG: u32 = 1 << 31;

struct Active<'a> {
    candidate: Candidate,
    walker: Option<Walker<'a>>,
    /// Where the next unit goes.
    next: u32,
    cost: u64,
    entered: u32,
    age: u32,
    past: Past,
    way: Way,
    unit: Option<(Forecast, u8, [u8; 4], bool)>,
    /// Targets that were corrected in this copy, and by how much they have moved.
    told: [(u32, u32); 4],
}

/// What decides the parse.
pub(crate) struct Refine<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) new: &'a [u8],
    pub(crate) prediction: &'a Prediction,
    pub(crate) candidates: &'a [Candidate],
    /// Is there the start of a unit in the old image?
    pub(crate) starts: &'a [bool],
    pub(crate) tables: Tables,
}

struct Lane {
    ways: [Way; 8],
    steps: Vec<StepBack>,
}

impl Lane {
    fn relax(&mut self, to: usize, way: Way, step: StepBack) {
        let slot = &mut self.ways[to & 7];
        if way.cost < slot.cost {
            *slot = way;
            self.steps[to] = step;
        }
    }
}

struct NewPrices {
    hit: [u32; 32],
    miss: [u32; 32],
}

impl Refine<'_> {
    pub(crate) fn parse(&self, copies: &[Copy]) -> Vec<Copy> {
        let (margin, byte_price, flag_price, midunit) =
            (u64::from(env("MARGIN", 100) * BIT), env("BYTEP", 80) * BIT / 10, env("FLAGP", 20) * BIT / 10, env("MID", 0));
        let beyond = u64::from(env("BEYOND", 0) * BIT);
        let prune = u64::from(env("PRUNE", 1000) * BIT);
        let most_active = env("ACT", 24) as usize;
        let bias = env("BIAS", 0) * BIT / 10;
        let n = self.new.len();
        let shape = Shape { slots: self.tables.slots, map: self.tables.map };
        let mut slots = vec![0; shape.all_slots()];
        let mut weights = vec![0; WEIGHTS];
        let mut map = vec![0; usize::from(self.tables.map) * 2];
        let memory = (&mut slots[..], &mut weights[..], &mut map[..]);
        let mut model = Model::new(memory, self.prediction.walker(), self.old.len() as u32, n as u32);
        let mut plan = Plan::new(self.new, copies);
        let mut images = InMemory { old: self.old, new: self.new };
        let mut watch = Watch::default();
        let mut new_prices = NewPrices { hit: [BIT / 4; 32], miss: [4 * BIT; 32] };
        let mut lane = Lane { ways: [NOWHERE; 8], steps: vec![StepBack { entered: LITERAL, shift: 0 }; n + 1] };
        lane.ways[0].cost = 0;
        let mut active: Vec<Active<'_>> = Vec::new();
        let mut waiting = self.candidates.iter().peekable();
        let mut no_memory = [];
        let mut no_map = ShiftMap::new(&mut no_memory);
        for at in 0..n {
            let here = at as u32;
            while model.position() < here {
                let before = model.age_in_new();
                watch.spent = 0;
                let Ok(_) = model.step(&mut watch, &mut images, &mut plan);
                if let Some(age) = before {
                    let age = age.min(31) as usize;
                    let place = if model.age_in_new().is_some() { &mut new_prices.hit[age] } else { &mut new_prices.miss[age] };
                    *place = (*place * 15 + watch.spent) / 16;
                }
            }
            while let Some(c) = waiting.next_if(|c| c.start <= here) {
                active.push(Active {
                    candidate: *c,
                    walker: None,
                    next: 0,
                    cost: u64::MAX,
                    entered: 0,
                    age: 0,
                    past: Past::default(),
                    way: NOWHERE,
                    unit: None,
                    told: [(u32::MAX, 0); 4],
                });
            }
            if active.len() > most_active {
                active.sort_by_key(|a| (a.cost, core::cmp::Reverse(a.candidate.end), a.candidate.shift));
                active.truncate(most_active);
            }
            // Leave.
            let mut cheapest = u64::MAX;
            for a in active.iter_mut().filter(|a| a.cost != u64::MAX) {
                cheapest = cheapest.min(a.cost);
                if a.candidate.space == Space::New || a.next != here {
                    continue;
                }
                self.look(a, here, &model);
                let Some((forecast, len, actual, hit)) = a.unit else {
                    // The old image has ended.
                    a.cost = u64::MAX;
                    continue;
                };
                if !hit && a.age > 0 {
                    let same = forecast.bytes.iter().zip(&actual).take(len as usize).take_while(|(a, b)| a == b).count();
                    let source = a.candidate.source(here);
                    let old = &self.old[source as usize..self.old.len().min(source as usize + LOOKAHEAD)];
                    let price = model.hit_price(old, &forecast, here, a.past, false)
                        + model.leave_price(&forecast, a.past, true)
                        + if len > 1 { BIT } else { 0 };
                    let shift = a.candidate.shift;
                    let way = Way {
                        cost: a.cost + u64::from(price),
                        ended: Some(source + same as u32),
                        literals: 0,
                        past: a.past.and(false),
                        ..a.way
                    };
                    lane.relax(at + same, way, StepBack { entered: a.entered, shift });
                }
            }
            // Go on freely.
            let mut free = lane.ways[at & 7];
            lane.ways[at & 7] = NOWHERE;
            if free.cost > cheapest.saturating_add(margin) {
                free.cost = u64::MAX;
            }
            if free.cost != u64::MAX {
                let last = if at > 0 { self.new[at - 1] } else { 0 };
                let ghost = free.ended.and_then(|e| self.old.get((e + free.literals) as usize)).copied().unwrap_or(0);
                let price = model.jump_price(free.literals, false)
                    + model.literal_price(here, [last, ghost, self.new[at]], free.literals);
                let way = Way { cost: free.cost + u64::from(price), literals: free.literals + 1, ..free };
                lane.relax(at + 1, way, StepBack { entered: LITERAL, shift: 0 });
                let base = free.cost + u64::from(model.jump_price(free.literals, true)) + u64::from(bias);
                for a in active.iter_mut().filter(|a| a.candidate.end > here) {
                    let source = a.candidate.source(here);
                    if a.candidate.space == Space::New {
                        let price = model.new_price(here - source, free.distance, free.literals);
                        let cost = base + u64::from(price);
                        if cost < a.cost {
                            a.cost = cost;
                            a.entered = here;
                            a.age = 0;
                            a.past = free.past;
                            a.way = Way { distance: here - source, ended: None, ..free };
                        }
                        continue;
                    }
                    let inside = a.cost != u64::MAX;
                    if inside && a.next != here || !inside && !self.starts[source as usize] && midunit == 0 {
                        continue;
                    }
                    let price = model.old_price(here, source, free.expected(here), free.alignments, free.literals);
                    let cost = base + u64::from(price);
                    if cost < a.cost {
                        let alignment = here.wrapping_sub(source);
                        let mut alignments = free.alignments;
                        if alignment != alignments[0] {
                            alignments = [alignment, alignments[0]];
                        }
                        a.cost = cost;
                        a.entered = here;
                        a.age = 0;
                        a.past = free.past;
                        a.way = Way { alignments, ..free };
                        if a.walker.is_none() {
                            a.walker = Some(self.prediction.walker());
                        }
                        a.next = here;
                        self.look(a, here, &model);
                    }
                }
            }
            // Go on in copies.
            let floor = cheapest.min(free.cost).saturating_add(prune);
            for a in active.iter_mut().filter(|a| a.cost > floor) { a.cost = u64::MAX; }
            for a in active.iter_mut().filter(|a| a.cost != u64::MAX) {
                if a.candidate.space == Space::New {
                    let age = a.age.min(31) as usize;
                    a.cost += u64::from(if a.age > 0 { new_prices.hit[age] } else { 0 });
                    a.age += 1;
                    if a.candidate.end == here + 1 {
                        let price = if at + 1 < n { new_prices.miss[a.age.min(31) as usize] } else { 0 };
                        let way = Way { cost: a.cost + u64::from(price), literals: 0, past: a.past, ..a.way };
                        let step = StepBack { entered: a.entered | NEW_FLAG, shift: a.candidate.shift };
                        lane.relax(at + 1, way, step);
                    }
                    continue;
                }
                if a.next != here {
                    continue;
                }
                let Some((forecast, len, actual, hit)) = a.unit.take() else { continue };
                let source = a.candidate.source(here);
                let old = &self.old[source as usize..self.old.len().min(source as usize + LOOKAHEAD)];
                let mut price = model.hit_price(old, &forecast, here, a.past, hit);
                let Some(walker) = &mut a.walker else { continue };
                if !hit {
                    if a.age > 0 {
                        price += model.leave_price(&forecast, a.past, false);
                    }
                    let targets = walker.decode(old, &forecast, forecast.bytes).zip(walker.decode(old, &forecast, actual));
                    price += match targets {
                        Some((predicted, target)) => {
                            a.told.rotate_right(1);
                            a.told[0] = (forecast.unit.target, target.wrapping_sub(forecast.unit.target));
                            model.retarget_price(forecast.unit.form, target.wrapping_sub(predicted))
                        }
                        None => {
                            let different = forecast.bytes.iter().zip(&actual).take(len as usize).filter(|(a, b)| a != b).count();
                            flag_price + byte_price * different as u32
                        }
                    };
                }
                walker.advance(old, &forecast, actual, &mut no_map);
                a.cost += u64::from(price);
                a.past = a.past.and(hit);
                a.age += 1;
                a.next = here + u32::from(len);
                if a.next as usize >= n {
                    let way = Way { cost: a.cost, ..a.way };
                    lane.relax(n, way, StepBack { entered: a.entered, shift: a.candidate.shift });
                }
                if a.candidate.end <= here && !hit && a.cost > lane.ways[0..8].iter().map(|w| w.cost).min().unwrap_or(0).saturating_add(beyond) {
                    a.cost = u64::MAX;
                }
            }
            active.retain(|a| a.candidate.end > here + 1 || a.cost != u64::MAX && a.candidate.space == Space::Old);
        }
        trace(n, &lane.steps)
    }

    /// Looks at the next unit of a copy.
    fn look(&self, a: &mut Active<'_>, here: u32, model: &Model<'_>) {
        a.unit = None;
        let source = a.candidate.source(here);
        let Some(old) = self.old.get(source as usize..).filter(|o| !o.is_empty()) else { return };
        let old = &old[..old.len().min(LOOKAHEAD)];
        let Some(walker) = &mut a.walker else { return };
        let mut forecast = walker.forecast(old, source, here, model.shift_map());
        let left = self.new.len() - here as usize;
        if forecast.unit.len as usize > left {
            forecast.unit.len = left as u8;
            forecast.unit.form = Form::PLAIN;
            forecast.bytes = cut(forecast.old, left as u8);
        }
        let len = forecast.unit.len;
        let mut actual = [0; 4];
        actual[..len as usize].copy_from_slice(&self.new[here as usize..here as usize + len as usize]);
        let mut hit = actual == forecast.bytes;
        if !hit && forecast.unit.form != Form::PLAIN {
            let target = forecast.unit.target;
            let told = a.told.iter().find(|(t, _)| *t == target).map(|(_, by)| *by);
            let incumbent = model.copy().source.wrapping_sub(model.position()) == a.candidate.shift;
            let own = walker.new_address(here).wrapping_sub(walker.old_address(source));
            let first = walker.old_address(source).wrapping_sub(here - a.entered);
            let span = (here - a.entered) + 2048;
            let near = target.wrapping_sub(first) < span && here - a.entered >= 24 && !incumbent;
            let by = told.or(near.then_some(own));
            if let Some(by) = by {
                if walker.encode(old, &forecast, target.wrapping_add(by)) == Some(actual) {
                    forecast.bytes = actual;
                    hit = true;
                }
            }
        }
        a.unit = Some((forecast, len, actual, hit));
    }
}

#[derive(Default)]
struct Watch {
    spent: u32,
}

impl BitCoder for Watch {
    fn code(&mut self, p: u16, bit: bool) -> bool {
        self.spent += crate::model::price::price(p, bit);
        bit
    }
    fn enter(&mut self, _part: Part) {}
}

fn cut(bytes: [u8; 4], len: u8) -> [u8; 4] {
    let mut result = [0; 4];
    for (to, from) in result.iter_mut().zip(bytes).take(len as usize) {
        *to = from;
    }
    result
}

fn trace(n: usize, steps: &[StepBack]) -> Vec<Copy> {
    let mut copies = Vec::new();
    let mut at = n as u32;
    while at > 0 {
        let step = steps[at as usize];
        if step.entered == LITERAL {
            at -= 1;
            continue;
        }
        let space = if step.entered & NEW_FLAG != 0 { Space::New } else { Space::Old };
        let start = step.entered & !NEW_FLAG;
        copies.push(Copy { start, end: at, space, source: start.wrapping_add(step.shift) });
        at = start;
    }
    copies.reverse();
    parse::merge(copies)
}
