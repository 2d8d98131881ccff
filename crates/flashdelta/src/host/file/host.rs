//! The host section of a patch: what a host needs, and a device does not, to give back a file of
//! records.
//!
//! Specified in `docs/format.md`, section 9. It holds how the old file is read, and of the new file
//! its length and digest, its template (see [`crate::image::split`]), and where memory and records
//! differ.

use super::left_out::Run;
use super::memory::Part;
use super::recipe::{Coding, FileRecipe, Rest, MOST_TEMPLATE};
use super::{FileError, MemoryOptions};
use crate::device::format::crc32;
use crate::host::image::{AfterEnd, Overlap, ReadOptions};
use crate::host::put;

/// Flags of a section.
mod flag {
    /// The old image is the memory of a file of records.
    pub(super) const OLD: u8 = 1;
    /// The new file is one of records.
    pub(super) const NEW: u8 = 2;
    /// From here: how the template is stored.
    pub(super) const CODING: u8 = 2;
    pub(super) const PARTS: u8 = 16;
    pub(super) const EXCEPTIONS: u8 = 32;
    pub(super) const FILL: u8 = 64;
    pub(super) const READING: u8 = 128;
}

/// Bit of the byte that says how the old file is read: a byte of [`more`] follows.
const MORE: u8 = 64;

/// Flags for files that hold more than the image.
mod more {
    pub(super) const UNKNOWN_RECORDS: u8 = 1;
    pub(super) const FAMILY: u8 = 2;
    pub(super) const BOARD: u8 = 4;
    pub(super) const PART: u8 = 8;
    pub(super) const RANGE: u8 = 16;
    pub(super) const OLD_IN_ORDER: u8 = 32;
    pub(super) const NEW_IN_ORDER: u8 = 64;
    pub(super) const REST: u8 = 128;
}

/// A host section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HostSection {
    /// The old image is the memory of a file of records.
    pub(super) old_is_memory: bool,
    /// Its memories are in the order of the file.
    pub(super) old_in_order: bool,
    /// How it is read.
    pub(super) memory: MemoryOptions,
    pub(super) new: Option<FileRecipe>,
}

impl HostSection {
    pub(super) fn emit(&self) -> Vec<u8> {
        let more = self.more();
        let reading = if self.old_is_memory { reading(&self.memory.read) } else { 0 };
        let reading = reading | if more == 0 { 0 } else { MORE };
        let mut flags = 0;
        let mut set = |flag, condition: bool| flags |= if condition { flag } else { 0 };
        set(flag::OLD, self.old_is_memory);
        set(flag::FILL, self.memory.fill != 0xff);
        set(flag::READING, reading != 0);
        if let Some(new) = &self.new {
            set(flag::NEW, true);
            set((new.coding as u8) << flag::CODING, true);
            set(flag::PARTS, new.parts.is_some());
            set(flag::EXCEPTIONS, !new.exceptions.is_empty());
        }
        let mut out = vec![flags];
        if flags & flag::FILL != 0 {
            out.push(self.memory.fill);
        }
        if flags & flag::READING != 0 {
            out.push(reading);
        }
        if more != 0 {
            self.emit_more(more, &mut out);
        }
        if let Some(new) = &self.new {
            new.emit(&mut out);
        }
        let crc = crc32(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// What there is that most files do not have.
    fn more(&self) -> u8 {
        let MemoryOptions { read, range, .. } = &self.memory;
        let mut more = 0;
        let mut set = |flag, condition: bool| more |= if condition { flag } else { 0 };
        if self.old_is_memory {
            set(more::UNKNOWN_RECORDS, read.unknown_records);
            set(more::FAMILY, read.select.family.is_some());
            set(more::BOARD, read.select.board.is_some());
            set(more::PART, read.select.part.is_some());
            set(more::RANGE, range.is_some());
        }
        set(more::OLD_IN_ORDER, self.old_in_order);
        set(more::NEW_IN_ORDER, self.new.as_ref().is_some_and(|new| new.in_order));
        set(more::REST, self.new.as_ref().is_some_and(|new| new.rest.is_some()));
        more
    }

    fn emit_more(&self, more: u8, out: &mut Vec<u8>) {
        let MemoryOptions { read, range, .. } = &self.memory;
        out.push(more);
        if let Some(family) = read.select.family.filter(|_| more & more::FAMILY != 0) {
            out.extend_from_slice(&family.to_le_bytes());
        }
        if let Some(board) = read.select.board.filter(|_| more & more::BOARD != 0) {
            out.extend_from_slice(&board.to_le_bytes());
        }
        if let Some(part) = read.select.part.filter(|_| more & more::PART != 0) {
            put::varint(out, part.into());
        }
        if let Some((from, to)) = range.filter(|_| more & more::RANGE != 0) {
            // The last address: one past it need not fit.
            let last = u32::try_from(to.saturating_sub(1)).unwrap_or(u32::MAX);
            out.extend_from_slice(&from.to_le_bytes());
            out.extend_from_slice(&last.to_le_bytes());
        }
    }

    fn parse_more(fields: &mut Fields<'_>, memory: &mut MemoryOptions) -> Option<u8> {
        let more = fields.byte()?;
        let read = &mut memory.read;
        read.unknown_records = more & more::UNKNOWN_RECORDS != 0;
        if more & more::FAMILY != 0 {
            read.select.family = Some(fields.word()?);
        }
        if more & more::BOARD != 0 {
            read.select.board = Some(u16::from_le_bytes(*fields.bytes(2)?.first_chunk()?));
        }
        if more & more::PART != 0 {
            read.select.part = Some(u16::try_from(fields.number()?).ok()?);
        }
        if more & more::RANGE != 0 {
            let (from, last) = (fields.word()?, fields.word()?);
            memory.range = Some((from, u64::from(last) + 1));
        }
        Some(more)
    }

    /// Reads a section.
    pub(super) fn parse(section: &[u8]) -> Result<Self, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let (content, crc) = section.split_last_chunk::<4>().ok_or(damaged("it is too short"))?;
        if crc32(content) != u32::from_le_bytes(*crc) {
            return Err(damaged("its checksum is wrong"));
        }
        Self::parse_fields(&mut Fields(content)).ok_or(damaged("it is not in order"))
    }

    fn parse_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let flags = fields.byte()?;
        let fill = if flags & flag::FILL != 0 { fields.byte()? } else { 0xff };
        let reading = if flags & flag::READING != 0 { fields.byte()? } else { 0 };
        let read = read_options(reading & !MORE)?;
        let mut memory = MemoryOptions { read, fill, range: None };
        let is_more = reading & MORE != 0;
        let more = if is_more { Self::parse_more(fields, &mut memory)? } else { 0 };
        let new = if flags & flag::NEW != 0 {
            Some(FileRecipe::parse(fields, flags, more)?)
        } else {
            None
        };
        fields.0.is_empty().then_some(Self {
            old_is_memory: flags & flag::OLD != 0,
            old_in_order: more & more::OLD_IN_ORDER != 0,
            memory,
            new,
        })
    }
}

impl FileRecipe {
    fn emit(&self, out: &mut Vec<u8>) {
        put::varint(out, self.len as u32);
        out.extend_from_slice(&self.digest);
        put::varint(out, self.template_len);
        if self.coding != Coding::Plain {
            put::varint(out, self.template.len() as u32);
        }
        out.extend_from_slice(&self.template);
        if let Some(parts) = &self.parts {
            put::varint(out, parts.len() as u32);
            for part in parts {
                out.extend_from_slice(&part.address.to_le_bytes());
                put::varint(out, part.len as u32);
            }
        }
        if !self.exceptions.is_empty() {
            put::varint(out, self.exceptions.len() as u32);
            let mut end = 0;
            for (at, bytes) in &self.exceptions {
                put::varint(out, (at - end) as u32);
                put::varint(out, bytes.len() as u32);
                out.extend_from_slice(bytes);
                end = at + bytes.len();
            }
        }
        if let Some(rest) = &self.rest {
            put::varint(out, rest.runs.len() as u32);
            for run in &rest.runs {
                put::varint(out, run.skip as u32);
                put::varint(out, run.take as u32);
            }
            out.push(u8::from(rest.is_patch));
            put::varint(out, rest.bytes.len() as u32);
            out.extend_from_slice(&rest.bytes);
        }
    }

    fn parse(fields: &mut Fields<'_>, flags: u8, more: u8) -> Option<Self> {
        let coding = match flags >> flag::CODING & 3 {
            0 => Coding::Plain,
            1 => Coding::Alone,
            2 => Coding::FromOld,
            _ => Coding::Packed,
        };
        let len = fields.number()? as usize;
        let digest = *fields.bytes(8)?.first_chunk()?;
        let template_len = fields.number().filter(|len| *len <= MOST_TEMPLATE)?;
        let stored = if coding == Coding::Plain { template_len } else { fields.number()? };
        let template = fields.bytes(stored)?.to_vec();
        let mut parts = None;
        if flags & flag::PARTS != 0 {
            let mut list = Vec::new();
            let mut offset = 0usize;
            for _ in 0..fields.number()? {
                let address = u32::from_le_bytes(*fields.bytes(4)?.first_chunk()?);
                let len = fields.number()? as usize;
                list.push(Part { address, offset, len });
                offset = offset.saturating_add(len);
            }
            parts = Some(list);
        }
        let mut exceptions = Vec::new();
        if flags & flag::EXCEPTIONS != 0 {
            let mut end = 0usize;
            for _ in 0..fields.number()? {
                let at = end.saturating_add(fields.number()? as usize);
                let len = fields.number()?;
                exceptions.push((at, fields.bytes(len)?.to_vec()));
                end = at.saturating_add(len as usize);
            }
        }
        let in_order = more & more::NEW_IN_ORDER != 0;
        let rest = if more & more::REST != 0 { Some(Rest::parse(fields)?) } else { None };
        Some(Self {
            len,
            digest,
            parts,
            exceptions,
            coding,
            template_len,
            template,
            in_order,
            rest,
        })
    }
}

impl Rest {
    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let mut runs = Vec::new();
        for _ in 0..fields.number()? {
            let (skip, take) = (fields.number()? as usize, fields.number()? as usize);
            runs.push(Run { skip, take });
        }
        let is_patch = match fields.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let len = fields.number()?;
        Some(Self { runs, is_patch, bytes: fields.bytes(len)?.to_vec() })
    }
}

/// The fields that have not been read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, len: u32) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len as usize)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A `u32le`.
    fn word(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes(4)?.first_chunk()?))
    }

    /// A `varint`.
    fn number(&mut self) -> Option<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).ok();
            }
        }
        None
    }
}

/// How a file of records is read, as a byte.
fn reading(options: &ReadOptions) -> u8 {
    let overlap = match options.overlap {
        Overlap::Refuse => 0,
        Overlap::AcceptSame => 1,
        Overlap::FirstWins => 2,
        Overlap::LastWins => 3,
    };
    let after_end = match options.after_end {
        AfterEnd::Refuse => 0,
        AfterEnd::Ignore => 1,
        AfterEnd::Read => 2,
    };
    overlap
        | after_end << 2
        | u8::from(options.ignore_checksums) << 4
        | u8::from(options.skip_garbage) << 5
}

fn read_options(byte: u8) -> Option<ReadOptions> {
    let overlap = [Overlap::Refuse, Overlap::AcceptSame, Overlap::FirstWins, Overlap::LastWins]
        [usize::from(byte & 3)];
    let after_end = match byte >> 2 & 3 {
        0 => AfterEnd::Refuse,
        1 => AfterEnd::Ignore,
        2 => AfterEnd::Read,
        _ => return None,
    };
    if byte >> 6 != 0 {
        return None;
    }
    let (ignore_checksums, skip_garbage) = (byte & 16 != 0, byte & 32 != 0);
    Some(ReadOptions {
        overlap,
        after_end,
        ignore_checksums,
        skip_garbage,
        ..ReadOptions::default()
    })
}
