//! The recipe of a deflate stream: how to make it from what it holds.

use core::ops::ControlFlow;

use super::bits::{BitReader, BitWriter};
use super::error::DeflateError;
use super::huffman::{read_codes, zlib_header, Encoder};
use super::inflate::{Block, Stream};
use super::predict::{Predictor, LEVELS};
use super::token::Token;
use crate::device::format::Reader;
use crate::host::budget::{Budget, Halt, Stop};
use crate::host::{put, room};

/// Tokens by which the level is found out.
const SAMPLE: usize = 1 << 14;

/// Types of blocks in a recipe; the first three are those of RFC 1951.
const STORED: u8 = 0;
const FIXED: u8 = 1;
const DYNAMIC: u8 = 2;
/// Its codes are not those that zlib would make.
const DYNAMIC_SPELLED: u8 = 3;

/// Most tokens of a block with codes of its own, which are kept until all of them are known.
const MOST_TOKENS: usize = 1 << 22;

/// A candidate that zlib would look at costs as much as this many bytes.
const LOOK_WORK: u64 = 4;

/// How to make the deflate stream at the start of `bytes`, which may hold `limit` bytes at most.
/// Fails for streams that no recipe can make (unused bits that are set), too. Makes nothing that
/// stays: takes nothing of the budget, but asks its watcher.
pub(crate) fn analyse(
    bytes: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, Halt<DeflateError>> {
    let mut watch = |_| match budget.ask() {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let mut asked = Budget::new(u64::MAX, &mut watch);
    let stream = Stream::read(bytes, limit, true, &mut asked)?;
    if !stream.is_clean {
        return Err(DeflateError::BadRecipe { what: "unused bits are set" }.into());
    }
    stream.recipe(&mut asked)
}

impl Stream {
    /// Where the first `most` tokens are not those that zlib would choose: how many are right
    /// before, and the token.
    fn misses(
        &self,
        level: u8,
        most: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<(u32, Token)>, Stop> {
        let mut predictor = Predictor::new(&self.plain, level);
        let mut misses = Vec::new();
        let (mut right, mut looks) = (0, 0);
        let mut tokens = self.tokens.iter().take(most);
        for block in &self.blocks {
            let count = match block {
                Block::Stored(len) => {
                    predictor.skip(*len);
                    continue;
                }
                Block::Fixed(tokens) | Block::Dynamic { tokens, .. } => *tokens,
            };
            for token in tokens.by_ref().take(count) {
                let predicted = predictor.predict();
                if *token == predicted {
                    right += 1;
                } else {
                    room::push(&mut misses, (core::mem::take(&mut right), *token))?;
                }
                predictor.advance(*token, predicted);
                budget.work(work(token.len(), &predictor, &mut looks))?;
            }
        }
        Ok(misses)
    }

    /// The level that explains most, and the misses it leaves.
    fn level(&self, budget: &mut Budget<'_>) -> Result<(u8, Vec<(u32, Token)>), Stop> {
        let sampled: Result<Vec<usize>, Stop> = (1..=LEVELS)
            .map(|level| self.misses(level, SAMPLE, budget).map(|misses| misses.len()))
            .collect();
        let sampled = sampled?;
        let least = sampled.iter().min().copied().unwrap_or(0);
        // Levels differ in rare cases only: the sample may not tell them apart.
        let mut best: Option<(u8, Vec<(u32, Token)>)> = None;
        for (level, _) in (1..=LEVELS).zip(sampled).filter(|(_, misses)| *misses == least) {
            let misses = self.misses(level, usize::MAX, budget)?;
            if best.as_ref().is_none_or(|(_, fewest)| misses.len() < fewest.len()) {
                best = Some((level, misses));
            }
        }
        Ok(best.unwrap_or((LEVELS, Vec::new())))
    }

    fn recipe(&self, budget: &mut Budget<'_>) -> Result<Vec<u8>, Halt<DeflateError>> {
        let (level, misses) = self.level(budget)?;
        let mut out = vec![level];
        put::varint(&mut out, self.blocks.len() as u32);
        let mut at = 0;
        for block in &self.blocks {
            match block {
                Block::Stored(len) => {
                    out.push(STORED);
                    put::varint(&mut out, *len as u32);
                }
                Block::Fixed(tokens) => {
                    out.push(FIXED);
                    put::varint(&mut out, *tokens as u32);
                    at += tokens;
                }
                Block::Dynamic { tokens, header, header_bits } => {
                    if *tokens > MOST_TOKENS {
                        return Err(TOO_MANY_TOKENS.into());
                    }
                    let predicted = zlib_header(&self.tokens[at..at + tokens]);
                    at += tokens;
                    let is_predicted =
                        predicted.len() == *header_bits && predicted.finish() == *header;
                    out.push(if is_predicted { DYNAMIC } else { DYNAMIC_SPELLED });
                    put::varint(&mut out, *tokens as u32);
                    if !is_predicted {
                        put::varint(&mut out, *header_bits as u32);
                        out.extend_from_slice(header);
                    }
                }
            }
        }
        put::varint(&mut out, misses.len() as u32);
        for (right, token) in misses {
            put::varint(&mut out, right);
            let (len, distance) =
                token.as_match().map_or((0, 0), |(len, distance)| (len - 2, distance));
            put::varint(&mut out, len as u32);
            if len > 0 {
                put::varint(&mut out, distance as u32);
            }
        }
        Ok(out)
    }
}

/// Most bytes of a token in a stream: 48 bits.
const TOKEN: usize = 8;
/// Most bytes of the codes before a block.
const CODES: usize = 1 << 10;

const TOO_MANY_TOKENS: DeflateError =
    DeflateError::BadRecipe { what: "a block has too many tokens" };

/// The work for a token of this length, given the candidates that were looked at before it.
fn work(len: usize, predictor: &Predictor<'_>, looks: &mut u64) -> u64 {
    let before = core::mem::replace(looks, predictor.looks());
    len as u64 + LOOK_WORK * (*looks - before)
}

/// Makes the deflate stream that holds `plain` as `recipe` says. It has at most `limit` bytes,
/// which the caller has taken from the budget.
pub(crate) fn recreate(
    plain: &[u8],
    recipe: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, Halt<DeflateError>> {
    let mut blocks = Recipe { reader: Reader::new(recipe, 0), bytes: recipe };
    let level = blocks.byte()?;
    let count = blocks.number()?;
    // Misses are listed after the blocks. No list of blocks is kept: it would take many times the
    // memory of the recipe.
    let mut reader = Recipe { reader: Reader::new(recipe, 0), bytes: recipe };
    reader.reader.skip(blocks.reader.offset());
    for _ in 0..count {
        reader.block()?;
        budget.work(1)?;
    }
    if count == 0 {
        return Err(DeflateError::BadRecipe { what: "there is no block" }.into());
    }
    let mut misses = Misses { left: reader.number()?, next: None };
    let mut maker = StreamMaker {
        plain,
        limit,
        predictor: Predictor::new(plain, level),
        looks: 0,
        out: BitWriter::default(),
    };
    for left in (0..count).rev() {
        maker.out.bits(u32::from(left == 0), 1);
        maker.block(blocks.block()?, &mut misses, &mut reader, budget)?;
    }
    if maker.predictor.position() != plain.len()
        || misses.left > 0
        || reader.reader.offset() != recipe.len()
    {
        return Err(DeflateError::BadRecipe { what: "something is left" }.into());
    }
    Ok(maker.out.finish())
}

/// A stream that is being made.
struct StreamMaker<'a> {
    plain: &'a [u8],
    limit: usize,
    predictor: Predictor<'a>,
    looks: u64,
    out: BitWriter,
}

impl StreamMaker<'_> {
    fn block(
        &mut self,
        block: RecipeBlock<'_>,
        misses: &mut Misses,
        reader: &mut Recipe<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<(), Halt<DeflateError>> {
        match block {
            RecipeBlock::Stored(len) => {
                self.out.make_room(len.min(self.plain.len()))?;
                self.stored(len)?;
            }
            RecipeBlock::Fixed(count) => {
                self.out.bits(FIXED.into(), 2);
                let encoder = Encoder::fixed();
                for _ in 0..count {
                    let token = self.token(misses, reader, budget)?;
                    self.out.make_room(TOKEN)?;
                    encoder.write(&mut self.out, Some(token))?;
                    self.check_len()?;
                }
                encoder.write(&mut self.out, None)?;
            }
            RecipeBlock::Dynamic { tokens: count, header } => {
                self.out.bits(DYNAMIC.into(), 2);
                if count > MOST_TOKENS {
                    return Err(TOO_MANY_TOKENS.into());
                }
                let mut tokens = Vec::new();
                for _ in 0..count {
                    room::push(&mut tokens, self.token(misses, reader, budget)?)?;
                }
                self.out.make_room(
                    TOKEN * (tokens.len() + 1) + header.map_or(0, |(bytes, _)| bytes.len()) + CODES,
                )?;
                self.dynamic(&tokens, header)?;
            }
        }
        self.check_len()?;
        Ok(budget.work(1)?)
    }

    fn check_len(&self) -> Result<(), DeflateError> {
        match self.out.len() / 8 > self.limit {
            true => Err(DeflateError::TooLong { limit: self.limit }),
            false => Ok(()),
        }
    }

    fn stored(&mut self, len: usize) -> Result<(), DeflateError> {
        let start = self.predictor.position();
        let stored = self.plain.get(start..start.saturating_add(len)).filter(|_| len <= 0xFFFF);
        let stored =
            stored.ok_or(DeflateError::BadRecipe { what: "a stored block is too long" })?;
        self.out.bits(STORED.into(), 2);
        self.out.align();
        self.out.bits(len as u32, 16);
        self.out.bits(!len as u32 & 0xFFFF, 16);
        self.out.bytes(stored);
        self.predictor.skip(len);
        Ok(())
    }

    /// `header`: the codes, and their length in bits; `None`: those that zlib would make.
    fn dynamic(
        &mut self,
        tokens: &[Token],
        header: Option<(&[u8], usize)>,
    ) -> Result<(), DeflateError> {
        let predicted;
        let (header, len) = match header {
            Some(header) => header,
            None => {
                let made = zlib_header(tokens);
                let len = made.len();
                predicted = made.finish();
                (&predicted[..], len)
            }
        };
        let mut bits = BitReader::new(header);
        let (literals, distances) = read_codes(&mut bits)?;
        if bits.position() != len {
            return Err(DeflateError::BadRecipe { what: "the length of a block's codes" });
        }
        let mut copy = BitReader::new(header);
        for _ in 0..len {
            self.out.bits(copy.bit()?, 1);
        }
        let encoder = Encoder::new(&literals, &distances)?;
        tokens.iter().try_for_each(|token| encoder.write(&mut self.out, Some(*token)))?;
        encoder.write(&mut self.out, None)
    }

    /// The next token of a block.
    fn token(
        &mut self,
        misses: &mut Misses,
        reader: &mut Recipe<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Token, Halt<DeflateError>> {
        if self.predictor.position() >= self.plain.len() {
            return Err(DeflateError::BadRecipe { what: "there are more tokens than data" }.into());
        }
        let predicted = self.predictor.predict();
        let token = misses.token(&self.predictor, self.plain, predicted, reader)?;
        self.predictor.advance(token, predicted);
        budget.work(work(token.len(), &self.predictor, &mut self.looks))?;
        Ok(token)
    }
}

/// A block, as a recipe describes it.
enum RecipeBlock<'a> {
    /// This many bytes as they are.
    Stored(usize),
    /// This many tokens, in the fixed codes.
    Fixed(usize),
    /// This many tokens, in codes of its own: those that zlib would make, or the ones that these
    /// bits describe, and their number.
    Dynamic { tokens: usize, header: Option<(&'a [u8], usize)> },
}

struct Recipe<'a> {
    reader: Reader<'a>,
    bytes: &'a [u8],
}

impl<'a> Recipe<'a> {
    fn number(&mut self) -> Result<usize, DeflateError> {
        let number = self.reader.varint();
        self.reader.check().map_err(|_| DeflateError::CutShort)?;
        Ok(number as usize)
    }

    fn byte(&mut self) -> Result<u8, DeflateError> {
        let byte = self.reader.byte();
        self.reader.check().map_err(|_| DeflateError::CutShort)?;
        Ok(byte)
    }

    fn block(&mut self) -> Result<RecipeBlock<'a>, DeflateError> {
        let kind = self.byte()?;
        let count = self.number()?;
        Ok(match kind {
            STORED => RecipeBlock::Stored(count),
            FIXED => RecipeBlock::Fixed(count),
            DYNAMIC => RecipeBlock::Dynamic { tokens: count, header: None },
            DYNAMIC_SPELLED => {
                let bits = self.number()?;
                let start = self.reader.offset();
                let len = bits.div_ceil(8);
                let header = self.bytes.get(start..start.saturating_add(len));
                let header = header.ok_or(DeflateError::CutShort)?;
                self.reader.skip(len);
                if bits == 0 {
                    return Err(DeflateError::BadRecipe { what: "a block's codes are missing" });
                }
                RecipeBlock::Dynamic { tokens: count, header: Some((header, bits)) }
            }
            _ => return Err(DeflateError::ReservedBlockType),
        })
    }
}

/// The tokens that are not as predicted.
struct Misses {
    /// How many have not been read.
    left: usize,
    /// How many are right before the next one, and the next one: match length minus 2 (0: a
    /// literal) and distance.
    next: Option<(usize, usize, usize)>,
}

impl Misses {
    /// The next token of a block, given the one that zlib would choose.
    fn token(
        &mut self,
        predictor: &Predictor<'_>,
        plain: &[u8],
        predicted: Token,
        recipe: &mut Recipe<'_>,
    ) -> Result<Token, DeflateError> {
        let at = predictor.position();
        if self.next.is_none() && self.left > 0 {
            let (right, len) = (recipe.number()?, recipe.number()?);
            self.next = Some((right, len, if len > 0 { recipe.number()? } else { 0 }));
        }
        match &mut self.next {
            Some((0, len, distance)) => {
                let (len, distance) = (*len, *distance);
                self.left -= 1;
                self.next = None;
                if len == 0 {
                    Ok(Token::literal(plain.get(at).copied().unwrap_or(0)))
                } else {
                    matched(plain, at, len.saturating_add(2), distance)
                }
            }
            Some((right, ..)) => {
                *right -= 1;
                Ok(predicted)
            }
            None => Ok(predicted),
        }
    }
}

/// A match, if it is one.
fn matched(plain: &[u8], at: usize, len: usize, distance: usize) -> Result<Token, DeflateError> {
    let bad = DeflateError::BadRecipe { what: "a match is none" };
    if len > 258 || distance == 0 || distance > 1 << 15 {
        return Err(bad);
    }
    let start = at.checked_sub(distance).ok_or(bad)?;
    let (here, there) = (plain.get(at..at + len), plain.get(start..start + len));
    if here.is_none() || here != there {
        return Err(bad);
    }
    Ok(Token::matched(len, distance))
}
