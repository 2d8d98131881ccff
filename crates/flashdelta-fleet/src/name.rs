//! Names of products, components, rules and link classes.

use core::fmt;
use core::ops::Deref;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::TextError;

/// A name: 1 to 128 bytes of printable text without `/` and `\`, blanks at its ends, or a dot in
/// front; so that it can be a part of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 128;

    /// This text, if it can be a name.
    ///
    /// # Errors
    ///
    /// [`TextError::BadName`].
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let is_name = (1..=Self::MAX_LEN).contains(&text.len())
            && text.trim() == text
            && !text.starts_with('.')
            && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
        match is_name {
            true => Ok(Self(text)),
            false => Err(TextError::BadName {
                found: text.chars().take(160).collect(),
                limit: Self::MAX_LEN,
            }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl core::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<&str> for Name {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_parts_of_paths() {
        for right in ["heron", "Heron 2", "motor.ü", "1", &"x".repeat(128)] {
            assert_eq!(Name::new(right).unwrap().as_str(), right);
        }
        for wrong in ["", " a", "a ", "a/b", "a\\b", "..", ".a", "a\nb", &"x".repeat(129)] {
            assert_eq!(Name::new(wrong).unwrap_err().code(), "bad-name", "{wrong:?}");
            assert!(serde_json::from_str::<Name>(&serde_json::to_string(wrong).unwrap()).is_err());
        }
    }
}
