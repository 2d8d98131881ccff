//! Why a release cannot be built, or a question cannot be answered.

use core::fmt;
use std::io;
use std::path::PathBuf;

use flashdelta::door::DoorError;
use flashdelta::image::ImageError;
use flashdelta::sign::{KeyError, SealError};
use flashdelta::verify::VerifyError;
use flashdelta::{codes, InputError};

use crate::catalogue::CatalogueError;
use crate::{TextError, Version};

/// Why a release cannot be built, or a question cannot be answered.
#[non_exhaustive]
#[derive(Debug)]
pub enum ReleaseError {
    /// A file cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A description, or a part of it, cannot be used.
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file of a release cannot be read.
    Input(InputError),
    /// The file of a release is damaged or dubious.
    Image {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ImageError,
    },
    /// A patch cannot be made.
    Make {
        /// Which.
        task: String,
        /// Why.
        error: Box<DoorError>,
    },
    /// What was given as a patch is not the one that was asked for.
    WrongPatch {
        /// Which.
        task: String,
    },
    /// Not all patches were made.
    Unfinished {
        /// How many are missing.
        missing: usize,
    },
    /// A file is no private key.
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        error: KeyError,
    },
    /// A patch cannot be signed.
    Sign(SealError),
    /// The index is damaged, or of a later program.
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The index is not signed with a key that is trusted.
    NotAuthentic(VerifyError),
    /// The folder is of another product.
    OtherProduct {
        /// The product of the folder.
        found: String,
        /// The one that was asked for.
        expected: String,
    },
    /// The folder has no patches for this profile.
    UnknownProfile {
        /// What was asked for.
        profile: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The description has no such release.
    UnknownVersion {
        /// Which.
        version: Version,
    },
    /// What is asked cannot be.
    Catalogue(CatalogueError),
    /// The watcher ended it.
    Cancelled,
}

codes! {
    impl[] ReleaseError {
        Self::File { .. } => "release-file", Io, CheckFile;
        Self::Description { .. } => "release-description", Misuse;
        Self::WrongPatch { .. } => "release-patch", BadPatch, Report;
        Self::Unfinished { .. } => "release-unfinished", Misuse;
        Self::Index { .. } => "release-index", BadFile;
        Self::OtherProduct { .. } => "release-product", WrongDevice;
        Self::UnknownProfile { .. } => "release-profile", DoesNotFit;
        Self::UnknownVersion { .. } => "release-version", Misuse;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Input(error) => error;
        Self::Image { error, .. } => error;
        Self::Make { error, .. } => error;
        Self::Key { error, .. } => error;
        Self::Sign(error) => error;
        Self::NotAuthentic(error) => error;
        Self::Catalogue(error) => error;
    }
}

impl ReleaseError {
    /// Whether a patch cannot be made for its profile, which keeps no other from being made.
    pub fn is_for_profile(&self) -> bool {
        self.class() == flashdelta::ErrorClass::DoesNotFit && self.code() != "out-of-memory"
    }
}

impl From<TextError> for ReleaseError {
    fn from(error: TextError) -> Self {
        Self::Catalogue(error.into())
    }
}

impl From<CatalogueError> for ReleaseError {
    fn from(error: CatalogueError) -> Self {
        Self::Catalogue(error)
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Description { path, what } | Self::Index { path, what } => {
                write!(f, "{}: {what}", path.display())
            }
            Self::Input(error) => error.fmt(f),
            Self::Image { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Make { task, error } => write!(f, "{task}: {error}"),
            Self::WrongPatch { task } => {
                write!(f, "{task}: what was made is not the patch that was asked for")
            }
            Self::Unfinished { missing } => write!(f, "{missing} patches were not made"),
            Self::Key { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Sign(error) => error.fmt(f),
            Self::NotAuthentic(error) => write!(f, "the index: {error}"),
            Self::OtherProduct { found, expected } => {
                write!(f, "the folder is of product {found}, not of {expected}")
            }
            Self::UnknownProfile { profile, known } => write!(
                f,
                "the folder has no patches for profile {profile}; it has them for {}",
                known.join(", ")
            ),
            Self::UnknownVersion { version } => {
                write!(f, "the description has no release {version}")
            }
            Self::Catalogue(error) => error.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for ReleaseError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            Self::Input(error) => Some(error),
            Self::Image { error, .. } => Some(error),
            Self::Make { error, .. } => Some(error),
            Self::Key { error, .. } => Some(error),
            Self::Sign(error) => Some(error),
            Self::NotAuthentic(error) => Some(error),
            Self::Catalogue(error) => Some(error),
            _ => None,
        }
    }
}
