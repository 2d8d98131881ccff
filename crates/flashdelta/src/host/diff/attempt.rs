//! What was tried, and what came of it.

use super::encode::Body;
use super::error::DiffError;
use super::report::Tried;
use super::search::{Found, Prediction};
use crate::device::format::PatchHeader;
use crate::host::encode::CopyRun;

/// What one prediction led to.
pub(crate) struct Attempt {
    pub(crate) coded: Coded,
    pub(crate) prediction: Prediction,
    pub(crate) found: Found,
    /// The new image alone: nothing was looked for.
    pub(crate) is_plain: bool,
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
    pub(crate) fn new(prediction: &Prediction, found: Found, coded: Coded) -> Self {
        let is_plain = found.copies.is_empty() && !prediction.is_any();
        Self { coded, prediction: prediction.clone(), found, is_plain, refined: None }
    }

    /// Gives back what only choosing the copies again needs.
    fn release(&mut self) {
        self.found = Found::default();
        if let Some(made) = &mut self.coded.best {
            made.copies = Vec::new();
            made.body.course = Vec::new();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.coded.len()
    }
}

/// Gives back what is known of all attempts but the best `keep`, as far as attempts are there: of
/// equals the first is better.
pub(crate) fn release_all_but(keep: usize, attempts: &mut [Option<Result<Attempt, DiffError>>]) {
    let mut done: Vec<&mut Attempt> =
        attempts.iter_mut().flatten().filter_map(|made| made.as_mut().ok()).collect();
    done.sort_by_key(|attempt| attempt.len());
    done.into_iter().skip(keep).for_each(Attempt::release);
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
