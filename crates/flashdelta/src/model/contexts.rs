//! Where each decision finds its slots and weights.

use crate::coding::logistic::Slot;
use crate::coding::mixer::{hash, Tables};
use crate::coding::number;
use crate::isa::Form;

/// Contexts that are mixed for "as predicted".
pub(crate) const HIT_INPUTS: usize = 6;
/// Contexts that are mixed for each bit of a byte.
pub(crate) const BYTE_INPUTS: usize = 6;

/// Weight sets of the hit decision: by form, and by the length of the run of hits.
const HIT_SETS: [usize; 2] = [Form::COUNT + 2, 8];
/// Weight sets of bytes: by bit in each of [`BYTE_KINDS`], and by what went before.
const BYTE_SETS: [usize; 2] = [BYTE_KINDS * 8, BYTE_KINDS * 8];
/// New content, corrections.
pub(crate) const BYTE_KINDS: usize = 2;

/// Mixer weights in all.
pub(crate) const WEIGHTS: usize = (HIT_SETS[0] + HIT_SETS[1]) * HIT_INPUTS + (BYTE_SETS[0] + BYTE_SETS[1]) * BYTE_INPUTS;

/// Slots with a place of their own, in order.
pub(crate) mod direct {
    use super::number;
    use crate::isa::Form;
    /// "The copy ends here", by class of unit and recent misses.
    pub(crate) const LEAVE: usize = 0;
    /// How much of the last unit still belongs to the copy.
    pub(crate) const PREFIX: usize = LEAVE + 4 * 32;
    /// "A copy starts here", by number of literals.
    pub(crate) const JUMP: usize = PREFIX + 16;
    /// Old or new image.
    pub(crate) const SPACE: usize = JUMP + 32;
    /// Which remembered alignment.
    pub(crate) const RECENT: usize = SPACE + 4;
    /// Distances.
    pub(crate) const OLD_DELTA: usize = RECENT + 16;
    /// Distances back in the new image.
    pub(crate) const NEW_DISTANCE: usize = OLD_DELTA + 2 * number::SLOTS;
    /// "Only the reference is different", by form.
    pub(crate) const RETARGET: usize = NEW_DISTANCE + number::SLOTS;
    /// "The alternative shift is right", by form.
    pub(crate) const ALTERNATIVE: usize = RETARGET + Form::COUNT;
    /// "The same as a recent correction", by form and age.
    pub(crate) const REPEAT: usize = ALTERNATIVE + Form::COUNT;
    /// Differences of targets.
    pub(crate) const TARGET: usize = REPEAT + 3 * Form::COUNT;
    /// "This byte of the unit is as predicted."
    pub(crate) const SAME: usize = TARGET + 2 * number::SLOTS;
    /// All of them.
    pub(crate) const COUNT: usize = SAME + 256;
}

/// How much memory the models of a patch take. Part of the patch header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    /// Hashed slots, 2 bytes each.
    pub(crate) slots: u16,
    /// Entries of the shift map, 8 bytes each.
    pub(crate) map: u16,
}

impl Shape {
    /// All slots, those with a place of their own included.
    pub(crate) fn all_slots(self) -> usize {
        direct::COUNT + self.slots as usize
    }

    /// Bytes of workspace that the tables take.
    pub(crate) fn bytes(self) -> usize {
        self.all_slots() * 2 + WEIGHTS * 4 + self.map as usize * 8
    }
}

/// Initial weight of every input, in 1/16384.
pub(crate) const START_WEIGHT: i32 = 5500;

/// Weights for the hit decision.
pub(crate) fn hit_sets(form: usize, run: usize) -> [usize; 2] {
    [form.min(HIT_SETS[0] - 1) * HIT_INPUTS, (HIT_SETS[0] + (run & 7)) * HIT_INPUTS]
}

/// Weights for a bit of a byte.
pub(crate) fn byte_sets(kind: usize, bit: usize, past: usize) -> [usize; 2] {
    let base = (HIT_SETS[0] + HIT_SETS[1]) * HIT_INPUTS;
    let kind = (kind & 1) * 8;
    [base + (kind + (bit & 7)) * BYTE_INPUTS, base + (BYTE_SETS[0] + kind + (past & 7)) * BYTE_INPUTS]
}

/// Starts the contexts from what firmware deltas usually look like.
pub(crate) fn prime(tables: &mut Tables<'_>) {
    for i in 0..direct::COUNT {
        tables.prime(i, Slot::NEW);
    }
    for i in direct::JUMP..direct::JUMP + 32 {
        tables.prime(i, Slot::start(-300, 3));
    }
}

/// Hash of a few values under a label.
pub(crate) fn context(label: u32, a: u32, b: u32) -> u32 {
    hash(hash(label.wrapping_mul(0x9E37_79B9), a), b)
}
