//! The recipe of a deflate stream: how to make it from what it holds.

use super::bits::{BitReader, BitWriter};
use super::huffman::{read_codes, zlib_header, Encoder};
use super::inflate::{Block, Stream};
use super::predict::{Predictor, LEVELS};
use super::{DeflateError, Token};
use crate::device::format::Reader;
use crate::host::encode::put;

/// Tokens by which the level is found out.
const SAMPLE: usize = 1 << 14;

/// Types of blocks in a recipe; the first three are those of RFC 1951.
const STORED: u8 = 0;
const FIXED: u8 = 1;
const DYNAMIC: u8 = 2;
/// Its codes are not those that zlib would make.
const DYNAMIC_SPELLED: u8 = 3;

/// How to make the deflate stream at the start of `bytes`, which may hold `limit` bytes at most.
/// Fails for streams that no recipe can make (unused bits that are set), too.
pub(crate) fn analyse(bytes: &[u8], limit: usize) -> Result<Vec<u8>, DeflateError> {
    let stream = Stream::read(bytes, limit, true)?;
    if !stream.is_clean {
        return Err(DeflateError::BadRecipe { what: "unused bits are set" });
    }
    Ok(stream.recipe())
}

impl Stream {
    /// Where the first `most` tokens are not those that zlib would choose: how many are right
    /// before, and the token.
    fn misses(&self, level: u8, most: usize) -> Vec<(u32, Token)> {
        let mut predictor = Predictor::new(&self.plain, level);
        let mut misses = Vec::new();
        let mut right = 0;
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
                    misses.push((core::mem::take(&mut right), *token));
                }
                predictor.advance(*token, predicted);
            }
        }
        misses
    }

    /// The level that explains most, and the misses it leaves.
    fn level(&self) -> (u8, Vec<(u32, Token)>) {
        let sampled: Vec<usize> =
            (1..=LEVELS).map(|level| self.misses(level, SAMPLE).len()).collect();
        let least = sampled.iter().min().copied().unwrap_or(0);
        // Levels differ in rare cases only: the sample may not tell them apart.
        let best = (1..=LEVELS).zip(sampled).filter(|(_, misses)| *misses == least);
        let best = best.map(|(level, _)| (level, self.misses(level, usize::MAX)));
        best.min_by_key(|(_, misses)| misses.len()).unwrap_or((LEVELS, Vec::new()))
    }

    fn recipe(&self) -> Vec<u8> {
        let (level, misses) = self.level();
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
        out
    }
}

/// Makes the deflate stream that holds `plain` as `recipe` says. It has at most `limit` bytes.
pub(crate) fn recreate(plain: &[u8], recipe: &[u8], limit: usize) -> Result<Vec<u8>, DeflateError> {
    let mut reader = Recipe { reader: Reader::new(recipe, 0), bytes: recipe };
    let level = reader.byte()?;
    let blocks = reader.blocks()?;
    let mut misses = Misses { left: reader.number()?, next: None };
    let mut predictor = Predictor::new(plain, level);
    let mut out = BitWriter::default();
    for (i, block) in blocks.iter().enumerate() {
        out.bits(u32::from(i + 1 == blocks.len()), 1);
        match *block {
            Block::Stored(len) => {
                let start = predictor.position();
                let stored = plain.get(start..start.saturating_add(len)).filter(|_| len <= 0xFFFF);
                let stored =
                    stored.ok_or(DeflateError::BadRecipe { what: "a stored block is too long" })?;
                out.bits(STORED.into(), 2);
                out.align();
                out.bits(len as u32, 16);
                out.bits(!len as u32 & 0xFFFF, 16);
                out.bytes(stored);
                predictor.skip(len);
            }
            Block::Fixed(count) => {
                out.bits(FIXED.into(), 2);
                let tokens = misses.tokens(&mut predictor, plain, count, &mut reader)?;
                write(&mut out, &Encoder::fixed(), &tokens)?;
            }
            Block::Dynamic { tokens, ref header, header_bits } => {
                out.bits(DYNAMIC.into(), 2);
                let tokens = misses.tokens(&mut predictor, plain, tokens, &mut reader)?;
                let (header, len) = if header_bits > 0 {
                    (header.clone(), header_bits)
                } else {
                    let header = zlib_header(&tokens);
                    let len = header.len();
                    (header.finish(), len)
                };
                let mut bits = BitReader::new(&header);
                let (literals, distances) = read_codes(&mut bits)?;
                if bits.position() != len {
                    return Err(DeflateError::BadRecipe { what: "the length of a block's codes" });
                }
                let mut copy = BitReader::new(&header);
                for _ in 0..len {
                    out.bits(copy.bit()?, 1);
                }
                write(&mut out, &Encoder::new(&literals, &distances)?, &tokens)?;
            }
        }
        if out.len() / 8 > limit {
            return Err(DeflateError::TooLong { limit });
        }
    }
    if predictor.position() != plain.len()
        || misses.left > 0
        || reader.reader.offset() != recipe.len()
    {
        return Err(DeflateError::BadRecipe { what: "something is left" });
    }
    Ok(out.finish())
}

fn write(out: &mut BitWriter, encoder: &Encoder, tokens: &[Token]) -> Result<(), DeflateError> {
    tokens.iter().try_for_each(|token| encoder.write(out, Some(*token)))?;
    encoder.write(out, None)
}

struct Recipe<'a> {
    reader: Reader<'a>,
    bytes: &'a [u8],
}

impl Recipe<'_> {
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

    fn blocks(&mut self) -> Result<Vec<Block>, DeflateError> {
        let mut blocks = Vec::new();
        for _ in 0..self.number()? {
            let kind = self.byte()?;
            let count = self.number()?;
            blocks.push(match kind {
                STORED => Block::Stored(count),
                FIXED => Block::Fixed(count),
                DYNAMIC => Block::Dynamic { tokens: count, header: Vec::new(), header_bits: 0 },
                DYNAMIC_SPELLED => {
                    let header_bits = self.number()?;
                    let start = self.reader.offset();
                    let len = header_bits.div_ceil(8);
                    let header = self
                        .bytes
                        .get(start..start.saturating_add(len))
                        .ok_or(DeflateError::CutShort)?;
                    self.reader.skip(len);
                    if header_bits == 0 {
                        return Err(DeflateError::BadRecipe {
                            what: "a block's codes are missing",
                        });
                    }
                    Block::Dynamic { tokens: count, header: header.to_vec(), header_bits }
                }
                _ => return Err(DeflateError::ReservedBlockType),
            });
        }
        if blocks.is_empty() {
            return Err(DeflateError::BadRecipe { what: "there is no block" });
        }
        Ok(blocks)
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
    /// The next tokens of a block.
    fn tokens(
        &mut self,
        predictor: &mut Predictor<'_>,
        plain: &[u8],
        count: usize,
        recipe: &mut Recipe<'_>,
    ) -> Result<Vec<Token>, DeflateError> {
        let mut tokens = Vec::new();
        for _ in 0..count {
            let at = predictor.position();
            let byte = *plain
                .get(at)
                .ok_or(DeflateError::BadRecipe { what: "there are more tokens than data" })?;
            let predicted = predictor.predict();
            if self.next.is_none() && self.left > 0 {
                let (right, len) = (recipe.number()?, recipe.number()?);
                self.next = Some((right, len, if len > 0 { recipe.number()? } else { 0 }));
            }
            let token = match &mut self.next {
                Some((0, len, distance)) => {
                    let (len, distance) = (*len, *distance);
                    self.left -= 1;
                    self.next = None;
                    if len == 0 {
                        Token::literal(byte)
                    } else {
                        matched(plain, at, len.saturating_add(2), distance)?
                    }
                }
                Some((right, ..)) => {
                    *right -= 1;
                    predicted
                }
                None => predicted,
            };
            predictor.advance(token, predicted);
            tokens.push(token);
        }
        Ok(tokens)
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
