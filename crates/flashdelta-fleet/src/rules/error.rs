//! Why a rule cannot be entered.

use core::fmt;

use flashdelta::codes;

use crate::catalogue::CatalogueError;
use crate::Name;

/// Why an expression cannot be a condition.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConditionError {
    /// It is too long.
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The longest possible.
        limit: usize,
    },
    /// It cannot be read.
    Syntax {
        /// What is wrong, and where.
        message: String,
    },
    /// It asks for something that devices do not have.
    UnknownVariable {
        /// What.
        name: String,
    },
    /// It calls something that there is not.
    UnknownFunction {
        /// What.
        name: String,
    },
    /// Types do not fit.
    Types {
        /// Of which operation.
        operation: String,
        /// Its types.
        found: String,
        /// What it takes.
        expected: &'static str,
    },
    /// It is not of type bool.
    NotBool {
        /// Its type.
        found: String,
    },
    /// Evaluating it may take too many steps.
    TooCostly {
        /// How many, for the largest device.
        found: u64,
        /// How many are possible.
        limit: u64,
    },
}

codes! {
    impl[] ConditionError {
        Self::TooLong { .. } => "condition-too-long", Misuse;
        Self::Syntax { .. } => "condition-syntax", Misuse;
        Self::UnknownVariable { .. } => "unknown-variable", Misuse;
        Self::UnknownFunction { .. } => "unknown-function", Misuse;
        Self::Types { .. } => "condition-types", Misuse;
        Self::NotBool { .. } => "condition-not-bool", Misuse;
        Self::TooCostly { .. } => "condition-too-costly", Misuse;
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found, limit } => {
                write!(f, "the condition has {found} bytes, the limit is {limit}")
            }
            Self::Syntax { message } => write!(f, "the condition cannot be read: {message}"),
            Self::UnknownVariable { name } => write!(
                f,
                "the condition asks for {name}; devices have {}",
                super::types::VARIABLES.map(|(name, _)| name).join(", ")
            ),
            Self::UnknownFunction { name } => {
                write!(f, "the condition calls {name}, which there is not in conditions")
            }
            Self::Types { operation, found, expected } => {
                write!(f, "{operation}: found {found}, expected {expected}")
            }
            Self::NotBool { found } => {
                write!(f, "the condition is of type {found}, expected bool")
            }
            Self::TooCostly { found, limit } => {
                write!(f, "the condition may take {found} steps, the limit is {limit}")
            }
        }
    }
}

impl core::error::Error for ConditionError {}

/// Why rules cannot be entered.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleError {
    /// What a rule names is not there, or a field cannot be.
    Catalogue {
        /// Which rule.
        rule: Name,
        /// Why.
        error: CatalogueError,
    },
    /// Two rules have the same id.
    Twice {
        /// Which.
        rule: Name,
    },
    /// There are too many rules of a kind.
    TooMany {
        /// How many.
        found: usize,
        /// How many are possible.
        limit: usize,
    },
    /// The product is not there.
    Product(CatalogueError),
}

codes! {
    impl[] RuleError {
        Self::Twice { .. } => "rule-twice", Misuse;
        Self::TooMany { .. } => "too-many-rules", Misuse;
    } else {
        Self::Catalogue { error, .. } => error;
        Self::Product(error) => error;
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalogue { rule, error } => write!(f, "rule {rule}: {error}"),
            Self::Twice { rule } => write!(f, "there are two rules with the id {rule}"),
            Self::TooMany { found, limit } => {
                write!(f, "there are {found} rules of a kind, the limit is {limit}")
            }
            Self::Product(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RuleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Catalogue { error, .. } | Self::Product(error) => Some(error),
            _ => None,
        }
    }
}
