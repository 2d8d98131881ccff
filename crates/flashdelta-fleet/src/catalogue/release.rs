//! Releases.

use std::collections::BTreeSet;

use flashdelta::update::set::MOST_COMPONENTS;
use serde::{Deserialize, Serialize};

use super::error::check_limit;
use super::{Applier, CatalogueError, Component};
use crate::{Digest, Name, Version};

/// A release of a product: what its devices shall hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The product.
    pub product: Name,
    /// Its version.
    pub version: Version,
    /// Which hardware it is for; what is not said is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<HardwareRange>,
    /// Its security counter: devices that are further on refuse it.
    #[serde(default)]
    pub security_counter: u32,
    /// Its images: one, or a set.
    pub components: Vec<Component>,
    /// What goes with it and is no firmware; at most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auxiliary: Vec<Auxiliary>,
    /// Notes for people; at most 64 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// Hardware revisions, the first and the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A file that goes with a release: a licence, a language, a map.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auxiliary {
    /// Its name.
    pub name: Name,
    /// SHA-256 of it.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
}

impl Release {
    /// A release without components, for all hardware.
    pub fn new(product: Name, version: Version) -> Self {
        Self {
            product,
            version,
            hardware: None,
            security_counter: 0,
            components: Vec::new(),
            auxiliary: Vec::new(),
            notes: String::new(),
        }
    }

    /// With this component, too.
    #[must_use]
    pub fn component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }

    /// Whether a device with this applier gets it as a component set.
    pub fn is_set_for(&self, applier: &Applier) -> bool {
        self.components.len() > 1 && applier.takes_sets && applier.reads_patches()
    }

    /// Whether a device with this applier can get files of it as they are: in sets there are none.
    pub fn takes_files(&self, applier: &Applier) -> bool {
        applier.takes_files && !self.is_set_for(applier)
    }

    /// Whether it is for this hardware revision.
    pub fn is_for(&self, hardware: u16) -> bool {
        self.hardware.is_none_or(|range| (range.first..=range.last).contains(&hardware))
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`CatalogueError`].
    pub fn check(&self) -> Result<(), CatalogueError> {
        if let Some(HardwareRange { first, last }) = self.hardware.filter(|r| r.last < r.first) {
            return Err(CatalogueError::BadField {
                what: "hardware",
                found: format!("revisions {first} to {last}"),
                expected: "the last not before the first".to_owned(),
            });
        }
        if self.components.is_empty() {
            return Err(CatalogueError::NoComponent);
        }
        check_limit("components", self.components.len(), MOST_COMPONENTS.into())?;
        check_limit("auxiliary contents", self.auxiliary.len(), 256)?;
        check_limit("bytes of notes", self.notes.len(), 64 << 10)?;
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        for component in &self.components {
            component.kind()?;
            let is_new = names.insert(&component.name) && places.insert(component.set_name());
            if !is_new {
                return Err(CatalogueError::Twice { name: component.name.clone() });
            }
        }
        let mut names = BTreeSet::new();
        match self.auxiliary.iter().find(|content| !names.insert(&content.name)) {
            Some(content) => Err(CatalogueError::Twice { name: content.name.clone() }),
            None => Ok(()),
        }
    }
}
