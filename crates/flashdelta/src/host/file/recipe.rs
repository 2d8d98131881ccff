//! How a new file of records is written around its image: what of it the image does not tell.

use std::borrow::Cow;

use super::left_out::{self, Run};
use super::lengths;
use super::memory::{self, Part};
use super::{FileError, MakeError, Memory, MemoryOptions};
use crate::device::format::{Codec, PatchHeader, Tables};
use crate::device::isa::InstructionSet;
use crate::host::apply::{self, apply_body};
use crate::host::budget::{Budget, Stop};
use crate::host::diff::{self, DeviceProfile, DiffOptions};
use crate::host::image::{self, Block, Split};
use sha2::{Digest as _, Sha256};

/// The tables with which templates are coded.
const TABLES: Tables = Tables { slots: 512, shifts: 8, block_log2: 0 };
/// Nothing that is not hostile comes near.
pub(super) const MOST_TEMPLATE: u32 = 1 << 26;
/// A record around a single byte takes at most a block of UF2.
const MOST_EXPANSION: u64 = 600;
/// The same for data that is not in the image, which is always long.
const REST_EXPANSION: u64 = 16;
/// What is not in the image may be this long, in bytes, and 16 times what it is made of.
const MOST_REST: u64 = 64 << 20;
/// This many bytes must be saved before the new template needs the old one.
const WORTH: usize = 8;

/// How a template is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coding {
    Plain = 0,
    /// As the body of a patch from nothing.
    Alone = 1,
    /// As the body of a patch from the template of the old file.
    FromOld = 2,
    /// The same, of the packed template ([`lengths::pack`]).
    Packed = 3,
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
pub(super) struct Rest {
    pub(super) runs: Vec<Run>,
    /// `bytes` is a patch that makes it of the old file's rest.
    pub(super) is_patch: bool,
    pub(super) bytes: Vec<u8>,
}

/// How the new file is written around its image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FileRecipe {
    pub(super) len: usize,
    /// The first bytes of its SHA-256.
    pub(super) digest: [u8; 8],
    /// `None`: they follow from the template.
    pub(super) parts: Option<Vec<Part>>,
    /// Where the data in the records differs from the image: offset in the data, and bytes.
    pub(super) exceptions: Vec<(usize, Vec<u8>)>,
    pub(super) coding: Coding,
    pub(super) template_len: u32,
    /// The template, coded or not.
    pub(super) template: Vec<u8>,
    /// The image is the data in the order of the file.
    pub(super) in_order: bool,
    pub(super) rest: Option<Rest>,
}

impl FileRecipe {
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
        let implied = parts_of(&blocks);
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
        let needs_template = self.needs_old_template();
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

    fn needs_old_template(&self) -> bool {
        matches!(self.coding, Coding::FromOld | Coding::Packed)
    }

    /// Where the parts of the image are in the memory. `None`: it is not one that has addresses, or
    /// that is not known without the text of the old file.
    pub(super) fn memory_parts(
        &self,
        old: impl FnOnce(&mut Budget<'_>) -> Result<OldText, Stop>,
        budget: &mut Budget<'_>,
    ) -> Option<Vec<Part>> {
        if self.in_order {
            return None;
        }
        if self.parts.is_some() {
            return self.parts.clone();
        }
        let old = match self.needs_old_template() {
            true => old(budget).ok()?,
            false => OldText::default(),
        };
        let blocks = self.blocks(&self.template(&old).ok()?).ok()?;
        Some(parts_of(&blocks))
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

    /// The blocks of the file that are in the image.
    fn blocks(&self, template: &[u8]) -> Result<Vec<Block>, FileError> {
        let damaged = |problem| FileError::HostSection { problem };
        let blocks = image::blocks(template).map_err(|_| damaged("its template is damaged"))?;
        let Some(rest) = &self.rest else { return Ok(blocks) };
        left_out::blocks_in_image(&blocks, &rest.runs)
            .ok_or(damaged("it takes more data than there is"))
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
        let blocks = self.blocks(template)?;
        let parts = self.parts.clone().unwrap_or_else(|| parts_of(&blocks));
        let mut data = memory::gather(image, &parts, &blocks, fill, self.len)?
            .ok_or(damaged("it has more data than the file can hold"))?;
        for (at, bytes) in &self.exceptions {
            let place = at.checked_add(bytes.len()).and_then(|end| data.get_mut(*at..end));
            place
                .ok_or(damaged("an exception is past the end of the data"))?
                .copy_from_slice(bytes);
        }
        let Some(rest) = &self.rest else { return Ok(data) };
        left_out::weave(&data, left_out, &rest.runs)
            .ok_or(damaged("what is in the image and what is not do not fit together"))
    }
}

/// The parts that follow from blocks.
fn parts_of(blocks: &[Block]) -> Vec<Part> {
    memory::parts(blocks.iter().map(|block| (block.address, block.len)))
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
