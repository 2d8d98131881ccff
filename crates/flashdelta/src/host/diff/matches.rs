//! For every position of the new image a long match in the old image and the longest earlier one in
//! the new image.
//!
//! Each image has a suffix array of its own: two small ones take less time than one of both, and
//! can be made at the same time.
//!
//! In the old image the match of a position is found by binary search (Manber, Myers: "Suffix
//! Arrays: A New Method for On-Line String Searches", SODA 1990), unless what is left of the match
//! of the position before is long enough: then that is it. So the work of a search is paid for by
//! the length of what it finds, and all is done in O(n log n).
//!
//! In the new image the set is the suffixes that start earlier: in a list of all, linked in sorted
//! order, from which they are taken out from the last to the first, each has the neighbours in that
//! set that its longest matches are when its turn comes (Crochemore, Ilie: "Computing Longest
//! Previous Factor in linear time and applications", IPL 2008; Kärkkäinen, Kempa, Puglisi: "Linear
//! Time Lempel-Ziv Factorization: Simple, Fast, Small", CPM 2013). The lengths are found by
//! comparing the images: from one position to the next the match with the upper neighbour, and that
//! with the lower one, gets shorter by at most one, so in total this takes linear time.

use super::parallel::in_parallel;
use super::suffix_array::suffix_array;
use super::work;

/// A match of the bytes at some position of the new image: `length` equal bytes at `position`; both
/// 0 if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// Where the equal bytes start.
    pub(crate) position: u32,
    /// How many there are, to the first different byte or the end of an image.
    pub(crate) length: u32,
}

/// The matches of all positions of the new image.
///
/// Position and length lie side by side: who reads one of the two nearly always reads the other.
pub(crate) struct Matches {
    /// For each position of the new image a match in the old image: the rest of the match of the
    /// position before if that is [`LONG`] or as long as any; otherwise a longest one, between two
    /// candidates of one length that nearer to where the last match went on (before any match: to
    /// the same position).
    pub(crate) old: Vec<Match>,
    /// For each position of the new image a longest match that starts earlier in the new image; it
    /// may overlap the position. Between two candidates of one length: the later.
    pub(crate) new: Vec<Match>,
}

/// While a match has this many bytes left, no longer one is looked for. (What is found later grows
/// backwards.)
const LONG: u32 = 32;

impl Matches {
    /// Finds the matches of `new` in `old` and in itself; with `threads` above 1 in two threads, to
    /// the same result.
    ///
    /// Time grows by little more than the size for every input. Memory: 4 bytes per byte of both
    /// images and 16 per byte of the new one, the result included: for images of one size 12 bytes
    /// per byte of both.
    ///
    /// # Panics
    ///
    /// If one of the images is longer than [`MAX_TEXT`](super::suffix_array::MAX_TEXT).
    pub(crate) fn find(old: &[u8], new: &[u8], threads: usize) -> Self {
        let (in_old, in_new) = in_parallel(
            threads,
            || old_matches(&Sorted::new(old), new),
            || new_matches(suffix_array(new), new),
        );
        Self { old: in_old, new: in_new }
    }
}

/// An image and its suffixes in order.
struct Sorted<'a> {
    image: &'a [u8],
    suffixes: Vec<u32>,
    /// How many of them begin with less than each pair of bytes.
    pairs: Vec<u32>,
}

impl<'a> Sorted<'a> {
    fn new(image: &'a [u8]) -> Self {
        let mut pairs = vec![0; (1 << 16) + 1];
        image.windows(2).for_each(|pair| pairs[Self::pair(pair) + 1] += 1);
        // The last byte alone comes before all that begin with it.
        image.last().into_iter().for_each(|last| pairs[Self::pair(&[*last, 0]) + 1] += 1);
        for i in 1..pairs.len() {
            pairs[i] += pairs[i - 1];
        }
        Self { image, suffixes: suffix_array(image), pairs }
    }

    fn pair(bytes: &[u8]) -> usize {
        usize::from(bytes[0]) << 8 | usize::from(bytes[1])
    }

    /// The suffixes just before and just after where `target` belongs, and how much of it they
    /// have: among these is a longest match.
    fn neighbours(&self, target: &[u8]) -> [Match; 2] {
        work::count(1);
        let (mut low, mut high) = match target.len() {
            0 | 1 => (0, self.suffixes.len()),
            _ => [0, 1].map(|i| self.pairs[Self::pair(target) + i] as usize).into(),
        };
        let (bounds, mut common) = ((low, high), [0, 0]);
        while low < high {
            let middle = low + (high - low) / 2;
            let suffix = &self.image[self.suffixes[middle] as usize..];
            // All between two suffixes has in common what both have.
            let known = common[0].min(common[1]);
            let length = known + common_prefix(&suffix[known..], &target[known..]);
            if suffix.get(length..).and_then(<[u8]>::first)
                < target.get(length..).and_then(<[u8]>::first)
            {
                (low, common[0]) = (middle + 1, length);
            } else {
                (high, common[1]) = (middle, length);
            }
        }
        let found = |rank: usize, length: Option<usize>| {
            let position = self.suffixes.get(rank).copied()?;
            let length = length
                .unwrap_or_else(|| common_prefix(&self.image[position as usize..], target))
                as u32;
            (length > 0).then_some(Match { position, length })
        };
        let before = found(low.wrapping_sub(1), (low > bounds.0).then_some(common[0]));
        let after = found(high, (high < bounds.1).then_some(common[1]));
        [before, after].map(Option::unwrap_or_default)
    }
}

/// [`Matches::old`].
fn old_matches(old: &Sorted<'_>, new: &[u8]) -> Vec<Match> {
    let mut previous = Match::default();
    let mut expected = 0;
    let matches = (0..new.len()).map(|at| {
        let rest = Match { position: expected, length: previous.length.saturating_sub(1) };
        previous = if rest.length >= LONG {
            rest
        } else {
            let [above, below] = old.neighbours(&new[at..]);
            let nearer_below =
                below.position.abs_diff(expected) < above.position.abs_diff(expected);
            let is_below =
                below.length > above.length || below.length == above.length && nearer_below;
            let better = if is_below { below } else { above };
            if rest.length > 0 && rest.length == better.length {
                rest
            } else {
                better
            }
        };
        expected = if previous.length > 0 { previous.position } else { expected } + 1;
        previous
    });
    matches.collect()
}

/// The candidates for a match: the nearest suffixes that sort before and after a suffix; beyond the
/// image if none does.
#[derive(Clone, Copy)]
struct Neighbours {
    above: u32,
    below: u32,
}

/// [`Matches::new`] from the suffix array of the image.
fn new_matches(sa: Vec<u32>, new: &[u8]) -> Vec<Match> {
    let (mut above, mut below) = (Extent::NONE, Extent::NONE);
    // Collecting reuses the memory of the neighbours.
    let neighbours = earlier_neighbours(sa).into_iter().enumerate();
    let matches = neighbours.map(|(at, neighbours)| {
        above.follow(neighbours.above, new, at);
        below.follow(neighbours.below, new, at);
        if (below.length, below.position) > (above.length, above.position) {
            below.as_match()
        } else {
            above.as_match()
        }
    });
    matches.collect()
}

/// For each suffix of the image the nearest ones among those that start earlier in it.
fn earlier_neighbours(sa: Vec<u32>) -> Vec<Neighbours> {
    // The list is a ring, closed by a node that is no suffix.
    let end = sa.len() as u32;
    let mut list = vec![Neighbours { above: end, below: end }; sa.len() + 1];
    let mut last = end;
    for &suffix in &sa {
        list[suffix as usize].above = last;
        list[last as usize].below = suffix;
        last = suffix;
    }
    list[end as usize].above = last;
    // The order is all in the list now.
    drop(sa);
    for at in (0..end as usize).rev() {
        let Neighbours { above, below } = list[at];
        list[above as usize].below = below;
        list[below as usize].above = above;
    }
    list.pop();
    list
}

/// The match with the upper, or with the lower, neighbour while going through the positions of the
/// new image in order.
struct Extent {
    position: u32,
    length: u32,
}

impl Extent {
    const NONE: Self = Self { position: 0, length: 0 };

    /// Goes on to position `at` of `new`, whose neighbour is `candidate`.
    fn follow(&mut self, candidate: u32, new: &[u8], at: usize) {
        if candidate as usize >= new.len() {
            *self = Self::NONE;
            return;
        }
        let known = self.length.saturating_sub(1);
        let same_match = self.length > 0 && candidate == self.position + 1;
        self.position = candidate;
        self.length = known;
        if !same_match {
            let known = known as usize;
            self.length +=
                common_prefix(&new[candidate as usize + known..], &new[at + known..]) as u32;
        }
    }

    fn as_match(&self) -> Match {
        match self.length {
            0 => Match::default(),
            length => Match { position: self.position, length },
        }
    }
}

/// How many bytes `a` and `b` have in common at their start.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let words = a.chunks_exact(8).zip(b.chunks_exact(8));
    let mut length = 0;
    for (a, b) in words {
        work::count(1);
        let (a, b) = (a.try_into().expect("8 bytes"), b.try_into().expect("8 bytes"));
        let different = u64::from_le_bytes(a) ^ u64::from_le_bytes(b);
        if different != 0 {
            return length + different.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + a[length..].iter().zip(&b[length..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::super::suffix_array::tests::Random;
    use super::{Match, Matches, LONG};
    use std::time::Instant;

    /// The length of the match with `source[position..]`, to the end of either.
    fn common(source: &[u8], target: &[u8]) -> u32 {
        source.iter().zip(target).take_while(|(a, b)| a == b).count() as u32
    }

    /// Checks that `found` is a longest match of `new[at..]` with one of the first `starts`
    /// positions of `source`.
    fn check_one(found: Match, source: &[u8], starts: usize, new: &[u8], at: usize) {
        let longest =
            (0..starts).map(|start| common(&source[start..], &new[at..])).max().unwrap_or(0);
        assert_eq!(found.length, longest, "{source:?} {new:?} at {at}");
        if longest > 0 {
            assert!((found.position as usize) < starts);
            assert_eq!(
                common(&source[found.position as usize..], &new[at..]),
                longest,
                "{source:?} {new:?} at {at}"
            );
        } else {
            assert_eq!(found, Match::default());
        }
    }

    fn check(old: &[u8], new: &[u8]) {
        let matches = Matches::find(old, new, 1);
        assert_eq!((matches.old.len(), matches.new.len()), (new.len(), new.len()));
        for at in 0..new.len() {
            let before = at.checked_sub(1).map_or(Match::default(), |before| matches.old[before]);
            let rest =
                Match { position: before.position + 1, length: before.length.saturating_sub(1) };
            if rest.length < LONG {
                check_one(matches.old[at], old, old.len(), new, at);
            } else {
                assert_eq!(matches.old[at], rest);
            }
            check_one(matches.new[at], new, at, new, at);
        }
    }

    #[test]
    fn finds_longest_matches_in_random_images() {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for _ in 0..20_000 {
            check(&random.text(30, 4), &random.text(30, 4));
        }
        for _ in 0..100 {
            check(&random.text(400, 256), &random.text(400, 256));
        }
    }

    #[test]
    fn finds_longest_matches_in_edited_images() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..300 {
            let old = random.text(200, 256);
            let mut new = old.clone();
            for _ in 0..random.below(5) {
                let (from, to) = (random.below(new.len() + 1), random.below(new.len() + 1));
                new.splice(from.min(to)..from.max(to), random.text(20, 256));
            }
            check(&old, &new);
        }
    }

    #[test]
    fn finds_longest_matches_at_the_ends() {
        for (old, new) in [
            ("", ""),
            ("", "aaa"),
            ("aaa", ""),
            ("ab", "abab"),
            ("xab", "abxabab"),
            ("aaa", "aaaaaa"),
        ] {
            check(old.as_bytes(), new.as_bytes());
        }
    }

    #[test]
    fn prefers_the_diagonal_and_the_nearest() {
        let matches = Matches::find(b"1abc2abc3", b"2abc1abc3", 1);
        let positions: Vec<_> = matches.old.iter().map(|found| found.position).collect();
        assert_eq!(positions, [4, 5, 6, 7, 0, 5, 6, 7, 8]);
        let matches = Matches::find(b"1abc12abc9", b"2abc51abc5", 1);
        let positions: Vec<_> = matches.old.iter().map(|found| found.position).collect();
        assert_eq!(positions, [5, 6, 7, 8, 0, 0, 1, 2, 3, 0]);
        let zeros = Matches::find(&[0; 100], &[0; 50], 1);
        assert!(zeros.new[1..].iter().zip(0..).all(|(found, earlier)| found.position == earlier));
        assert!(zeros.old.iter().zip(0..).all(|(found, at)| found.length == 50 - at));
    }

    #[test]
    fn threads_do_not_change_the_result() {
        let mut random = Random(0x0123_4567_89ab_cdef);
        for _ in 0..200 {
            let (old, new) = (random.text(300, 4), random.text(300, 4));
            let (one, two) = (Matches::find(&old, &new, 1), Matches::find(&old, &new, 2));
            assert!(one.old == two.old && one.new == two.new);
        }
    }

    #[test]
    #[ignore = "measures time"]
    fn time_of_two_times_8_mib() {
        const LEN: usize = 8 << 20;
        let mut random = Random(1);
        let mut noise = || (0..LEN).map(|_| random.below(256) as u8).collect::<Vec<_>>();
        let pairs = [
            ("zeros", vec![0; LEN], vec![0; LEN]),
            ("period 2", b"ab".repeat(LEN / 2), b"ab".repeat(LEN / 2)),
            ("random", noise(), noise()),
        ];
        for (name, old, new) in pairs {
            for threads in [1, 2] {
                let start = Instant::now();
                Matches::find(&old, &new, threads);
                println!("{name}: {threads} threads: {:?}", start.elapsed());
            }
        }
    }
}
