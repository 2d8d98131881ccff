//! `index.json`: what a folder has. `docs/release.schema.json` describes it.

use flashdelta::profile::DeviceProfile;
use flashdelta::InstructionSet;
use serde::{Deserialize, Serialize};

use crate::catalogue::Image;
use crate::{Digest, Name, Version};

/// What a folder has. Unknown fields are left to later programs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Index {
    /// The version of this format: [`Index::FORMAT`].
    pub format: u32,
    /// The program that made the patches.
    pub maker: String,
    /// The product.
    pub product: Name,
    /// The release that devices get.
    pub latest: Version,
    /// The profiles that there are patches for.
    pub profiles: Vec<IndexProfile>,
    /// The releases, in the order of their versions.
    pub releases: Vec<IndexRelease>,
    /// The patches.
    pub patches: Vec<IndexPatch>,
}

/// A profile that there are patches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexProfile {
    /// Its name, by which devices ask.
    pub name: Name,
    /// RAM in bytes.
    pub ram: u32,
    /// Write unit in bytes.
    pub page: u32,
    /// Codecs of the applier.
    pub codecs: Vec<String>,
    /// Instruction sets of the applier.
    pub isas: Vec<String>,
}

/// A release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexRelease {
    /// Its version.
    pub version: Version,
    /// First and last hardware revision that it is for.
    pub hardware: [u16; 2],
    /// Its security counter.
    pub security_counter: u32,
    /// Its image.
    pub image: Image,
    /// The file as it is, if the folder has it.
    pub file: Option<Stored>,
    /// What goes with it.
    pub auxiliary: Vec<Stored>,
}

/// A file of the folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// What it was called.
    pub name: String,
    /// Where it is, below the folder, with `/` between parts.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of it.
    pub sha256: Digest,
}

/// A patch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexPatch {
    /// The release that it starts from; none: from nothing.
    pub from: Option<Version>,
    /// The release that it leads to.
    pub to: Version,
    /// The profile that it is made for.
    pub profile: Name,
    /// Where it is, below the folder.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of it.
    pub sha256: Digest,
    /// Whether it is a bundle, which computers apply.
    pub is_bundle: bool,
    /// RAM in bytes that a device needs to apply it; of a bundle 0.
    pub ram: u32,
    /// Whether it is signed itself. The signature of the index vouches for all.
    pub is_signed: bool,
}

impl Index {
    /// The version of the format.
    pub const FORMAT: u32 = 1;
    /// The name of the file.
    pub const NAME: &str = "index.json";
    /// The name of the file with its signatures.
    pub const SIGNATURE_NAME: &str = "index.json.sig";
    /// The longest index, in bytes.
    pub(super) const MAX_LEN: u64 = 64 << 20;
}

impl IndexProfile {
    pub(super) fn of(profile: &DeviceProfile, name: Name) -> Self {
        let isas = profile.isas.iter().copied().map(InstructionSet::name);
        Self {
            name,
            ram: profile.ram,
            page: profile.page,
            codecs: profile.codecs.iter().map(|codec| codec.name().to_owned()).collect(),
            isas: isas.map(str::to_owned).collect(),
        }
    }
}
