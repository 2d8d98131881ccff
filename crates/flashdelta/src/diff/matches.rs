//! For every position of the new image the longest match in the old image and the longest earlier one in the new image.
//!
//! Both come from one suffix array, of the new image followed by the old one. In that order a suffix of the old image
//! ends where the old image ends, so the neighbours found are exact there; and a match that runs over the end of the
//! new image is cut off for all candidates alike.
//!
//! A longest match of a suffix among a set of suffixes is one of its two nearest neighbours of the set in the suffix
//! array. For the old image these come from a scan in each direction. For the new image the set is the suffixes that
//! start earlier: in a list of all, linked in sorted order, from which they are taken out from the last to the first,
//! each has exactly those neighbours when its turn comes (Crochemore, Ilie: "Computing Longest Previous Factor in linear
//! time and applications", IPL 2008; Kärkkäinen, Kempa, Puglisi: "Linear Time Lempel-Ziv Factorization: Simple, Fast,
//! Small", CPM 2013). The lengths are found by comparing the images: from one position to the next the match with the
//! upper neighbour, and that with the lower one, gets shorter by at most one, so in total this takes linear time.

use super::suffix_array::suffix_array;

/// A match of the bytes at some position of the new image: `length` equal bytes at `position`; both 0 if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// Where the equal bytes start.
    pub(crate) position: u32,
    /// How many there are, to the first different byte or the end of an image.
    pub(crate) length: u32,
}

/// The longest matches of all positions of the new image.
///
/// Position and length lie side by side: the matches are built in place of the neighbours, which takes no more memory
/// than two arrays would, and who reads one of the two nearly always reads the other.
pub(crate) struct Matches {
    /// For each position of the new image a longest match in the old image: the rest of the match of the position
    /// before if that is one; otherwise, between two candidates of one length, that nearer to where the last match
    /// went on (before any match: to the same position).
    pub(crate) old: Vec<Match>,
    /// For each position of the new image a longest match that starts earlier in the new image; it may overlap the
    /// position. Between two candidates of one length: the later.
    pub(crate) new: Vec<Match>,
}

impl Matches {
    /// Finds the matches of `new` in `old` and in itself; with `threads` above 1 in two threads, to the same result.
    ///
    /// Linear time for every input. Memory: 4 bytes per byte of both images and 16 per byte of the new one, the result
    /// included: for images of one size 12 bytes per byte of both.
    ///
    /// # Panics
    ///
    /// If the images together are longer than [`MAX_TEXT`](super::suffix_array::MAX_TEXT).
    pub(crate) fn find(old: &[u8], new: &[u8], threads: usize) -> Self {
        let sa = &suffix_array(&[new, old].concat());
        if threads < 2 {
            return Self { old: old_matches(sa, old, new), new: new_matches(sa, new) };
        }
        std::thread::scope(|scope| {
            let in_old = scope.spawn(|| old_matches(sa, old, new));
            let in_new = new_matches(sa, new);
            Self { old: in_old.join().expect("the search in the old image does not panic"), new: in_new }
        })
    }
}

/// The candidates for a match: the nearest suffixes that sort before and after a suffix; beyond the image if none does.
#[derive(Clone, Copy)]
struct Neighbours {
    above: u32,
    below: u32,
}

/// [`Matches::old`] from the suffix array of `new` followed by `old`.
fn old_matches(sa: &[u32], old: &[u8], new: &[u8]) -> Vec<Match> {
    let (mut above, mut below) = (Extent::NONE, Extent::NONE);
    let mut previous = Match::default();
    let mut expected = 0;
    // Collecting reuses the memory of the neighbours.
    let neighbours = old_neighbours(sa, new.len()).into_iter().enumerate();
    let matches = neighbours.map(|(at, neighbours)| {
        above.follow(neighbours.above, old, new, at);
        below.follow(neighbours.below, old, new, at);
        let nearer_below = below.position.abs_diff(expected) < above.position.abs_diff(expected);
        let better = if below.length > above.length || (below.length == above.length && nearer_below) {
            below.as_match()
        } else {
            above.as_match()
        };
        previous = match previous.length.saturating_sub(1) {
            rest if rest > 0 && rest == better.length => Match { position: expected, length: rest },
            _ => better,
        };
        expected = if previous.length > 0 { previous.position } else { expected } + 1;
        previous
    });
    matches.collect()
}

/// For each suffix of the new image, of `new_len` bytes, the nearest ones of the old image, as positions there.
fn old_neighbours(sa: &[u32], new_len: usize) -> Vec<Neighbours> {
    const NONE: u32 = u32::MAX;
    let new_len = new_len as u32;
    // A slot more than positions takes what the suffixes of the old image would write: no branch to mispredict.
    let mut neighbours = vec![Neighbours { above: NONE, below: NONE }; new_len as usize + 1];
    let mut nearest = NONE;
    for &suffix in sa {
        neighbours[suffix.min(new_len) as usize].above = nearest;
        nearest = if suffix < new_len { nearest } else { suffix - new_len };
    }
    nearest = NONE;
    for &suffix in sa.iter().rev() {
        neighbours[suffix.min(new_len) as usize].below = nearest;
        nearest = if suffix < new_len { nearest } else { suffix - new_len };
    }
    neighbours.pop();
    neighbours
}

/// [`Matches::new`] from the suffix array of `new` followed by the old image.
fn new_matches(sa: &[u32], new: &[u8]) -> Vec<Match> {
    let (mut above, mut below) = (Extent::NONE, Extent::NONE);
    // Collecting reuses the memory of the neighbours.
    let neighbours = earlier_neighbours(sa, new.len()).into_iter().enumerate();
    let matches = neighbours.map(|(at, neighbours)| {
        above.follow(neighbours.above, new, new, at);
        below.follow(neighbours.below, new, new, at);
        if (below.length, below.position) > (above.length, above.position) {
            below.as_match()
        } else {
            above.as_match()
        }
    });
    matches.collect()
}

/// For each suffix of the new image, of `new_len` bytes, the nearest ones among those that start earlier in it.
fn earlier_neighbours(sa: &[u32], new_len: usize) -> Vec<Neighbours> {
    // The list is a ring, closed by a node that is no suffix: `new_len`, also that of all suffixes of the old image.
    let end = new_len as u32;
    let mut list = vec![Neighbours { above: end, below: end }; new_len + 1];
    let mut last = end;
    for &suffix in sa {
        // A suffix of the old image leaves its mark only until the next one of the new image; no branch to mispredict.
        let node = suffix.min(end);
        list[node as usize].above = last;
        list[last as usize].below = node;
        last = if suffix < end { suffix } else { last };
    }
    list[last as usize].below = end;
    list[end as usize].above = last;
    for at in (0..new_len).rev() {
        let Neighbours { above, below } = list[at];
        list[above as usize].below = below;
        list[below as usize].above = above;
    }
    list.pop();
    list
}

/// The match with the upper, or with the lower, neighbour while going through the positions of the new image in order.
struct Extent {
    position: u32,
    length: u32,
}

impl Extent {
    const NONE: Self = Self { position: 0, length: 0 };

    /// Goes on to position `at` of `new`, whose neighbour is `candidate` in `source`.
    fn follow(&mut self, candidate: u32, source: &[u8], new: &[u8], at: usize) {
        if candidate as usize >= source.len() {
            *self = Self::NONE;
            return;
        }
        let known = self.length.saturating_sub(1);
        let same_match = self.length > 0 && candidate == self.position + 1;
        self.position = candidate;
        self.length = known;
        if !same_match {
            let known = known as usize;
            self.length += common_prefix(&source[candidate as usize + known..], &new[at + known..]) as u32;
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
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let words = a.chunks_exact(8).zip(b.chunks_exact(8));
    let mut length = 0;
    for (a, b) in words {
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
    use super::{Match, Matches};
    use std::time::Instant;

    /// The length of the match with `source[position..]`, to the end of either.
    fn common(source: &[u8], target: &[u8]) -> u32 {
        source.iter().zip(target).take_while(|(a, b)| a == b).count() as u32
    }

    /// Checks that `found` is a longest match of `new[at..]` with one of the first `starts` positions of `source`.
    fn check_one(found: Match, source: &[u8], starts: usize, new: &[u8], at: usize) {
        let longest = (0..starts).map(|start| common(&source[start..], &new[at..])).max().unwrap_or(0);
        assert_eq!(found.length, longest, "{source:?} {new:?} at {at}");
        if longest > 0 {
            assert!((found.position as usize) < starts);
            assert_eq!(common(&source[found.position as usize..], &new[at..]), longest, "{source:?} {new:?} at {at}");
        } else {
            assert_eq!(found, Match::default());
        }
    }

    fn check(old: &[u8], new: &[u8]) {
        let matches = Matches::find(old, new, 1);
        assert_eq!((matches.old.len(), matches.new.len()), (new.len(), new.len()));
        for at in 0..new.len() {
            check_one(matches.old[at], old, old.len(), new, at);
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
        for (old, new) in [("", ""), ("", "aaa"), ("aaa", ""), ("ab", "abab"), ("xab", "abxabab"), ("aaa", "aaaaaa")] {
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
