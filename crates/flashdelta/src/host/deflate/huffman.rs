//! Prefix codes: reading them, writing them, and making them as zlib does.

use super::bits::{BitReader, BitWriter};
use super::error::DeflateError;
use super::token::{code_of, Token, DISTANCES, LENGTHS};

/// The longest code in bits.
const LONGEST: usize = 15;

/// The order in which the lengths of the codes for code lengths are (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The lengths of the fixed codes (RFC 1951, 3.2.6).
fn fixed_lengths() -> (Vec<u8>, Vec<u8>) {
    let literals = (0..288).map(|symbol| match symbol {
        0..=143 => 8,
        144..=255 => 9,
        256..=279 => 7,
        _ => 8,
    });
    (literals.collect(), vec![5; 30])
}

/// Reads symbols.
pub(super) struct Decoder {
    /// Number of codes by their length.
    counts: [u16; LONGEST + 1],
    /// In the order of their codes.
    symbols: Vec<u16>,
}

impl Decoder {
    /// The decoder of a canonical code.
    pub(super) fn new(lengths: &[u8]) -> Result<Self, DeflateError> {
        let mut counts = [0u16; LONGEST + 1];
        for len in lengths {
            *counts.get_mut(usize::from(*len)).ok_or(DeflateError::BadCode)? += 1;
        }
        counts[0] = 0;
        let mut left = 1i32;
        for count in &counts[1..] {
            left = (left << 1) - i32::from(*count);
            if left < 0 {
                return Err(DeflateError::BadCode);
            }
        }
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|s| lengths[usize::from(*s)] > 0).collect();
        symbols.sort_by_key(|s| lengths[usize::from(*s)]);
        Ok(Self { counts, symbols })
    }

    /// The fixed codes: literals and lengths, distances.
    pub(super) fn fixed() -> (Self, Self) {
        let (literals, distances) = fixed_lengths();
        let decoder = |lengths: &[u8]| {
            Self::new(lengths).unwrap_or(Self { counts: [0; 16], symbols: Vec::new() })
        };
        (decoder(&literals), decoder(&distances))
    }

    /// Reads one symbol.
    pub(super) fn read(&self, bits: &mut BitReader<'_>) -> Result<u16, DeflateError> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for count in &self.counts[1..] {
            let count = u32::from(*count);
            code |= bits.bit()?;
            if code < first + count {
                return self
                    .symbols
                    .get((index + code - first) as usize)
                    .copied()
                    .ok_or(DeflateError::UnknownCode);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(DeflateError::UnknownCode)
    }
}

/// Reads the description of the codes of a block: the lengths of those for literals and lengths,
/// and of those for distances.
pub(super) fn read_codes(bits: &mut BitReader<'_>) -> Result<(Vec<u8>, Vec<u8>), DeflateError> {
    let literals = bits.bits(5)? as usize + 257;
    let distances = bits.bits(5)? as usize + 1;
    let count = bits.bits(4)? as usize + 4;
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        lengths[*place] = bits.bits(3)? as u8;
    }
    let decoder = Decoder::new(&lengths)?;
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (value, times) = match decoder.read(bits)? {
            16 => (*lengths.last().ok_or(DeflateError::BadCode)?, 3 + bits.bits(2)?),
            17 => (0, 3 + bits.bits(3)?),
            18 => (0, 11 + bits.bits(7)?),
            symbol => (symbol as u8, 1),
        };
        lengths.extend((0..times).map(|_| value));
    }
    if lengths.len() > literals + distances {
        return Err(DeflateError::BadCode);
    }
    let distances = lengths.split_off(literals);
    Ok((lengths, distances))
}

/// Writes symbols.
pub(super) struct Encoder {
    literals: Vec<(u32, u32)>,
    distances: Vec<(u32, u32)>,
}

impl Encoder {
    /// For the codes of these lengths.
    pub(super) fn new(literals: &[u8], distances: &[u8]) -> Result<Self, DeflateError> {
        // Also checks them.
        Decoder::new(literals)?;
        Decoder::new(distances)?;
        Ok(Self { literals: codes(literals), distances: codes(distances) })
    }

    /// For the fixed codes.
    pub(super) fn fixed() -> Self {
        let (literals, distances) = fixed_lengths();
        Self { literals: codes(&literals), distances: codes(&distances) }
    }

    /// Writes a token; `None` ends the block.
    pub(super) fn write(
        &self,
        out: &mut BitWriter,
        token: Option<Token>,
    ) -> Result<(), DeflateError> {
        let mut put = |codes: &[(u32, u32)], symbol: usize| match codes.get(symbol) {
            Some((code, len)) if *len > 0 => {
                out.bits(*code, *len);
                Ok(())
            }
            _ => Err(DeflateError::BadRecipe { what: "a block has no code for what it holds" }),
        };
        let Some(token) = token else { return put(&self.literals, 256) };
        let Some((len, distance)) = token.as_match() else {
            return put(&self.literals, (token.0 & 0xFF) as usize);
        };
        let (code, offset, extra) = code_of(&LENGTHS, len);
        put(&self.literals, 257 + code)?;
        out.bits(offset, extra);
        let (code, offset, extra) = code_of(&DISTANCES, distance);
        let (code, len) = self.distances.get(code).copied().unwrap_or_default();
        if len == 0 {
            return Err(DeflateError::BadRecipe { what: "a block has no code for a distance" });
        }
        out.bits(code, len);
        out.bits(offset, extra);
        Ok(())
    }
}

/// The canonical codes of these lengths, their first bit lowest, with their lengths.
fn codes(lengths: &[u8]) -> Vec<(u32, u32)> {
    let mut next = [0u32; LONGEST + 2];
    for bits in 1..=LONGEST {
        let count = lengths.iter().filter(|len| usize::from(**len) == bits).count() as u32;
        next[bits + 1] = (next[bits] + count) << 1;
    }
    let mut code = |len: u8| {
        let next = &mut next[usize::from(len)];
        let code = *next;
        *next += 1;
        if len == 0 {
            0
        } else {
            code.reverse_bits() >> (32 - u32::from(len))
        }
    };
    lengths.iter().map(|len| (code(*len), u32::from(*len))).collect()
}

/// The description of the codes that zlib makes for these tokens.
pub(super) fn zlib_header(tokens: &[Token]) -> BitWriter {
    let (mut literals, mut distances) = (vec![0u32; 286], vec![0u32; 30]);
    literals[256] = 1;
    for token in tokens {
        match token.as_match() {
            None => literals[(token.0 & 0xFF) as usize] += 1,
            Some((len, distance)) => {
                literals[257 + code_of(&LENGTHS, len).0] += 1;
                distances[code_of(&DISTANCES, distance).0] += 1;
            }
        }
    }
    let [literals, distances] =
        [literals, distances].map(|counts| trimmed(zlib_lengths(&counts, LONGEST)));
    let mut runs = run_lengths(&literals);
    runs.extend(run_lengths(&distances));
    let mut counts = [0; 19];
    for (symbol, _, _) in &runs {
        counts[*symbol] += 1;
    }
    let lengths = zlib_lengths(&counts, 7);
    let count = (4..=19).rev().find(|n| lengths[ORDER[n - 1]] != 0).unwrap_or(4);
    let mut out = BitWriter::default();
    out.bits(literals.len() as u32 - 257, 5);
    out.bits(distances.len() as u32 - 1, 5);
    out.bits(count as u32 - 4, 4);
    for place in &ORDER[..count] {
        out.bits(lengths[*place].into(), 3);
    }
    let codes = codes(&lengths);
    for (symbol, value, extra) in runs {
        let (code, len) = codes[symbol];
        out.bits(code, len);
        out.bits(value, extra);
    }
    out
}

/// Without the zeros at the end.
fn trimmed(mut lengths: Vec<u8>) -> Vec<u8> {
    while lengths.len() > 1 && lengths.last() == Some(&0) {
        lengths.pop();
    }
    lengths
}

/// Code lengths as zlib writes them (`send_tree`): symbol, value and number of extra bits.
fn run_lengths(lengths: &[u8]) -> Vec<(usize, u32, u32)> {
    let mut runs = Vec::new();
    let mut previous = None;
    let mut at = 0;
    while let Some(len) = lengths.get(at).copied() {
        // A run of a length that was before it needs no symbol of its own.
        let (most, least) = match (len, previous == Some(len)) {
            (0, _) => (138, 3),
            (_, true) => (6, 3),
            (_, false) => (7, 4),
        };
        let count = lengths[at..].iter().take(most).take_while(|l| **l == len).count();
        let symbol = usize::from(len);
        let mut extra = count;
        if count < least {
            runs.extend((0..count).map(|_| (symbol, 0, 0)));
        } else {
            if len != 0 && previous != Some(len) {
                runs.push((symbol, 0, 0));
                extra -= 1;
            }
            runs.push(match (len, extra) {
                (0, 11..) => (18, extra as u32 - 11, 7),
                (0, _) => (17, extra as u32 - 3, 3),
                _ => (16, extra as u32 - 3, 2),
            });
        }
        previous = Some(len);
        at += count;
    }
    runs
}

/// The code lengths that zlib chooses for symbols that occur so often (`build_tree`, `gen_bitlen`).
fn zlib_lengths(counts: &[u32], longest: usize) -> Vec<u8> {
    let size = counts.len();
    let mut tree = Tree { counts: counts.to_vec(), depths: vec![0u8; 2 * size + 1], heap: vec![0] };
    tree.counts.resize(2 * size + 1, 0);
    tree.heap.extend((0..size).filter(|symbol| counts[*symbol] != 0));
    // At least two codes are made.
    let mut next = if tree.heap.len() > 1 { tree.heap[tree.heap.len() - 1] + 1 } else { 0 };
    while tree.heap.len() < 3 {
        let symbol = if next <= 2 { next } else { 0 };
        next += usize::from(next <= 2);
        tree.counts[symbol] = 1;
        tree.heap.push(symbol);
    }
    for at in (1..=(tree.heap.len() - 1) / 2).rev() {
        tree.sift(at);
    }
    let mut parents = vec![0usize; 2 * size + 1];
    // From the rarest to the root.
    let mut order = Vec::new();
    let mut node = size;
    while tree.heap.len() > 2 {
        let [first, second] = [tree.pop(), tree.heap[1]];
        order.extend([first, second]);
        tree.counts[node] = tree.counts[first] + tree.counts[second];
        tree.depths[node] = tree.depths[first].max(tree.depths[second]) + 1;
        (parents[first], parents[second]) = (node, node);
        tree.heap[1] = node;
        tree.sift(1);
        node += 1;
    }
    let root = tree.heap[1];
    limited_lengths(&order, root, &parents, size, longest)
}

/// Turns the tree into lengths, none of them above `longest`.
fn limited_lengths(
    order: &[usize],
    root: usize,
    parents: &[usize],
    size: usize,
    longest: usize,
) -> Vec<u8> {
    let mut lengths = vec![0u8; parents.len()];
    let mut by_length = [0usize; LONGEST + 2];
    let mut overflow = 0isize;
    lengths[root] = 0;
    for node in order.iter().rev().copied() {
        let mut len = usize::from(lengths[parents[node]]) + 1;
        if len > longest {
            len = longest;
            overflow += 1;
        }
        lengths[node] = len as u8;
        if node < size {
            by_length[len] += 1;
        }
    }
    if overflow > 0 {
        while overflow > 0 {
            let mut len = longest - 1;
            while by_length[len] == 0 {
                len -= 1;
            }
            by_length[len] -= 1;
            by_length[len + 1] += 2;
            by_length[longest] -= 1;
            overflow -= 2;
        }
        let mut leaves = order.iter().copied().filter(|node| *node < size);
        for len in (1..=longest).rev() {
            for _ in 0..by_length[len] {
                if let Some(leaf) = leaves.next() {
                    lengths[leaf] = len as u8;
                }
            }
        }
    }
    lengths.truncate(size);
    lengths
}

/// The heap of zlib's trees: the rarest node at index 1, of equals the flattest.
struct Tree {
    counts: Vec<u32>,
    depths: Vec<u8>,
    heap: Vec<usize>,
}

impl Tree {
    fn is_before(&self, a: usize, b: usize) -> bool {
        self.counts[a] < self.counts[b]
            || self.counts[a] == self.counts[b] && self.depths[a] <= self.depths[b]
    }

    /// Moves a node down to its place (`pqdownheap`).
    fn sift(&mut self, mut at: usize) {
        let node = self.heap[at];
        let len = self.heap.len() - 1;
        while 2 * at <= len {
            let mut child = 2 * at;
            if child < len && self.is_before(self.heap[child + 1], self.heap[child]) {
                child += 1;
            }
            if self.is_before(node, self.heap[child]) {
                break;
            }
            self.heap[at] = self.heap[child];
            at = child;
        }
        self.heap[at] = node;
    }

    /// Takes the first node away.
    fn pop(&mut self) -> usize {
        let first = self.heap[1];
        if let Some(last) = self.heap.pop() {
            if self.heap.len() > 1 {
                self.heap[1] = last;
                self.sift(1);
            }
        }
        first
    }
}
