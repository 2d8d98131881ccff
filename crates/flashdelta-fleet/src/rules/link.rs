//! Classes of links.

use serde::{Deserialize, Serialize};

use crate::Name;

/// A class of links, and what is sent on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkClass {
    /// Its name, as devices have it.
    pub name: Name,
    /// The most bytes of one step; what is not said is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What one more step counts, in bytes: a way of several steps is taken only if it saves more.
    #[serde(default)]
    pub step_bytes: u64,
}
