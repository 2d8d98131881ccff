//! What zlib would say next (`deflate_fast`, `deflate_slow` and `longest_match` of `deflate.c`,
//! with the default memory level and window).

use super::token::Token;

/// How hard zlib looks for matches at a level (`configuration_table`).
#[derive(Clone, Copy)]
struct Effort {
    /// A match this long is good enough to look less for a better one.
    good: usize,
    /// A match this long is taken without looking at the next position; at levels 1 to 3: insides
    /// of longer matches are not remembered.
    lazy: usize,
    /// A match this long ends the search.
    nice: usize,
    /// Candidates looked at.
    chain: u32,
}

/// Levels 1 to 9. From 4 on zlib looks one position ahead.
const EFFORTS: [Effort; 9] = [
    Effort { good: 4, lazy: 4, nice: 8, chain: 4 },
    Effort { good: 4, lazy: 5, nice: 16, chain: 8 },
    Effort { good: 4, lazy: 6, nice: 32, chain: 32 },
    Effort { good: 4, lazy: 4, nice: 16, chain: 16 },
    Effort { good: 8, lazy: 16, nice: 32, chain: 32 },
    Effort { good: 8, lazy: 16, nice: 128, chain: 128 },
    Effort { good: 8, lazy: 32, nice: 128, chain: 256 },
    Effort { good: 32, lazy: 128, nice: 258, chain: 1024 },
    Effort { good: 32, lazy: 258, nice: 258, chain: 4096 },
];

/// The number of levels.
pub(super) const LEVELS: u8 = EFFORTS.len() as u8;

/// The first level that looks ahead.
const FIRST_LAZY: u8 = 4;

const SHORTEST: usize = 3;
const LONGEST: usize = 258;
const WINDOW: usize = 1 << 15;
/// zlib keeps as much of its window free as a match may need.
const FARTHEST: usize = WINDOW - (LONGEST + SHORTEST + 1);
/// A match of three bytes from farther away is not worth it when looking ahead.
const TOO_FAR: usize = 4096;

/// Candidates that may be looked at, on average, for one byte: bounds the time for data that is
/// made to take long.
const PATIENCE: u64 = 256;

/// Predicts the tokens of a stream, being told each one.
pub(super) struct Predictor<'a> {
    plain: &'a [u8],
    effort: Effort,
    is_lazy: bool,
    at: usize,
    /// Positions below this one are remembered, or never will be.
    seen: usize,
    /// The last position with a hash, plus 1.
    head: Vec<u32>,
    /// The position before with the same hash, plus 1, by position modulo the window.
    previous: Vec<u32>,
    /// The match at `at`, known from looking ahead.
    ahead: Option<(usize, usize)>,
    patience: u64,
}

impl<'a> Predictor<'a> {
    /// `level`: 1 to 9; others count as the nearest of these.
    pub(super) fn new(plain: &'a [u8], level: u8) -> Self {
        let level = level.clamp(1, LEVELS);
        Self {
            plain,
            effort: EFFORTS[usize::from(level) - 1],
            is_lazy: level >= FIRST_LAZY,
            at: 0,
            seen: 0,
            head: vec![0; WINDOW],
            previous: vec![0; WINDOW],
            ahead: None,
            patience: PATIENCE * plain.len() as u64,
        }
    }

    /// The position in the plain bytes.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Candidates that were looked at.
    pub(super) fn looks(&self) -> u64 {
        PATIENCE * self.plain.len() as u64 - self.patience
    }

    /// What comes next; not at the end of the plain bytes.
    pub(super) fn predict(&mut self) -> Token {
        let at = self.at;
        let literal = Token::literal(self.plain.get(at).copied().unwrap_or(0));
        let found = match self.ahead.take() {
            Some(found) => Some(found),
            None => {
                self.see(at);
                let found = self.search(at, SHORTEST - 1);
                found.filter(|(len, distance)| {
                    !self.is_lazy || *len > SHORTEST || *distance <= TOO_FAR
                })
            }
        };
        let Some((len, distance)) = found else { return literal };
        if self.is_lazy && len < self.effort.lazy {
            self.see(at + 1);
            if let Some(better) = self.search(at + 1, len) {
                self.ahead = Some(better);
                return literal;
            }
        }
        Token::matched(len, distance)
    }

    /// What really comes next, given what was predicted.
    pub(super) fn advance(&mut self, token: Token, predicted: Token) {
        if token != predicted {
            self.ahead = None;
        }
        let end = self.at + token.len();
        if !self.is_lazy {
            self.see(self.at + 1);
            if token.len() > self.effort.lazy {
                self.seen = end;
            }
        }
        self.see(end);
        self.at = end;
    }

    /// Goes on after a stored block.
    pub(super) fn skip(&mut self, count: usize) {
        self.ahead = None;
        self.at += count;
        self.see(self.at);
    }

    /// Remembers the positions before `end`.
    fn see(&mut self, end: usize) {
        while self.seen < end {
            if let Some(hash) = self.hash(self.seen) {
                self.previous[self.seen % WINDOW] = self.head[hash];
                self.head[hash] = self.seen as u32 + 1;
            }
            self.seen += 1;
        }
    }

    fn hash(&self, at: usize) -> Option<usize> {
        let [a, b, c] = self.plain.get(at..)?.first_chunk()?.map(usize::from);
        Some((a << 10 ^ b << 5 ^ c) % WINDOW)
    }

    /// The longest match at a position, if it is longer than `least`.
    fn search(&mut self, at: usize, least: usize) -> Option<(usize, usize)> {
        let mut candidate = self.head[self.hash(at)?] as usize;
        let ahead = &self.plain[at..];
        let ahead = &ahead[..ahead.len().min(LONGEST)];
        let nice = self.effort.nice.min(ahead.len());
        let mut chain =
            if least >= self.effort.good { self.effort.chain >> 2 } else { self.effort.chain };
        let (mut best, mut found) = (least, None);
        let mut farthest = FARTHEST;
        // The very first position counts as "none" in zlib.
        while candidate > 1 && chain > 0 && self.patience > 0 && best < ahead.len() {
            let start = candidate - 1;
            let distance = at - start;
            // Only the first candidate may be as far away as can be.
            if distance > farthest {
                break;
            }
            farthest = FARTHEST - 1;
            self.patience -= 1;
            chain -= 1;
            if self.plain[start + best] == ahead[best]
                && self.plain[start + best - 1] == ahead[best - 1]
            {
                let len =
                    ahead.iter().zip(&self.plain[start..]).take_while(|(a, b)| a == b).count();
                if len > best {
                    best = len;
                    found = Some((len, distance));
                    if len >= nice {
                        break;
                    }
                }
            }
            candidate = self.previous[start % WINDOW] as usize;
        }
        found
    }
}
