//! Components of releases.

use flashdelta::set::ComponentName;
use flashdelta::update::set::Kind;
use serde::{Deserialize, Serialize};

use super::CatalogueError;
use crate::{Digest, Name};

/// A part of a device, and its image in a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Its name, by which devices report what they hold.
    pub name: Name,
    /// What it is: a name of [`Kind`].
    #[serde(default = "application")]
    pub kind: String,
    /// Where the device has it; what is not said is its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// SHA-256 of the file of the image.
    pub image: Digest,
}

/// Where a device has a component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Place {
    /// A partition, by its label.
    Partition(String),
    /// An address in flash.
    Address(u32),
    /// A device behind this one.
    Child {
        /// Its number.
        id: u32,
        /// Which part of it; may be empty.
        #[serde(default)]
        name: String,
    },
    /// Something that the device knows by name.
    Name(String),
}

fn application() -> String {
    Kind::Application.name().to_owned()
}

impl Component {
    /// An application.
    pub fn new(name: Name, image: Digest) -> Self {
        Self { name, kind: application(), place: None, image }
    }

    /// What it is, in a set.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::BadField`].
    pub fn kind(&self) -> Result<Kind, CatalogueError> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == self.kind);
        kind.ok_or_else(|| CatalogueError::BadField {
            what: "kind of a component",
            found: format!("{:?}", self.kind),
            expected: format!("one of {}", Kind::ALL.map(Kind::name).join(", ")),
        })
    }

    /// What it is called in a set.
    pub fn set_name(&self) -> ComponentName {
        match &self.place {
            None => ComponentName::Name(self.name.to_string()),
            Some(Place::Partition(label)) => ComponentName::Partition(label.clone()),
            Some(Place::Address(address)) => ComponentName::Address(*address),
            Some(Place::Child { id, name }) => ComponentName::Child { id: *id, name: name.clone() },
            Some(Place::Name(name)) => ComponentName::Name(name.clone()),
        }
    }
}
