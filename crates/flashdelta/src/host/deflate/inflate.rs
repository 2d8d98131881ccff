//! Takes a deflate stream apart.

use super::bits::{BitReader, BitWriter};
use super::error::DeflateError;
use super::huffman::{read_codes, Decoder};
use super::token::{Token, DISTANCES, LENGTHS};
use crate::host::budget::{Budget, Halt, Stop};
use crate::host::room;

/// A block costs as much as inflating this many bytes, whatever it holds.
const BLOCK_WORK: usize = 256;

/// Bytes that are taken from the budget at a time.
const STEP: usize = 16 << 10;

/// Streams of more blocks get no recipe: it would be longer than what it saves.
const MOST_BLOCKS: usize = 1 << 20;

/// A deflate stream, taken apart.
pub(super) struct Stream {
    pub(super) plain: Vec<u8>,
    /// Those of all blocks.
    pub(super) tokens: Vec<Token>,
    pub(super) blocks: Vec<Block>,
    /// Length of the stream in bytes.
    pub(super) len: usize,
    /// Whether all bits that say nothing are zero.
    pub(super) is_clean: bool,
}

/// A block: how much it holds, and how.
pub(super) enum Block {
    /// This many bytes as they are.
    Stored(usize),
    /// This many tokens, in the fixed codes.
    Fixed(usize),
    /// This many tokens, in codes of its own, which these bits describe.
    Dynamic { tokens: usize, header: Vec<u8>, header_bits: usize },
}

/// What a deflate stream holds, and its own length in bytes. It may not hold more than `limit`
/// bytes, which are taken from the budget as they are made.
pub(crate) fn inflate(
    bytes: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<(Vec<u8>, usize), Halt<DeflateError>> {
    Stream::read(bytes, limit, false, budget).map(|stream| (stream.plain, stream.len))
}

impl Stream {
    /// Reads a stream that holds at most `limit` bytes, and lists its tokens and blocks if `keep`
    /// is set.
    pub(crate) fn read(
        bytes: &[u8],
        limit: usize,
        keep: bool,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Halt<DeflateError>> {
        let mut stream = Self {
            plain: Vec::new(),
            tokens: Vec::new(),
            blocks: Vec::new(),
            len: 0,
            is_clean: true,
        };
        let mut bits = BitReader::new(bytes);
        loop {
            let last = bits.bit()? == 1;
            let kind = bits.bits(2)?;
            let block = match kind {
                0 => stream.stored(&mut bits, limit, budget)?,
                1 => {
                    let (literals, distances) = Decoder::fixed();
                    let codes = (&literals, &distances);
                    Block::Fixed(stream.tokens(&mut bits, codes, limit, keep, budget)?)
                }
                2 => {
                    let (start, mut copy) = (bits.position(), bits.clone());
                    let (literals, distances) = read_codes(&mut bits)?;
                    let mut header = BitWriter::default();
                    for _ in start..bits.position() {
                        header.bits(copy.bit()?, 1);
                    }
                    let (literals, distances) =
                        (Decoder::new(&literals)?, Decoder::new(&distances)?);
                    let codes = (&literals, &distances);
                    let tokens = stream.tokens(&mut bits, codes, limit, keep, budget)?;
                    Block::Dynamic { tokens, header_bits: header.len(), header: header.finish() }
                }
                _ => return Err(DeflateError::ReservedBlockType.into()),
            };
            budget.work(BLOCK_WORK as u64)?;
            if keep {
                if stream.blocks.len() == MOST_BLOCKS {
                    return Err(DeflateError::BadRecipe { what: "too many blocks" }.into());
                }
                stream.blocks.push(block);
            }
            if last {
                stream.is_clean &= bits.align()?;
                stream.len = bits.position() / 8;
                return Ok(stream);
            }
        }
    }

    /// Makes room for what is made before the next step, and its tokens.
    fn make_room(&mut self, keep: bool) -> Result<(), Stop> {
        const LONGEST: usize = 258;
        room::reserve(&mut self.plain, STEP + LONGEST)?;
        room::reserve(&mut self.tokens, if keep { STEP + LONGEST } else { 0 })
    }

    fn stored(
        &mut self,
        bits: &mut BitReader<'_>,
        limit: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Block, Halt<DeflateError>> {
        self.is_clean &= bits.align()?;
        let len = bits.bits(16)?;
        if bits.bits(16)? != !len & 0xFFFF {
            return Err(DeflateError::StoredLength.into());
        }
        let len = len as usize;
        let bytes = bits.bytes(len)?;
        if self.plain.len() + len > limit {
            return Err(DeflateError::TooLong { limit }.into());
        }
        charge(budget, len)?;
        room::extend(&mut self.plain, bytes)?;
        Ok(Block::Stored(len))
    }

    /// Reads the tokens of a block; tells how many.
    fn tokens(
        &mut self,
        bits: &mut BitReader<'_>,
        (literals, distances): (&Decoder, &Decoder),
        limit: usize,
        keep: bool,
        budget: &mut Budget<'_>,
    ) -> Result<usize, Halt<DeflateError>> {
        let mut count = 0;
        let mut charged = self.plain.len();
        self.make_room(keep)?;
        loop {
            let symbol = literals.read(bits)?;
            let token = match symbol {
                0..=255 => Token::literal(symbol as u8),
                256 => {
                    charge(budget, self.plain.len() - charged)?;
                    return Ok(count);
                }
                _ => {
                    let len = value(&LENGTHS, symbol - 257, bits)?;
                    let distance = value(&DISTANCES, distances.read(bits)?, bits)?;
                    Token::matched(len, distance)
                }
            };
            if self.plain.len() + token.len() > limit {
                return Err(DeflateError::TooLong { limit }.into());
            }
            if self.plain.len() - charged >= STEP {
                charge(budget, self.plain.len() - charged)?;
                charged = self.plain.len();
                self.make_room(keep)?;
            }
            match token.as_match() {
                None => self.plain.push(symbol as u8),
                Some((len, distance)) => {
                    let start =
                        self.plain.len().checked_sub(distance).ok_or(DeflateError::TooFarBack)?;
                    for at in start..start + len {
                        self.plain.push(self.plain[at]);
                    }
                }
            }
            if keep {
                self.tokens.push(token);
            }
            count += 1;
        }
    }
}

fn charge(budget: &mut Budget<'_>, len: usize) -> Result<(), Halt<DeflateError>> {
    budget.take(len as u64)?;
    Ok(budget.work(len as u64)?)
}

/// The value of a code: base and extra bits.
fn value(table: &[(u16, u8)], code: u16, bits: &mut BitReader<'_>) -> Result<usize, DeflateError> {
    let (base, extra) = table.get(usize::from(code)).ok_or(DeflateError::UnknownCode)?;
    Ok(usize::from(*base) + bits.bits((*extra).into())? as usize)
}
