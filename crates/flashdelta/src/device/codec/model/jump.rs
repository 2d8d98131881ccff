//! Where copies start, and what their starts teach the shift map.

use super::contexts::{direct, LIMIT};
use super::step::{move_to_front, Model};
use crate::device::coding::{number, BitCoder, Part};
use crate::device::images::{Jump, Space};

/// A place that a reference has told of counts when it is at most this far ahead.
const TOLD_REACH: u32 = 4096;

/// The shift map learns from a copy once it is this long.
const TRUSTED_LENGTH: u32 = 24;

impl Model<'_> {
    /// Whether a copy could go on from there.
    pub(super) fn is_inside(&self, jump: Jump) -> bool {
        match jump.space {
            Space::Old => jump.source < self.old_len,
            Space::New => jump.source < self.at,
        }
    }

    /// Codes where the next copy starts.
    #[inline(never)]
    pub(super) fn jump<C: BitCoder>(&mut self, coder: &mut C, jump: Jump) -> Jump {
        let few = usize::from(self.literals > 0);
        let from_new =
            self.tables.code(coder, direct::SPACE + few, LIMIT, jump.space == Space::New);
        let source = if from_new {
            self.jump_new(coder, jump.source)
        } else {
            self.jump_old(coder, jump.source, few)
        };
        self.copy = Jump { space: if from_new { Space::New } else { Space::Old }, source };
        self.copying = true;
        self.age = 0;
        self.literals = 0;
        self.copy
    }

    /// Codes how far back in the new image the next copy reads.
    fn jump_new<C: BitCoder>(&mut self, coder: &mut C, source: u32) -> u32 {
        let distance = self.at.wrapping_sub(source);
        if !self.tables.code(coder, direct::SAME_DISTANCE, LIMIT, distance == self.distance) {
            coder.enter(Part::Distances);
            let less_one = number::unsigned(
                &mut self.tables,
                coder,
                direct::NEW_DISTANCE,
                distance.wrapping_sub(1),
            );
            self.distance = less_one.wrapping_add(1);
        }
        self.at.wrapping_sub(self.distance)
    }

    /// Codes where in the old image the next copy reads.
    fn jump_old<C: BitCoder>(&mut self, coder: &mut C, source: u32, few: usize) -> u32 {
        let expected = self.expected_source();
        let source = match self.candidate(coder, source, expected, few) {
            Some(found) => found,
            None => self.far(coder, source, expected),
        };
        let alignment = self.at.wrapping_sub(source);
        let place = self.alignments.iter().position(|a| *a == alignment).unwrap_or(3);
        move_to_front(&mut self.alignments, place, alignment);
        self.walker.jump();
        self.unlearned = Some((source, self.at));
        source
    }

    /// Codes whether the next copy starts at one of the likely places: where the last one ended, on
    /// a recent alignment, or at what a reference has told to belong here.
    fn candidate<C: BitCoder>(
        &mut self,
        coder: &mut C,
        source: u32,
        expected: u32,
        few: usize,
    ) -> Option<u32> {
        if self.tables.code(coder, direct::EXPECTED + few, LIMIT, source == expected) {
            return Some(expected);
        }
        for (i, alignment) in self.alignments.iter().enumerate() {
            let candidate = self.at.wrapping_sub(*alignment);
            if candidate != expected
                && self.tables.code(coder, direct::RECENT + i, LIMIT, source == candidate)
            {
                return Some(candidate);
            }
        }
        let is_told = C::HEEDS && source == self.told(expected);
        self.tables.code(coder, direct::TOLD, LIMIT, is_told).then(|| self.told(expected))
    }

    /// What a reference has told to belong here, or else `expected`. It takes a look at the whole
    /// shift map.
    fn told(&mut self, expected: u32) -> u32 {
        let here = self.walker.new_address(self.at);
        let arriving = self.shifts.arriving_at(here, TOLD_REACH);
        arriving
            .and_then(|(old, ahead)| self.walker.old_offset(old.wrapping_sub(ahead)))
            .unwrap_or(expected)
    }

    /// Codes the distance of the next copy from where the last one ended, or from the alignment
    /// before that.
    fn far<C: BitCoder>(&mut self, coder: &mut C, source: u32, expected: u32) -> u32 {
        coder.enter(Part::Distances);
        let before = self.at.wrapping_sub(self.alignments[1]);
        let [near, back] =
            [expected, before].map(|base| (source.wrapping_sub(base) as i32).unsigned_abs());
        let (base, context) = if self.tables.code(coder, direct::BACK, LIMIT, back < near / 2) {
            (before, direct::OLD_DELTA + number::SLOTS)
        } else {
            (expected, direct::OLD_DELTA)
        };
        let delta = source.wrapping_sub(base) as i32;
        base.wrapping_add(number::signed(&mut self.tables, coder, context, delta) as u32)
    }

    /// Where the last copy from the old image ended.
    fn expected_source(&self) -> u32 {
        match self.copy.space {
            Space::Old => self.copy.source,
            // The copy from the new image stood for something in the old one as well: stay on the
            // alignment.
            Space::New => self.at.wrapping_sub(self.alignments[0]),
        }
    }

    /// Lets the shift map learn from the copy under way once it is long enough to be trusted.
    pub(super) fn teach(&mut self) {
        let Some((from, since)) =
            self.unlearned.filter(|(_, since)| self.at.wrapping_sub(*since) >= TRUSTED_LENGTH)
        else {
            return;
        };
        self.unlearned = None;
        let old = self.walker.old_address(from);
        let by = self.walker.new_address(since).wrapping_sub(old);
        self.shifts.learn(old, by);
    }
}
