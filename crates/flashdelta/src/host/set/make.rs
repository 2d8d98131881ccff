//! Makes sets.

use sha2::{Digest as _, Sha256};

use super::component::{After, Before, Component, EntryParts};
use super::parts::Parts;
use super::SetMakeError;
use crate::device::format::{Identity, PatchHeader};
use crate::device::update::set::{Precondition, MOST_COMPONENTS};
use crate::host::diff::DiffOptions;
use crate::host::file::{self, Memory, MemoryOptions, Output};
use crate::host::seal;

/// How a set is made.
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct SetOptions {
    pub(super) identity: Option<Identity>,
    pub(super) diff: DiffOptions,
}

impl SetOptions {
    /// The defaults: no identity, and patches as [`DiffOptions::new`] has them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which devices the set is for.
    #[must_use]
    pub fn identity(mut self, identity: impl Into<Option<Identity>>) -> Self {
        self.identity = identity.into();
        self
    }

    /// How the patches are made, where a component does not say otherwise. An identity in them is
    /// that of the set, if the set has no other.
    #[must_use]
    pub fn diff(mut self, options: DiffOptions) -> Self {
        self.diff = options;
        self
    }
}

/// Makes a set of components, which are written, and activated, in this order.
///
/// The same arguments give the same bytes on every machine. Each payload has been applied, and
/// makes the right image.
///
/// # Errors
///
/// [`SetMakeError`].
pub fn make(components: &[Component], options: &SetOptions) -> Result<Vec<u8>, SetMakeError> {
    if components.is_empty() || components.len() > MOST_COMPONENTS.into() {
        return Err(SetMakeError::Count { found: components.len() });
    }
    for (at, component) in components.iter().enumerate() {
        let name = || component.name.clone();
        if !component.name.is_possible() {
            return Err(SetMakeError::BadName { name: name() });
        }
        if component.hardware.is_some_and(|(from, to)| to < from) {
            return Err(SetMakeError::BadHardware { name: name() });
        }
        if components[..at].iter().any(|other| is_same(other, component)) {
            return Err(SetMakeError::Twice { name: name() });
        }
    }
    let identity = options.identity.or(options.diff.identity);
    let components = (0..).zip(components).map(|(at, component)| make_one(at, component, options));
    let parts = Parts {
        identity,
        components: components.collect::<Result<_, _>>()?,
        signatures: Vec::new(),
    };
    Ok(parts.assemble()?)
}

/// Whether a device could have both, and they are the same part of it.
fn is_same(one: &Component, other: &Component) -> bool {
    let overlap = match (one.hardware, other.hardware) {
        (Some((a, b)), Some((c, d))) => a <= d && c <= b,
        _ => true,
    };
    one.name == other.name && overlap
}

/// The entry of a component, and its payload.
fn make_one(
    number: u8,
    component: &Component,
    options: &SetOptions,
) -> Result<(EntryParts, Option<Vec<u8>>), SetMakeError> {
    let name = || component.name.clone();
    let failed = |error| SetMakeError::Component { name: name(), error: Box::new(error) };
    let (precondition, size, sha256, payload) = match &component.after {
        After::File { before, new } => {
            let patch = make_patch(component, (before, new), options)?;
            let (header, payload) = payload_of(number, &patch)?;
            let precondition = match before {
                Before::Any => Precondition::Any,
                Before::Absent => Precondition::Absent,
                Before::Image(_) => start_of(&header),
            };
            (precondition, header.new_size, header.new_digest, Some(payload))
        }
        After::Patch(patch) => {
            let (header, payload) = payload_of(number, patch)?;
            let precondition = match header.old_size {
                0 => Precondition::Any,
                _ => start_of(&header),
            };
            (precondition, header.new_size, header.new_digest, Some(payload))
        }
        After::Kept(file) => {
            let memory = Memory::read(file, &MemoryOptions::new());
            let memory = memory.map_err(|error| failed(file::MakeError::NewFile(error)))?;
            let sha256 = Sha256::digest(&memory.image).into();
            (Precondition::Any, memory.image.len() as u32, sha256, None)
        }
        After::Held { size, sha256 } => (Precondition::Any, *size, *sha256, None),
    };
    let Component { kind, hardware, .. } = *component;
    Ok((EntryParts { kind, name: name(), hardware, precondition, size, sha256 }, payload))
}

/// The patch of a component, which has been applied once: what is in a set is right.
fn make_patch(
    component: &Component,
    (before, new): (&Before, &[u8]),
    options: &SetOptions,
) -> Result<Vec<u8>, SetMakeError> {
    let name = || component.name.clone();
    let empty = Vec::new();
    let old = if let Before::Image(old) = before { old } else { &empty };
    let mut diff = component.diff.as_ref().unwrap_or(&options.diff).clone();
    diff.identity = None;
    let patch = file::diff(old, new, &diff)
        .map_err(|error| SetMakeError::Component { name: name(), error: Box::new(error) })?;
    file::apply(old, &patch.bytes, Output::Binary)
        .map_err(|error| SetMakeError::Wrong { name: name(), error: Box::new(error) })?;
    Ok(patch.bytes)
}

/// A patch as devices have it in a set: without what says how the file was written, which they have
/// no use for, and without signatures, as that of the set vouches for it.
fn payload_of(component: u8, patch: &[u8]) -> Result<(PatchHeader, Vec<u8>), SetMakeError> {
    let mut parts = seal::Parts::split(patch)
        .map_err(|error| super::SetFileError::Payload { component, error })?;
    parts.host = &[];
    parts.signatures.clear();
    Ok((parts.header, parts.assemble()))
}

/// What a patch starts from.
fn start_of(header: &PatchHeader) -> Precondition {
    Precondition::Image { size: header.old_size, digest: header.old_digest }
}
