//! Why there is no plan.

use core::fmt;

use flashdelta::codes;

use crate::catalogue::CatalogueError;
use crate::Name;

/// Why there is no plan.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlanError {
    /// The device has a field that cannot be, or its product is not there.
    Device(CatalogueError),
    /// The rules are for another product.
    OtherProduct {
        /// That of the device.
        device: Name,
        /// That of the rules.
        rules: Name,
    },
}

codes! {
    impl[] PlanError {
        Self::OtherProduct { .. } => "other-product", Misuse;
    } else {
        Self::Device(error) => error;
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::OtherProduct { device, rules } => {
                write!(f, "the device is a {device}, the rules are for {rules}")
            }
        }
    }
}

impl core::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Device(error) => Some(error),
            Self::OtherProduct { .. } => None,
        }
    }
}

impl From<CatalogueError> for PlanError {
    fn from(error: CatalogueError) -> Self {
        Self::Device(error)
    }
}
