//! Suffix sorting in linear time: the index in which the diff finds its matches.
//!
//! [`suffix_array`] is SA-IS (Nong, Zhang, Chan: "Linear Suffix Array Construction by Almost Pure
//! Induced-Sorting", DCC 2009), laid out as in Yuta Mori's sais-lite: no array holds the types of
//! the suffixes. Whether an entry must induce the suffix to its left in the present scan is known
//! when the entry is written, by comparing two neighbouring symbols, and kept in its sign: a
//! complemented entry is left alone by the scan. The sorted suffixes, the reduced string of the
//! recursion and, where they fit, its bucket counters share the one array of the result.

/// The longest text that [`suffix_array`] takes: positions need the sign bit free.
pub(crate) const MAX_TEXT: usize = i32::MAX as usize;

/// The starts of all suffixes of `text` in lexicographic order (a prefix of a suffix comes before
/// it).
///
/// Linear time for every input. Memory: the result (4 bytes per byte of text) and, for the bucket
/// counters of the recursion that do not fit into its unused part, up to about 1 byte per byte on
/// real images and random data, and 4 on texts made to have many different short substrings.
///
/// # Panics
///
/// If `text` is longer than [`MAX_TEXT`].
pub(crate) fn suffix_array(text: &[u8]) -> Vec<u32> {
    assert!(text.len() <= MAX_TEXT, "text too long for 32-bit suffix sorting");
    let mut sa = vec![0; text.len()];
    sort(text, &mut sa, 256);
    sa
}

/// For each position of `text` how many bytes its suffix has in common with the one before it in
/// the suffix array `sa`.
///
/// The "permuted LCP array" by the Φ algorithm (Kärkkäinen, Manzini, Puglisi: "Permuted
/// Longest-Common-Prefix Array", CPM 2009). Linear time for every input; no memory besides the
/// result (4 bytes per byte of text).
///
/// # Panics
///
/// If `sa` is not the suffix array of `text`.
#[cfg_attr(not(test), expect(dead_code, reason = "Matches finds its lengths without it"))]
pub(crate) fn plcp(text: &[u8], sa: &[u32]) -> Vec<u32> {
    assert_eq!(sa.len(), text.len(), "the suffix array of another text");
    // First the suffix before each, then in its place the length.
    let mut plcp = vec![text.len() as u32; text.len()];
    for pair in sa.windows(2) {
        plcp[pair[1] as usize] = pair[0];
    }
    let mut common = 0;
    for (at, entry) in plcp.iter_mut().enumerate() {
        let rest = text[at + common..]
            .iter()
            .zip(text.get(*entry as usize + common..).unwrap_or_default());
        common += rest.take_while(|(a, b)| a == b).count();
        *entry = common as u32;
        common = common.saturating_sub(1);
    }
    plcp
}

/// A letter of a text to sort: a byte, or at deeper levels the name of a substring.
trait Symbol: Copy + Ord {
    fn index(self) -> usize;
}

impl Symbol for u8 {
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Symbol for u32 {
    fn index(self) -> usize {
        self as usize
    }
}

/// Sorts the suffixes of `text`, whose symbols are below `symbols`, into the front of `work`.
///
/// What `work` has beyond the length of the text is used for the bucket counters as far as it goes.
fn sort<T: Symbol>(text: &[T], work: &mut [u32], symbols: usize) {
    let (sa, spare) = work.split_at_mut(text.len());
    if text.len() < 2 {
        sa.fill(0);
        return;
    }
    let (mut own_heads, mut own_counts) = (Vec::new(), Vec::new());
    let (heads, spare) = take(spare, symbols, &mut own_heads);
    let (counts, _) = take(spare, symbols, &mut own_counts);
    counts.fill(0);
    for symbol in text {
        counts[symbol.index()] += 1;
    }
    let lms = sort_lms(text, sa, counts, heads);
    spread_lms(text, sa, lms, counts, heads);
    set_starts(counts, heads);
    induce_l(text, sa, heads);
    set_ends(counts, heads);
    induce_s(text, sa, heads);
}

/// `len` words from the front of `spare` if it has them, otherwise from `own`; and the rest of
/// `spare`.
fn take<'a>(
    spare: &'a mut [u32],
    len: usize,
    own: &'a mut Vec<u32>,
) -> (&'a mut [u32], &'a mut [u32]) {
    if spare.len() >= len {
        spare.split_at_mut(len)
    } else {
        own.resize(len, 0);
        (own, spare)
    }
}

/// Sets `heads` to where the bucket of each symbol starts.
fn set_starts(counts: &[u32], heads: &mut [u32]) {
    let mut sum = 0;
    for (head, count) in heads.iter_mut().zip(counts) {
        *head = sum;
        sum += count;
    }
}

/// Sets `heads` to where the bucket of each symbol ends.
fn set_ends(counts: &[u32], heads: &mut [u32]) {
    let mut sum = 0;
    for (head, count) in heads.iter_mut().zip(counts) {
        sum += count;
        *head = sum;
    }
}

/// Calls `found` for the start of every leftmost S-type suffix ("LMS": smaller than the suffix
/// after it, while the one before it is larger than it), from the last to the first.
#[inline(always)]
fn for_each_lms<T: Symbol>(text: &[T], mut found: impl FnMut(usize)) {
    let Some((&last, rest)) = text.split_last() else { return };
    let (mut right, mut right_is_s) = (last, false);
    for (at, &symbol) in rest.iter().enumerate().rev() {
        let is_s = symbol < right || (symbol == right && right_is_s);
        if right_is_s && !is_s {
            found(at + 1);
        }
        (right, right_is_s) = (symbol, is_s);
    }
}

/// Sorts the LMS suffixes of `text` into the front of `sa` and returns their number.
fn sort_lms<T: Symbol>(text: &[T], sa: &mut [u32], counts: &[u32], heads: &mut [u32]) -> usize {
    set_ends(counts, heads);
    sa.fill(0);
    let mut lms = 0;
    let mut first = 0;
    for_each_lms(text, |at| {
        let head = &mut heads[text[at].index()];
        *head -= 1;
        sa[*head as usize] = at as u32 - 1;
        lms += 1;
        first = at;
    });
    if lms < 2 {
        sa[0] = first as u32;
        return lms;
    }
    set_starts(counts, heads);
    induce_l_substrings(text, sa, heads);
    set_ends(counts, heads);
    induce_s_substrings(text, sa, heads);
    gather_lms(sa, lms);
    let names = name_substrings(text, sa, lms);
    if names < lms {
        sort_reduced(text, sa, lms, names);
    }
    lms
}

/// Left to right: from the LMS suffixes in `sa` the L-type ones of the LMS substrings, leaving only
/// the last of each.
///
/// Here and in [`induce_s_substrings`] an entry is the position *before* the suffix that it stands
/// for.
fn induce_l_substrings<T: Symbol>(text: &[T], sa: &mut [u32], heads: &mut [u32]) {
    let mut induce = |sa: &mut [u32], at: u32| {
        let symbol = text[at as usize];
        let left = at - 1;
        let head = &mut heads[symbol.index()];
        sa[*head as usize] = if text[left as usize] < symbol { !left } else { left };
        *head += 1;
    };
    induce(sa, text.len() as u32 - 1);
    for i in 0..sa.len() {
        let at = sa[i];
        if at as i32 > 0 {
            induce(sa, at);
            sa[i] = 0;
        } else if (at as i32) < 0 {
            sa[i] = !at;
        }
    }
}

/// Right to left: from the L-type suffixes left in `sa` the S-type ones, leaving only the LMS
/// suffixes, complemented.
fn induce_s_substrings<T: Symbol>(text: &[T], sa: &mut [u32], heads: &mut [u32]) {
    for i in (0..sa.len()).rev() {
        let at = sa[i];
        if at as i32 > 0 {
            let symbol = text[at as usize];
            let left = at - 1;
            let head = &mut heads[symbol.index()];
            *head -= 1;
            sa[*head as usize] = if text[left as usize] > symbol { !at } else { left };
            sa[i] = 0;
        }
    }
}

/// Moves the `lms` complemented entries of `sa` to its front, plain.
fn gather_lms(sa: &mut [u32], lms: usize) {
    let mut to = 0;
    for from in 0..sa.len() {
        let at = sa[from];
        if (at as i32) < 0 {
            sa[to] = !at;
            to += 1;
        }
    }
    debug_assert_eq!(to, lms);
}

/// Names the LMS substrings, sorted in the front of `sa`, by rank from 1, equal ones alike; returns
/// how many names.
///
/// The name of the substring at `p` is left in `sa[lms + p / 2]` (no two LMS suffixes are
/// neighbours), else zero.
fn name_substrings<T: Symbol>(text: &[T], sa: &mut [u32], lms: usize) -> usize {
    let (sorted, table) = sa.split_at_mut(lms);
    table.fill(0);
    let mut end = text.len();
    for_each_lms(text, |at| {
        table[at / 2] = (end - at) as u32;
        end = at + 1;
    });
    // Most are too short for a call of memcmp to pay.
    let differ = |a: &[T], b: &[T]| a.len() != b.len() || a.iter().zip(b).any(|(a, b)| a != b);
    let mut names = 0;
    let mut previous: &[T] = &[];
    // The substring at the end of the text equals no other: the end sorts before all symbols.
    let mut previous_reaches_end = true;
    for &at in sorted.iter() {
        let start = at as usize;
        let len = table[start / 2] as usize;
        let this = &text[start..start + len];
        if previous_reaches_end || differ(this, previous) {
            names += 1;
            previous = this;
            previous_reaches_end = start + len == text.len();
        }
        table[start / 2] = names;
    }
    names as usize
}

/// Sorts the LMS suffixes by sorting the string of their substrings' names, as [`name_substrings`]
/// left them.
fn sort_reduced<T: Symbol>(text: &[T], sa: &mut [u32], lms: usize, names: usize) {
    let mut to = sa.len();
    for from in (lms..sa.len()).rev() {
        let name = sa[from];
        if name > 0 {
            to -= 1;
            sa[to] = name - 1;
        }
    }
    let (work, reduced) = sa.split_at_mut(to);
    sort(&*reduced, work, names);
    let mut slot = lms;
    for_each_lms(text, |at| {
        slot -= 1;
        reduced[slot] = at as u32;
    });
    for entry in &mut work[..lms] {
        *entry = reduced[*entry as usize];
    }
}

/// Moves the `lms` sorted LMS suffixes from the front of `sa` to the ends of their buckets and
/// clears all else.
fn spread_lms<T: Symbol>(
    text: &[T],
    sa: &mut [u32],
    lms: usize,
    counts: &[u32],
    heads: &mut [u32],
) {
    set_ends(counts, heads);
    sa[lms..].fill(0);
    for i in (0..lms).rev() {
        let at = sa[i];
        sa[i] = 0;
        let head = &mut heads[text[at as usize].index()];
        *head -= 1;
        sa[*head as usize] = at;
    }
}

/// Left to right: from the sorted LMS suffixes in `sa` all L-type ones, leaving complemented what
/// induces no further.
fn induce_l<T: Symbol>(text: &[T], sa: &mut [u32], heads: &mut [u32]) {
    let mut induce = |sa: &mut [u32], at: u32| {
        let left = at - 1;
        let symbol = text[left as usize];
        let head = &mut heads[symbol.index()];
        // At position 0 the comparison with itself says "not smaller", and an entry of 0 never
        // induces.
        sa[*head as usize] =
            if text[left.saturating_sub(1) as usize] < symbol { !left } else { left };
        *head += 1;
    };
    induce(sa, text.len() as u32);
    for i in 0..sa.len() {
        let at = sa[i];
        sa[i] = !at;
        if at as i32 > 0 {
            induce(sa, at);
        }
    }
}

/// Right to left: from the sorted L-type suffixes in `sa` all S-type suffixes; every entry ends up
/// plain.
fn induce_s<T: Symbol>(text: &[T], sa: &mut [u32], heads: &mut [u32]) {
    for i in (0..sa.len()).rev() {
        let at = sa[i];
        if at as i32 > 0 {
            let left = at - 1;
            let symbol = text[left as usize];
            let head = &mut heads[symbol.index()];
            *head -= 1;
            let done = left == 0 || text[left.saturating_sub(1) as usize] > symbol;
            sa[*head as usize] = if done { !left } else { left };
        } else {
            sa[i] = !at;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{plcp, suffix_array};
    use std::time::Instant;

    /// A small deterministic generator (Marsaglia: "Xorshift RNGs", 2003).
    pub(in super::super) struct Random(pub(in super::super) u64);

    impl Random {
        pub(in super::super) fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % bound
        }

        /// Up to `max_len` bytes out of an alphabet of up to `max_alphabet`, spread over all values
        /// of a byte.
        pub(in super::super) fn text(&mut self, max_len: usize, max_alphabet: usize) -> Vec<u8> {
            let (len, alphabet) = (self.below(max_len + 1), 1 + self.below(max_alphabet));
            (0..len).map(|_| (self.below(alphabet) * 255 / (alphabet - 1).max(1)) as u8).collect()
        }
    }

    fn check(text: &[u8]) {
        let mut naive: Vec<u32> = (0..text.len() as u32).collect();
        naive.sort_by_key(|&at| &text[at as usize..]);
        let sa = suffix_array(text);
        assert_eq!(sa, naive, "{text:?}");
        let plcp = plcp(text, &sa);
        for (rank, &at) in sa.iter().enumerate() {
            let before = if rank == 0 { &[] } else { &text[sa[rank - 1] as usize..] };
            let common = text[at as usize..].iter().zip(before).take_while(|(a, b)| a == b).count();
            assert_eq!(plcp[at as usize] as usize, common, "{text:?} at {at}");
        }
    }

    fn fibonacci(len: usize) -> Vec<u8> {
        let (mut text, mut previous) = (b"ab".to_vec(), b"a".to_vec());
        while text.len() < len {
            let next = [&text[..], &previous].concat();
            previous = core::mem::replace(&mut text, next);
        }
        text.truncate(len);
        text
    }

    #[test]
    fn sorts_random_texts() {
        let mut random = Random(0x1234_5678_9abc_def1);
        for _ in 0..20_000 {
            check(&random.text(60, 5));
        }
        for _ in 0..300 {
            check(&random.text(3000, 256));
        }
    }

    #[test]
    fn sorts_repetitive_texts() {
        for len in (0..70).chain([1000]) {
            check(&vec![0; len]);
            check(&vec![255; len]);
            check(&fibonacci(len));
            for unit in [&b"ab"[..], b"ba", b"aab", b"abb", b"abacab"] {
                check(&unit.repeat(len / unit.len() + 1)[..len]);
            }
        }
    }

    #[test]
    fn sorts_every_short_binary_text() {
        for len in 0..13 {
            for bits in 0..1u32 << len {
                check(&(0..len).map(|at| (bits >> at & 1) as u8).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn sorts_random_blocks_repeated() {
        let mut random = Random(0x0fed_cba9_8765_4321);
        for _ in 0..300 {
            let blocks: Vec<_> = (0..3).map(|_| random.text(40, 256)).collect();
            let text: Vec<_> = (0..20).flat_map(|_| blocks[random.below(3)].clone()).collect();
            check(&text);
        }
    }

    #[test]
    #[ignore = "measures time"]
    fn time_of_16_mib() {
        const LEN: usize = 16 << 20;
        let mut random = Random(1);
        let texts = [
            ("zeros", vec![0; LEN]),
            ("period 2", b"ab".repeat(LEN / 2)),
            ("Fibonacci", fibonacci(LEN)),
            ("random", (0..LEN).map(|_| random.below(256) as u8).collect()),
        ];
        for (name, text) in texts {
            let start = Instant::now();
            let sa = suffix_array(&text);
            let sorted = start.elapsed();
            plcp(&text, &sa);
            println!("{name}: sorted in {sorted:?}, PLCP after {:?}", start.elapsed());
        }
    }
}
