//! Takes a deflate stream apart.

use super::bits::{BitReader, BitWriter};
use super::huffman::{read_codes, Decoder};
use super::{DeflateError, Token, DISTANCES, LENGTHS};

/// A deflate stream, taken apart.
pub(super) struct Stream {
    pub(super) plain: Vec<u8>,
    /// Those of all blocks.
    pub(super) tokens: Vec<Token>,
    pub(super) blocks: Vec<Block>,
    /// Length of the stream in bytes.
    pub(super) len: usize,
    /// Are all bits that say nothing zero?
    pub(super) is_clean: bool,
}

/// A block: how much it holds, and how.
pub(super) enum Block {
    /// So many bytes as they are.
    Stored(usize),
    /// So many tokens, in the fixed codes.
    Fixed(usize),
    /// So many tokens, in codes of its own, which these bits describe.
    Dynamic { tokens: usize, header: Vec<u8>, header_bits: usize },
}

/// What a deflate stream holds, and its own length in bytes. It may not hold more than `limit`
/// bytes.
pub(crate) fn inflate(bytes: &[u8], limit: usize) -> Result<(Vec<u8>, usize), DeflateError> {
    Stream::read(bytes, limit, false).map(|stream| (stream.plain, stream.len))
}

impl Stream {
    /// Reads a stream that holds at most `limit` bytes, and lists its tokens if `keep` is set.
    pub(crate) fn read(bytes: &[u8], limit: usize, keep: bool) -> Result<Self, DeflateError> {
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
                0 => stream.stored(&mut bits, limit)?,
                1 => {
                    let (literals, distances) = Decoder::fixed();
                    Block::Fixed(stream.tokens(&mut bits, &literals, &distances, limit, keep)?)
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
                    let tokens = stream.tokens(&mut bits, &literals, &distances, limit, keep)?;
                    Block::Dynamic { tokens, header_bits: header.len(), header: header.finish() }
                }
                _ => return Err(DeflateError::ReservedBlockType),
            };
            stream.blocks.push(block);
            if last {
                stream.is_clean &= bits.align()?;
                stream.len = bits.position() / 8;
                return Ok(stream);
            }
        }
    }

    fn stored(&mut self, bits: &mut BitReader<'_>, limit: usize) -> Result<Block, DeflateError> {
        self.is_clean &= bits.align()?;
        let len = bits.bits(16)?;
        if bits.bits(16)? != !len & 0xFFFF {
            return Err(DeflateError::StoredLength);
        }
        let len = len as usize;
        let bytes = bits.bytes(len)?;
        if self.plain.len() + len > limit {
            return Err(DeflateError::TooLong { limit });
        }
        self.plain.extend_from_slice(bytes);
        Ok(Block::Stored(len))
    }

    /// Reads the tokens of a block; tells how many.
    fn tokens(
        &mut self,
        bits: &mut BitReader<'_>,
        literals: &Decoder,
        distances: &Decoder,
        limit: usize,
        keep: bool,
    ) -> Result<usize, DeflateError> {
        let mut count = 0;
        loop {
            let symbol = literals.read(bits)?;
            let token = match symbol {
                0..=255 => Token::literal(symbol as u8),
                256 => return Ok(count),
                _ => {
                    let len = value(&LENGTHS, symbol - 257, bits)?;
                    let distance = value(&DISTANCES, distances.read(bits)?, bits)?;
                    Token::matched(len, distance)
                }
            };
            if self.plain.len() + token.len() > limit {
                return Err(DeflateError::TooLong { limit });
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

/// The value of a code: base and extra bits.
fn value(table: &[(u16, u8)], code: u16, bits: &mut BitReader<'_>) -> Result<usize, DeflateError> {
    let (base, extra) = table.get(usize::from(code)).ok_or(DeflateError::UnknownCode)?;
    Ok(usize::from(*base) + bits.bits((*extra).into())? as usize)
}
