//! UF2 files: blocks of 512 bytes, each with an address and up to 476 bytes.
//!
//! Source: `README.md` of microsoft/uf2, "File format".

use super::bytes::{index, u32_le};
use super::map::{AddressMap, SegmentKind};
use super::raw;

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
        let block = Self { flags: word(2)?, address: word(3)?, len: word(4)?, number: word(5)?, total: word(6)?, family: word(7)? };
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
