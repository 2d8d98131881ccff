//! The host section of a patch: what a host needs, and a device does not, to give back a file of
//! records.
//!
//! Specified in `docs/format.md`, section 9. It holds how the old file is read, and of the new file
//! its length and digest, its template (see [`crate::host::image::split`]), and where memory and records
//! differ.

use super::lengths;
use super::memory::{self, Part};
use super::FileError;
use super::MakeError;
use crate::device::format::{crc32, Codec, PatchHeader, Tables};
use crate::device::isa::InstructionSet;
use crate::host::apply::apply_body;
use crate::host::diff;
use crate::host::encode::put;
use crate::host::image::{self, AfterEnd, Overlap, ReadOptions};
use sha2::{Digest as _, Sha256};

/// The tables with which templates are coded.
const TABLES: Tables = Tables { slots: 512, map: 8, block_log2: 0 };
/// Nothing that is not hostile comes near.
const MOST_TEMPLATE: u32 = 1 << 26;
/// A record around a single byte takes at most a block of UF2.
const MOST_EXPANSION: u64 = 600;
/// So many bytes must be saved before the new template needs the old one.
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
    /// How it is read.
    pub(super) read: ReadOptions,
    /// What gaps are filled with.
    pub(super) fill: u8,
    pub(super) new: Option<NewFile>,
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
}

impl NewFile {
    /// Describes a file: `data` and `template` are what it was split into, `image` and `parts` the
    /// memory that it was read to.
    pub(super) fn describe(
        file: &[u8],
        (data, template): (&[u8], &[u8]),
        (image, parts): (&[u8], &[Part]),
        fill: u8,
        old_template: &[u8],
    ) -> Result<Self, MakeError> {
        let blocks = image::blocks(template).map_err(MakeError::NewFile)?;
        let implied = memory::parts(blocks.iter().map(|block| (block.address, block.len)));
        let held = memory::gather(image, parts, &blocks, fill, data.len()).unwrap_or_default();
        let (coding, stored_len, coded) = encode(template, old_template)?;
        Ok(Self {
            len: file.len(),
            digest: digest(file),
            parts: (implied != parts).then(|| parts.to_vec()),
            exceptions: differences(&held, data),
            coding,
            template_len: stored_len as u32,
            template: coded,
        })
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
        match self.coding {
            Coding::Packed => len + (UNPACKED * len).min(u64::from(MOST_TEMPLATE)) * LISTS,
            Coding::Plain | Coding::Alone | Coding::FromOld => len * LISTS,
        }
    }

    /// The file around an image. `old_template` is asked for if it is needed.
    pub(super) fn render(
        &self,
        image: &[u8],
        fill: u8,
        old_template: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let most = MOST_EXPANSION * (image.len() as u64 + u64::from(self.template_len) + 1024);
        if self.len as u64 > most {
            return Err(damaged("it claims a file that is much too long"));
        }
        let base = match self.coding {
            Coding::FromOld | Coding::Packed => old_template().ok_or(FileError::NeedsOldText)?,
            Coding::Plain | Coding::Alone => Vec::new(),
        };
        let template = match self.coding {
            Coding::Plain => self.template.clone(),
            Coding::Alone | Coding::FromOld | Coding::Packed => {
                decode(&base, &self.template, self.template_len)
                    .ok_or(damaged("its template cannot be decoded"))?
            }
        };
        let template = match self.coding {
            Coding::Packed => {
                lengths::unpack(&template).ok_or(damaged("its template cannot be unpacked"))?
            }
            _ => template,
        };
        let blocks = image::blocks(&template).map_err(|_| damaged("its template is damaged"))?;
        let implied = || memory::parts(blocks.iter().map(|block| (block.address, block.len)));
        let parts = self.parts.clone().unwrap_or_else(implied);
        let mut data = memory::gather(image, &parts, &blocks, fill, self.len)
            .ok_or(damaged("it has more data than the file can hold"))?;
        for (at, bytes) in &self.exceptions {
            let place = at.checked_add(bytes.len()).and_then(|end| data.get_mut(*at..end));
            place.ok_or(damaged("an exception lies behind the data"))?.copy_from_slice(bytes);
        }
        let file = image::join(&data, &template, self.len)
            .map_err(|_| damaged("its template is damaged"))?;
        let found = digest(&file);
        if file.len() != self.len || found != self.digest {
            return Err(FileError::NewFileMismatch { expected: self.digest, found });
        }
        Ok(file)
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
        let reading = reading(&self.read);
        let mut flags = 0;
        let mut set = |flag, condition: bool| flags |= if condition { flag } else { 0 };
        set(flag::OLD, self.old_is_memory);
        set(flag::FILL, self.fill != 0xff);
        set(flag::READING, self.old_is_memory && reading != 0);
        if let Some(new) = &self.new {
            set(flag::NEW, true);
            set((new.coding as u8) << flag::CODING, true);
            set(flag::PARTS, new.parts.is_some());
            set(flag::EXCEPTIONS, !new.exceptions.is_empty());
        }
        let mut out = vec![flags];
        if flags & flag::FILL != 0 {
            out.push(self.fill);
        }
        if flags & flag::READING != 0 {
            out.push(reading);
        }
        if let Some(new) = &self.new {
            new.emit(&mut out);
        }
        let crc = crc32(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
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
        let read = read_options(if flags & flag::READING != 0 { fields.byte()? } else { 0 })?;
        let new = if flags & flag::NEW != 0 { Some(NewFile::parse(fields, flags)?) } else { None };
        fields.0.is_empty().then_some(Self {
            old_is_memory: flags & flag::OLD != 0,
            read,
            fill,
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
    }

    fn parse(fields: &mut Fields<'_>, flags: u8) -> Option<Self> {
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
        Some(Self { len, digest, parts, exceptions, coding, template_len, template })
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
