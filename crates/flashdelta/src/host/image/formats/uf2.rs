//! UF2 files: blocks of 512 bytes, each with an address and up to 476 bytes.
//!
//! Source: `README.md` of microsoft/uf2, "File format".

use std::collections::BTreeMap;

use super::raw;
use crate::host::image::bytes::{index, slice, u32_le};
use crate::host::image::map::{AddressMap, SegmentKind};
use crate::host::image::memory::{Collector, Image, ReadOptions};
use crate::host::image::records::{Control, Habits, Writer};
use crate::host::image::{Format, ImageError};

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
/// Where in a block the magic words stand, counted in words, and what is said if one is another.
const MAGIC_WORDS: [(usize, u32, &str); 3] = [
    (0, MAGIC[0], "the first word must be 0x0a324655"),
    (1, MAGIC[1], "the second word must be 0x9e5d5157"),
    (127, MAGIC_END, "the last word must be 0x0ab16f30"),
];
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
    /// Reads the header of the block at `at`; `None` if it is damaged.
    pub fn parse(file: &[u8], at: usize) -> Option<Self> {
        Self::read(file, at).ok()
    }

    /// The same; what must be, and what is, if it is damaged.
    fn read(file: &[u8], at: usize) -> Result<Self, (&'static str, u32)> {
        let Some(bytes) = slice(file, at, BLOCK) else {
            return Err(("a block has 0x200 bytes", file.len().saturating_sub(at) as u32));
        };
        // The block has so many words.
        let word = |n: usize| u32_le(bytes, n * 4).unwrap_or(0);
        for (n, magic, problem) in MAGIC_WORDS {
            if word(n) != magic {
                return Err((problem, word(n)));
            }
        }
        let block = Self {
            flags: word(2),
            address: word(3),
            len: word(4),
            number: word(5),
            total: word(6),
            family: word(7),
        };
        if block.len > MAX_PAYLOAD {
            return Err(("the payload has at most 0x1dc bytes", block.len));
        }
        Ok(block)
    }

    /// Is it for the main flash?
    pub fn is_flash(&self) -> bool {
        self.flags & (FLAG_NOT_FLASH | FLAG_FILE) == 0
    }

    /// The chip it is for, if it says so.
    fn family(&self) -> Option<u32> {
        (self.flags & FLAG_FAMILY != 0).then_some(self.family)
    }
}

/// Does this begin like a UF2 file? Two of the three magic words are enough: a damaged one is not
/// taken for something else.
pub fn is(file: &[u8]) -> bool {
    MAGIC_WORDS.iter().filter(|(n, magic, _)| u32_le(file, n * 4) == Some(*magic)).count() >= 2
}

/// Are the blocks for several kinds of chips? Then they may share addresses.
pub(crate) fn has_several_families(file: &[u8]) -> bool {
    let mut families =
        (0..file.len()).step_by(BLOCK).filter_map(|at| Some(Block::parse(file, at)?.family()));
    let first = families.next();
    families.any(|family| Some(family) != first)
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
/// [`ImageError::BadBlock`] without its magic words or with a payload or number that cannot be;
/// [`ImageError::MissingBlock`], unless checksums are ignored; addresses beyond 32 bits, and
/// overlaps. Blocks may stand in any order, and be numbered for each family or for all.
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    let mut collector = Collector::with_capacity(file.len());
    let mut blocks = Vec::new();
    for (index_in_file, at) in (0..file.len()).step_by(BLOCK).enumerate() {
        let damaged = |(problem, found)| ImageError::BadBlock {
            block: index_in_file,
            offset: at,
            problem,
            found,
        };
        let block = match Block::read(file, at) {
            Ok(block) => block,
            Err(_) if options.skip_garbage => continue,
            Err(problem) => return Err(damaged(problem)),
        };
        if block.number >= block.total && !options.ignore_checksums {
            return Err(damaged((
                "the number of a block must be below the number of blocks",
                block.number,
            )));
        }
        if !is_workaround(file, at, &block) {
            blocks.push((index_in_file, block));
        }
        if block.is_flash() {
            let start = collector.data.len();
            // `read` has seen the whole block.
            collector
                .data
                .extend_from_slice(slice(file, at + HEADER, index(block.len)).unwrap_or_default());
            collector.place(start, u64::from(block.address), (0, 0))?;
        }
    }
    let segments = collector.finish(options.overlap)?;
    if !options.ignore_checksums && !options.skip_garbage {
        check_numbers(&blocks, file.len().div_ceil(BLOCK))?;
    }
    if segments.is_empty() {
        return Err(ImageError::Empty);
    }
    Ok(Image { format: Format::Uf2, segments, entry: None, header: None })
}

/// The block that picotool puts in front because of erratum E10 of the RP2350: one "of two", which
/// never come.
fn is_workaround(file: &[u8], at: usize, block: &Block) -> bool {
    const ABSOLUTE: u32 = 0xe48b_ff57;
    let payload = slice(file, at + HEADER, index(block.len)).unwrap_or_default();
    block.family() == Some(ABSOLUTE) && block.total == 2 && payload.iter().all(|byte| *byte == 0xef)
}

/// Blocks that are numbered together, in the order of the file: place in the file, and number.
type Numbers = Vec<(usize, u32)>;

/// Is every number there? They count the blocks of one family, or those of the whole file; several
/// files may have been joined.
fn check_numbers(blocks: &[(usize, Block)], end: usize) -> Result<(), ImageError> {
    let mut by_family: BTreeMap<(u32, Option<u32>), Numbers> = BTreeMap::new();
    let mut by_total: BTreeMap<u32, Numbers> = BTreeMap::new();
    for (place, block) in blocks {
        by_family.entry((block.total, block.family())).or_default().push((*place, block.number));
        by_total.entry(block.total).or_default().push((*place, block.number));
    }
    let family =
        by_family.iter().try_for_each(|((total, _), numbers)| check_group(*total, numbers, end));
    let all = by_total.iter().try_for_each(|(total, numbers)| check_group(*total, numbers, end));
    // If no number is there twice they were meant to count the whole file.
    let is_one_count = by_total.values().all(|numbers| {
        let mut sorted: Vec<u32> = numbers.iter().map(|(_, number)| *number).collect();
        sorted.sort_unstable();
        sorted.windows(2).all(|pair| pair[0] != pair[1])
    });
    if is_one_count {
        family.or(all)
    } else {
        all.or(family)
    }
}

/// Is each number below `total` there, and as often as the others?
fn check_group(total: u32, numbers: &[(usize, u32)], end: usize) -> Result<(), ImageError> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for (_, number) in numbers {
        *counts.entry(*number).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    // The first that is missing is reached before as many steps as there are numbers.
    let is_missing = |number: &u32| counts.get(number).copied().unwrap_or(0) < most;
    let Some(number) = (0..total).find(is_missing) else { return Ok(()) };
    let before = number.checked_sub(1);
    let mut last = None;
    let here = numbers.iter().find(|(_, found)| {
        let is_here = last == before && *found != number;
        last = Some(*found).filter(|found| found + 1 != total);
        is_here
    });
    let block = here.map_or(end, |(place, _)| *place);
    Err(ImageError::MissingBlock {
        number,
        total,
        found: numbers.len(),
        block,
        offset: block * BLOCK,
    })
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
        for word in
            [MAGIC[0], MAGIC[1], flags, address, data.len() as u32, self.number, total, family]
        {
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
                self.habits.block =
                    [block.flags & !(FLAG_NOT_FLASH | FLAG_FILE), block.family, block.total];
                self.number = block.number.wrapping_add(1);
            }
            out.extend_from_slice(data);
        }
    }
}
