//! Blocked versions.

use serde::{Deserialize, Serialize};

use super::Condition;
use crate::{Name, Version};

/// A version that is not offered, and is no part of any way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// The id of the rule.
    pub id: Name,
    /// Which devices it is blocked for.
    #[serde(default)]
    pub condition: Condition,
    /// The version.
    pub version: Version,
    /// Why, for people; at most 1024 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}
