//! Images, by digest.

use std::collections::BTreeMap;

use flashdelta::image::{self, Facts, ImageError};
use flashdelta::{file, Input};
use serde::{Deserialize, Serialize};

use super::error::check_limit;
use super::CatalogueError;
use crate::Digest;

/// A firmware file that is in stock: its digests, and what it says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// SHA-256 of the file; of a folder, or a manifest with its parts, as it is packed.
    pub sha256: Digest,
    /// Length of the file in bytes.
    pub size: u64,
    /// What a device holds of it.
    pub memory: Memory,
    /// What it is: [`Format::name`](image::Format::name), or of what holds others the name of the
    /// container, and then it is for computers.
    pub format: String,
    /// Whether it holds others: zip, tar, gzip, folder.
    #[serde(default)]
    pub is_container: bool,
    /// How much of it looks compressed or encrypted, in percent.
    #[serde(default)]
    pub packed_percent: u8,
    /// What headers and descriptors in it say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// Words in it that look like versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// The memory of a device that holds an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// SHA-256 of it: what a device computes over its flash.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u32,
}

impl Image {
    /// Looks at a file: any that patches are made from.
    ///
    /// # Errors
    ///
    /// [`ImageError`], if it is a file of records that is damaged or dubious.
    pub fn of(input: &Input<'_>) -> Result<Self, ImageError> {
        let bytes = input.bytes();
        let sha256 = Digest::of(bytes);
        let found = match input.is_container() {
            true => None,
            false => Some(file::Memory::read(bytes, &file::MemoryOptions::new())?),
        };
        let data = found.as_ref().map_or(bytes, |memory| &memory.image);
        let facts = Facts::of(input.file().unwrap_or_default(), data);
        let format = match &found {
            Some(_) => image::detect(bytes).name(),
            None => input.container().name(),
        };
        let (size, of_memory) = (data.len() as u32, Digest::of(data));
        let detail = |(name, value): (&str, String)| (name.to_owned(), shortened(value));
        Ok(Self {
            sha256,
            size: bytes.len() as u64,
            memory: Memory { sha256: of_memory, size },
            format: format.to_owned(),
            is_container: found.is_none(),
            packed_percent: (facts.packed * 100.0) as u8,
            details: facts.details.into_iter().map(detail).collect(),
            versions: facts.versions,
        })
    }

    /// Checks the fields: an image that was not [looked at](Self::of) here.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::TooLarge`], [`CatalogueError::BadField`].
    pub fn check(&self) -> Result<(), CatalogueError> {
        check_limit("bytes of the format", self.format.len(), 64)?;
        check_limit("percent", self.packed_percent.into(), 100)?;
        check_limit("details", self.details.len(), 64)?;
        let texts = self.details.iter().flat_map(|(name, value)| [name, value]);
        let longest = texts.chain(&self.versions).map(String::len).max().unwrap_or(0);
        check_limit("bytes of a detail", longest, LONGEST)?;
        check_limit("versions", self.versions.len(), 64)
    }
}

/// The longest text of a detail, in bytes.
const LONGEST: usize = 512;

fn shortened(mut text: String) -> String {
    let end =
        (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/firmware");

    fn of_file(name: &str) -> Image {
        Image::of(&Input::open(format!("{FIRMWARE}/{name}").as_ref()).unwrap()).unwrap()
    }

    #[test]
    fn what_a_device_holds_is_told_from_the_file() {
        let path = format!("{FIRMWARE}/cortex-m-1.0.s19");
        let file = std::fs::read(path).unwrap();
        let parsed = image::Image::parse(&file, &image::ReadOptions::default()).unwrap();
        let hex = parsed.write(image::Format::IntelHex, &image::WriteOptions::new()).unwrap();
        let hex = Image::of(&Input::from_bytes(hex)).unwrap();
        let (srec, bin) = (of_file("cortex-m-1.0.s19"), of_file("cortex-m-1.1.bin"));
        assert_eq!(hex.memory, srec.memory);
        assert_eq!(bin.memory, Memory { sha256: bin.sha256, size: bin.size as u32 });
        assert_ne!(hex.sha256, srec.sha256);
        assert_eq!((&*hex.format, &*srec.format, &*bin.format), ("ihex", "srec", "raw"));
        for image in [hex, srec, bin] {
            image.check().unwrap();
            let json = serde_json::to_string(&image).unwrap();
            assert_eq!(serde_json::from_str::<Image>(&json).unwrap(), image);
        }
    }

    #[test]
    fn details_are_cut_between_characters() {
        let text = "ü".repeat(300);
        assert_eq!(shortened(text), "ü".repeat(256));
        assert_eq!(shortened("a".repeat(600)).len(), LONGEST);
        assert_eq!(shortened("a".into()), "a");
    }
}
