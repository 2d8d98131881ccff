//! What the maker is told of a hole.

use core::ops::Range;

use crate::device::format::holes::{GIVEN, KEEP};

/// Where the value of a hole comes from when a patch is applied.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HoleSource {
    /// It is kept from the old image, whatever is given.
    Kept,
    /// It has to be given with the update.
    Given,
    /// The one that is given, or else the one of the old image. The default; of a hole that the old
    /// image does not have, the same as [`Given`](Self::Given).
    #[default]
    Either,
}

impl HoleSource {
    /// A stable name, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Given => "given",
            Self::Either => "either",
        }
    }

    /// The source of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        [Self::Kept, Self::Given, Self::Either].into_iter().find(|source| source.name() == name)
    }

    pub(super) fn flags(self) -> u8 {
        match self {
            Self::Kept => KEEP,
            Self::Given => GIVEN,
            Self::Either => KEEP | GIVEN,
        }
    }
}

/// A range of the image that each device has for itself.
///
/// ```
/// use flashdelta::diff::{DiffOptions, Hole};
/// // It has moved by 16 bytes.
/// let serial = Hole::new("serial", 0x400..0x420).old(0x3f0..0x410);
/// // Devices get their keys with this update.
/// let key = Hole::new("key", 0x420..0x440).old(None);
/// let options = DiffOptions::new().hole(serial).hole(key);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hole {
    pub(super) name: String,
    pub(super) new: Option<Range<u32>>,
    pub(super) old: Option<Range<u32>>,
    pub(super) source: HoleSource,
    pub(super) fill: Option<u8>,
}

impl Hole {
    /// These bytes of the new image, and of the old image, too. Names have 1 to 16 letters, digits,
    /// `-`, `_` and `.`, and differ.
    pub fn new(name: impl Into<String>, range: Range<u32>) -> Self {
        let (new, old) = (Some(range.clone()), Some(range));
        Self { name: name.into(), new, old, source: HoleSource::default(), fill: None }
    }

    /// These bytes of the old image, as many as of the new one; `None`: the old image does not have
    /// it.
    #[must_use]
    pub fn old(mut self, range: impl Into<Option<Range<u32>>>) -> Self {
        self.old = range.into();
        self
    }

    /// These bytes of the old image alone: the new one does not have the hole any more.
    pub fn gone(name: impl Into<String>, range: Range<u32>) -> Self {
        Self { new: None, ..Self::new(name, range) }
    }

    /// Where its value comes from.
    #[must_use]
    pub fn source(mut self, source: HoleSource) -> Self {
        self.source = source;
        self
    }

    /// The byte that stands for each byte of it in both digests. By default the one that the whole
    /// hole has in the new image, so that the digest is that of the file as it was built; 0xFF if
    /// there are several.
    #[must_use]
    pub fn fill(mut self, fill: u8) -> Self {
        self.fill = Some(fill);
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bytes of the old image, if that has it.
    pub fn old_range(&self) -> Option<Range<u32>> {
        self.old.clone()
    }

    /// Its bytes of the new image, if that has it.
    pub fn new_range(&self) -> Option<Range<u32>> {
        self.new.clone()
    }
}

/// Whether a hole may be called so.
pub(super) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=crate::device::format::holes::MOST_NAME).contains(&name.len())
        && name.bytes().all(is_letter)
}
