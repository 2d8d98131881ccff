//! What a set says about itself, as machines read it.

use serde::Serialize;

use super::{check, signatures, ComponentName, SetFileError};
use crate::device::update::set::{Entry, Index, Precondition};
use crate::host::facts::{hex, IdentityFacts, SignatureFacts};

/// What a set says about itself. All sizes are in bytes, digests and key ids in hexadecimal.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SetFacts {
    /// Length of the whole set.
    pub set_size: u64,
    /// Which devices it is for, if it says so.
    pub identity: Option<IdentityFacts>,
    /// Who signed it. The signatures are not checked.
    pub signatures: Vec<SignatureFacts>,
    /// RAM that a device needs, everything but the index and what checks the payloads included.
    pub ram: u32,
    /// RAM that checking the payloads takes where they stream in, beyond the other.
    pub chunk_ram: u32,
    /// Length of the index, which is in RAM as a whole.
    pub index_size: u32,
    /// The components, in the order in which they are written and activated.
    pub components: Vec<ComponentFacts>,
}

/// A component of a set.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ComponentFacts {
    /// What it is.
    pub kind: &'static str,
    /// Which part of a device it is.
    pub target: TargetFacts,
    /// The first and the last hardware revision that has it; `None`: all have.
    pub hardware: Option<(u16, u16)>,
    /// What has to be there before.
    pub precondition: PreconditionFacts,
    /// Length of what is sent; `None`: nothing is, and the component has to be there.
    pub patch_size: Option<u32>,
    /// Where it begins in the set.
    pub offset: Option<u32>,
    /// Length of what will be there.
    pub new_size: u32,
    /// Its SHA-256.
    pub new_sha256: String,
}

/// Which part of a device a component is.
#[allow(clippy::exhaustive_enums)] // As the format has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum TargetFacts {
    /// A partition.
    Partition {
        /// Its name.
        partition: String,
    },
    /// What starts at an address of the flash.
    Address {
        /// The address.
        address: u32,
    },
    /// A child device.
    Child {
        /// Its number.
        child: u32,
        /// Its name, which may be empty.
        name: String,
    },
    /// Whatever the device knows by a name.
    Name {
        /// The name.
        name: String,
    },
}

/// What has to be in a component before.
#[allow(clippy::exhaustive_enums)] // As the format has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum PreconditionFacts {
    /// "any" or "absent".
    Word(&'static str),
    /// An image.
    Image {
        /// Its length.
        size: u32,
        /// The first bytes of its SHA-256.
        sha256_prefix: String,
    },
}

impl From<ComponentName> for TargetFacts {
    fn from(name: ComponentName) -> Self {
        match name {
            ComponentName::Partition(partition) => Self::Partition { partition },
            ComponentName::Address(address) => Self::Address { address },
            ComponentName::Child { id: child, name } => Self::Child { child, name },
            ComponentName::Name(name) => Self::Name { name },
        }
    }
}

impl From<&TargetFacts> for ComponentName {
    fn from(target: &TargetFacts) -> Self {
        match target.clone() {
            TargetFacts::Partition { partition } => Self::Partition(partition),
            TargetFacts::Address { address } => Self::Address(address),
            TargetFacts::Child { child: id, name } => Self::Child { id, name },
            TargetFacts::Name { name } => Self::Name(name),
        }
    }
}

impl SetFacts {
    /// The facts about a whole set, which is checked against its digests, but not for who made it.
    ///
    /// # Errors
    ///
    /// [`SetFileError`], if this is no whole set, or a damaged one.
    pub fn of(set: &[u8]) -> Result<Self, SetFileError> {
        let index = check(set)?;
        let signatures = signatures(set)?.iter().map(SignatureFacts::from).collect();
        Ok(Self::from_parts(set.len() as u64, index, signatures))
    }

    /// The facts as JSON.
    pub fn json(&self) -> String {
        // Numbers and text always are.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn from_parts(set_size: u64, index: Index<'_>, signatures: Vec<SignatureFacts>) -> Self {
        Self {
            set_size,
            identity: index.identity().map(IdentityFacts::from),
            signatures,
            ram: index.ram(),
            chunk_ram: index.chunk_ram(),
            index_size: index.index_len(),
            components: index.entries().map(|entry| ComponentFacts::of(&entry)).collect(),
        }
    }
}

impl ComponentFacts {
    fn of(entry: &Entry<'_>) -> Self {
        Self {
            kind: entry.kind.name(),
            target: ComponentName::from(entry.target).into(),
            hardware: entry.hardware,
            precondition: match entry.precondition {
                Precondition::Any => PreconditionFacts::Word("any"),
                Precondition::Absent => PreconditionFacts::Word("absent"),
                Precondition::Image { size, digest } => {
                    PreconditionFacts::Image { size, sha256_prefix: hex(&digest) }
                }
            },
            patch_size: entry.payload.map(|payload| payload.len),
            offset: entry.payload.map(|payload| payload.offset),
            new_size: entry.size,
            new_sha256: hex(&entry.sha256),
        }
    }
}
