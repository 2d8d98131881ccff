//! What a job makes.

use flashdelta_fleet::release::Task;
use flashdelta_fleet::Digest;
use serde::{Deserialize, Serialize};

use super::set::SetTask;

/// What a job makes: a patch, or a component set of patches that were made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Work {
    /// A patch.
    Patch(Task),
    /// A component set.
    Set(SetTask),
}

impl Work {
    /// What it is, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Patch(task) => task.name(),
            Self::Set(task) => task.name(),
        }
    }

    /// The uploaded files that it starts from and leads to.
    pub(crate) fn files(&self) -> Vec<Digest> {
        match self {
            Self::Patch(task) => task.old.into_iter().chain([task.new]).collect(),
            Self::Set(task) => task.files.clone(),
        }
    }
}
