//! Versions of releases, and their order.

use core::cmp::Ordering;
use core::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::TextError;

/// The version of a release, as its maker writes it: 1 to 64 printable ASCII characters without
/// blanks and slashes.
///
/// The order is that of Semantic Versioning, for any number of fields. A leading `v` does not
/// count. What is before the first `-` or `+` is fields between dots, of which runs of digits
/// compare as numbers and come before other text; a missing field is less than any. What follows
/// `-` is a version before the one without it. What follows `+` decides between equals, and then
/// the text does, so that no two versions are equal but those that are written alike.
///
/// ```
/// use flashdelta_fleet::Version;
///
/// let order = ["1.9", "1.10-rc.2", "1.10-rc.10", "1.10", "1.10.1", "v2.0", "2.0.a"];
/// let versions: Vec<_> = order.iter().map(|text| Version::new(*text).unwrap()).collect();
/// assert!(versions.is_sorted());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// The longest version, in bytes.
    pub const MAX_LEN: usize = 64;

    /// This text, if it can be a version.
    ///
    /// # Errors
    ///
    /// [`TextError::BadVersion`].
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let is_version = (1..=Self::MAX_LEN).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\'));
        match is_version {
            true => Ok(Self(text)),
            false => Err(TextError::BadVersion {
                found: text.chars().take(80).collect(),
                limit: Self::MAX_LEN,
            }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared: fields, what follows `-`, what follows `+`.
    fn parts(&self) -> (&str, Option<&str>, Option<&str>) {
        let text = self.0.strip_prefix(['v', 'V']).unwrap_or(&self.0);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        match text.split_once('-') {
            Some((fields, before)) => (fields, Some(before), build),
            None => (text, None, build),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (fields, before, build) = self.parts();
        let (other_fields, other_before, other_build) = other.parts();
        let order = compare_fields(fields, other_fields)
            .then_with(|| match (before, other_before) {
                (Some(before), Some(other)) => compare_fields(before, other),
                (before, other) => before.is_none().cmp(&other.is_none()),
            })
            .then_with(|| match (build, other_build) {
                (Some(build), Some(other)) => compare_fields(build, other),
                (build, other) => build.is_some().cmp(&other.is_some()),
            });
        order.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare_fields(fields: &str, other: &str) -> Ordering {
    let (mut fields, mut other) = (fields.split('.'), other.split('.'));
    loop {
        let order = match (fields.next(), other.next()) {
            (Some(field), Some(other)) => compare_field(field, other),
            (field, other) => return field.is_some().cmp(&other.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_field(field: &str, other: &str) -> Ordering {
    let is_number = |field: &str| !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit());
    match (is_number(field), is_number(other)) {
        (true, true) => {
            // Of any length: without leading zeros the longer one is the larger.
            let [field, other] = [field, other].map(|field| field.trim_start_matches('0'));
            field.len().cmp(&other.len()).then_with(|| field.cmp(other))
        }
        (false, false) => field.cmp(other),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<&str> for Version {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::new(text).unwrap()
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let order = [
            "0.9",
            "1-alpha",
            "1",
            "1.0",
            "1.2-rc.2",
            "1.2-rc.10",
            "1.2",
            "1.2+1",
            "1.2+2",
            "v1.10",
            "1.99999999999999999999999",
            "1.100000000000000000000000",
            "1.x",
            "2024.11",
            "release",
        ];
        for (at, text) in order.iter().enumerate() {
            for later in &order[at + 1..] {
                assert!(version(text) < version(later), "{text} {later}");
            }
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for wrong in ["", "1 2", "1/2", "..", "1\n", "é", &"1".repeat(65)] {
            assert_eq!(Version::new(wrong).unwrap_err().code(), "bad-version", "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(
            a in "[v]?[0-9a.+-]{1,6}",
            b in "[v]?[0-9a.+-]{1,6}",
            c in "[v]?[0-9a.+-]{1,6}",
        ) {
            let versions = [a, b, c].into_iter().filter_map(|t| Version::new(t).ok());
            let versions: Vec<_> = versions.collect();
            for a in &versions {
                for b in &versions {
                    prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                    prop_assert_eq!(a.cmp(b).is_eq(), a == b);
                    for c in &versions {
                        prop_assert!(!(a <= b && b <= c) || a <= c);
                    }
                }
            }
        }
    }
}
