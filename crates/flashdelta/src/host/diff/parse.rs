//! Parsing: which candidates to copy from, and what to spell out.
//!
//! A shortest path (Viterbi 1967) over the new image. At every byte the path is either free
//! (between copies) or inside one of the candidates that cover it; going on inside costs little
//! where bytes are equal, a correction where they are not; leaving and entering cost what the coder
//! will spend on it. Costs are estimates in [`BIT`]s.

use core::ops::Range;

use super::candidates::Candidate;
use super::work;
use crate::device::images::Space;
use crate::host::encode::CopyRun;

/// One bit.
pub(crate) const BIT: u32 = 32;

/// Candidates that are followed at the same time; more are dropped, worst first.
const MOST_ACTIVE: usize = 24;

/// What the coder is expected to spend, in 1/32 bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    /// A byte of new content.
    pub(crate) literal: u32,
    /// An equal byte in a copy from the old image.
    pub(crate) hit: u32,
    /// An equal byte in a copy from the new image.
    pub(crate) new_hit: u32,
    /// A different byte after an equal one.
    pub(crate) miss: u32,
    /// A different byte after a different one.
    pub(crate) next_miss: u32,
    /// The end of a copy.
    pub(crate) leave: u32,
    /// The start of a copy, without its distance.
    pub(crate) enter: u32,
    /// Each bit of a distance.
    pub(crate) distance_bit: u32,
}

/// A candidate that covers the current position.
struct Active {
    candidate: Candidate,
    cost: u32,
    entered: u32,
    missed: bool,
    inside: bool,
    /// The state between copies in which it was entered.
    from: Last,
}

/// Alignment of the last copy from the old image on the cheapest way, and where that copy ended.
type Last = (u32, u32);

/// The cheapest way to a position between copies.
#[derive(Clone, Copy)]
struct Free {
    cost: u32,
    step: Step,
    last: Last,
}

impl Free {
    /// No way leads there yet.
    const NONE: Self = Self { cost: u32::MAX, step: Step::LITERAL, last: (0, 0) };

    /// Takes the new way if it is cheaper.
    fn relax(&mut self, cost: u32, step: Step, last: Last) {
        if cost < self.cost {
            *self = Self { cost, step, last };
        }
    }
}

/// How the cheapest way to be free at a position came there.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Where the copy was entered, with [`NEW_FLAG`] if it is one from the new image, or `LITERAL`.
    pub(crate) entered: u32,
    /// Source minus destination of the copy.
    pub(crate) shift: u32,
}

impl Step {
    /// A byte of new content.
    pub(crate) const LITERAL: Self = Self { entered: LITERAL, shift: 0 };

    /// Where the step that leads to `at` began.
    pub(crate) fn start(&self, at: u32) -> u32 {
        if self.entered == LITERAL {
            at - 1
        } else {
            self.entered & !NEW_FLAG
        }
    }
}

const LITERAL: u32 = u32::MAX;
pub(crate) const NEW_FLAG: u32 = 1 << 31;

/// Finds the cheapest sequence of copies; everything between them is new content. `candidates` are
/// sorted by start. `old` and `new` are masked images, in which bytes that prediction takes care of
/// are equal; copies from the new image are exact.
pub(crate) fn parse(
    old: &[u8],
    new: &[u8],
    candidates: &[Candidate],
    prices: &Prices,
) -> Vec<CopyRun> {
    let n = new.len();
    // Only steps are needed to the end: of all else that is known about a position nothing is asked
    // once it is passed.
    let mut steps = vec![Step::LITERAL; n + 1];
    let mut here_free = Free { cost: 0, ..Free::NONE };
    let mut active: Vec<Active> = Vec::new();
    let mut waiting = candidates.iter().peekable();
    for at in 0..n {
        let here = at as u32;
        while let Some(c) = waiting.next_if(|c| c.start <= here) {
            active.push(Active {
                candidate: *c,
                cost: u32::MAX,
                entered: here,
                missed: false,
                inside: false,
                from: (0, 0),
            });
        }
        if active.len() > MOST_ACTIVE {
            active.sort_by_key(|a| (a.cost, a.candidate.start, a.candidate.shift));
            active.truncate(MOST_ACTIVE);
        }
        let Free { cost: free, last, .. } = here_free;
        let mut next = Free::NONE;
        next.relax(free + prices.literal, Step::LITERAL, last);
        work::count(1 + active.len());
        for a in &mut active {
            let c = &a.candidate;
            let is_new = c.space == Space::New;
            let entry = free + prices.enter + distance(c, here, last, prices);
            if !a.inside || entry < a.cost {
                *a = Active {
                    candidate: *c,
                    cost: entry,
                    entered: here,
                    missed: false,
                    inside: true,
                    from: last,
                };
            }
            let source = a.candidate.source(here) as usize;
            let equal = is_new || old[source] == new[at];
            a.cost += match (equal, a.missed) {
                (true, _) if is_new => prices.new_hit,
                (true, _) => prices.hit,
                (false, false) => prices.miss,
                (false, true) => prices.next_miss,
            };
            a.missed = !equal;
            let c = &a.candidate;
            let way = if is_new { a.from } else { (c.shift, here + 1) };
            let flag = if is_new { NEW_FLAG } else { 0 };
            let step = Step { entered: a.entered | flag, shift: c.shift };
            next.relax(a.cost + prices.leave, step, way);
        }
        active.retain(|a| a.candidate.end > here + 1);
        rebase(&mut active, &mut next.cost);
        steps[at + 1] = next.step;
        here_free = next;
    }
    joined(&steps)
}

/// The copies of the cheapest way through the image, those that go on where the one before ended
/// joined: as many as there are, without room for more.
fn joined(steps: &[Step]) -> Vec<CopyRun> {
    let last = steps.len() as u32 - 1;
    let count = backwards(steps, 0, 0..last).count();
    let mut copies = Vec::with_capacity(count);
    copies.extend(backwards(steps, 0, 0..last));
    copies.reverse();
    let mut kept = 0;
    for i in 0..copies.len() {
        let copy = copies[i];
        if kept > 0 && extend(&mut copies[kept - 1], &copy) {
            continue;
        }
        copies[kept] = copy;
        kept += 1;
    }
    copies.truncate(kept);
    copies.shrink_to_fit();
    copies
}

/// Keeps costs small: only their differences matter.
fn rebase(active: &mut [Active], cost: &mut u32) {
    const HIGH: u32 = 1 << 30;
    if *cost > HIGH {
        let base = active.iter().map(|a| a.cost).fold(*cost, u32::min);
        *cost -= base;
        for a in active {
            a.cost -= base;
        }
    }
}

/// What it costs to say where a copy starts.
fn distance(c: &Candidate, at: u32, (shift, ended): Last, prices: &Prices) -> u32 {
    if c.space == Space::New {
        return prices.distance_bit * (4 + bits(c.shift.wrapping_neg()));
    }
    let expected = ended.wrapping_add(shift);
    let source = c.source(at);
    if c.shift == shift || source == expected {
        return prices.distance_bit * 2;
    }
    prices.distance_bit
        * (4 + bits(source.wrapping_sub(expected) as i32 as u32) + bits_of_length(source, expected))
}

fn bits_of_length(source: u32, expected: u32) -> u32 {
    bits((source.wrapping_sub(expected) as i32).unsigned_abs()) / 4
}

/// Number of significant bits of a distance, of either sign.
fn bits(x: u32) -> u32 {
    32 - (x as i32).unsigned_abs().leading_zeros()
}

/// The copies of the cheapest way through a part of the image, at both ends of which it is between
/// copies. `steps` begin with that which leads to `first`.
pub(crate) fn trace(steps: &[Step], first: u32, part: Range<u32>) -> Vec<CopyRun> {
    let mut copies: Vec<CopyRun> = backwards(steps, first, part).collect();
    copies.reverse();
    copies
}

/// The same from the last to the first.
fn backwards(steps: &[Step], first: u32, part: Range<u32>) -> impl Iterator<Item = CopyRun> + '_ {
    let mut at = part.end;
    core::iter::from_fn(move || {
        while at > part.start {
            let (step, end) = (steps[(at - first) as usize], at);
            at = step.start(end);
            if step.entered != LITERAL {
                let space = if step.entered & NEW_FLAG != 0 { Space::New } else { Space::Old };
                let source = at.wrapping_add(step.shift);
                return Some(CopyRun { start: at, end, space, source });
            }
        }
        None
    })
}

/// Adds a copy, to the last one if it goes on where that ended.
pub(crate) fn join(copies: &mut Vec<CopyRun>, c: CopyRun) {
    if !copies.last_mut().is_some_and(|last| extend(last, &c)) {
        copies.push(c);
    }
}

/// Makes a copy longer by one that goes on where it ended; false if that one does not.
fn extend(copy: &mut CopyRun, next: &CopyRun) -> bool {
    let goes_on = copy.end == next.start
        && copy.space == next.space
        && copy.source.wrapping_add(copy.end - copy.start) == next.source;
    if goes_on {
        copy.end = next.end;
    }
    goes_on
}
