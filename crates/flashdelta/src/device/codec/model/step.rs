//! One step of the model codec, for maker and applier alike.

use super::contexts::{self, byte_sets, context, direct, hit_sets, Content};
use super::contexts::{
    BYTE_RATE, CALM_LIMIT, CERTAIN, CERTAINLY, HIT_HASHES, HIT_RATE, LIMIT, SURE,
};
use super::oracle::{Oracle, Step};
use super::unit_state::UnitState;
use crate::device::coding::mixer::{self, Rate, Tables, INPUTS};
use crate::device::coding::{BitCoder, Part};
use crate::device::format::limits::MODEL_STEP_BYTES;
use crate::device::images::{Images, Jump, Space};
use crate::device::isa::Form;
#[cfg(feature = "suspend")]
use crate::device::port::Port;
use crate::device::predict::shift_map::ShiftMap;
use crate::device::predict::walker::{Forecast, Walker};

/// Adaptive decisions of the longest step: a hit, the end of a copy, candidates, and a number (36),
/// or four bytes with their flags.
const MAX_STEP_DECISIONS: usize = 56;

/// An adaptive decision takes at most 14.5 bits, since no probability is below 3 in 65536. The bits
/// of a number that are not adaptive take one each, and all the certain hits of a step together
/// less than one.
const MAX_STEP_BITS: usize = MAX_STEP_DECISIONS * 29 / 2 + 32 + 1;

const _: () = assert!(MAX_STEP_BITS / 8 + 4 <= MODEL_STEP_BYTES, "a step has to fit its limit");

/// This many hits in a row, and the next one is likely.
const LONG_RUN: u32 = 16;

/// A step makes at most this many units of the new image. All but the last are certain: they take
/// next to nothing of the patch.
const MAX_STEP_UNITS: u32 = 8;

/// Slots, weights, and words of the shift map.
pub(crate) type Memory<'w> = (&'w mut [u16], &'w mut [i16], &'w mut [u32]);

/// State of the codec.
pub(crate) struct Model<'w> {
    pub(crate) tables: Tables<'w>,
    pub(crate) shifts: ShiftMap<'w>,
    pub(crate) walker: Walker<'w>,
    pub(crate) old_len: u32,
    new_len: u32,
    /// Bytes of the new image written so far.
    pub(crate) at: u32,
    /// The copy under way, or the last one.
    pub(crate) copy: Jump,
    pub(crate) copying: bool,
    /// Where the copy under way starts in the old and in the new image, until the shift map has
    /// learned it.
    pub(crate) unlearned: Option<(u32, u32)>,
    /// Units since the copy began: fewer than 2^31, as an image has bytes.
    pub(crate) age: u32,
    /// Literals since the last copy.
    pub(crate) literals: u32,
    /// `new - old` of recent copies from the old image, the latest first.
    pub(crate) alignments: [u32; 4],
    /// How far back the last copy from the new image read.
    pub(crate) distance: u32,
    /// Hits since the last miss.
    pub(crate) run: u32,
    /// The last corrections of references: differences of targets, the latest first.
    pub(crate) retargets: [u32; 2],
    /// Hits and misses by form.
    form_history: [u8; Form::COUNT],
    /// How far the current unit of the new image has come.
    unit_state: UnitState,
}

impl<'w> Model<'w> {
    /// A codec at the start of a patch. `slots` and `weights` have the sizes that `shape` tells.
    pub(crate) fn new(memory: Memory<'w>, walker: Walker<'w>, old_len: u32, new_len: u32) -> Self {
        let mut model = Self { walker, ..Self::idle() };
        model.start(memory, old_len, new_len);
        model
    }

    /// A codec that has yet to be [started](Self::start), in place: it is large for the stack of a
    /// microcontroller.
    pub(crate) const fn idle() -> Self {
        Self {
            tables: Tables::empty(),
            shifts: ShiftMap::empty(),
            walker: Walker::idle(),
            old_len: 0,
            new_len: 0,
            at: 0,
            copy: Jump { space: Space::Old, source: 0 },
            copying: false,
            unlearned: None,
            age: 0,
            literals: 0,
            alignments: [0; 4],
            distance: 0,
            run: 0,
            retargets: [0; 2],
            form_history: [0; Form::COUNT],
            unit_state: UnitState::START,
        }
    }

    /// The start of a patch; the walker is set up separately.
    pub(crate) fn start(
        &mut self,
        (slots, weights, shifts): Memory<'w>,
        old_len: u32,
        new_len: u32,
    ) {
        self.tables = Tables::new(slots, weights, direct::COUNT);
        contexts::prime(&mut self.tables);
        self.shifts = ShiftMap::new(shifts);
        (self.old_len, self.new_len) = (old_len, new_len);
    }

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self {
            tables,
            shifts,
            walker,
            // These follow from the header.
            old_len: _,
            new_len: _,
            at,
            copy,
            copying,
            unlearned,
            age,
            literals,
            alignments,
            distance,
            run,
            retargets,
            form_history,
            unit_state,
        } = self;
        tables.port(port);
        shifts.port(port);
        walker.port(port);
        copy.port(port);
        port.flag(copying);
        let mut is_unlearned = unlearned.is_some();
        port.flag(&mut is_unlearned);
        if is_unlearned {
            let (from, since) = unlearned.get_or_insert_default();
            port.number(from);
            port.number(since);
        }
        for number in [at, age, literals, distance, run] {
            port.number(number);
        }
        port.words(Some(alignments));
        port.words(Some(retargets));
        port.bytes(form_history);
        unit_state.port(port);
    }

    /// Bytes of the new image so far.
    pub(crate) fn position(&self) -> u32 {
        self.at
    }

    /// Which image the copy under way reads; `None` between copies.
    pub(crate) fn copying(&self) -> Option<Space> {
        self.copying.then_some(self.copy.space)
    }

    /// Makes the next decision and what follows from it: at most [`MAX_STEP_UNITS`] times 4 bytes
    /// of the new image and [`MODEL_STEP_BYTES`] of the patch.
    pub(crate) fn step<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) -> Step {
        let start = self.at;
        if !self.copying {
            coder.enter(Part::Control);
            let jump = oracle.jump(self.at);
            let context = direct::JUMP + self.literals.min(31) as usize;
            if self.tables.code(coder, context, LIMIT, jump.is_some()) {
                let jump = self.jump(coder, jump.unwrap_or(self.copy));
                if !self.is_inside(jump) {
                    return Step::OutOfRange(jump);
                }
            } else {
                self.literal(coder, images, oracle);
            }
        } else if self.copy.space == Space::New {
            self.copy_new(coder, images, oracle);
        } else {
            self.copy_old(coder, images, oracle);
        }
        Step::Wrote(self.at.wrapping_sub(start))
    }

    /// Puts a byte of the new image that is no whole unit.
    fn put_byte<I: Images>(&mut self, images: &mut I, byte: u8) {
        self.unit_state.byte(byte, self.at, &mut self.walker);
        self.put(images, [byte, 0, 0, 0], 1);
    }

    /// Puts bytes of the new image.
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    fn put<I: Images>(&mut self, images: &mut I, bytes: [u8; 4], len: u8) {
        self.at = self.at.wrapping_add(u32::from(len));
        images.put(bytes, len);
    }

    /// A byte of new content.
    fn literal<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) {
        coder.enter(Part::Literals);
        // What the last copy would have brought here.
        let ghost = match self.copy.space {
            Space::Old => images
                .old(self.copy.source.wrapping_add(self.literals))
                .first()
                .copied()
                .unwrap_or(0),
            Space::New => 0,
        };
        let hashes = contexts::literal(self.unit_state, ghost, self.literals);
        let [byte, ..] = oracle.bytes(self.at, 1);
        let byte = self.byte(coder, &hashes, Content::New { literals: self.literals }, byte);
        self.literals = self.literals.saturating_add(1);
        self.put_byte(images, byte);
    }

    /// Codes a byte, bit by bit from the top.
    #[inline(never)]
    pub(crate) fn byte<C: BitCoder>(
        &mut self,
        coder: &mut C,
        hashes: &[u32; INPUTS],
        content: Content,
        byte: u8,
    ) -> u8 {
        self.byte_at(&BYTE_RATE, coder, hashes, content, byte)
    }

    /// The same, learning at another rate.
    #[inline(always)]
    pub(crate) fn byte_at<C: BitCoder>(
        &mut self,
        rate: &Rate,
        coder: &mut C,
        hashes: &[u32; INPUTS],
        content: Content,
        byte: u8,
    ) -> u8 {
        let [mut by_bit, past] = byte_sets(content);
        let mut node = 1u32;
        for half in [byte >> 4, byte & 15] {
            let groups = hashes.map(|hash| self.tables.group(mixer::hash(hash, node)));
            // The bits of this half of the byte, with a 1 in front.
            let mut place = 1;
            for bit in [8, 4, 2, 1] {
                let one =
                    self.tables.mix(coder, (&groups, place), [by_bit, past], rate, half & bit != 0);
                place = place << 1 | usize::from(one);
                by_bit = by_bit.wrapping_add(1);
            }
            node = node << 4 | place as u32 & 15;
        }
        node as u8
    }

    /// One byte of an exact copy from the new image.
    fn copy_new<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) {
        coder.enter(Part::Hits);
        let predicted = images.written(self.copy.source);
        let [actual, ..] = oracle.bytes(self.at, 1);
        let hashes = [context(22, u32::from(predicted), 0), context(23, self.age.min(15), 0)];
        if self.age > 0 && !self.hit(coder, hashes, Form::COUNT, predicted == actual) {
            self.copying = false;
            return;
        }
        self.age = self.age.wrapping_add(1);
        self.copy.source = self.copy.source.wrapping_add(1);
        self.put_byte(images, predicted);
    }

    /// Codes "as predicted".
    fn hit<C: BitCoder>(
        &mut self,
        coder: &mut C,
        hashes: [u32; HIT_HASHES],
        form: usize,
        hit: bool,
    ) -> bool {
        let inputs = self.hit_inputs(hashes);
        self.tables.mix(coder, (&inputs, 0), hit_sets(form, self.run), &HIT_RATE, hit)
    }

    /// The slots of these contexts, and the one without a context, for the overall hit rate.
    pub(crate) fn hit_inputs(&self, [first, second]: [u32; HIT_HASHES]) -> [usize; INPUTS] {
        [direct::ANY, self.tables.hashed(first), self.tables.hashed(second)]
    }

    /// Units of an approximate copy from the old image: one, and those before it that are certain.
    #[inline(never)]
    fn copy_old<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) {
        for _ in 0..MAX_STEP_UNITS {
            let old = images.old(self.copy.source);
            let left = self.new_len.wrapping_sub(self.at);
            if old.is_empty() || left == 0 {
                self.copying &= !old.is_empty();
                break;
            }
            let forecast =
                self.walker.forecast(old, self.copy.source, (self.at, left), &self.shifts);
            let len = forecast.unit.len;
            let actual = oracle.bytes(self.at, len);
            coder.enter(Part::Hits);
            let after_run = self.after_run(&forecast, self.run);
            let is_certain = after_run.is_some_and(|slot| self.tables.log_odds(slot) >= CERTAIN);
            let hit = if is_certain {
                coder.code(CERTAINLY, actual == forecast.bytes)
            } else {
                self.hit_old(coder, &forecast, after_run, actual == forecast.bytes)
            };
            if hit && is_certain {
                self.run = self.run.wrapping_add(1);
            } else {
                self.remember_hit(&forecast, hit);
            }
            let mut bytes = forecast.bytes;
            if !hit {
                if let Some(slot) = after_run.filter(|_| is_certain) {
                    self.tables.learn(slot, false, CALM_LIMIT);
                }
                coder.enter(Part::Control);
                if self.age > 0 && self.leaves(coder, &forecast, oracle) {
                    let same = bytes
                        .iter()
                        .zip(&actual)
                        .take(len as usize)
                        .take_while(|(a, b)| a == b)
                        .count();
                    let keep = self.prefix(coder, len, same as u8);
                    self.copying = false;
                    self.copy.source = self.copy.source.wrapping_add(u32::from(keep));
                    for byte in bytes.into_iter().take(keep.into()) {
                        self.put_byte(images, byte);
                    }
                    return;
                }
                bytes = self.correct(coder, &forecast, actual);
            }
            self.walker.advance(&forecast, bytes, &mut self.shifts);
            self.teach();
            self.age = self.age.wrapping_add(1);
            self.copy.source = self.copy.source.wrapping_add(u32::from(len));
            self.unit_state.unit(bytes[0]);
            self.put(images, bytes, len);
            if !(hit && is_certain) {
                break;
            }
            #[cfg(feature = "in-place")]
            if images.is_at_limit() {
                break;
            }
        }
    }

    /// Codes whether the copy ends before or in this unit, which is not as predicted.
    #[inline(never)] // It takes less code so.
    fn leaves<C: BitCoder, O: Oracle>(
        &mut self,
        coder: &mut C,
        forecast: &Forecast,
        oracle: &mut O,
    ) -> bool {
        let ends = oracle.ends(self.at, forecast.unit.len, self.copy);
        self.tables.code(coder, leave_context(forecast), LIMIT, ends)
    }

    /// Codes "as predicted" for a unit that is not certain. If it is nearly so, one context
    /// suffices, at a fraction of the time and for a thousandth of the patch's size.
    // It takes less code so, but more time.
    #[cfg_attr(not(target_arch = "riscv32"), inline(never))]
    fn hit_old<C: BitCoder>(
        &mut self,
        coder: &mut C,
        forecast: &Forecast,
        after_run: Option<usize>,
        hit: bool,
    ) -> bool {
        if let Some(slot) = after_run.filter(|slot| self.tables.log_odds(*slot) >= SURE) {
            return self.tables.code(coder, slot, CALM_LIMIT, hit);
        }
        let hashes = self.hit_contexts(forecast);
        let hit = self.hit(coder, hashes, hit_set(forecast), hit);
        if let Some(slot) = after_run {
            self.tables.learn(slot, hit, CALM_LIMIT);
        }
        hit
    }

    /// The slot of a unit after a run of hits.
    pub(crate) fn after_run(&self, forecast: &Forecast, run: u32) -> Option<usize> {
        if run < LONG_RUN {
            return None;
        }
        Some(
            direct::AFTER_RUN + usize::from(forecast.unit.class & 31) * 4 + forecast.trust as usize,
        )
    }

    #[inline(always)]
    pub(crate) fn hit_contexts(&self, forecast: &Forecast) -> [u32; HIT_HASHES] {
        let unit = &forecast.unit;
        let (class, form) = (u32::from(unit.class), u32::from(unit.form.0));
        let form_history = self.form_history.get(form as usize).copied().unwrap_or(0);
        [
            context(12, self.walker.key(forecast), u32::from(unit.len)),
            context(
                13,
                u32::from(form_history & 15) << 8 | forecast.trust as u32,
                form << 8 | class,
            ),
        ]
    }

    #[inline(never)] // One copy in the device's flash.
    fn remember_hit(&mut self, forecast: &Forecast, hit: bool) {
        self.run = if hit { self.run.wrapping_add(1) } else { 0 };
        if let Some(h) = self.form_history.get_mut(forecast.unit.form.0 as usize) {
            *h = *h << 1 | u8::from(!hit);
        }
    }
}

/// Which weights are for the hit of this unit: those of its form, or those of units without a
/// reference that have a class.
pub(crate) fn hit_set(forecast: &Forecast) -> usize {
    match (forecast.unit.form, forecast.unit.class) {
        (Form::PLAIN, 1..) => Form::COUNT + 1,
        (form, _) => form.0 as usize,
    }
}

/// "The copy ends here", by form.
pub(crate) fn leave_context(forecast: &Forecast) -> usize {
    direct::LEAVE + (forecast.unit.form.0 as usize & 7)
}

/// Puts `value` in front of the `place` values before it; the one at `place` goes.
pub(crate) fn move_to_front(list: &mut [u32], place: usize, value: u32) {
    let mut carried = value;
    for entry in list.iter_mut().take(place + 1) {
        carried = core::mem::replace(entry, carried);
    }
}
