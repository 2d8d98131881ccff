//! What looks like an archive and cannot be taken apart.

use core::fmt;

use super::container::Container;
use super::member::ContainerError;
use crate::device::error::codes;

/// Something looks like an archive, but cannot be taken apart. Only in strict mode this is an
/// error: otherwise it is patched as one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamagedArchive {
    /// Name of the member that it is; empty for the file itself.
    pub member: String,
    /// What it looks like.
    pub container: Container,
    /// Why it is none.
    pub error: ContainerError,
}

codes! {
    impl[] DamagedArchive {
        Self { .. } => "damaged-archive", BadFile, NotStrict;
    }
}

impl fmt::Display for DamagedArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, container, error } = self;
        let between = if member.is_empty() { "" } else { ": " };
        write!(f, "{member}{between}it looks like a {container} archive, ")?;
        write!(f, "but is damaged or unusual: {error}")
    }
}

impl core::error::Error for DamagedArchive {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
