//! What is done with a file of a format.

use core::ops::Range;

use crate::host::budget::{Budget, Stop};
use crate::host::image::bytes::text;
use crate::host::image::error::ImageError;
use crate::host::image::finding::Finding;
use crate::host::image::map::AddressMap;
use crate::host::image::memory::{Image, ReadOptions};
use crate::host::image::select::Target;

/// Takes a name and a value that a file tells about itself.
pub(crate) type Tell<'a> = dyn FnMut(&'static str, String) + 'a;

/// Adds what it finds in a file, within a budget.
pub(crate) type Check = fn(&[u8], &mut Vec<Finding>, &mut Budget<'_>) -> Result<(), Stop>;

/// What is done with a file of a format. Each format states what is special about it, and has the
/// rest of [`Handler::PLAIN`].
pub(crate) struct Handler {
    /// Whether a file is of this format, by its content.
    pub(crate) is: fn(&[u8]) -> bool,
    /// Finds which of its bytes are at which addresses.
    pub(crate) map: fn(&[u8], &mut AddressMap),
    /// Checks what the file says about itself.
    pub(crate) check: Check,
    /// Tells what headers and descriptors say.
    pub(crate) details: fn(&[u8], &mut Tell<'_>),
    /// What the data of the file is for, each once, in the order of the file.
    pub(crate) targets: fn(&[u8]) -> Vec<Target>,
    /// Whether the file says at which address it is.
    pub(crate) states_base: fn(&[u8], &AddressMap) -> bool,
    /// How the memory in it is read.
    pub(crate) reading: Reading,
}

/// How the memory in a file is read.
pub(crate) enum Reading {
    /// By the format itself, which heeds all options: files of text.
    Own(fn(&[u8], &ReadOptions, &mut Budget<'_>) -> Result<Image, ImageError>),
    /// One piece, at the base address that is given, or where its code says.
    Plain,
    /// Pieces whose addresses the file states.
    Pieces(fn(&[u8]) -> Result<Pieces, &'static str>),
    /// The segments of its map. The function gives the entry point.
    Mapped(fn(&[u8]) -> Option<u32>),
}

/// Ranges of a file and their addresses.
#[derive(Default)]
pub(crate) struct Pieces {
    pub(crate) places: Vec<(Range<usize>, u64)>,
    /// The entry point, if the file states one.
    pub(crate) entry: Option<u32>,
}

impl Handler {
    /// A file that states nothing: of text, whose addresses come with the memory in it.
    pub(crate) const PLAIN: Self = Self {
        is: |_| false,
        map: |_, _| {},
        check: |_, _, _| Ok(()),
        details: |_, _| {},
        targets: |_| Vec::new(),
        states_base: |_, _| true,
        reading: Reading::Mapped(|_| None),
    };
}

/// What files of records say: the text of their header, and the entry point.
pub(crate) fn tell_records(image: Result<Image, ImageError>, tell: &mut Tell<'_>) {
    let Ok(Image { entry, header, .. }) = image else { return };
    if let Some(header) = header.filter(|header| !header.is_empty()) {
        tell("header", text(&header));
    }
    if let Some(entry) = entry {
        tell("entry", format!("{entry:#010x}"));
    }
}
