//! What is wrong with a manifest, and in which file.

use core::fmt;

use super::JsonError;
use crate::device::error::codes;
use crate::host::budget::Halt;

/// A `manifest.json` of ESP Web Tools or a `flasher_args.json` of ESP-IDF that is wrong.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError {
    /// Name of the member; empty for the file itself.
    pub member: String,
    /// What is wrong.
    pub error: JsonError,
    /// Line and column, from 1, if they are known.
    pub place: Option<(usize, usize)>,
}

codes! {
    impl[] ManifestError {
    } else {
        Self { error, .. } => error;
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.member.is_empty() {
            write!(f, "{}: ", self.member)?;
        }
        f.write_str(&self.error.with_place(self.place))
    }
}

impl From<ManifestError> for Halt<ManifestError> {
    fn from(error: ManifestError) -> Self {
        Self::Bad(error)
    }
}

impl core::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
