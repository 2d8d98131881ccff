//! Products.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::check_limit;
use super::CatalogueError;
use crate::Name;

/// A product: what has releases.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name, by which devices ask.
    pub name: Name,
    /// A title for people; at most 256 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its hardware revisions and what they are called; empty: any. At most 256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revisions: BTreeMap<u16, String>,
}

impl Product {
    /// A product without title, of any revision.
    pub fn new(name: Name) -> Self {
        Self { name, title: String::new(), revisions: BTreeMap::new() }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::TooLarge`].
    pub fn check(&self) -> Result<(), CatalogueError> {
        check_limit("bytes of the title", self.title.len(), 256)?;
        check_limit("hardware revisions", self.revisions.len(), 256)?;
        let longest = self.revisions.values().map(String::len).max().unwrap_or(0);
        check_limit("bytes of the name of a revision", longest, 256)
    }
}
