//! The host section of a patch: what a host needs, and a device does not, to give back a file of
//! records.
//!
//! Specified in `docs/format.md`, section 9. It holds how the old file is read, and of the new file
//! its length and digest, its template (see [`crate::image::split`]), and where memory and records
//! differ.

use std::borrow::Cow;

use super::left_out::{self, Run};
use super::lengths;
use super::memory::{self, Part};
use super::{FileError, MakeError, Memory, MemoryOptions};
use crate::device::format::{crc32, Codec, PatchHeader, Tables};
use crate::device::isa::InstructionSet;
use crate::host::apply::{self, apply_body};
use crate::host::budget::{Budget, Stop};
use crate::host::diff::{self, DeviceProfile, DiffOptions};
use crate::host::image::{self, AfterEnd, Overlap, ReadOptions, Split};
use crate::host::put;
use sha2::{Digest as _, Sha256};

/// The tables with which templates are coded.
const TABLES: Tables = Tables { slots: 512, shifts: 8, block_log2: 0 };
/// Nothing that is not hostile comes near.
const MOST_TEMPLATE: u32 = 1 << 26;
/// A record around a single byte takes at most a block of UF2.
const MOST_EXPANSION: u64 = 600;
/// The same for data that is not in the image, which is always long.
const REST_EXPANSION: u64 = 16;
/// What is not in the image may be this long, in bytes, and 16 times what it is made of.
const MOST_REST: u64 = 64 << 20;
/// This many bytes must be saved before the new template needs the old one.
const WORTH: usize = 8;

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

/// How a template is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    Plain = 0,
    /// As the body of a patch from nothing.
    Alone = 1,
    /// As the body of a patch from the template of the old file.
    FromOld = 2,
    /// The same, of the packed template ([`lengths::pack`]).
    Packed = 3,
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
    pub(super) new: Option<NewFile>,
}

/// What the old file of records has besides the image; empty if it is none, or cannot be taken
/// apart.
#[derive(Default)]
pub(super) struct OldText {
    pub(super) template: Vec<u8>,
    /// Data that is not in the image.
    pub(super) rest: Vec<u8>,
}

/// Data of the new file that is not in the image.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rest {
    runs: Vec<Run>,
    /// `bytes` is a patch that makes it of the old file's rest.
    is_patch: bool,
    bytes: Vec<u8>,
}

/// How the new file is written around its image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NewFile {
    len: usize,
    /// The first bytes of its SHA-256.
    digest: [u8; 8],
    /// `None`: they follow from the template.
    parts: Option<Vec<Part>>,
    /// Where the data in the records differs from the image: offset in the data, and bytes.
    exceptions: Vec<(usize, Vec<u8>)>,
    coding: Coding,
    template_len: u32,
    /// The template, coded or not.
    template: Vec<u8>,
    /// The image is the data in the order of the file.
    in_order: bool,
    rest: Option<Rest>,
}

impl NewFile {
    /// Describes a file that was `split`, and read to the `memory`.
    pub(super) fn describe(
        file: &[u8],
        split: &Split<'_>,
        memory: &Memory<'_>,
        options: &MemoryOptions,
        old: &OldText,
        making: &DiffOptions,
    ) -> Result<Self, MakeError> {
        let (data, template) = (&*split.data, &*split.template);
        let (coding, stored_len, coded) = encode(template, &old.template)?;
        let mut made = Self {
            len: file.len(),
            digest: digest(file),
            parts: None,
            exceptions: Vec::new(),
            coding,
            template_len: stored_len as u32,
            template: coded,
            in_order: memory.is_data(),
            rest: None,
        };
        if made.in_order {
            return Ok(made);
        }
        let mut blocks = image::blocks(template).map_err(MakeError::NewFile)?;
        let mut data_in_image = Cow::Borrowed(data);
        if let Some(runs) = left_out::runs(split, options) {
            blocks = left_out::blocks_in_image(&blocks, &runs).unwrap_or_default();
            data_in_image = Cow::Owned(left_out::in_image(data, &runs));
            made.rest = Some(Rest::new(left_out::rest(data, &runs), runs, &old.rest, making)?);
        }
        let (image, parts, fill) = (&memory.image, &memory.parts, options.fill);
        let implied = memory::parts(blocks.iter().map(|block| (block.address, block.len)));
        let held =
            memory::gather(image, parts, &blocks, fill, data_in_image.len())?.unwrap_or_default();
        made.parts = (implied != *parts).then(|| parts.clone());
        made.exceptions = differences(&held, &data_in_image);
        Ok(made)
    }

    /// Length of the file in bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Most bytes that the template takes when the file is made, with the lists of blocks and parts
    /// that are made of it.
    pub(super) fn template_bytes(&self) -> u64 {
        /// An operation has two bytes at least; lists have some 64 for it.
        const LISTS: u64 = 32;
        /// A packed operation has two bits at least, and becomes ten bytes at most.
        const UNPACKED: u64 = 40;
        let len = u64::from(self.template_len);
        // What is not in the image, and the data that it is woven into.
        let rest = self.rest.as_ref().map_or(0, |rest| rest.stated_len().saturating_mul(4));
        rest + match self.coding {
            Coding::Packed => len + (UNPACKED * len).min(u64::from(MOST_TEMPLATE)) * LISTS,
            Coding::Plain | Coding::Alone | Coding::FromOld => len * LISTS,
        }
    }

    /// The file around an image. What the old file has is asked for if it is needed.
    pub(super) fn render(
        &self,
        image: Vec<u8>,
        fill: u8,
        old: impl FnOnce(&mut Budget<'_>) -> Result<OldText, Stop>,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<u8>, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let needs_template = matches!(self.coding, Coding::FromOld | Coding::Packed);
        let needs_rest = self.rest.as_ref().is_some_and(|rest| rest.is_patch);
        let old = match needs_template || needs_rest {
            true => old(budget)?,
            false => OldText::default(),
        };
        let template = self.template(&old)?;
        let rest = match &self.rest {
            Some(rest) => rest
                .decode(&old.rest)
                .ok_or(damaged("what is not in the image cannot be decoded"))?,
            None => Vec::new(),
        };
        let source = image.len() as u64 + u64::from(self.template_len) + 1024;
        if self.len as u64 > MOST_EXPANSION * source + REST_EXPANSION * rest.len() as u64 {
            return Err(damaged("it claims a file that is much too long"));
        }
        let data = match self.in_order {
            true => image,
            false => self.data(&image, fill, &template, &rest)?,
        };
        let file = image::join_within(&data, &template, self.len, budget).map_err(|error| {
            FileError::stopped(&error).unwrap_or(damaged("its template is damaged"))
        })?;
        let found = digest(&file);
        if file.len() != self.len || found != self.digest {
            return Err(FileError::NewFileMismatch { expected: self.digest, found });
        }
        Ok(file)
    }

    /// The template, decoded.
    fn template(&self, old: &OldText) -> Result<Vec<u8>, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let base = match self.coding {
            Coding::Plain => return Ok(self.template.clone()),
            Coding::Alone => &[][..],
            Coding::FromOld | Coding::Packed if old.template.is_empty() => {
                return Err(FileError::NeedsOldText)
            }
            Coding::FromOld | Coding::Packed => &old.template,
        };
        let template = decode(base, &self.template, self.template_len)
            .ok_or(damaged("its template cannot be decoded"))?;
        match self.coding {
            Coding::Packed => {
                lengths::unpack(&template).ok_or(damaged("its template cannot be unpacked"))
            }
            _ => Ok(template),
        }
    }

    /// The data in the order of the file.
    fn data(
        &self,
        image: &[u8],
        fill: u8,
        template: &[u8],
        left_out: &[u8],
    ) -> Result<Vec<u8>, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let mut blocks = image::blocks(template).map_err(|_| damaged("its template is damaged"))?;
        if let Some(rest) = &self.rest {
            blocks = left_out::blocks_in_image(&blocks, &rest.runs)
                .ok_or(damaged("it takes more data than there is"))?;
        }
        let implied = || memory::parts(blocks.iter().map(|block| (block.address, block.len)));
        let parts = self.parts.clone().unwrap_or_else(implied);
        let mut data = memory::gather(image, &parts, &blocks, fill, self.len)?
            .ok_or(damaged("it has more data than the file can hold"))?;
        for (at, bytes) in &self.exceptions {
            let place = at.checked_add(bytes.len()).and_then(|end| data.get_mut(*at..end));
            place.ok_or(damaged("an exception lies behind the data"))?.copy_from_slice(bytes);
        }
        let Some(rest) = &self.rest else { return Ok(data) };
        left_out::weave(&data, left_out, &rest.runs)
            .ok_or(damaged("what is in the image and what is not do not fit together"))
    }
}

impl Rest {
    /// Stores what is left out in the fewest bytes.
    fn new(
        rest: Vec<u8>,
        runs: Vec<Run>,
        old: &[u8],
        making: &DiffOptions,
    ) -> Result<Self, MakeError> {
        let plain = Self { runs, is_patch: false, bytes: rest };
        // No header is shorter.
        if plain.bytes.len() < 64 {
            return Ok(plain);
        }
        // Only computers make it: the device's profile is none of its business.
        let mut options = making.clone().profile(DeviceProfile::esp32()).codec(None).isa(None);
        (options.identity, options.base) = (None, None);
        (options.old_map, options.new_map) = (None, None);
        let patch = diff::diff(old, &plain.bytes, &options)?.bytes;
        if patch.len() >= plain.bytes.len() {
            return Ok(plain);
        }
        Ok(Self { is_patch: true, bytes: patch, ..plain })
    }

    /// How long it is, if it is what it says, and in proportion.
    fn stated_len(&self) -> u64 {
        match PatchHeader::parse(&self.bytes) {
            Ok(Some(header)) if self.is_patch => u64::from(header.new_size),
            _ => self.bytes.len() as u64,
        }
    }

    fn decode(&self, old: &[u8]) -> Option<Vec<u8>> {
        if !self.is_patch {
            return Some(self.bytes.clone());
        }
        let most = MOST_REST + 16 * (old.len() as u64 + self.bytes.len() as u64);
        let is_in_proportion = self.stated_len() <= most;
        is_in_proportion.then(|| apply::apply(old, &self.bytes).ok()).flatten()
    }
}

/// The first bytes of the SHA-256 of a file: they guard against mistakes only, the image in it has
/// its own.
fn digest(file: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(file).into();
    core::array::from_fn(|n| digest[n])
}

/// Where `data` differs from `held`; runs less than 4 bytes apart are one.
fn differences(held: &[u8], data: &[u8]) -> Vec<(usize, Vec<u8>)> {
    const NEAR: usize = 4;
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in data.iter().enumerate() {
        if held.get(at) == Some(byte) {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if at < *end + NEAR => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs.into_iter()
        .map(|(start, end)| (start, data.get(start..end).unwrap_or_default().to_vec()))
        .collect()
}

/// Stores a template in the fewest bytes: how, the length before it was coded, and the bytes.
fn encode(template: &[u8], old: &[u8]) -> Result<(Coding, usize, Vec<u8>), MakeError> {
    let mut best = (Coding::Plain, template.len(), template.to_vec());
    let alone = diff::body(&[], template, TABLES)?;
    if alone.len() + 2 < best.2.len() {
        best = (Coding::Alone, template.len(), alone);
    }
    if !old.is_empty() {
        let from_old = diff::body(old, template, TABLES)?;
        if from_old.len() + WORTH < best.2.len() {
            best = (Coding::FromOld, template.len(), from_old);
        }
        if let Some(packed) = lengths::pack(template) {
            let from_old = diff::body(old, &packed, TABLES)?;
            if from_old.len() < best.2.len() {
                best = (Coding::Packed, packed.len(), from_old);
            }
        }
    }
    Ok(best)
}

fn decode(old: &[u8], coded: &[u8], len: u32) -> Option<Vec<u8>> {
    let header = PatchHeader {
        codec: Codec::Model,
        isa: InstructionSet::Bytes,
        old_size: u32::try_from(old.len()).ok()?,
        new_size: len,
        body_len: u32::try_from(coded.len()).ok()?,
        tables: TABLES,
        ..PatchHeader::default()
    };
    apply_body(old, coded, header).ok()
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
        let new =
            if flags & flag::NEW != 0 { Some(NewFile::parse(fields, flags, more)?) } else { None };
        fields.0.is_empty().then_some(Self {
            old_is_memory: flags & flag::OLD != 0,
            old_in_order: more & more::OLD_IN_ORDER != 0,
            memory,
            new,
        })
    }
}

impl NewFile {
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
