//! The adaptive state of a patch's models: slots and mixer weights, in memory that the caller lends.

use super::logistic::{squash, Slot};
use super::BitCoder;

/// Fraction bits of a mixer weight.
const WEIGHT_BITS: u32 = 14;

/// Largest magnitude of a weight, nearly 2. A decision uses the sum of two.
const WEIGHT_LIMIT: i32 = i16::MAX as i32;

/// Slots of a hashed context of bytes.
pub(crate) const GROUP: usize = 16;

/// Slots and weights.
#[derive(Debug)]
pub(crate) struct Tables<'w> {
    /// Adaptive contexts: first those with a place of their own, then the hashed ones.
    slots: &'w mut [u16],
    /// Mixer weights, in sets of the caller's choosing.
    weights: &'w mut [i16],
    /// How many slots have a place of their own.
    direct: usize,
    /// How many of the hashed slots belong to contexts of hits: a quarter.
    hits: usize,
}

impl<'w> Tables<'w> {
    /// No tables.
    pub(crate) const fn empty() -> Self {
        Self { slots: &mut [], weights: &mut [], direct: 0, hits: 0 }
    }

    /// Tables in the given memory, of which the first `direct` slots have a place of their own.
    pub(crate) fn new(slots: &'w mut [u16], weights: &'w mut [i16], direct: usize) -> Self {
        slots.fill(Slot::NEW.0);
        let hits = slots.len().saturating_sub(direct) / 4;
        Self { slots, weights, direct, hits }
    }

    /// Starts the slots with a place of their own and the weights from what is usual: log-odds in 1/16 nat, weights in 1/256.
    pub(crate) fn prime(&mut self, log_odds: &Levels<'_>, confidence: u16, weights: &Levels<'_>) {
        for (i, slot) in self.slots.iter_mut().enumerate().take(self.direct) {
            *slot = Slot::start(log_odds.get(i) << 4, confidence).0;
        }
        for (i, weight) in self.weights.iter_mut().enumerate() {
            *weight = weights.get(i) << (WEIGHT_BITS - 8);
        }
    }

    /// The slot of a hashed context of hits: in the first quarter of the hashed slots. (They would otherwise wear out the contexts of bytes,
    /// which are rarer.)
    pub(crate) fn hashed(&self, hash: u32) -> usize {
        self.direct.wrapping_add(scale(hash, self.hits))
    }

    /// The first of the [`GROUP`] slots of a hashed context of bytes, behind those of hits. Four bits of a byte share a group: one hash serves
    /// them all.
    pub(crate) fn group(&self, hash: u32) -> usize {
        let start = self.direct.wrapping_add(self.hits);
        let groups = self.slots.len().saturating_sub(start) / GROUP;
        start.wrapping_add(scale(hash, groups) * GROUP)
    }

    /// The log-odds that a context says.
    pub(crate) fn log_odds(&self, index: usize) -> i32 {
        Slot(self.slots.get(index).copied().unwrap_or(0)).log_odds()
    }

    /// Shows a context a bit that was coded without it.
    pub(crate) fn learn(&mut self, index: usize, bit: bool, limit: usize) {
        if let Some(s) = self.slots.get_mut(index) {
            *s = Slot(*s).learn(bit, limit).0;
        }
    }

    /// Codes a bit in one context.
    pub(crate) fn code<C: BitCoder>(&mut self, coder: &mut C, index: usize, limit: usize, bit: bool) -> bool {
        let slot = Slot(self.slots.get(index).copied().unwrap_or(0));
        let bit = coder.code(squash(slot.log_odds()), bit);
        if let Some(s) = self.slots.get_mut(index) {
            *s = slot.learn(bit, limit).0;
        }
        bit
    }

    /// Codes a bit by mixing contexts, with the sum of two sets of weights, each starting at an index into the weight table: two
    /// selectors see more than one, and learn as fast.
    pub(crate) fn mix<C: BitCoder>(
        &mut self,
        coder: &mut C,
        inputs: &[usize],
        sets: [usize; 2],
        rate: Rate,
        bit: bool,
    ) -> bool {
        let mut log_odds = [0; MOST_INPUTS];
        let mut sum = 0i32;
        let [a, b] = sets.map(|set| self.weights.get(set..).unwrap_or(&[]));
        for (((log_odds, i), a), b) in log_odds.iter_mut().zip(inputs).zip(a).zip(b) {
            *log_odds = self.log_odds(*i);
            sum = sum.wrapping_add(log_odds.wrapping_mul(i32::from(*a) + i32::from(*b)));
        }
        let p = squash(sum >> WEIGHT_BITS);
        let bit = coder.code(p, bit);
        let error = (i32::from(bit) << 16) - i32::from(p);
        if error.unsigned_abs() < rate.quiet {
            return bit;
        }
        for ((at, i), log_odds) in inputs.iter().enumerate().zip(log_odds) {
            let step = (log_odds.wrapping_mul(error).wrapping_add(1 << (rate.shift - 1))) >> rate.shift;
            for set in sets {
                let Some(weight) = self.weights.get_mut(set.wrapping_add(at)) else { continue };
                *weight = i32::from(*weight).wrapping_add(step).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i16;
            }
            self.learn(*i, bit, rate.limit);
        }
        bit
    }
}

/// A decision mixes at most so many contexts.
const MOST_INPUTS: usize = 5;

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
