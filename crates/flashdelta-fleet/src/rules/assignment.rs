//! Assignments.

use serde::{Deserialize, Serialize};

use super::{Condition, Share};
use crate::{Name, Version};

/// Devices for which the condition holds get this release. Of several assignments the first one
/// counts that a device is in the share of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The id of the rule.
    pub id: Name,
    /// Which devices it is for.
    #[serde(default)]
    pub condition: Condition,
    /// The release.
    pub release: Version,
    /// The part of these devices that it has come to, in percent.
    #[serde(default)]
    pub share: Share,
    /// Whether devices that run a later version go back.
    #[serde(default)]
    pub rollback: bool,
    /// Whether it waits: then it is as if it were not there.
    #[serde(default)]
    pub paused: bool,
}

impl Assignment {
    /// All devices get this release, and none goes back.
    pub fn new(id: Name, release: Version) -> Self {
        let (condition, share) = (Condition::always(), Share::ALL);
        Self { id, condition, release, share, rollback: false, paused: false }
    }
}
