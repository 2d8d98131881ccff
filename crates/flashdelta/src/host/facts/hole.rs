//! What a patch says about its holes.

use serde::Serialize;

use crate::host::holes::{HoleFacts, HoleSource};

/// A range of the images that each device has for itself.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PatchHoleFacts {
    /// What it is called.
    pub name: String,
    /// Its length in bytes.
    pub length: u32,
    /// Where it starts in the old image, if that has it.
    pub old: Option<u32>,
    /// Where it starts in the new image, if that has it.
    pub new: Option<u32>,
    /// Where its value comes from: "kept", "given" or "either"; "gone": the new image does not have
    /// it.
    pub source: &'static str,
    /// The byte that stands for each byte of it in both digests.
    pub fill: u8,
}

impl From<&HoleFacts> for PatchHoleFacts {
    fn from(hole: &HoleFacts) -> Self {
        Self {
            name: hole.name.clone(),
            length: hole.len,
            old: hole.old.as_ref().map(|range| range.start),
            new: hole.new.as_ref().map(|range| range.start),
            source: hole.source.map_or("gone", HoleSource::name),
            fill: hole.fill,
        }
    }
}
