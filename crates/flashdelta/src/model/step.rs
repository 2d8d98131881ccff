//! One step of the model codec, for maker and applier alike.

use super::contexts::{self, byte_sets, context, direct, hit_sets, Shape, BYTE_INPUTS, HIT_INPUTS};
use crate::coding::mixer::{hash, Rate, Tables};
use crate::coding::{number, BitCoder, Part};
use crate::isa::Form;
use crate::predict::shift_map::{ShiftMap, Trust};
use crate::predict::walker::{Forecast, Walker};

/// Binary decisions of the longest step: hit, leave, retarget, alternative, four repeats, a number (97), or four bytes with their flags.
const MAX_STEP_DECISIONS: usize = 128;

/// A step consumes at most this many bytes of the patch.
pub(crate) const MAX_STEP_BYTES: usize = MAX_STEP_DECISIONS * crate::coding::range::BYTES_PER_DECISION;

/// A place that a reference has told of counts when it is at most this far ahead.
const TOLD_REACH: u32 = 4096;

/// A copy that starts this far behind the end of the one before, or before it, is an aside: it says nothing about what follows it.
const ASIDE_REACH: u32 = 65536;

/// The shift map learns from a copy once it is this long.
const TRUSTED_LENGTH: u32 = 24;

/// A copy that goes on this little further in the old image does not make the walk forget its registers.
const KEEP_REACH: u32 = 1024;

/// Confidence limit of contexts with a place of their own.
fn limit() -> usize { crate::tune::t(39, 12) as usize }

const HIT_RATE: Rate = Rate { limit: 13, shift: 18 };
const BYTE_RATE: Rate = Rate { limit: 10, shift: 17 };

/// Which image a copy reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Space {
    /// The old image.
    Old,
    /// The new image, as far as it is written.
    New,
}

/// Where a copy goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Jump {
    /// Which image.
    pub(crate) space: Space,
    /// Offset in it.
    pub(crate) source: u32,
}

/// The images as the model sees them.
pub(crate) trait Images {
    /// What can go wrong when reading.
    type Error;
    /// The old image from `offset` on: all that is left or at least [`LOOKAHEAD`](crate::isa::LOOKAHEAD) bytes. Empty behind its end.
    fn old(&mut self, offset: u32) -> Result<&[u8], Self::Error>;
    /// A byte of the new image that is already written.
    fn new(&mut self, offset: u32) -> Result<u8, Self::Error>;
}

/// What a maker knows and an applier does not.
pub(crate) trait Oracle {
    /// `len` bytes of the new image; the others are 0.
    fn bytes(&self, at: u32, len: u8) -> [u8; 4];
    /// Should the copy that is under way, now at `copy`, end before `at + len`?
    fn ends(&mut self, at: u32, len: u8, copy: Jump) -> bool;
    /// The copy that starts at `at`, if one does.
    fn jump(&mut self, at: u32) -> Option<Jump>;
}

/// The applier's oracle: knows nothing.
pub(crate) struct Nothing;

/// A coder that codes nothing: for learning what is known already.
struct Known;

impl BitCoder for Known {
    fn code(&mut self, _p: u16, bit: bool) -> bool {
        bit
    }
}

impl Oracle for Nothing {
    fn bytes(&self, _at: u32, _len: u8) -> [u8; 4] {
        [0; 4]
    }
    fn ends(&mut self, _at: u32, _len: u8, _copy: Jump) -> bool {
        false
    }
    fn jump(&mut self, _at: u32) -> Option<Jump> {
        None
    }
}

/// Bytes that a step has produced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Written {
    /// The bytes; those behind `len` are 0.
    pub(crate) bytes: [u8; 4],
    /// How many, 0 to 4.
    pub(crate) len: u8,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Bytes of the new image, possibly none.
    Wrote(Written),
    /// The patch asks for a copy from outside the images: it is damaged.
    OutOfRange(Jump),
}

/// What the shift map is to learn from the copy under way.
#[derive(Clone, Copy, Debug, Default)]
struct Lesson {
    /// Where the copy starts in the old image.
    from: u32,
    /// Where it starts in the new image.
    since: u32,
    /// Does it say nothing about what follows it?
    aside: bool,
    /// What the map said before it learned from this copy; `None` until then.
    before: Option<u32>,
}

/// State of the codec.
pub(crate) struct Model<'w> {
    tables: Tables<'w>,
    map: ShiftMap<'w>,
    walker: Walker<'w>,
    old_len: u32,
    new_len: u32,
    /// Bytes of the new image written so far.
    at: u32,
    /// The copy under way, or the last one.
    copy: Jump,
    copying: bool,
    lesson: Lesson,
    /// Units since the copy began, saturating.
    age: u32,
    /// Literals since the last copy.
    literals: u32,
    /// `new - old` of recent copies from the old image, and `new - source` of recent copies from the new one.
    alignments: [u32; 4],
    distance: u32,
    /// Hits (0) and misses (1) of recent units.
    history: u32,
    /// Hits since the last miss.
    run: u32,
    /// The last eight bytes of the new image, the latest lowest.
    recent: u64,
    /// The last corrections of references (differences of targets) and of plain units (differences of words).
    retargets: [u32; 4],
    differences: [u32; 2],
    /// The last difference of a byte at each alignment.
    byte_differences: [u8; 4],
    /// Hits and misses by form.
    form_history: [u8; Form::COUNT],
}

impl<'w> Model<'w> {
    /// A codec at the start of a patch. `slots` and `weights` have the sizes that `shape` tells.
    pub(crate) fn new(
        memory: (&'w mut [u16], &'w mut [i32], &'w mut [u32]),
        walker: Walker<'w>,
        old_len: u32,
        new_len: u32,
    ) -> Self {
        let (slots, weights, map) = memory;
        let mut tables = Tables::new(slots, weights, direct::COUNT, 1700);
        contexts::prime(&mut tables);
        Self {
            tables,
            map: ShiftMap::new(map),
            walker,
            old_len,
            new_len,
            at: 0,
            copy: Jump { space: Space::Old, source: 0 },
            copying: false,
            lesson: Lesson::default(),
            age: 0,
            literals: 0,
            alignments: [0; 4],
            distance: 0,
            history: 0,
            run: 0,
            recent: 0,
            retargets: [0; 4],
            differences: [0; 2],
            byte_differences: [0; 4],
            form_history: [0; Form::COUNT],
        }
    }

    /// Bytes of the new image so far.
    pub(crate) fn position(&self) -> u32 {
        self.at
    }

    /// Makes the next decision and what follows from it: at most 4 bytes of the new image and [`MAX_STEP_BYTES`] of the patch.
    pub(crate) fn step<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) -> Result<Step, I::Error> {
        let written = if !self.copying {
            coder.enter(Part::Control);
            let jump = oracle.jump(self.at);
            let context = direct::JUMP + self.literals.min(31) as usize;
            if self.tables.code(coder, context, limit(), jump.is_some()) {
                let jump = self.jump(coder, jump.unwrap_or(self.copy));
                if !self.is_inside(jump) {
                    return Ok(Step::OutOfRange(jump));
                }
                return Ok(Step::Wrote(Written::default()));
            }
            self.literal(coder, images, oracle)?
        } else if self.copy.space == Space::New {
            self.copy_new(coder, images, oracle)?
        } else {
            self.copy_old(coder, images, oracle)?
        };
        for byte in written.bytes.iter().take(written.len as usize) {
            self.recent = self.recent << 8 | u64::from(*byte);
        }
        self.at = self.at.wrapping_add(u32::from(written.len));
        Ok(Step::Wrote(written))
    }

    /// Could a copy go on from there?
    fn is_inside(&self, jump: Jump) -> bool {
        match jump.space {
            Space::Old => jump.source < self.old_len,
            Space::New => jump.source < self.at,
        }
    }

    /// Codes where the next copy starts.
    fn jump<C: BitCoder>(&mut self, coder: &mut C, jump: Jump) -> Jump {
        let expected = self.expected_source();
        let t = &mut self.tables;
        let few = usize::from(self.literals > 0);
        let from_new = t.code(coder, direct::SPACE + few, limit(), jump.space == Space::New);
        let jump = if from_new {
            let distance = self.at.wrapping_sub(jump.source);
            let same = t.code(coder, direct::RECENT + 8, limit(), distance == self.distance);
            if !same {
                coder.enter(Part::Distances);
                self.distance =
                    number::unsigned(t, coder, direct::NEW_DISTANCE, distance.wrapping_sub(1)).wrapping_add(1);
            }
            Jump { space: Space::New, source: self.at.wrapping_sub(self.distance) }
        } else {
            let alignment = self.at.wrapping_sub(jump.source);
            let mut source = None;
            if t.code(coder, direct::RECENT + few, limit(), jump.source == expected) {
                source = Some(expected);
            }
            for i in 0..4 {
                let candidate = self.alignments.get(i).copied().unwrap_or(0);
                if source.is_some() || self.at.wrapping_sub(candidate) == expected {
                    continue;
                }
                if t.code(coder, direct::RECENT + 2 + i, limit(), alignment == candidate) {
                    source = Some(self.at.wrapping_sub(candidate));
                }
            }
            if source.is_none() {
                // A reference may have told already what belongs here.
                let here = self.walker.new_address(self.at);
                let told = self.map.arriving_at(here, TOLD_REACH).and_then(|(old, ahead)| self.walker.old_offset(old.wrapping_sub(ahead)));
                if let Some(told) = told.filter(|t| *t != expected) {
                    if self.tables.code(coder, direct::RECENT + 9, limit(), jump.source == told) {
                        source = Some(told);
                    }
                }
            }
            let second = self.alignments[1];
            let t = &mut self.tables;
            let source = source.unwrap_or_else(|| {
                coder.enter(Part::Distances);
                let other = self.at.wrapping_sub(second);
                let [near, back] = [expected, other].map(|base| jump.source.wrapping_sub(base) as i32);
                let is_back = t.code(coder, direct::RECENT + 10, limit(), back.unsigned_abs() < near.unsigned_abs() / 2);
                let (base, context) = if is_back { (other, number::SLOTS) } else { (expected, 0) };
                let delta = jump.source.wrapping_sub(base) as i32;
                base.wrapping_add(number::signed(t, coder, direct::OLD_DELTA + context, delta) as u32)
            });
            let alignment = self.at.wrapping_sub(source);
            let place = self.alignments.iter().position(|a| *a == alignment).unwrap_or(3);
            if let Some(front) = self.alignments.get_mut(..=place) {
                front.rotate_right(1);
            }
            self.alignments[0] = alignment;
            if source.wrapping_sub(expected) >= KEEP_REACH {
                self.walker.jump();
            }
            self.lesson = Lesson {
                from: source,
                since: self.at,
                aside: source.wrapping_sub(expected) >= ASIDE_REACH,
                before: None,
            };
            Jump { space: Space::Old, source }
        };
        self.copy = jump;
        self.copying = true;
        self.age = 0;
        self.literals = 0;
        jump
    }

    /// Where the last copy from the old image ended.
    fn expected_source(&self) -> u32 {
        match self.copy.space {
            Space::Old => self.copy.source,
            // The copy from the new image stood for something in the old one as well: stay on the alignment.
            Space::New => self.at.wrapping_sub(self.alignments[0]),
        }
    }

    /// Lets the model of new content learn from samples of the old image.
    pub(crate) fn train<I: Images>(&mut self, images: &mut I) -> Result<(), I::Error> {
        let budget = (crate::tune::t(27, 0) as u32).min(self.old_len / 16);
        let chunk = 64;
        let chunks = budget / chunk;
        for i in 0..chunks {
            let start = (self.old_len / chunks).wrapping_mul(i);
            for at in start..start + chunk {
                let byte = images.old(at)?.first().copied().unwrap_or(0);
                if at >= start + 4 {
                    let hashes = self.literal_contexts(0, at);
                    self.byte(&mut Known, 0, 7, &hashes, byte);
                }
                self.recent = self.recent << 8 | u64::from(byte);
            }
        }
        self.recent = 0;
        Ok(())
    }

    fn literal_contexts(&self, ghost: u32, at: u32) -> [u32; BYTE_INPUTS] {
        let recent = self.recent as u32;
        let a = |i: i32, h: u32| if crate::tune::t(36, 44) >> i & 1 == 1 { 0 } else { h };
        [
            a(0, context(1, at & 3, 0)),
            a(1, context(2, recent & 0xFF, at & 1)),
            a(2, context(3, recent & 0xFFFF, at & 1)),
            a(3, context(4, recent & 0xFF_FFFF, 0)),
            a(4, context(5, ghost, self.literals.min(3))),
            a(5, context(6, recent >> 24, at & 3)),
        ]
    }

    /// Lets the shift map learn from the copy under way once it is long enough to be trusted.
    fn teach(&mut self) {
        if self.lesson.before.is_none() && self.at.wrapping_sub(self.lesson.since) >= TRUSTED_LENGTH {
            let old = self.walker.old_address(self.lesson.from);
            let by = self.walker.new_address(self.lesson.since).wrapping_sub(old);
            let before = self.map.look_up(old);
            self.lesson.aside &= before.trust != Trust::Unknown;
            self.lesson.before = Some(before.by);
            self.map.learn(old, by);
        } else if self.lesson.before.is_some() && false && self.age & 15 == 0 {
            let old = self.walker.old_address(self.lesson.from);
            let to = self.walker.old_address(self.copy.source);
            self.map.settle(old, to);
        }
    }

    /// The copy has ended: what follows an aside is where it was believed to be before.
    fn dismiss(&mut self) {
        if let (true, Some(before)) = (self.lesson.aside, self.lesson.before) {
            let end = self.walker.old_address(self.copy.source.wrapping_sub(1)).wrapping_add(1);
            let shift = self.map.look_up(end);
            if shift.trust != Trust::Exact {
                self.map.learn(end, before);
            }
        }
    }

    /// A byte of new content.
    fn literal<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) -> Result<Written, I::Error> {
        coder.enter(Part::Literals);
        let ghost = match self.copy.space {
            Space::Old => images.old(self.copy.source.wrapping_add(self.literals))?.first().copied().unwrap_or(0),
            Space::New => 0,
        };
        let hashes = self.literal_contexts(u32::from(ghost) | 0x100, self.at);
        let byte = self.byte(coder, 0, self.literals.min(7) as usize, &hashes, oracle.bytes(self.at, 1)[0]);
        self.literals = self.literals.saturating_add(1);
        Ok(Written { bytes: [byte, 0, 0, 0], len: 1 })
    }

    /// Codes a byte, bit by bit from the top, in contexts given by their hashes.
    fn byte<C: BitCoder>(&mut self, coder: &mut C, kind: usize, past: usize, hashes: &[u32; BYTE_INPUTS], byte: u8) -> u8 {
        let mut node = 1u32;
        for bit in 0..8 {
            let mut inputs = [0; BYTE_INPUTS];
            for (i, h) in inputs.iter_mut().zip(hashes) {
                *i = if *h == 0 { usize::MAX } else { { let (a, b) = if kind == 0 { (128, 256) } else { (128, 256) }; self.tables.hashed(hash(*h, node), a as u32, b as u32) } };
            }
            let bit = self.tables.mix(coder, &inputs, byte_sets(kind, bit, past), Rate{limit: crate::tune::t(0,7) as usize, shift: crate::tune::t(1,17) as u32}, byte >> (7 - bit) & 1 == 1);
            node = node << 1 | u32::from(bit);
        }
        node as u8
    }

    /// One byte of an exact copy from the new image.
    fn copy_new<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) -> Result<Written, I::Error> {
        coder.enter(Part::Hits);
        let predicted = images.new(self.copy.source)?;
        let actual = oracle.bytes(self.at, 1)[0];
        let age = self.age.min(31);
        let o1 = self.recent as u32 & 0xFF;
        let hashes = [
            context(20, age, 0),
            context(21, u32::from(predicted), age.min(7)),
            context(22, u32::from(predicted), o1),
            context(23, self.history & 7, age.min(15)),
            context(24, self.at & 3, age.min(15)),
            context(25, self.distance.min(255), age.min(3)),
        ];
        if self.age > 0 && !self.hit(coder, &hashes, Form::COUNT, predicted == actual) {
            self.copying = false;
            return Ok(Written::default());
        }
        self.age = self.age.saturating_add(1);
        self.copy.source = self.copy.source.wrapping_add(1);
        Ok(Written { bytes: [predicted, 0, 0, 0], len: 1 })
    }

    /// Codes "as predicted".
    fn hit<C: BitCoder>(&mut self, coder: &mut C, hashes: &[u32; HIT_INPUTS], form: usize, hit: bool) -> bool {
        let mut inputs = [0; HIT_INPUTS];
        let mut n = 0;
        for (i, h) in inputs.iter_mut().zip(hashes) {
            *i = if *h == 0 { n += 1; usize::MAX } else { { n += 1; let small = n == 4 || n == 1; let cut = crate::tune::t(32, 0) as u32; let (a, b) = if cut == 0 { (0, 128) } else if small { (0, cut) } else { (cut, 128) }; self.tables.hashed(hash(*h, 0), a, b) } };
        }
        self.tables.mix(coder, &inputs, hit_sets(form, (32 - self.run.leading_zeros()).min(7) as usize), Rate{limit: crate::tune::t(2,11) as usize, shift: crate::tune::t(3,18) as u32}, hit)
    }

    /// One unit of an approximate copy from the old image.
    fn copy_old<C: BitCoder, I: Images, O: Oracle>(
        &mut self,
        coder: &mut C,
        images: &mut I,
        oracle: &mut O,
    ) -> Result<Written, I::Error> {
        let old = images.old(self.copy.source)?;
        if old.is_empty() {
            self.copying = false;
            return Ok(Written::default());
        }
        let mut forecast = self.walker.forecast(old, self.copy.source, self.at, &self.map);
        let left = self.new_len.wrapping_sub(self.at);
        if u32::from(forecast.unit.len) > left {
            forecast.unit.len = left as u8;
            forecast.unit.form = Form::PLAIN;
            forecast.bytes = cut(forecast.old, left as u8);
        }
        let len = forecast.unit.len;
        let actual = oracle.bytes(self.at, len);
        coder.enter(Part::Hits);
        let hashes = self.hit_contexts(old, &forecast);
        let form = forecast.unit.form.0 as usize;
        let set = if form == 0 && forecast.unit.class != 0 { Form::COUNT + 1 } else { form };
        let b = |i: i32, h: u32| if crate::tune::t(38, 2) >> i & 1 == 1 { 0 } else { h };
        let hashes = [b(0, hashes[0]), b(1, hashes[1]), b(2, hashes[2]), b(3, hashes[3]), b(4, hashes[4]), b(5, hashes[5])];
        let hit = self.hit(coder, &hashes, set, actual == forecast.bytes);
        self.remember_hit(&forecast, hit);
        crate::tune::LAST.store(i32::from(forecast.unit.form.0) << 16 | i32::from(forecast.unit.class) << 8 | i32::from(hit) | 2, core::sync::atomic::Ordering::Relaxed);
        let mut written = Written { bytes: forecast.bytes, len };
        #[cfg(feature = "std")]
        if !hit && std::env::var("DUMP").is_ok_and(|d| d == format!("{}.{}", forecast.unit.form.0, forecast.unit.class)) {
            let a = self.walker.old_address(self.copy.source);
            eprintln!("{a:08x} old {:08x} pred {:08x} actual {:08x} len {len} trust {:?} form", u32::from_le_bytes(forecast.old), u32::from_le_bytes(forecast.bytes), u32::from_le_bytes(actual), forecast.trust);
        }
        if !hit {
            coder.enter(Part::Control);
            let leave = self.age > 0 && {
                let c = direct::LEAVE + (forecast.unit.class as usize & 31) * 4 + (self.history >> 1 & 3) as usize;
                self.tables.code(coder, c, limit(), oracle.ends(self.at, len, self.copy))
            };
            if leave {
                let same = forecast.bytes.iter().zip(&actual).take(len as usize).take_while(|(a, b)| a == b).count();
                let keep = self.prefix(coder, len, same as u8);
                self.copying = false;
                self.copy.source = self.copy.source.wrapping_add(u32::from(keep));
                self.dismiss();
                return Ok(Written { bytes: cut(forecast.bytes, keep), len: keep });
            }
            written.bytes = self.correct(coder, old, &forecast, actual);
        }
        self.walker.advance(old, &forecast, written.bytes, &mut self.map);
        self.teach();
        self.age = self.age.saturating_add(1);
        self.copy.source = self.copy.source.wrapping_add(u32::from(len));
        Ok(written)
    }

    fn hit_contexts(&self, old: &[u8], forecast: &Forecast) -> [u32; HIT_INPUTS] {
        let unit = &forecast.unit;
        let class = u32::from(unit.class);
        let word = u32::from_le_bytes(forecast.old);
        let next = old.get(unit.len as usize..).and_then(|o| o.first_chunk::<2>()).map_or(0, |b| {
            u32::from(u16::from_le_bytes(*b))
        });
        let o0 = u32::from(old.first().copied().unwrap_or(0));
        let o1 = u32::from(old.get(1).copied().unwrap_or(0));
        let o2 = u32::from(old.get(2).copied().unwrap_or(0));
        let last = self.recent as u32 & 0xFF;
        let small = unit.len < 4 && false;
        let run = (32 - self.run.leading_zeros()).min(15);
        let form_history = self.form_history.get(unit.form.0 as usize).copied().unwrap_or(0);
        [
            context(10, self.history & 0x3F, class),
            context(11, run, class),
            if small { context(17, o0 << 8 | o1, 0) } else { context(12, self.walker.key(forecast), u32::from(unit.len)) },
            if small { context(18, last << 8 | o0, self.history & 3) } else { context(13, u32::from(form_history & 0xF) << 8 | forecast.trust as u32, u32::from(unit.form.0) << 8 | class) },
            if small { context(19, last << 16 | o0 << 8 | o1, if crate::tune::t(39,0) == 1 {o2} else {0}) } else { context(14, next, class) },
            match unit.form {
                Form::PLAIN => context(15, self.history & 0xFFF, self.at & 3),
                _ => context(16, unit.target, 0),
            },
        ]
    }

    fn remember_hit(&mut self, forecast: &Forecast, hit: bool) {
        self.history = self.history << 1 | u32::from(!hit);
        self.run = if hit { self.run.saturating_add(1) } else { 0 };
        if let Some(h) = self.form_history.get_mut(forecast.unit.form.0 as usize) {
            *h = *h << 1 | u8::from(!hit);
        }
    }

    /// Codes how many bytes of the last unit belong to the copy: fewer than `len`.
    fn prefix<C: BitCoder>(&mut self, coder: &mut C, len: u8, same: u8) -> u8 {
        let mut n = 0;
        while n + 1 < len && self.tables.code(coder, direct::PREFIX + (len & 3) as usize * 4 + n as usize, limit(), n < same) {
            n += 1;
        }
        n
    }

    /// Codes what stands in the unit's place.
    fn correct<C: BitCoder>(&mut self, coder: &mut C, old: &[u8], forecast: &Forecast, actual: [u8; 4]) -> [u8; 4] {
        let form = forecast.unit.form;
        if form != Form::PLAIN {
            coder.enter(Part::References);
            if let Some(predicted) = self.walker.decode(old, forecast, forecast.bytes) {
                let target = self.walker.decode(old, forecast, actual);
                let f = form.0 as usize;
                let shift = self.map.look_up(forecast.unit.target);
                let alternative = self
                    .map
                    .look_above(forecast.unit.target)
                    .and_then(|by| self.walker.encode(old, forecast, forecast.unit.target.wrapping_add(by)))
                    .filter(|bytes| shift.trust != Trust::Exact && *bytes != forecast.bytes);
                if let Some(bytes) = alternative {
                    if self.tables.code(coder, direct::ALTERNATIVE + f, limit(), bytes == actual) {
                        return bytes;
                    }
                }
                if self.tables.code(coder, direct::RETARGET + f, limit(), target.is_some()) {
                    let scale = u32::from(self.walker.scale(form));
                    let difference = target.unwrap_or(0).wrapping_sub(predicted);
                    let difference = self.retarget(coder, f, scale, difference);
                    let target = predicted.wrapping_add(difference);
                    return self.walker.encode(old, forecast, target).unwrap_or(forecast.bytes);
                }
            }
        }
        self.correct_bytes(coder, old, forecast, actual)
    }

    /// Codes the difference between the target and the predicted one.
    fn retarget<C: BitCoder>(&mut self, coder: &mut C, form: usize, scale: u32, difference: u32) -> u32 {
        let mut found = None;
        for (i, candidate) in self.retargets.iter().enumerate().take(3) {
            if found.is_none() && *candidate & ((1u32 << scale) - 1) == 0 {
                let same = self.tables.code(coder, direct::REPEAT + i * Form::COUNT + form, limit(), difference == *candidate);
                if same {
                    found = Some((i, *candidate));
                }
            }
        }
        let (place, difference) = found.unwrap_or_else(|| {
            let steps = (difference as i32) >> scale;
            let base = direct::TARGET + number::SLOTS * usize::from(form == Form::WORD.0 as usize || form > 15);
            (3, (number::signed(&mut self.tables, coder, base, steps) as u32) << scale)
        });
        if let Some(front) = self.retargets.get_mut(..=place) {
            front.rotate_right(1);
        }
        self.retargets[0] = difference;
        difference
    }

    /// Codes the unit byte by byte.
    fn correct_bytes<C: BitCoder>(&mut self, coder: &mut C, old: &[u8], forecast: &Forecast, actual: [u8; 4]) -> [u8; 4] {
        coder.enter(Part::Corrections);
        let unit = &forecast.unit;
        let kind = u32::from(unit.form.0) << 5 | u32::from(unit.class);
        let mut bytes = [0; 4];
        let mut flags = 1u32;
        let mut last = 0u8;
        let key = self.walker.key(forecast);
        for (i, ((out, predicted), actual)) in
            bytes.iter_mut().zip(forecast.bytes).zip(actual).enumerate().take(unit.len as usize)
        {
            let slot = direct::SAME + ((flags & 15) as usize * 16 + i * 4 + (unit.len as usize & 3));
            let same = self.tables.code(coder, slot, limit(), predicted == actual);
            flags = flags << 1 | u32::from(same);
            *out = predicted;
            let phase = (self.at.wrapping_add(i as u32) & 3) as usize;
            if !same {
                let p = u32::from(predicted);
                let there = u32::from(self.byte_differences.get(phase).copied().unwrap_or(0));
                let [d0, d1] = self.differences.map(|d| d & 0xFF);
                let hashes = [
                    context(30, there, i as u32),
                    context(31, d0 << 8 | d1, 0),
                    context(32, u32::from(last), flags & 7 | (i as u32) << 3),
                    context(33, p << 8 | there, 0),
                    if true { context(34, kind << 2 | i as u32, key) } else { context(34, u32::from(old.get(i).copied().unwrap_or(0)) << 8 | u32::from(old.get(i + 1).copied().unwrap_or(0)), 0) },
                    if true { context(35, kind << 2 | i as u32, d0) } else { context(35, u32::from(old.get(i).copied().unwrap_or(0)) << 8 | u32::from(if i > 0 { old.get(i - 1).copied().unwrap_or(0) } else { self.recent as u8 }), 0) },
                ];
                let b = |i: i32, h: u32| if crate::tune::t(37, 10) >> i & 1 == 1 { 0 } else { h };
                let hashes = [b(0, hashes[0]), b(1, hashes[1]), b(2, hashes[2]), b(3, hashes[3]), b(4, hashes[4]), b(5, hashes[5])];
                last = self.byte(coder, 1, i * 2 + usize::from(last != 0), &hashes, actual.wrapping_sub(predicted));
                *out = predicted.wrapping_add(last);
                self.differences = [u32::from(last), self.differences[0]];
                if let Some(d) = self.byte_differences.get_mut(phase) {
                    *d = last;
                }
            }
        }
        bytes
    }
}

/// The first `len` bytes; the others are 0.
fn cut(bytes: [u8; 4], len: u8) -> [u8; 4] {
    let mut result = [0; 4];
    for (to, from) in result.iter_mut().zip(bytes).take(len as usize) {
        *to = from;
    }
    result
}
