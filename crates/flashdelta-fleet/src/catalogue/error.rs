//! Why something cannot be entered.

use core::fmt;

use flashdelta::codes;

use crate::{Digest, Name, TextError, Version};

/// Why something cannot be entered into the catalogue.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CatalogueError {
    /// A text cannot be a name, a version or a digest.
    Text(TextError),
    /// A text, a number or a list is larger than allowed.
    TooLarge {
        /// Which.
        what: &'static str,
        /// How large it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A field has a value that it cannot have.
    BadField {
        /// Which.
        what: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The catalogue has no such product.
    UnknownProduct {
        /// Which.
        product: Name,
    },
    /// The product has no such release.
    UnknownRelease {
        /// Of which product.
        product: Name,
        /// Which.
        version: Version,
    },
    /// The catalogue has no such image.
    UnknownImage {
        /// Its digest.
        sha256: Digest,
    },
    /// There is one already, and it is another.
    Exists {
        /// What there is.
        what: String,
    },
    /// A release has the same component twice, or the same auxiliary content.
    Twice {
        /// Which.
        name: Name,
    },
    /// A release has no component.
    NoComponent,
}

codes! {
    impl[] CatalogueError {
        Self::TooLarge { .. } => "entry-too-large", Misuse;
        Self::BadField { .. } => "bad-entry", Misuse;
        Self::UnknownProduct { .. } => "unknown-product", Misuse;
        Self::UnknownRelease { .. } => "unknown-release", Misuse;
        Self::UnknownImage { .. } => "unknown-image", Misuse;
        Self::Exists { .. } => "entry-exists", Misuse;
        Self::Twice { .. } => "entry-twice", Misuse;
        Self::NoComponent => "no-component", Misuse;
    } else {
        Self::Text(error) => error;
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::TooLarge { what, found, limit } => {
                write!(f, "{what}: found {found}, the limit is {limit}")
            }
            Self::BadField { what, found, expected } => {
                write!(f, "{what}: found {found}, expected {expected}")
            }
            Self::UnknownProduct { product } => write!(f, "there is no product {product}"),
            Self::UnknownRelease { product, version } => {
                write!(f, "product {product} has no release {version}")
            }
            Self::UnknownImage { sha256 } => write!(f, "there is no image {sha256}"),
            Self::Exists { what } => write!(f, "{what} is there already, and it is another"),
            Self::Twice { name } => write!(f, "the release has {name} twice"),
            Self::NoComponent => f.write_str("the release has no component"),
        }
    }
}

impl core::error::Error for CatalogueError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Text(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TextError> for CatalogueError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

/// Checks a size or a count.
pub(super) fn check_limit(
    what: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), CatalogueError> {
    if found > limit {
        let (found, limit) = (found as u64, limit as u64);
        return Err(CatalogueError::TooLarge { what, found, limit });
    }
    Ok(())
}
