//! The image in a firmware file.

use core::fmt;
use std::borrow::Cow;

use super::memory::{self, Part};
use crate::host::budget::{unwatched, Budget, Stop};
use crate::host::image::{
    self, Image, ImageError, MapSegment, ReadOptions, SegmentKind, Selection, Target,
};

/// How files of records are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryOptions {
    pub(crate) read: ReadOptions,
    pub(crate) fill: u8,
    pub(crate) range: Option<(u32, u64)>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { read: ReadOptions::default(), fill: 0xff, range: None }
    }
}

impl MemoryOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do with overlaps, data after the end, and wrong checksums, and which of several
    /// memories is meant. (`base` does not matter here; `strict` means the checks that containers
    /// have, not the text of records.)
    #[must_use]
    pub fn read(mut self, read: ReadOptions) -> Self {
        self.read = read;
        self
    }

    /// What gaps are filled with: what the flash holds where nothing was written. 0xff if nothing
    /// is said.
    #[must_use]
    pub fn fill(mut self, fill: u8) -> Self {
        self.fill = fill;
        self
    }

    /// The addresses that the device holds, from the first on and below the second, which may be
    /// 2^32; `None`: all. The image still begins with the first byte in the range that the file
    /// has. What is outside comes back with the file, but does not concern the device.
    #[must_use]
    pub fn range(mut self, range: impl Into<Option<(u32, u64)>>) -> Self {
        self.range = range.into();
        self
    }

    /// What selects a part of a memory with addresses, if anything does.
    pub(crate) fn selects(&self) -> Option<&'static str> {
        let other =
            (self.read.select != Selection::default()).then_some("a family, board or image");
        self.range.map(|_| "a range of addresses").or(other)
    }
}

/// The image in a firmware file: what a device holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memory<'a> {
    /// The bytes: the file itself, if it is not one of records.
    pub image: Cow<'a, [u8]>,
    /// Which addresses they are at, in ascending order. Empty for a file that is its own image,
    /// for one in which it is packed, and for one whose several memories share addresses: these are
    /// in the order of the file.
    pub parts: Vec<Part>,
    /// The map of several memories in the order of the file.
    in_order: Option<image::AddressMap>,
    /// The image was packed in the file, which does not say where it is.
    was_packed: bool,
    /// It is of a format with records, and none of them has data.
    has_no_data: bool,
    targets: Vec<Target>,
}

impl<'a> Memory<'a> {
    /// Reads the image in a file. Gaps are filled, the smallest ones first, as long as no more than
    /// 64 KiB, or as many bytes as there is data, are filled in all; what follows a gap that is not
    /// filled comes directly after what is before it.
    ///
    /// # Errors
    ///
    /// If it is a file of records that `options` do not accept, or that has nothing in the range.
    pub fn read(file: &'a [u8], options: &MemoryOptions) -> Result<Self, ImageError> {
        unwatched(|budget| Self::read_within(file, options, budget))
    }

    /// The same, within a budget.
    pub(crate) fn read_within(
        file: &'a [u8],
        options: &MemoryOptions,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ImageError> {
        let format = image::detect(file);
        if !format.is_unpacked() {
            return Ok(Self::plain(file));
        }
        let read = ReadOptions { strict: false, base: None, ..options.read.clone() };
        let found = match Image::parse_within(format, file, &read, budget) {
            Ok(found) if !found.is_empty() => found,
            Ok(_) | Err(ImageError::Empty) => {
                return Ok(Self { has_no_data: true, ..Self::plain(file) });
            }
            // The file is good; which device it is for was not said.
            Err(ImageError::SeveralTargets { targets }) if options.range.is_none() => {
                let memory = Self::in_order(file, budget)?;
                let memory = memory.unwrap_or_else(|| Self::plain(file));
                return Ok(Self { targets, ..memory });
            }
            Err(error) => return Err(error),
        };
        if !format.is_records() {
            let first = found.segments.into_iter().next();
            let image = Cow::Owned(first.map_or_else(Vec::new, |segment| segment.data));
            return Ok(Self { image, was_packed: true, ..Self::plain(&[]) });
        }
        let pieces = || found.segments.iter().filter_map(|segment| options.cut(segment));
        let parts = memory::parts(pieces().map(|(address, data)| (address, data.len())));
        if parts.is_empty() {
            return Err(ImageError::Empty);
        }
        let image = memory::image(&parts, pieces(), options.fill)?;
        let mut targets = image::targets(file);
        targets.retain(|target| read.select.takes(target));
        Ok(Self { image: Cow::Owned(image), parts, targets, ..Self::plain(&[]) })
    }

    /// A file that is its own image.
    pub(crate) fn plain(file: &'a [u8]) -> Self {
        let image = Cow::Borrowed(file);
        let (parts, targets) = (Vec::new(), Vec::new());
        Self { image, parts, in_order: None, was_packed: false, has_no_data: false, targets }
    }

    /// The data of a file of records in the order of the file; `None` if it cannot be taken apart.
    pub(super) fn in_order(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Self>, Stop> {
        let split = image::split_within(file, budget)?;
        let Some(in_order) = split.is_apart().then_some(split.map) else { return Ok(None) };
        let image = Cow::Owned(split.data.into_owned());
        Ok(Some(Self { image, in_order: Some(in_order), ..Self::plain(&[]) }))
    }

    /// Whether it was taken out of the file: the memory of one of records, or an image packed in
    /// it.
    pub(crate) fn is_memory(&self) -> bool {
        !self.parts.is_empty() || self.is_in_order() || self.was_packed
    }

    /// Whether the file says at which addresses the image is.
    pub(crate) fn states_addresses(&self) -> bool {
        !self.parts.is_empty() || self.is_in_order()
    }

    /// Whether it says that the image begins at this address, and is there as a whole.
    pub(crate) fn is_at(&self, base: u32) -> bool {
        matches!(self.parts[..], [Part { address, .. }] if address == base)
    }

    /// Whether it is of a format with records, and none of them has data: what a build leaves that
    /// has failed.
    pub(crate) fn has_no_data(&self) -> bool {
        self.has_no_data
    }

    /// Whether there are several memories, in the order of the file.
    pub(super) fn is_in_order(&self) -> bool {
        self.in_order.is_some()
    }

    /// Whether the image is the data in the order of the file.
    pub(super) fn is_data(&self) -> bool {
        self.is_in_order() || self.was_packed
    }

    /// Why no device holds this image as it is; nothing if one may.
    pub fn warnings(&self) -> Vec<MemoryWarning> {
        if self.parts.is_empty() && self.targets.len() > 1 {
            return vec![MemoryWarning::SeveralTargets { targets: self.targets.clone() }];
        }
        far_apart(self.parts.clone())
    }

    /// Where the image is, in place of what is `guessed` from its bytes alone.
    pub(super) fn address_map(&self, guessed: image::AddressMap) -> image::AddressMap {
        if let Some(map) = &self.in_order {
            return map.clone();
        }
        let mut map = guessed;
        // A container inside knows better. So does a guess by votes: the image may run elsewhere
        // than it is stored.
        let is_guessed_at_all = !map.segments.is_empty();
        let is_apart = self.parts.len() > 1 && map.format == image::Format::Raw;
        if self.is_memory() && (is_apart || !is_guessed_at_all) {
            let segment = |part: &Part| MapSegment {
                offset: part.offset as u32,
                len: part.len as u32,
                address: part.address,
                kind: Some(SegmentKind::Code),
            };
            map.segments = self.parts.iter().map(segment).collect();
        }
        map
    }
}

impl MemoryOptions {
    /// What of a segment is in the range.
    fn cut<'a>(&self, segment: &'a image::Segment) -> Option<(u32, &'a [u8])> {
        let (start, len) = self.within(segment.address, segment.data.len());
        let address = u32::try_from(u64::from(segment.address) + start as u64).ok()?;
        let data = segment.data.get(start..start + len)?;
        (len != 0).then_some((address, data))
    }

    /// What of `len` bytes at `address` is in the range: from where on, and how many.
    pub(super) fn within(&self, address: u32, len: usize) -> (usize, usize) {
        let Some((from, to)) = self.range else { return (0, len) };
        let into = |limit: u64| {
            let distance = limit.saturating_sub(u64::from(address));
            usize::try_from(distance).unwrap_or(len).min(len)
        };
        let (start, end) = (into(from.into()), into(to));
        (start, end.saturating_sub(start))
    }
}

/// What is to be said of an image of these parts.
pub(super) fn far_apart(parts: Vec<Part>) -> Vec<MemoryWarning> {
    match parts.len() > 1 {
        true => vec![MemoryWarning::FarApart { parts }],
        false => Vec::new(),
    }
}

/// Why no device holds the image in a file as it is: a patch of it is for computers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MemoryWarning {
    /// The memory is in parts with large gaps between them.
    FarApart {
        /// The parts.
        parts: Vec<Part>,
    },
    /// The file holds the memories of several chips, or several images of one, which share
    /// addresses.
    SeveralTargets {
        /// What they are for.
        targets: Vec<Target>,
    },
}

impl MemoryWarning {
    /// The addresses of the largest part, the first one and one past the last: most likely what a
    /// device holds.
    pub fn range(&self) -> Option<(u32, u64)> {
        match self {
            Self::FarApart { parts } => {
                parts.iter().max_by_key(|part| part.len).map(|part| (part.address, part.end()))
            }
            Self::SeveralTargets { .. } => None,
        }
    }
}

impl fmt::Display for MemoryWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More are only counted.
        const SHOWN: usize = 4;
        match self {
            Self::FarApart { parts } => {
                write!(f, "its memory is in {} parts that are far apart", parts.len())?;
                for (n, part) in parts.iter().take(SHOWN).enumerate() {
                    let (before, end) = (if n == 0 { ":" } else { "," }, part.end());
                    write!(f, "{before} {:#010x}..{end:#010x}", part.address)?;
                }
                let more = if parts.len() > SHOWN { ", ..." } else { "" };
                write!(f, "{more}; no device holds all of them as one image")
            }
            Self::SeveralTargets { targets } => {
                write!(f, "it holds {} memories that share addresses", targets.len())?;
                for (n, target) in targets.iter().take(SHOWN).enumerate() {
                    write!(f, "{} for {target}", if n == 0 { ":" } else { "," })?;
                }
                let more = if targets.len() > SHOWN { ", ..." } else { "" };
                write!(f, "{more}; no device holds all of them as one image")
            }
        }
    }
}
