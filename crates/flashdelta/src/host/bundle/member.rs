//! The patch of a member.

use core::ops::ControlFlow;

use crate::device::apply::Progress;
use crate::host::apply::apply_watched;
use crate::host::archive::Contents;
use crate::host::budget::{Budget, Halt, Stop};
use crate::host::diff::DiffOptions;
use crate::host::file::{self, FileError, Files, MakeError, Output};

/// Members up to this length, in bytes, are not worth a patch of their own: they go into the common
/// one.
pub(super) const SMALL: usize = 4096;

/// Why the patch of a member does not apply.
pub type MemberError = FileError;

/// Why it is not made: it does not apply, has another length than it should have, or the call has
/// to stop.
pub(super) enum MemberFailure {
    Halt(Halt<MemberError>),
    /// Its length, as the patch says.
    Length(u64),
}

impl From<Halt<MemberError>> for MemberFailure {
    fn from(halt: Halt<MemberError>) -> Self {
        Self::Halt(halt)
    }
}

impl From<MemberError> for MemberFailure {
    fn from(error: MemberError) -> Self {
        Self::Halt(Halt::Bad(error))
    }
}

impl From<Stop> for MemberFailure {
    fn from(stop: Stop) -> Self {
        Self::Halt(Halt::Stop(stop))
    }
}

/// Makes the patch of a member. Text files that cannot be read are patched as they are.
pub(super) fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<Vec<u8>, MakeError> {
    let patch = match file::diff(old, new, options) {
        Err(MakeError::OldFile(error) | MakeError::NewFile(error)) if !error.is_stop() => {
            crate::host::diff::diff(old, new, options).map_err(MakeError::from)
        }
        patch => patch,
    };
    patch.map(|patch| patch.bytes)
}

/// Applies the patch of a member, which has to lead to `len` bytes: what it says that it makes is
/// checked, and taken from the budget, before anything is made.
pub(super) fn apply(
    old: &[u8],
    patch: &[u8],
    len: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, MemberFailure> {
    let claims = file::claims(patch)?;
    if claims.file_len != len as u64 {
        return Err(MemberFailure::Length(claims.file_len));
    }
    budget.take(claims.bytes + reading(old.len()))?;
    budget.ask()?;
    let files = Files::of_within(old, patch, budget).map_err(halt)?;
    budget.ask()?;
    let mut stop = Stop::Cancelled;
    let mut watch =
        |progress: Progress| match budget.made(progress.written.into()).and_then(|()| budget.ask())
        {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                stop = why;
                ControlFlow::Break(())
            }
        };
    let new = apply_watched(files.old_image(), patch, &mut watch).map_err(MemberError::from)?;
    let Some(new) = new else { return Err(stop.into()) };
    let (file, _) = files.finish_within(new, Output::Same, budget).map_err(halt)?;
    budget.ask()?;
    match file.len() == len {
        true => Ok(file),
        false => Err(MemberFailure::Length(file.len() as u64)),
    }
}

/// A call that has to stop says so, and not that the member is wrong.
fn halt(error: MemberError) -> Halt<MemberError> {
    match error {
        FileError::Cancelled => Halt::Stop(Stop::Cancelled),
        FileError::OutOfMemory { needed } => Halt::Stop(Stop::OutOfMemory { needed }),
        error => Halt::Bad(error),
    }
}

/// What a patch of an old member of this length takes beside what it makes: the member is read to
/// the end, which takes time, though no memory.
pub(super) fn reading(old_len: usize) -> u64 {
    old_len as u64 / 16
}

/// The common part of an old file: its template and its small members.
pub(super) fn common(contents: &Contents<'_>) -> Vec<u8> {
    let (mut common, _) = contents.template();
    for index in 0..contents.members.len() {
        let content = contents.content(index);
        if content.len() <= SMALL {
            common.extend_from_slice(content);
        }
    }
    common
}
