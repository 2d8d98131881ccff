//! Where each decision finds its slots and weights.

use super::start;
use super::unit_state::UnitState;
use crate::device::coding::logistic::NAT;
use crate::device::coding::mixer::{hash, Rate, Tables, INPUTS};
use crate::device::coding::number;
use crate::device::format::limits::{MODEL_DIRECT_SLOTS, MODEL_WEIGHTS};
use crate::device::isa::Form;

/// Hashed contexts that are mixed for "as predicted", with one that is always the same.
pub(crate) const HIT_HASHES: usize = INPUTS - 1;

/// Weight sets of the hit decision: by form (and two more), and by the length of the run of hits.
const HIT_SETS: [usize; 2] = [Form::COUNT + 2, 8];
/// Weight sets of bytes: by bit, and by what went before.
const BYTE_SETS: [usize; 2] = [8, 8];

const LITERAL_SETS: usize = HIT_SETS[0] + HIT_SETS[1];
const CORRECTION_SETS: usize = LITERAL_SETS + BYTE_SETS[0] + BYTE_SETS[1];

/// Mixer weights in all.
const WEIGHTS: usize = (CORRECTION_SETS + BYTE_SETS[0] + BYTE_SETS[1]) * INPUTS;
const _: () = assert!(WEIGHTS == MODEL_WEIGHTS, "devices reserve room for these");
const _: () = assert!(direct::COUNT == MODEL_DIRECT_SLOTS, "devices reserve room for these");

/// How fast the hit decision learns.
pub(crate) const HIT_RATE: Rate = Rate { limit: 11, shift: 18, quiet: 1024 };
/// How fast the bits of bytes learn.
pub(crate) const BYTE_RATE: Rate = Rate { limit: 7, shift: 17, quiet: 2048 };
/// Confidence limit of contexts with a place of their own.
pub(crate) const LIMIT: usize = 12;

/// Confidence limit of the contexts after a run of hits.
pub(crate) const CALM_LIMIT: usize = 15;
/// Log-odds from which such a context decides alone: 5 nats, a miss in 150.
pub(crate) const SURE: i32 = 5 * NAT;

/// Log-odds from which it is not worth the time to look closer: a miss in 660.
pub(crate) const CERTAIN: i32 = 13 * NAT / 2;
/// The probability of a hit then, in 1/65536.
pub(crate) const CERTAINLY: u16 = 65506;

/// Slots with a place of their own, in order.
pub(crate) mod direct {
    use super::number;
    use crate::device::isa::Form;
    /// "The copy ends here", by form of unit.
    pub(crate) const LEAVE: usize = 0;
    /// How much of the last unit still belongs to the copy.
    pub(crate) const PREFIX: usize = LEAVE + 8;
    /// "A copy starts here", by number of literals.
    pub(crate) const JUMP: usize = PREFIX + 16;
    /// Old or new image.
    pub(crate) const SPACE: usize = JUMP + 32;
    /// "Where the last copy ended", with literals since then or not.
    pub(crate) const EXPECTED: usize = SPACE + 2;
    /// "On this recent alignment."
    pub(crate) const RECENT: usize = EXPECTED + 2;
    /// "Where a reference has told."
    pub(crate) const TOLD: usize = RECENT + 4;
    /// "As far back as the last copy from the new image."
    pub(crate) const SAME_DISTANCE: usize = TOLD + 1;
    /// "From the alignment before the last."
    pub(crate) const BACK: usize = SAME_DISTANCE + 1;
    /// Distances in the old image, from two bases.
    pub(crate) const OLD_DELTA: usize = BACK + 1;
    /// Distances back in the new image.
    pub(crate) const NEW_DISTANCE: usize = OLD_DELTA + 2 * number::SLOTS;
    /// "Only the reference is different", by form.
    pub(crate) const RETARGET: usize = NEW_DISTANCE + number::SLOTS;
    /// "The alternative shift is right", by form.
    pub(crate) const ALTERNATIVE: usize = RETARGET + Form::COUNT;
    /// "The same as a recent correction", by form and age.
    pub(crate) const REPEAT: usize = ALTERNATIVE + Form::COUNT;
    /// Differences of targets.
    pub(crate) const TARGET: usize = REPEAT + 2 * Form::COUNT;
    /// "This byte of the unit is as predicted."
    pub(crate) const SAME: usize = TARGET + 2 * number::SLOTS;
    /// "As predicted", after a run of hits, by class and by what the shift map knows of the
    /// reference.
    pub(crate) const AFTER_RUN: usize = SAME + 64;
    /// "As predicted", whatever it is.
    pub(crate) const ANY: usize = AFTER_RUN + 32 * 4;
    /// All of them.
    pub(crate) const COUNT: usize = ANY + 1;
}

/// How sure the contexts with a place of their own are of their start.
const START_CONFIDENCE: u16 = 5;

/// Weights for the hit decision.
pub(crate) fn hit_sets(form: usize, run: u32) -> [usize; 2] {
    let run = (32 - run.leading_zeros()).min(7) as usize;
    [form.min(HIT_SETS[0] - 1), HIT_SETS[0] + run]
}

/// Weights for the first bit of a byte, those for the next ones being after them, and for all of
/// its bits.
pub(crate) fn byte_sets(kind: Content) -> [usize; 2] {
    let (base, past) = match kind {
        Content::New { literals } => (LITERAL_SETS, literals.min(7) as usize),
        Content::Correction { index, corrected } => {
            (CORRECTION_SETS, index * 2 + usize::from(corrected))
        }
    };
    [base, base + BYTE_SETS[0] + (past & 7)]
}

/// What a byte is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// New content, this many bytes after a copy.
    New { literals: u32 },
    /// The difference of byte `index` of a unit, the byte before it having been corrected or not.
    Correction { index: usize, corrected: bool },
}

/// Contexts of a byte of new content: after this many literals, where the last copy would have
/// brought `ghost`.
pub(crate) fn literal(unit_state: UnitState, ghost: u8, literals: u32) -> [u32; INPUTS] {
    let (phase, opcode) = unit_state.contexts();
    [context(1, phase, 0), context(3, opcode, phase), context(5, u32::from(ghost), literals.min(1))]
}

/// Starts the models from what firmware deltas usually look like.
pub(crate) fn prime(tables: &mut Tables<'_>) {
    tables.prime(&start::START_LOG_ODDS, START_CONFIDENCE, &start::START_WEIGHTS);
}

/// Hash of a few values under a label.
#[inline(never)] // One copy in the device's flash.
pub(crate) fn context(label: u32, a: u32, b: u32) -> u32 {
    hash(hash(label.wrapping_mul(0x9E37_79B9), a), b)
}
