//! Where copies start, and what their starts teach the shift map.

use super::contexts::{direct, LIMIT};
use super::oracle::{Jump, Space};
use super::step::{to_front, Model};
use crate::coding::{number, BitCoder, Part};
use crate::predict::shift_map::Trust;

/// A place that a reference has told of counts when it is at most this far ahead.
const TOLD_REACH: u32 = 4096;

/// A copy that starts this far behind the end of the one before, or before it, is an aside: it says nothing about what follows it.
const ASIDE_REACH: u32 = 65536;

/// The shift map learns from a copy once it is this long.
const TRUSTED_LENGTH: u32 = 24;

/// A copy that goes on this little further in the old image does not make the walk forget its registers.
const KEEP_REACH: u32 = 1024;

/// What the shift map is to learn from the copy under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson {
    /// Where the copy starts in the old image.
    from: u32,
    /// Where it starts in the new image.
    since: u32,
    /// Does it say nothing about what follows it?
    aside: bool,
    /// What the map said before it learned from this copy; `None` until then.
    before: Option<u32>,
}

impl Lesson {
    /// No copy has begun.
    pub(super) const NONE: Self = Self { from: 0, since: 0, aside: false, before: None };
}

impl Model<'_> {
    /// Could a copy go on from there?
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
        let from_new = self.tables.code(coder, direct::SPACE + few, LIMIT, jump.space == Space::New);
        let source = if from_new { self.jump_new(coder, jump.source) } else { self.jump_old(coder, jump.source, few) };
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
            let less_one = number::unsigned(&mut self.tables, coder, direct::NEW_DISTANCE, distance.wrapping_sub(1));
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
        to_front(&mut self.alignments, place, alignment);
        let ahead = source.wrapping_sub(expected);
        if ahead >= KEEP_REACH {
            self.walker.jump();
        }
        self.lesson = Lesson { from: source, since: self.at, aside: ahead >= ASIDE_REACH, before: None };
        source
    }

    /// Codes whether the next copy starts at one of the likely places: where the last one ended, on a recent alignment, or at what a
    /// reference has told to belong here.
    fn candidate<C: BitCoder>(&mut self, coder: &mut C, source: u32, expected: u32, few: usize) -> Option<u32> {
        if self.tables.code(coder, direct::EXPECTED + few, LIMIT, source == expected) {
            return Some(expected);
        }
        for (i, alignment) in self.alignments.iter().enumerate() {
            let candidate = self.at.wrapping_sub(*alignment);
            if candidate != expected && self.tables.code(coder, direct::RECENT + i, LIMIT, source == candidate) {
                return Some(candidate);
            }
        }
        let here = self.walker.new_address(self.at);
        let (old, ahead) = self.map.arriving_at(here, TOLD_REACH)?;
        let told = self.walker.old_offset(old.wrapping_sub(ahead)).filter(|told| *told != expected)?;
        self.tables.code(coder, direct::TOLD, LIMIT, source == told).then_some(told)
    }

    /// Codes the distance of the next copy from where the last one ended, or from the alignment before that.
    fn far<C: BitCoder>(&mut self, coder: &mut C, source: u32, expected: u32) -> u32 {
        coder.enter(Part::Distances);
        let before = self.at.wrapping_sub(self.alignments[1]);
        let [near, back] = [expected, before].map(|base| (source.wrapping_sub(base) as i32).unsigned_abs());
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
            // The copy from the new image stood for something in the old one as well: stay on the alignment.
            Space::New => self.at.wrapping_sub(self.alignments[0]),
        }
    }

    /// Lets the shift map learn from the copy under way once it is long enough to be trusted.
    pub(super) fn teach(&mut self) {
        if self.lesson.before.is_none() && self.at.wrapping_sub(self.lesson.since) >= TRUSTED_LENGTH {
            let old = self.walker.old_address(self.lesson.from);
            let by = self.walker.new_address(self.lesson.since).wrapping_sub(old);
            let before = self.map.look_up(old);
            self.lesson.aside &= before.trust != Trust::Unknown;
            self.lesson.before = Some(before.by);
            self.map.learn(old, by);
        }
    }

    /// The copy has ended: what follows an aside is where it was believed to be before.
    pub(super) fn dismiss(&mut self) {
        if let (true, Some(before)) = (self.lesson.aside, self.lesson.before) {
            let end = self.walker.old_address(self.copy.source.wrapping_sub(1)).wrapping_add(1);
            let shift = self.map.look_up(end);
            if shift.trust != Trust::Exact {
                self.map.learn(end, before);
            }
        }
    }
}
