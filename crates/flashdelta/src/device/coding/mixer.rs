//! The adaptive state of a patch's models: slots and mixer weights, in memory that the caller
//! lends.

use super::logistic::{squash, Slot};
use super::BitCoder;
#[cfg(feature = "suspend")]
use crate::device::port::Port;
use core::cell::Cell;

/// Fraction bits of a mixer weight: below 2. A decision uses the sum of two.
const WEIGHT_BITS: u32 = 14;

/// Contexts that a decision mixes.
pub(crate) const INPUTS: usize = 3;

/// Slots of a hashed context of bytes.
pub(crate) const GROUP: usize = 16;

/// Slots and weights.
#[derive(Debug)]
pub(crate) struct Tables<'w> {
    /// Adaptive contexts: first those with a place of their own, then the hashed ones.
    slots: &'w mut [u16],
    /// Sets of mixer weights.
    weights: &'w mut [[i16; INPUTS]],
    /// How many slots have a place of their own.
    direct: usize,
    /// How many of the hashed slots belong to contexts of hits: a quarter.
    hits: usize,
    /// How many groups the others make.
    groups: usize,
}

impl<'w> Tables<'w> {
    /// No tables.
    pub(crate) const fn empty() -> Self {
        Self { slots: &mut [], weights: &mut [], direct: 0, hits: 0, groups: 0 }
    }

    /// What they have learned, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        // What else there is follows from their sizes.
        let Self { slots, weights, .. } = self;
        port.bytes(bytemuck::must_cast_slice_mut(slots));
        port.bytes(bytemuck::must_cast_slice_mut(weights));
    }

    /// Tables in the given memory, of which the first `direct` slots have a place of their own.
    pub(crate) fn new(slots: &'w mut [u16], weights: &'w mut [i16], direct: usize) -> Self {
        slots.fill(Slot::NEW.0);
        let hashed = slots.len().saturating_sub(direct);
        let hits = hashed / 4;
        Self {
            slots,
            weights: weights.as_chunks_mut().0,
            direct,
            hits,
            groups: hashed.wrapping_sub(hits) / GROUP,
        }
    }

    /// Starts the slots with a place of their own and the weights from what is usual: log-odds in
    /// 1/16 nat, weights in 1/256.
    pub(crate) fn prime(&mut self, log_odds: &Levels<'_>, confidence: u16, weights: &Levels<'_>) {
        for (i, slot) in self.slots.iter_mut().enumerate().take(self.direct) {
            *slot = Slot::start(log_odds.get(i) << 4, confidence).0;
        }
        for (i, weight) in self.weights.as_flattened_mut().iter_mut().enumerate() {
            *weight = weights.get(i) << (WEIGHT_BITS - 8);
        }
    }

    /// The slot of a hashed context of hits: in the first quarter of the hashed slots. (They would
    /// otherwise wear out the contexts of bytes, which are rarer.)
    pub(crate) fn hashed(&self, hash: u32) -> usize {
        self.direct.wrapping_add(scale(hash, self.hits))
    }

    /// The first of the [`GROUP`] slots of a hashed context of bytes, after those of hits. Four
    /// bits of a byte share a group: one hash serves them all.
    pub(crate) fn group(&self, hash: u32) -> usize {
        self.direct.wrapping_add(self.hits).wrapping_add(scale(hash, self.groups) * GROUP)
    }

    /// The log-odds that a context says.
    pub(crate) fn log_odds(&self, index: usize) -> i32 {
        Slot(self.slots.get(index).copied().unwrap_or(0)).log_odds()
    }

    /// Shows a context a bit that was coded without it.
    pub(crate) fn learn(&mut self, index: usize, bit: bool, limit: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            teach(Cell::from_mut(slot), bit, limit);
        }
    }

    /// Codes a bit in one context.
    pub(crate) fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        index: usize,
        limit: usize,
        bit: bool,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(index).map(Cell::from_mut) else { return false };
        let bit = coder.code(squash(Slot(slot.get()).log_odds()), bit);
        teach(slot, bit, limit);
        bit
    }

    /// Codes a bit by mixing contexts: the slots `at` after each of `inputs`, with the sum of two
    /// sets of weights: two selectors see more than one, and learn as fast.
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    pub(crate) fn mix<C: BitCoder>(
        &mut self,
        coder: &mut C,
        (inputs, at): (&[usize; INPUTS], usize),
        sets: [usize; 2],
        rate: &Rate,
        bit: bool,
    ) -> bool {
        // Cells: two contexts may share a slot. No loops: they would take more code, and time.
        let slots = Cell::from_mut(&mut *self.slots).as_slice_of_cells();
        let weights = Cell::from_mut(&mut *self.weights).as_slice_of_cells();
        let slot = |i: usize| slots.get(i.wrapping_add(at));
        let (Some(i), Some(j), Some(k)) = (slot(inputs[0]), slot(inputs[1]), slot(inputs[2]))
        else {
            return false;
        };
        let (Some(u), Some(v)) = (weights.get(sets[0]), weights.get(sets[1])) else { return false };
        let log_odds = |slot: &Cell<u16>| Slot(slot.get()).log_odds();
        let (x, y, z) = (log_odds(i), log_odds(j), log_odds(k));
        let ([a, b, c], [d, e, f]) = (u.get(), v.get());
        let product =
            |log_odds: i32, a: i16, b: i16| log_odds.wrapping_mul(i32::from(a) + i32::from(b));
        let sum = product(x, a, d).wrapping_add(product(y, b, e)).wrapping_add(product(z, c, f));
        let p = squash(sum >> WEIGHT_BITS);
        let bit = coder.code(p, bit);
        let error = (i32::from(bit) << 16) - i32::from(p);
        if error.unsigned_abs() < rate.quiet {
            return bit;
        }
        let step = |log_odds: i32| log_odds.wrapping_mul(error) >> rate.shift;
        let (x, y, z) = (step(x), step(y), step(z));
        for set in [u, v] {
            let [a, b, c] = set.get();
            set.set([moved(a, x), moved(b, y), moved(c, z)]);
        }
        teach(i, bit, rate.limit);
        teach(j, bit, rate.limit);
        teach(k, bit, rate.limit);
        bit
    }
}

/// Shows a context a bit.
#[cfg_attr(not(target_arch = "riscv32"), inline(never))] // As `Tables::mix`.
fn teach(slot: &Cell<u16>, bit: bool, limit: usize) {
    slot.set(Slot(slot.get()).learn(bit, limit).0);
}

/// The weight, moved, unless it would leave its range.
fn moved(weight: i16, step: i32) -> i16 {
    i16::try_from(i32::from(weight).wrapping_add(step)).unwrap_or(weight)
}

/// Numbers that have one of 16 values each.
pub(crate) struct Levels<'a> {
    /// The values.
    pub(crate) levels: &'a [i8; 16],
    /// Which of them each number has: half a byte, the first one low.
    pub(crate) packed: &'a [u8],
}

impl Levels<'_> {
    #[inline(never)] // One copy in the device's flash.
    fn get(&self, i: usize) -> i16 {
        let byte = self.packed.get(i / 2).copied().unwrap_or(0);
        let level = byte >> ((i & 1) * 4) & 15;
        self.levels.get(usize::from(level)).copied().unwrap_or(0).into()
    }
}

/// How fast a decision's contexts and weights learn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Confidence limit of the slots, 0 to 15.
    pub(crate) limit: usize,
    /// The weights move by `log-odds * error >> shift`.
    pub(crate) shift: u32,
    /// An error smaller than this, in 1/65536, teaches nothing.
    pub(crate) quiet: u32,
}

/// A number below `count` from the high half of a hash.
fn scale(hash: u32, count: usize) -> usize {
    ((hash >> 16).wrapping_mul(count as u32) >> 16) as usize
}

/// Mixes a value into a hash (multiplicative hashing, Knuth TAOCP 6.4).
pub(crate) fn hash(seed: u32, value: u32) -> u32 {
    (seed ^ value).wrapping_mul(0x9E37_79B1).rotate_left(15).wrapping_mul(0x85EB_CA6B)
}
