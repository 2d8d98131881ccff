//! A copy that the second parse follows, unit by unit.

use super::candidates::Candidate;
use crate::device::codec::model::{Model, UnitState};
use crate::device::images::Space;
use crate::device::isa::Form;
use crate::device::predict::shift_map::ShiftMap;
use crate::device::predict::walker::{Forecast, Walker};
use crate::host::encode::price::BIT;
use crate::host::encode::{ahead, CopyRun};

/// A corrected unit costs this much more than its corrected bytes.
const CORRECTION: u32 = BIT;

/// A corrected byte, a mean over real patches: its price depends on too much that is not known yet.
const CORRECTED_BYTE: u32 = 8 * BIT;

/// From this length on a copy tells where its own targets have gone, as the shift map would learn.
const TRUSTED_LENGTH: u32 = 24;

/// What a copy knows of its own targets reaches so far ahead of it.
const OWN_REACH: u32 = 2048;

/// How the cheapest way to a place between two copies came there.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) cost: u64,
    /// Destination minus source of the last two copies from the old image, the last first.
    pub(super) alignments: [u32; 2],
    /// Where the last copy ended in the old image, if it was one from there.
    pub(super) ended: Option<u32>,
    /// How far back the last copy from the new image read.
    pub(super) distance: u32,
    /// Literals since the last copy.
    pub(super) literals: u32,
    /// Hits since the last miss.
    pub(super) run: u32,
    pub(super) unit_state: UnitState,
}

impl Way {
    /// The cost of what cannot be reached.
    pub(super) const NEVER: u64 = u64::MAX;

    /// No way leads there.
    pub(super) const NONE: Self = Self { cost: Self::NEVER, ..Self::START };

    /// The start of the new image.
    pub(super) const START: Self = Self {
        cost: 0,
        alignments: [0; 2],
        ended: Some(0),
        distance: 0,
        literals: 0,
        run: 0,
        unit_state: UnitState::START,
    };

    pub(super) fn is_open(&self) -> bool {
        self.cost != Self::NEVER
    }

    /// Where the model expects the next copy to read.
    pub(super) fn expected(&self, at: u32) -> u32 {
        self.ended.unwrap_or(at.wrapping_sub(self.alignments[0]))
    }
}

/// The next unit of a copy from the old image.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    forecast: Forecast,
    len: u8,
    actual: [u8; 4],
    pub(super) is_hit: bool,
}

/// A candidate that covers the current position, and the cheapest way into it.
pub(super) struct Active<'a> {
    pub(super) candidate: Candidate,
    /// What the way costs up to the next unit, or [`Way::NEVER`].
    pub(super) cost: u64,
    /// Where the way entered it.
    pub(super) entered: u32,
    /// Units since then; bytes of a copy from the new image.
    pub(super) age: u32,
    /// The way as it was before that, with what saying where the copy starts has changed.
    pub(super) way: Way,
    /// Where the next unit goes.
    pub(super) next: u32,
    /// The next unit, if its turn has come.
    pub(super) unit: Option<Unit>,
    /// Apart, because it is large: the others are looked through at every position.
    walker: Option<Box<Walker<'a>>>,
    run: u32,
    /// Targets that were corrected in this copy, and how far they have moved.
    told: [Option<(u32, u32)>; 4],
}

impl<'a> Active<'a> {
    pub(super) fn new(candidate: Candidate) -> Self {
        Self {
            candidate,
            cost: Way::NEVER,
            entered: 0,
            age: 0,
            way: Way::NONE,
            next: 0,
            unit: None,
            walker: None,
            run: 0,
            told: [None; 4],
        }
    }

    pub(super) fn is_inside(&self) -> bool {
        self.cost != Way::NEVER
    }

    pub(super) fn is_old(&self) -> bool {
        self.candidate.space == Space::Old
    }

    /// The copy as far as `end`.
    pub(super) fn copied(&self, end: u32) -> CopyRun {
        let source = self.candidate.source(self.entered);
        CopyRun { start: self.entered, end, space: self.candidate.space, source }
    }

    /// Gives up the way.
    pub(super) fn close(&mut self) {
        self.cost = Way::NEVER;
        self.unit = None;
    }

    /// Takes a new way into the candidate.
    pub(super) fn enter(&mut self, at: u32, cost: u64, free: &Way) {
        (self.cost, self.entered, self.age, self.run, self.next) = (cost, at, 0, free.run, at);
        let source = self.candidate.source(at);
        self.way = *free;
        if self.is_old() {
            let alignment = at.wrapping_sub(source);
            if alignment != free.alignments[0] {
                self.way.alignments = [alignment, free.alignments[0]];
            }
        } else {
            (self.way.distance, self.way.ended) = (at.wrapping_sub(source), None);
        }
    }

    /// Looks at the unit that goes to `at`; there is none at the end of the old image, nor before
    /// `floor`.
    pub(super) fn look(
        &mut self,
        (old, floor): (&[u8], u32),
        new: &[u8],
        at: u32,
        model: &Model<'_>,
        walker: impl Fn() -> Walker<'a>,
    ) {
        self.unit = None;
        let source = self.candidate.source(at);
        let ahead = ahead(old, source, floor);
        if ahead.is_empty() {
            return;
        }
        let walker = self.walker.get_or_insert_with(|| Box::new(walker()));
        let rest = &new[at as usize..];
        let mut forecast =
            walker.forecast(ahead, source, (at, rest.len() as u32), model.shift_map());
        let len = forecast.unit.len;
        let actual = first(core::array::from_fn(|i| rest.get(i).copied().unwrap_or(0)), len.into());
        let mut is_hit = actual == forecast.bytes;
        if !is_hit && forecast.unit.form != Form::PLAIN {
            let target = forecast.unit.target;
            let known = self.told.iter().flatten().find(|(t, _)| *t == target).map(|(_, by)| *by);
            let own = || {
                let length = at - self.entered;
                let here = walker.old_address(source);
                let is_own = target.wrapping_sub(here.wrapping_sub(length)) < length + OWN_REACH;
                let is_new = model.copy_shift() != self.candidate.shift;
                (is_own && is_new && length >= TRUSTED_LENGTH)
                    .then(|| walker.new_address(at).wrapping_sub(here))
            };
            if let Some(by) = known.or_else(own) {
                is_hit = walker.encode(&forecast, target.wrapping_add(by)) == Some(actual);
            }
            if is_hit {
                forecast.bytes = actual;
            }
        }
        self.unit = Some(Unit { forecast, len, actual, is_hit });
    }

    /// Goes on by the unit that has been looked at, if it is as predicted, whatever that costs.
    /// Returns where the next unit goes.
    pub(super) fn pass(&mut self, at: u32) -> Option<u32> {
        let unit = self.unit.filter(|unit| unit.is_hit)?;
        self.step(at, &unit);
        Some(self.next)
    }

    /// The way that leaves this copy in its next unit, which is not as predicted, and where it
    /// does.
    pub(super) fn leave(&self, at: u32, model: &mut Model<'_>) -> Option<(u32, Way)> {
        let unit = self.unit.as_ref().filter(|unit| !unit.is_hit && self.age > 0)?;
        let pairs = unit.forecast.bytes.iter().zip(&unit.actual);
        let same = pairs.take(unit.len.into()).take_while(|(a, b)| a == b).count() as u32;
        let source = self.candidate.source(at);
        let price = model.hit_price(&unit.forecast, self.run, false)
            + model.leave_price(&unit.forecast, true)
            + if unit.len > 1 { BIT } else { 0 };
        let mut unit_state = UnitState::START;
        for (byte, at) in unit.actual.into_iter().take(same as usize).zip(at..) {
            unit_state.byte(byte, at, &mut model.walker);
        }
        let (cost, ended) = (self.cost + u64::from(price), Some(source + same));
        Some((at + same, Way { cost, ended, literals: 0, run: 0, unit_state, ..self.way }))
    }

    /// Goes on by the unit that has been looked at.
    pub(super) fn advance(&mut self, at: u32, model: &mut Model<'_>) {
        let (Some(unit), Some(walker)) = (self.unit.take(), &mut self.walker) else { return };
        let forecast = &unit.forecast;
        let mut price = model.hit_price(forecast, self.run, unit.is_hit);
        if !unit.is_hit {
            price += if self.age > 0 { model.leave_price(forecast, false) } else { 0 };
            let predicted = walker.decode(forecast, forecast.bytes);
            price += match predicted.zip(walker.decode(forecast, unit.actual)) {
                Some((predicted, target)) => {
                    self.told.rotate_right(1);
                    self.told[0] =
                        Some((forecast.unit.target, target.wrapping_sub(forecast.unit.target)));
                    model.retarget_price(forecast.unit.form, target.wrapping_sub(predicted))
                }
                None => {
                    let pairs = forecast.bytes.iter().zip(&unit.actual).take(unit.len.into());
                    CORRECTION + CORRECTED_BYTE * pairs.filter(|(a, b)| a != b).count() as u32
                }
            };
        }
        self.cost += u64::from(price);
        self.step(at, &unit);
    }

    /// Goes on by a unit.
    fn step(&mut self, at: u32, unit: &Unit) {
        if let Some(walker) = &mut self.walker {
            walker.advance(&unit.forecast, unit.actual, &mut ShiftMap::empty());
        }
        self.unit = None;
        self.run = if unit.is_hit { self.run.saturating_add(1) } else { 0 };
        self.age += 1;
        self.next = at + u32::from(unit.len);
    }
}

/// The first `len` bytes; the others are 0.
fn first(bytes: [u8; 4], len: usize) -> [u8; 4] {
    core::array::from_fn(|i| if i < len { bytes[i] } else { 0 })
}
