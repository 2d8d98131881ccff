//! What decisions would cost now: the maker asks before it decides. Nothing is learned from the
//! questions.

use super::meter::log2;
use crate::device::codec::model::contexts::{self, direct, hit_sets, Content, BYTE_RATE, CERTAIN};
use crate::device::codec::model::contexts::{CERTAINLY, HIT_RATE, SURE};
use crate::device::codec::model::step::{hit_set, leave_context, Model};
use crate::device::codec::model::UnitState;
use crate::device::coding::logistic::squash;
use crate::device::coding::mixer::Rate;
use crate::device::coding::{number, BitCoder};
use crate::device::images::Space;
use crate::device::isa::Form;
use crate::device::predict::shift_map::ShiftMap;
use crate::device::predict::walker::Forecast;

/// One bit, in the units of all prices.
pub(crate) const BIT: u32 = 1 << 12;

/// Adds up the price of decisions.
#[derive(Default)]
pub(crate) struct Price(pub(crate) u32);

impl BitCoder for Price {
    fn code(&mut self, p: u16, bit: bool) -> bool {
        self.0 += price(p, bit);
        bit
    }
}

/// What leaving a copy costs beyond the decision itself: the parse does not see what the models
/// lose by it. (Patches became smaller up to 4 bits, and hardly so with 6; docs/modelling.md.)
const COST_OF_LEAVING: u32 = 5 * BIT;

/// The price of a decision.
fn price(p: u16, bit: bool) -> u32 {
    let p = if bit { u32::from(p) } else { 65536 - u32::from(p) };
    LOG[(p >> 4) as usize & 4095]
}

/// -log2 of (i + 1/2) / 4096.
static LOG: [u32; 4096] = {
    let mut table = [0; 4096];
    let mut i = 0;
    while i < 4096 {
        table[i] = 13 * BIT - log2(2 * i as u32 + 1, BIT.trailing_zeros());
        i += 1;
    }
    table
};

/// What it costs to tell the length of a distance, by number of bits below the highest one: only
/// jumps change it.
pub(crate) struct DistancePrices {
    /// From both bases in the old image.
    old: [[u32; 32]; 2],
    new: [u32; 32],
}

impl<'w> Model<'w> {
    /// The shift map as it is now.
    pub(crate) fn shift_map(&self) -> &ShiftMap<'w> {
        &self.shifts
    }

    /// A byte of new content after this many literals, where the last copy would have brought
    /// `ghost`.
    pub(crate) fn literal_price(
        &mut self,
        unit_state: UnitState,
        [ghost, byte]: [u8; 2],
        literals: u32,
    ) -> u32 {
        let hashes = contexts::literal(unit_state, ghost, literals);
        let mut total = Price::default();
        self.byte_at(&quiet(BYTE_RATE), &mut total, &hashes, Content::New { literals }, byte);
        total.0
    }

    /// "As predicted", or not, for a unit after a run of hits.
    pub(crate) fn hit_price(&mut self, forecast: &Forecast, run: u32, hit: bool) -> u32 {
        match self.after_run(forecast, run).map(|slot| self.tables.log_odds(slot)) {
            Some(odds) if odds >= CERTAIN => price(CERTAINLY, hit),
            Some(odds) if odds >= SURE => price(squash(odds), hit),
            _ => {
                let mut total = Price::default();
                let inputs = self.hit_inputs(self.hit_contexts(forecast));
                let sets = hit_sets(hit_set(forecast), run);
                self.tables.mix(&mut total, (&inputs, 0), sets, &quiet(HIT_RATE), hit);
                total.0
            }
        }
    }

    /// "The copy ends here", or not, after a miss.
    pub(crate) fn leave_price(&self, forecast: &Forecast, ends: bool) -> u32 {
        let unseen = if ends { COST_OF_LEAVING } else { 0 };
        self.direct(leave_context(forecast), ends) + unseen
    }

    /// "A copy starts here", or not, after this many literals.
    pub(crate) fn jump_price(&self, literals: u32, starts: bool) -> u32 {
        self.direct(direct::JUMP + literals.min(31) as usize, starts)
    }

    /// What distances cost until the next jump.
    pub(crate) fn distance_prices(&self) -> DistancePrices {
        let lengths = |base| {
            let mut prices = [0; 32];
            prices.iter_mut().zip(self.length_prices(base)).for_each(|(to, price)| *to = price);
            prices
        };
        DistancePrices {
            old: [lengths(direct::OLD_DELTA), lengths(direct::OLD_DELTA + number::SLOTS)],
            new: lengths(direct::NEW_DISTANCE),
        }
    }

    /// Where a copy from the old image reads, after `literals`: one alignment of the last
    /// `alignments`, `expected`, or far away.
    pub(crate) fn old_price(
        &self,
        distances: &DistancePrices,
        (at, source): (u32, u32),
        (expected, alignments): (u32, [u32; 2]),
        literals: u32,
    ) -> u32 {
        let few = usize::from(literals > 0);
        let mut total = self.direct(direct::SPACE + few, false);
        total += self.direct(direct::EXPECTED + few, source == expected);
        if source == expected {
            return total;
        }
        for (i, alignment) in alignments.into_iter().enumerate() {
            let candidate = at.wrapping_sub(alignment);
            if candidate != expected {
                total += self.direct(direct::RECENT + i, source == candidate);
                if source == candidate {
                    return total;
                }
            }
        }
        total += self.direct(direct::TOLD, false);
        let before = at.wrapping_sub(alignments[1]);
        let [near, back] =
            [expected, before].map(|base| (source.wrapping_sub(base) as i32).unsigned_abs());
        let is_back = back < near / 2;
        total += self.direct(direct::BACK, is_back);
        let base = direct::OLD_DELTA + if is_back { number::SLOTS } else { 0 };
        let delta = source.wrapping_sub(if is_back { before } else { expected }) as i32;
        let value = delta.unsigned_abs().wrapping_sub(1);
        let length = number::length(value);
        total
            + distances.old[usize::from(is_back)][length as usize]
            + self.bits_price(base, value, length)
            + BIT
    }

    /// Where a copy from the new image reads.
    pub(crate) fn new_price(
        &self,
        distances: &DistancePrices,
        distance: u32,
        last: u32,
        literals: u32,
    ) -> u32 {
        let few = usize::from(literals > 0);
        let total = self.direct(direct::SPACE + few, true)
            + self.direct(direct::SAME_DISTANCE, distance == last);
        if distance == last {
            return total;
        }
        let length = number::length(distance.wrapping_sub(1));
        let bits = self.bits_price(direct::NEW_DISTANCE, distance.wrapping_sub(1), length);
        total + distances.new[length as usize] + bits
    }

    /// A reference that points `difference` further than predicted.
    pub(crate) fn retarget_price(&self, form: Form, difference: u32) -> u32 {
        let f = form.0 as usize;
        let mut total = self.direct(direct::RETARGET + f, true);
        for (i, candidate) in self.retargets.iter().enumerate() {
            let same = difference == *candidate;
            total += self.direct(direct::REPEAT + i * Form::COUNT + f, same);
            if same {
                return total;
            }
        }
        let scale = u32::from(self.walker.scale(form));
        let base = direct::TARGET + number::SLOTS * usize::from(form == Form::WORD || f > 15);
        let value = ((difference as i32) >> scale).unsigned_abs().wrapping_sub(1);
        let length = number::length(value);
        let told = self.length_prices(base).nth(length as usize).unwrap_or(0);
        total + told + self.bits_price(base, value, length) + BIT
    }

    /// What it costs to tell that a number has 0, 1, 2... 31 bits below the highest one.
    fn length_prices(&self, base: usize) -> impl Iterator<Item = u32> + '_ {
        (0..32).scan(0, move |longer, length| {
            let (before, slot) = (*longer, number::length_slot(base, length));
            *longer += self.direct(slot, true);
            // No number is longer than 31.
            Some(before + if length < 31 { self.direct(slot, false) } else { 0 })
        })
    }

    /// The bits of an unsigned number below the highest one, of which there are `length`; those
    /// after the first two at a bit each.
    fn bits_price(&self, base: usize, value: u32, length: u32) -> u32 {
        let plus = value.wrapping_add(1);
        let high = (0..length.min(2)).map(|i| {
            let bit = plus >> (length - 1 - i) & 1 == 1;
            self.direct(number::high_slot(base, length, i), bit)
        });
        high.sum::<u32>() + length.saturating_sub(2) * BIT
    }

    fn direct(&self, slot: usize, bit: bool) -> u32 {
        price(squash(self.tables.log_odds(slot)), bit)
    }

    /// Source minus destination of the copy under way, or the last one.
    pub(crate) fn copy_shift(&self) -> u32 {
        self.copy.source.wrapping_sub(self.at)
    }

    /// The age of the copy from the new image, if one is under way.
    pub(crate) fn age_in_new(&self) -> Option<u32> {
        (self.copying && self.copy.space == Space::New).then_some(self.age)
    }
}

/// The rate at which nothing is learned.
fn quiet(rate: Rate) -> Rate {
    Rate { quiet: u32::MAX, ..rate }
}
