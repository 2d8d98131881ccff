//! What was tried, and what came of it.

use super::encode::Body;
use super::report::Tried;
use super::search::{Found, Prediction};
use crate::device::format::PatchHeader;
use crate::host::encode::CopyRun;

/// What one prediction led to.
pub(crate) struct Attempt {
    pub(crate) coded: Coded,
    pub(crate) prediction: Prediction,
    pub(crate) found: Found,
    /// What came of choosing the copies again, if that was tried at once.
    pub(crate) refined: Option<Option<Made>>,
}

/// What all codecs made of the same copies.
pub(crate) struct Coded {
    pub(crate) tried: Vec<Tried>,
    pub(crate) best: Option<Made>,
}

impl Coded {
    pub(crate) fn len(&self) -> usize {
        self.best.as_ref().map_or(usize::MAX, |made| made.bytes.len())
    }
}

impl Attempt {
    /// Without copies it is the new image coded alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.found.copies.is_empty() && !self.prediction.is_any()
    }

    pub(crate) fn len(&self) -> usize {
        self.coded.len()
    }
}

/// A finished patch, and what it was made of.
pub(crate) struct Made {
    pub(crate) header: PatchHeader,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Body,
    pub(crate) copies: Vec<CopyRun>,
    pub(crate) prediction: Prediction,
}

impl Made {
    pub(crate) fn tried(&self) -> Tried {
        Tried {
            codec: self.header.codec,
            isa: self.header.isa,
            bytes: Some(self.bytes.len() as u64),
        }
    }
}

/// The smaller patch; of equals the first.
pub(crate) fn smaller(a: Option<Made>, b: Option<Made>) -> Option<Made> {
    match (a, b) {
        (Some(a), Some(b)) if b.bytes.len() < a.bytes.len() => Some(b),
        (a, b) => a.or(b),
    }
}
