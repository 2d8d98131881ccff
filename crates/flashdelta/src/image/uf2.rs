//! UF2 files: blocks of 512 bytes, each with an address and up to 476 bytes.
//!
//! Source: `README.md` of microsoft/uf2, "File format".

use super::bytes::{index, slice, u32_le};
use super::map::{AddressMap, SegmentKind};
use super::memory::{Collector, Image, ReadOptions};
use super::records::{Control, Habits, Writer};
use super::{raw, Format, ImageError};

/// Length of a block.
pub const BLOCK: usize = 512;
/// Flag: the block is not for the main flash.
pub const FLAG_NOT_FLASH: u32 = 0x0000_0001;
/// Flag: the block belongs to a file container.
pub const FLAG_FILE: u32 = 0x0000_1000;
/// Flag: the word at 28 is a family id (otherwise the size of the file).
pub const FLAG_FAMILY: u32 = 0x0000_2000;

const MAGIC: [u32; 2] = [0x0a32_4655, 0x9e5d_5157];
const MAGIC_END: u32 = 0x0ab1_6f30;
const MAX_PAYLOAD: u32 = 476;
const HEADER: usize = 32;

/// The header of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Flag bits.
    pub flags: u32,
    /// Where the bytes go.
    pub address: u32,
    /// How many bytes, at most 476.
    pub len: u32,
    /// Number of the block, from 0.
    pub number: u32,
    /// How many blocks there are.
    pub total: u32,
    /// Family id, or size of the file.
    pub family: u32,
}

impl Block {
    /// Reads the header of the block at `at`.
    pub fn parse(file: &[u8], at: usize) -> Option<Self> {
        let word = |n: usize| u32_le(file, at.checked_add(n * 4)?);
        if [word(0)?, word(1)?] != MAGIC || word(127)? != MAGIC_END {
            return None;
        }
        let block = Self {
            flags: word(2)?,
            address: word(3)?,
            len: word(4)?,
            number: word(5)?,
            total: word(6)?,
            family: word(7)?,
        };
        (block.len <= MAX_PAYLOAD).then_some(block)
    }

    /// Is it for the main flash?
    pub fn is_flash(&self) -> bool {
        self.flags & (FLAG_NOT_FLASH | FLAG_FILE) == 0
    }
}

/// Does this begin like a UF2 file?
pub fn is(file: &[u8]) -> bool {
    Block::parse(file, 0).is_some()
}

/// Maps the payload of each block.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let mut content = Vec::new();
    for at in (0..file.len()).step_by(BLOCK) {
        let Some(block) = Block::parse(file, at).filter(Block::is_flash) else { continue };
        let range = at + HEADER..at + HEADER + index(block.len);
        content.extend_from_slice(file.get(range.clone()).unwrap_or_default());
        map.push(range, block.address, SegmentKind::Unknown);
    }
    raw::describe(&content, map);
}

/// Reads a file: the blocks for the main flash.
///
/// # Errors
/// A block without its magic words or with too long a payload, addresses beyond 32 bits, and overlaps. (Blocks may stand in any order.)
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    let mut collector = Collector::with_capacity(file.len());
    let damaged = |offset, problem| ImageError::BadContainer { format: Format::Uf2, offset, problem };
    for at in (0..file.len()).step_by(BLOCK) {
        let Some(block) = Block::parse(file, at) else {
            if options.skip_garbage {
                continue;
            }
            return Err(damaged(at, "this is no UF2 block (cut off, or something else appended?)"));
        };
        if block.is_flash() {
            let start = collector.data.len();
            let payload = slice(file, at + HEADER, index(block.len)).ok_or_else(|| damaged(at, "cut off"))?;
            collector.data.extend_from_slice(payload);
            collector.place(start, u64::from(block.address), (0, 0))?;
        }
    }
    let segments = collector.finish(options.overlap)?;
    if segments.is_empty() {
        return Err(ImageError::Empty);
    }
    Ok(Image { format: Format::Uf2, segments, entry: None, header: None })
}

/// Writes blocks.
#[derive(Clone)]
pub(crate) struct Uf2Writer {
    habits: Habits,
    number: u32,
}

impl Writer for Uf2Writer {
    const MAX_LEN: usize = MAX_PAYLOAD as usize;

    fn new(habits: Habits) -> Self {
        Self { habits: Habits { line_end: b"", ..habits }, number: 0 }
    }

    fn habits(&mut self) -> &mut Habits {
        &mut self.habits
    }

    fn next_len(&self, _address: u32) -> usize {
        self.habits.len
    }

    fn data(&mut self, address: u32, data: &[u8], _force: bool, out: &mut Vec<u8>) {
        let start = out.len();
        let [flags, family, total] = self.habits.block;
        for word in [MAGIC[0], MAGIC[1], flags, address, data.len() as u32, self.number, total, family] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(data);
        out.resize(start + BLOCK - 4, 0);
        out.extend_from_slice(&MAGIC_END.to_le_bytes());
        self.number = self.number.wrapping_add(1);
    }

    /// A record is a whole block, which tells what the following ones look like.
    fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        if let Control::Record { data, .. } = control {
            if let Some(block) = Block::parse(data, 0) {
                self.habits.block = [block.flags & !(FLAG_NOT_FLASH | FLAG_FILE), block.family, block.total];
                self.number = block.number.wrapping_add(1);
            }
            out.extend_from_slice(data);
        }
    }
}
