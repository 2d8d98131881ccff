//! What containers say about themselves, held against what is there: lengths, checksums and
//! digests.
//!
//! A damaged container is patched as it is, since a patch gives back any bytes; whoever asks hears
//! of it first.

use super::detect::detect;
use super::finding::Finding;
use super::formats::table::handler;
use crate::host::budget::{unwatched, Budget, Stop};

/// Checks what the container of a file says about itself. Nothing is found in a sound file, in one
/// whose container has nothing to check, and where the check cannot be made (an encrypted image).
/// The lines of files of text are checked when they are [read](super::Image::parse).
pub fn check(file: &[u8]) -> Vec<Finding> {
    // Nobody ends it, and what there is no memory for is not looked at.
    unwatched(|budget| check_within(file, budget)).unwrap_or_default()
}

/// The same, within a budget.
pub(crate) fn check_within(file: &[u8], budget: &mut Budget<'_>) -> Result<Vec<Finding>, Stop> {
    let mut found = Vec::new();
    (handler(detect(file)).check)(file, &mut found, budget)?;
    // A digest of the largest file takes some seconds: whoever waits is asked after it.
    budget.work(file.len() as u64)?;
    Ok(found)
}
