//! What patches cost.

use std::collections::BTreeMap;

use crate::catalogue::{Applier, Image};
use crate::Digest;

/// Bytes that are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// How many.
    pub bytes: u64,
    /// Whether that is known. A patch that was not made yet has been estimated.
    pub is_exact: bool,
}

/// Knows, or guesses, how large patches are. The planner asks only for appliers that
/// [read patches](Applier::reads_patches).
pub trait Costs {
    /// The patch from one image to another, for this applier; `None`: it cannot be made, because
    /// the applier is too small, say.
    fn delta(&self, old: &Image, new: &Image, applier: &Applier) -> Option<Cost>;

    /// The patch from nothing: the whole image, compressed; `None`: it cannot be made.
    fn whole(&self, new: &Image, applier: &Applier) -> Option<Cost>;
}

/// Guesses, where nothing was made yet.
///
/// A delta counts as a sixth of the new image, a whole image as two thirds, one that is compressed
/// or encrypted already as all of it. An applier with less than 1.5 KiB of RAM takes no patch, and
/// files that hold others are for those with the profile `linux`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimate;

impl Costs for Estimate {
    fn delta(&self, old: &Image, new: &Image, applier: &Applier) -> Option<Cost> {
        takes(applier, old).then_some(())?;
        takes(applier, new).then_some(guess(new, 6))
    }

    fn whole(&self, new: &Image, applier: &Applier) -> Option<Cost> {
        takes(applier, new).then_some(guess(new, 1))
    }
}

fn takes(applier: &Applier, image: &Image) -> bool {
    let ram = applier.ram.unwrap_or(u32::MAX);
    ram >= 1536 && (!image.is_container || applier.profile == "linux")
}

/// A part of an image that is sent.
fn guess(image: &Image, divisor: u64) -> Cost {
    let size = u64::from(image.memory.size);
    let share = match (image.packed_percent >= 50, divisor) {
        (true, _) => size,
        (false, 1) => size / 3 * 2,
        (false, divisor) => size / divisor,
    };
    // A header there is always.
    Cost { bytes: share.saturating_add(100), is_exact: false }
}

/// Sizes of patches that were made, and of those that could not be; others are estimated.
///
/// Patches are kept by the digests of both memories and the [key](Applier::key) of the applier.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownCosts(BTreeMap<(Option<Digest>, Digest, String), Option<u64>>);

impl KnownCosts {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the length of a patch in bytes, or that there can be none. `old`: SHA-256 of the
    /// memory that it is from, `None` of a whole image.
    pub fn note(&mut self, old: Option<Digest>, new: Digest, applier: String, bytes: Option<u64>) {
        self.0.insert((old, new, applier), bytes);
    }

    fn find(&self, old: Option<&Image>, new: &Image, applier: &Applier) -> Option<Option<Cost>> {
        let key = (old.map(|old| old.memory.sha256), new.memory.sha256, applier.key().ok()?);
        let found = self.0.get(&key)?;
        Some(found.map(|bytes| Cost { bytes, is_exact: true }))
    }
}

impl Costs for KnownCosts {
    fn delta(&self, old: &Image, new: &Image, applier: &Applier) -> Option<Cost> {
        self.find(Some(old), new, applier).unwrap_or_else(|| Estimate.delta(old, new, applier))
    }

    fn whole(&self, new: &Image, applier: &Applier) -> Option<Cost> {
        self.find(None, new, applier).unwrap_or_else(|| Estimate.whole(new, applier))
    }
}
