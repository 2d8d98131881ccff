//! What archives, folders, and JSON files that name parts hold.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{hex, FindingFacts};
use crate::host::archive::{Container, ContainerError};
use crate::host::image::Finding;
use crate::host::manifest::esp_idf::{self, FlasherArgs};
use crate::host::manifest::esp_web_tools::{self, Manifest};
use crate::host::manifest::{JsonError, ReleasePart};

/// What an archive, a folder, or a JSON file that names parts holds. All sizes are in bytes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ArchiveFacts {
    /// Length of the file; of a folder as it is packed.
    pub size: usize,
    /// SHA-256 of the same, in hexadecimal.
    pub sha256: String,
    /// What it is, for people.
    pub format: String,
    /// The name that a manifest gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version that a manifest gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The members, or the parts that it names.
    pub members: Vec<ArchiveMemberFacts>,
    /// Lengths, checksums and digests that are wrong, of members too.
    pub findings: Vec<FindingFacts>,
}

/// A member of an archive, or a part that a JSON file names.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ArchiveMemberFacts {
    /// Its name; empty if the file is its own only member.
    pub path: String,
    /// The chip that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Where it goes in the flash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// Its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Whether it is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflated: Option<bool>,
    /// Length of what it holds inflated, as the archive says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_size: Option<u32>,
    /// Where in a manifest it is named.
    #[serde(skip)]
    named_at: String,
}

impl ArchiveFacts {
    /// What the headers of an archive tell: members are not inflated.
    ///
    /// # Errors
    /// Those of [`Container::list`].
    pub fn of(file: &[u8], container: Container) -> Result<Self, ContainerError> {
        // What is past the end of a gzip stream, as OpenWrt appends it, is told from its trailer
        // only by inflating it. That is bounded, unlike an archive of many members.
        let listed = match container {
            Container::Gzip => container.members(file).or_else(|_| container.list(file))?,
            container => container.list(file)?,
        };
        let members = listed.into_iter().map(|member| ArchiveMemberFacts {
            path: member.name,
            size: Some(member.data.len()),
            deflated: Some(member.is_deflated),
            content_size: member.stated_len,
            ..ArchiveMemberFacts::default()
        });
        Ok(Self::new(file, container.to_string(), members.collect()))
    }

    /// What a JSON file names, if it is one that names parts.
    ///
    /// # Errors
    /// [`JsonError`]: it is one, and is wrong.
    pub fn of_manifest(file: &[u8]) -> Result<Option<Self>, JsonError> {
        if esp_web_tools::is(file) {
            return Manifest::parse(file).map(|manifest| Some(Self::web_tools(file, manifest)));
        }
        if esp_idf::is(file) {
            return FlasherArgs::parse(file).map(|args| Some(Self::flasher_args(file, args)));
        }
        Ok(None)
    }

    /// With the lengths of the parts that are there, and those that only the release names.
    #[must_use]
    pub fn with_parts(mut self, parts: &[ReleasePart]) -> Self {
        for part in parts {
            let size = usize::try_from(part.len).ok();
            match self.members.iter_mut().find(|member| member.is(part)) {
                Some(member) => member.size = size,
                None => self.members.push(ArchiveMemberFacts {
                    path: part.path.clone(),
                    role: Some(match part.named_at.ends_with(".ota.path") {
                        true => "ota".to_owned(),
                        false => part.named_at.clone(),
                    }),
                    size,
                    ..ArchiveMemberFacts::default()
                }),
            }
        }
        self
    }

    /// With the [`findings`](crate::door::findings) about it.
    #[must_use]
    pub fn with_findings(self, findings: &[Finding]) -> Self {
        Self { findings: FindingFacts::list(findings), ..self }
    }

    fn new(file: &[u8], format: String, members: Vec<ArchiveMemberFacts>) -> Self {
        Self {
            size: file.len(),
            sha256: hex(&Sha256::digest(file)),
            format,
            name: None,
            version: None,
            members,
            findings: Vec::new(),
        }
    }

    fn web_tools(file: &[u8], manifest: Manifest) -> Self {
        let members = manifest.builds.into_iter().enumerate().flat_map(|(b, build)| {
            let chip = build.chip_family.to_string();
            build.parts.into_iter().enumerate().map(move |(p, part)| ArchiveMemberFacts {
                named_at: format!("builds[{b}].parts[{p}]."),
                path: part.path,
                chip: Some(chip.clone()),
                offset: Some(part.offset),
                ..ArchiveMemberFacts::default()
            })
        });
        let facts = Self::new(file, "ESP Web Tools manifest".to_owned(), members.collect());
        Self { name: Some(manifest.name), version: manifest.version, ..facts }
    }

    fn flasher_args(file: &[u8], args: FlasherArgs) -> Self {
        let members = args.files.into_iter().map(|file| ArchiveMemberFacts {
            path: file.path,
            chip: args.chip.clone(),
            role: file.role,
            offset: Some(file.offset),
            ..ArchiveMemberFacts::default()
        });
        Self::new(file, "ESP-IDF flasher arguments".to_owned(), members.collect())
    }
}

impl ArchiveMemberFacts {
    /// Whether the release means this one by a part.
    fn is(&self, part: &ReleasePart) -> bool {
        match self.named_at.is_empty() {
            // A file of ESP-IDF's.
            true => self.offset.is_some() && self.offset == part.offset,
            false => part.named_at.starts_with(&self.named_at),
        }
    }
}
