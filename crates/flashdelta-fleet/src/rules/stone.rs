//! Stepping stones.

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::{Name, Version};

/// Devices below a version come to it or to any later one only by way of a certain release: one
/// that converts data, say, or that brings an applier which reads newer patches.
///
/// A device of which no version is known counts as below.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteppingStone {
    /// The id of the rule.
    pub id: Name,
    /// Which devices it is for.
    #[serde(default)]
    pub condition: Condition,
    /// Devices below this version.
    pub below: Version,
    /// Have to go through this one, whether it is below that version or not.
    pub through: Version,
}

impl SteppingStone {
    /// Whether a step would pass it by.
    pub(crate) fn forbids(&self, from: Option<&Version>, to: &Version) -> bool {
        let crosses = from.is_none_or(|from| *from < self.below) && *to >= self.below;
        crosses && from != Some(&self.through) && *to != self.through
    }
}
