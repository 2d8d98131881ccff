//! Devices: what they are, and what they say they hold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::check_limit;
use super::{Applier, CatalogueError};
use crate::{Digest, Name, Version};

/// A device. All but its id and its product may be left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What it is known by: 1 to 256 bytes.
    pub id: String,
    /// Its product.
    pub product: Name,
    /// Its hardware revision.
    #[serde(default)]
    pub hardware: u16,
    /// Its model.
    #[serde(default)]
    pub model: String,
    /// The year in which it was made; 0: unknown.
    #[serde(default)]
    pub year: u16,
    /// The batch that it is of.
    #[serde(default)]
    pub batch: String,
    /// Its serial number.
    #[serde(default)]
    pub serial: String,
    /// Words by which operators know it; at most 64.
    #[serde(default)]
    pub tags: BTreeSet<Name>,
    /// What else it says about itself; at most 64.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// What it can take.
    #[serde(default)]
    pub applier: Applier,
    /// The class of its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Name>,
    /// What it says it holds.
    #[serde(default)]
    pub running: Running,
    /// The version that it says it has. It counts only where the digests tell none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The lowest security counter that it installs.
    #[serde(default)]
    pub security_counter: u32,
}

/// What a device says it holds: digests, each of the memory or of the file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Running {
    /// It does not say.
    #[default]
    Unknown,
    /// Of its one image.
    One(Digest),
    /// Of its components, by name.
    Components(BTreeMap<Name, Digest>),
}

/// The longest text of an attribute, in bytes.
pub(crate) const LONGEST_TEXT: usize = 256;
/// The most tags of a device, and the most attributes.
pub(crate) const MOST_TAGS: usize = 64;

impl Device {
    /// A device of which nothing else is known.
    pub fn new(id: impl Into<String>, product: Name) -> Self {
        Self {
            id: id.into(),
            product,
            hardware: 0,
            model: String::new(),
            year: 0,
            batch: String::new(),
            serial: String::new(),
            tags: BTreeSet::new(),
            attributes: BTreeMap::new(),
            applier: Applier::default(),
            link: None,
            running: Running::Unknown,
            version: None,
            security_counter: 0,
        }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::TooLarge`], [`CatalogueError::BadField`].
    pub fn check(&self) -> Result<(), CatalogueError> {
        if self.id.is_empty() {
            return Err(CatalogueError::BadField {
                what: "id",
                found: "nothing".to_owned(),
                expected: "the id of a device".to_owned(),
            });
        }
        for (what, text) in [
            ("bytes of the id", &self.id),
            ("bytes of the model", &self.model),
            ("bytes of the batch", &self.batch),
            ("bytes of the serial number", &self.serial),
        ] {
            check_limit(what, text.len(), LONGEST_TEXT)?;
        }
        check_limit("tags", self.tags.len(), MOST_TAGS)?;
        check_limit("attributes", self.attributes.len(), MOST_TAGS)?;
        let texts = self.attributes.iter().flat_map(|(name, value)| [name.len(), value.len()]);
        check_limit("bytes of an attribute", texts.max().unwrap_or(0), LONGEST_TEXT)?;
        if let Running::Components(components) = &self.running {
            check_limit("components", components.len(), 256)?;
        }
        self.applier.device_profile().map(|_| ())
    }
}

impl Running {
    /// What it says of this component. A single digest is that of a release's only component.
    pub fn digest(&self, component: &Name, is_only: bool) -> Option<Digest> {
        match self {
            Self::Unknown => None,
            Self::One(digest) => Some(*digest).filter(|_| is_only),
            Self::Components(components) => components.get(component).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_needs_but_an_id_and_a_product() {
        let device: Device = serde_json::from_str(r#"{"id":"a","product":"heron"}"#).unwrap();
        assert_eq!(device, Device::new("a", Name::new("heron").unwrap()));
        device.check().unwrap();
        let text = serde_json::to_string(&device).unwrap();
        assert_eq!(serde_json::from_str::<Device>(&text).unwrap(), device);
        assert_eq!(
            Device { id: String::new(), ..device.clone() }.check().unwrap_err().code(),
            "bad-entry"
        );
        let long = Device { serial: "x".repeat(257), ..device.clone() };
        assert_eq!(
            long.check().unwrap_err().to_string(),
            "bytes of the serial number: found 257, the limit is 256"
        );
        assert!(serde_json::from_str::<Device>(r#"{"id":"a","product":"h","modell":""}"#).is_err());
    }

    #[test]
    fn what_runs_is_one_digest_or_some() {
        let one = Digest::of(b"one");
        let name = Name::new("app").unwrap();
        for (running, only, of_several) in [
            (Running::Unknown, None, None),
            (Running::One(one), Some(one), None),
            (Running::Components([(name.clone(), one)].into()), Some(one), Some(one)),
        ] {
            let text = serde_json::to_string(&running).unwrap();
            assert_eq!(serde_json::from_str::<Running>(&text).unwrap(), running, "{text}");
            assert_eq!(running.digest(&name, true), only);
            assert_eq!(running.digest(&name, false), of_several);
        }
    }
}
