//! A file with an image in it: what it holds, and what is wrong with it.

use super::damage::findings_while;
use super::error::DoorError;
use super::request::MakeRequest;
use super::warning::{FileWarning, Side, Warning};
use crate::host::archive::Container;
use crate::host::budget::Budget;
use crate::host::bundle::{self, MemberWarning};
use crate::host::file::{MakeError, Memory};
use crate::host::image::{self, ImageError};
use crate::host::input::Input;

/// A file with the image in it, read once for all that is asked of it.
pub(super) struct Read<'r> {
    pub(super) input: &'r Input<'r>,
    pub(super) memory: Memory<'r>,
    pub(super) side: Side,
}

impl<'r> Read<'r> {
    /// Reads the image, and says what is wrong with the file.
    pub(super) fn of(
        input: &'r Input<'_>,
        side: Side,
        request: &MakeRequest,
        warnings: &mut Vec<FileWarning>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, DoorError> {
        let wrong = |error| wrong(side, error);
        warnings.extend(check_name(input, side, request)?);
        if !input.is_verbatim() {
            let (extension, read) = (input.extension(), &request.memory.read);
            image::check_promise_within(&extension, input.bytes(), read, budget).map_err(wrong)?;
        }
        warnings.extend(check_content(input, side, request).map_err(wrong)?);
        let memory = match input.is_verbatim() {
            true => Memory::plain(input.bytes()),
            false => Memory::read_within(input.bytes(), &request.memory, budget).map_err(wrong)?,
        };
        let found = memory.warnings().into_iter().map(Warning::Memory);
        warnings.extend(found.map(|warning| warning.of(side)));
        Ok(Self { input, memory, side })
    }
}

/// A file that cannot be used.
pub(super) fn wrong(side: Side, error: ImageError) -> MakeError {
    match side {
        Side::Old => MakeError::old_file(error),
        Side::New => MakeError::new_file(error),
    }
}

/// What its name promises, and it is not; and what is wrong with a manifest.
pub(super) fn check_name(
    input: &Input<'_>,
    side: Side,
    request: &MakeRequest,
) -> Result<Vec<FileWarning>, DoorError> {
    if input.is_verbatim() {
        return Ok(Vec::new());
    }
    let wrong = |error| match side {
        Side::Old => MakeError::OldManifest(error),
        Side::New => MakeError::NewManifest(error),
    };
    let mut found =
        bundle::check_manifest(input.name(), input.bytes(), &request.bundle).map_err(wrong)?;
    found.extend(bundle::check(input.bytes(), &request.bundle).map_err(wrong)?);
    refuse_damaged(&found, side, request)?;
    let is_named_archive = Container::by_extension(&input.extension()).is_some();
    let mut warnings = Vec::new();
    if found.is_empty() && is_named_archive {
        warnings.push(Warning::NotAnArchive.of(side));
    }
    if input.lacks_parts() {
        warnings.push(Warning::PartsMissing.of(side));
    }
    warnings.extend(found.into_iter().map(|warning| Warning::Bundle(warning).of(side)));
    Ok(warnings)
}

/// Refuses what looks like an archive and cannot be taken apart, if that is to be.
pub(super) fn refuse_damaged(
    found: &[MemberWarning],
    side: Side,
    request: &MakeRequest,
) -> Result<(), DoorError> {
    let damaged = |warning: &MemberWarning| match warning {
        MemberWarning::Whole(error) => Some(error.clone()),
        _ => None,
    };
    match found.iter().find_map(damaged).filter(|_| request.memory.read.strict) {
        Some(error) => Err(DoorError::DamagedArchive { side, error }),
        None => Ok(()),
    }
}

/// What is wrong with a container.
fn check_content(
    input: &Input<'_>,
    side: Side,
    request: &MakeRequest,
) -> Result<Vec<FileWarning>, ImageError> {
    let mut warnings = check_damage(input, request)?;
    warnings.extend(image::wrapping(input.bytes()).map(Warning::Wrapped));
    Ok(warnings.into_iter().map(|warning| warning.of(side)).collect())
}

/// What is wrong with what a file, or a member of it, says about itself.
pub(super) fn check_damage(
    input: &Input<'_>,
    request: &MakeRequest,
) -> Result<Vec<Warning>, ImageError> {
    /// Each block of a file may have a wrong digest; the first ones tell.
    const MOST: usize = 3;
    let findings = match input.is_verbatim() {
        true => image::check(input.bytes()),
        // A cancellation here also cancels what comes next, and is reported there.
        false => findings_while(input.bytes(), || request.diff.goes_on()),
    };
    if let Some(finding) = findings.first().filter(|_| request.memory.read.strict) {
        return Err(ImageError::CheckFailed(finding.clone()));
    }
    Ok(findings.into_iter().take(MOST).map(Warning::Damaged).collect())
}
