//! What the planner answers.

use serde::Serialize;

use super::Reason;
use crate::{Digest, Name, Version};

/// What a device gets next, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Plan {
    /// What it gets.
    #[serde(flatten)]
    pub answer: Answer,
    /// Why, in the order in which it was found out.
    pub reasons: Vec<Reason>,
}

/// What a device gets.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing: it holds what it is to hold.
    UpToDate,
    /// Nothing now; the last reason says why.
    Nothing,
    /// An update.
    Update(Update),
}

/// A way to a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Update {
    /// The release that the device is to have.
    pub release: Version,
    /// What the way is made of.
    pub kind: UpdateKind,
    /// The steps, one after the other. The device gets the first one, and is asked again.
    pub steps: Vec<Step>,
    /// Bytes of all steps.
    pub bytes: u64,
}

/// What a way is made of.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateKind {
    /// One step, with a delta in it.
    Delta,
    /// Several steps.
    Chain,
    /// One step of whole images.
    Whole,
}

/// A step to a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// The release that it starts from, if it starts from one.
    pub from: Option<Version>,
    /// The release that it leads to.
    pub to: Version,
    /// What is sent for each component, in the order of the release.
    pub parts: Vec<Part>,
    /// Bytes of all parts.
    pub bytes: u64,
    /// Whether that is known, or was estimated.
    pub is_exact: bool,
}

/// What is sent for a component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// Its name.
    pub component: Name,
    /// How its image comes about.
    #[serde(flatten)]
    pub transfer: Transfer,
    /// Bytes that are sent.
    pub bytes: u64,
}

/// How an image comes about. Digests are of files.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(tag = "transfer", rename_all = "kebab-case")]
pub enum Transfer {
    /// The device has it.
    Keep {
        /// The image.
        image: Digest,
    },
    /// By a patch from another image.
    Delta {
        /// The image that the device holds.
        old: Digest,
        /// The image that it makes.
        new: Digest,
    },
    /// By a patch from nothing: the whole image, compressed.
    Whole {
        /// The image.
        new: Digest,
    },
    /// By the file as it is.
    File {
        /// The image.
        new: Digest,
    },
}
