//! Candidates for copies: stretches of the new image that look like stretches of the old image or
//! of the new one before them.

use core::cmp::Ordering;
use std::collections::HashMap;

use super::matches::{Match, Matches};
use super::parallel::in_parallel;
use super::work;
use crate::device::format::Order;
use crate::device::images::Space;

/// A stretch of the new image that could be copied: `new[start..end]` is nearly
/// `image[start + shift..end + shift]` (wrapping).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    /// First byte in the new image.
    pub(crate) start: u32,
    /// One past the last byte in the new image.
    pub(crate) end: u32,
    /// Source minus destination, wrapping.
    pub(crate) shift: u32,
    /// Which image it is read from.
    pub(crate) space: Space,
}

impl Candidate {
    /// What candidates are sorted by: all that there is to one.
    fn key(&self) -> (u32, bool, u32, u32) {
        (self.start, self.space == Space::New, self.shift, self.end)
    }

    /// Where the byte for `at` is read from.
    pub(crate) fn source(&self, at: u32) -> u32 {
        at.wrapping_add(self.shift)
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Shortest match in the old image that is worth a look, in bytes.
    pub(crate) old_match: u32,
    /// Shortest match in the new image, in bytes.
    pub(crate) new_match: u32,
    /// An approximate copy ends when its score (1 for an equal byte, minus [`Self::miss`] for a
    /// different one) has fallen by this much.
    pub(crate) drop: i32,
    /// What a different byte costs.
    pub(crate) miss: i32,
    /// Bytes that may be looked at while extending matches, per byte of the new image.
    pub(crate) work: u64,
}

/// Finds candidates, sorted by start. `old` and `new` are the masked images that `matches` were
/// found in; `plain_new` is the new image as it is.
///
/// Takes the matches, so as to give each of their two lists back as soon as it is used up.
pub(crate) fn find(
    (old, new): (&[u8], &[u8]),
    plain_new: &[u8],
    matches: Matches,
    limits: &Limits,
    threads: usize,
) -> Vec<Candidate> {
    let most = new.len() / SPARSE + FEW;
    let Matches { old: in_old, new: in_new } = matches;
    let (mut found, in_new) = in_parallel(
        threads,
        move || {
            let (old_match, count) = worthwhile(&in_old, limits.old_match, most);
            from_old((old, new), &in_old, &Limits { old_match, ..*limits }, count)
        },
        move || {
            let (new_match, count) = worthwhile(&in_new, limits.new_match, most);
            from_new(plain_new, &in_new, &Limits { new_match, ..*limits }, count)
        },
    );
    found.reserve_exact(in_new.len());
    found.extend(in_new);
    sort(&mut found);
    found
}

/// Sorts candidates by start, and keeps one of equal ones.
pub(crate) fn sort(candidates: &mut Vec<Candidate>) {
    // What is equal in all of the key is equal: that the sort is not stable makes no difference,
    // and it takes no memory.
    candidates.sort_unstable_by_key(Candidate::key);
    candidates.dedup();
}

/// The parts of candidates that are there still when their turn comes: see
/// [`InPlace`](crate::device::format::InPlace).
pub(crate) fn there(candidates: Vec<Candidate>, order: Order) -> Vec<Candidate> {
    if order.in_place.is_none() {
        return candidates;
    }
    let mut parts = Vec::new();
    for candidate in &candidates {
        if candidate.space == Space::New {
            parts.push(*candidate);
            continue;
        }
        let mut at = candidate.start;
        while at < candidate.end {
            let stretch = order.stretch(at);
            let end = candidate.end.min(stretch.limit);
            let gone = stretch.floor.saturating_sub(candidate.source(at));
            let start = at.saturating_add(gone);
            if start < end {
                match parts.last_mut() {
                    Some(Candidate { end: last, .. })
                        if gone == 0 && at > candidate.start && *last == at =>
                    {
                        *last = end
                    }
                    _ => parts.push(Candidate { start, end, ..*candidate }),
                }
            }
            at = end;
        }
    }
    sort(&mut parts);
    parts
}

/// Both lists in one order, one of equal ones.
pub(crate) fn merged(lists: [&[Candidate]; 2]) -> impl Iterator<Item = &Candidate> {
    let [mut a, mut b] = lists.map(|list| list.iter().peekable());
    core::iter::from_fn(move || {
        let (Some(first), Some(second)) = (a.peek(), b.peek()) else {
            return a.next().or_else(|| b.next());
        };
        match first.key().cmp(&second.key()) {
            Ordering::Less => a.next(),
            Ordering::Greater => b.next(),
            Ordering::Equal => {
                b.next();
                a.next()
            }
        }
    })
}

/// At most one candidate of each kind for this many bytes, and a few more for small images: time
/// and memory stay bounded.
const SPARSE: usize = 6;
const FEW: usize = 4096;

/// Matches of masked bytes may fall into pieces: this is at most one for this many bytes more.
const PIECES: usize = 16;

/// Matches longer than this count as of this length.
const LONG: usize = 256;

/// The shortest length, at least `least`, that not more than `most` maximal matches reach, and how
/// many do.
fn worthwhile(matches: &[Match], least: u32, most: usize) -> (u32, usize) {
    let mut count = [0usize; LONG + 1];
    let mut starts = Starts::default();
    for (i, m) in matches.iter().enumerate() {
        if starts.is_new(i as u32, m) {
            count[(m.length as usize).min(LONG)] += 1;
        }
    }
    let mut total = 0;
    let fitting = (0..=LONG).rev().take_while(|length| {
        total += count[*length];
        total <= most
    });
    let length = fitting.last().unwrap_or(LONG).max(least as usize);
    (length as u32, count[length.min(LONG)..].iter().sum())
}

/// Tells where maximal matches start.
struct Starts {
    previous: (u32, u32),
    end: u32,
}

impl Default for Starts {
    fn default() -> Self {
        Self { previous: (u32::MAX, 0), end: 0 }
    }
}

impl Starts {
    /// Whether a maximal match starts at `i`, and reaches far enough beyond those before it. In
    /// long runs of one byte there would be one at every position, each reaching a single byte
    /// further.
    fn is_new(&mut self, i: u32, m: &Match) -> bool {
        let shift = m.position.wrapping_sub(i);
        let continued = self.previous == (shift, m.length.wrapping_add(1));
        self.previous = (shift, m.length);
        let is_new = !continued && i + m.length > self.end.saturating_add(m.length / 16);
        if is_new {
            self.end = i + m.length;
        }
        is_new
    }
}

/// Approximate copies: each maximal match, grown in both directions for as long as most bytes are
/// equal.
/// `count` says how many matches are long enough.
fn from_old(
    (old, new): (&[u8], &[u8]),
    matches: &[Match],
    limits: &Limits,
    count: usize,
) -> Vec<Candidate> {
    let mut found = Vec::with_capacity(count);
    // How far the copies of each shift reach. (A table of all shifts would be faster, and larger
    // than all else.)
    let mut reached: HashMap<u32, u32> = HashMap::with_capacity(count);
    let mut work = limits.work * new.len() as u64;
    let mut starts = Starts::default();
    for (i, m) in matches.iter().enumerate() {
        let i = i as u32;
        let shift = m.position.wrapping_sub(i);
        if !starts.is_new(i, m) || m.length < limits.old_match {
            continue;
        }
        let reached = reached.entry(shift).or_default();
        let floor = *reached;
        if floor > i {
            continue;
        }
        let back = grow(
            new[floor as usize..i as usize]
                .iter()
                .rev()
                .zip(old[..m.position as usize].iter().rev()),
            limits,
            &mut work,
        );
        let forward = grow(
            new[(i + m.length) as usize..].iter().zip(&old[(m.position + m.length) as usize..]),
            limits,
            &mut work,
        );
        let end = i + m.length + forward;
        *reached = end;
        found.push(Candidate { start: i - back, end, shift, space: Space::Old });
    }
    found
}

/// How far a copy can be grown over `pairs` before its score falls: the length at which the score
/// was best.
fn grow<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>, limits: &Limits, work: &mut u64) -> u32 {
    let (mut score, mut best, mut length) = (0i32, 0i32, 0u32);
    for (n, (a, b)) in pairs.enumerate() {
        if *work == 0 {
            break;
        }
        *work -= 1;
        work::count(1);
        score += if a == b { 1 } else { -limits.miss };
        if score > best {
            best = score;
            length = n as u32 + 1;
        } else if score < best - limits.drop {
            break;
        }
    }
    length
}

/// Exact copies from the new image itself.
fn from_new(new: &[u8], matches: &[Match], limits: &Limits, count: usize) -> Vec<Candidate> {
    let mut found = Vec::with_capacity(count);
    let most = count + new.len() / PIECES + FEW;
    let mut starts = Starts::default();
    for (i, m) in matches.iter().enumerate() {
        let i = i as u32;
        let shift = m.position.wrapping_sub(i);
        if !starts.is_new(i, m) || m.length < limits.new_match {
            continue;
        }
        // The match may be one of masked bytes only: cut it where the bytes themselves differ.
        let mut start = i;
        for at in i..=i + m.length {
            let equal =
                at < i + m.length && new[at as usize] == new[at.wrapping_add(shift) as usize];
            if !equal {
                if at - start >= limits.new_match && found.len() < most {
                    found.push(Candidate { start, end: at, shift, space: Space::New });
                }
                start = at + 1;
            }
        }
    }
    found
}
