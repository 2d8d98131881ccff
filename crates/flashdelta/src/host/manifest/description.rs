//! What either of the JSON files says of the parts.

use super::esp_idf::{self, FlasherArgs};
use super::esp_web_tools::{self, Manifest};
use super::reference::Style;
use crate::host::json::JsonError;

/// Whether it is a JSON file that names parts: a manifest of ESP Web Tools, or `flasher_args.json`
/// of ESP-IDF.
pub fn names_parts(bytes: &[u8]) -> bool {
    esp_web_tools::is(bytes) || esp_idf::is(bytes)
}

/// The files that such a file names, for computers that flash a device, or for devices themselves,
/// as it names them, and the way in which it does; `None` if it is none that is right.
pub(crate) fn references(file: &[u8]) -> Option<(Vec<String>, Style)> {
    if !names_parts(file) {
        return None;
    }
    let description = Description::parse(file).ok()?;
    let references = description.named().into_iter().map(|part| part.reference);
    Some((references.collect(), description.style()))
}

/// Either of the files, read.
pub(super) enum Description {
    Manifest(Manifest),
    FlasherArgs(FlasherArgs),
}

impl Description {
    /// Reads one that [`names_parts`].
    pub(super) fn parse(text: &[u8]) -> Result<Self, JsonError> {
        match esp_web_tools::is(text) {
            true => Manifest::parse(text).map(Self::Manifest),
            false => FlasherArgs::parse(text).map(Self::FlasherArgs),
        }
    }

    /// How it names them.
    pub(super) fn style(&self) -> Style {
        match self {
            Self::Manifest(_) => Style::Url,
            Self::FlasherArgs(_) => Style::Path,
        }
    }

    /// Everything that it names.
    pub(super) fn named(&self) -> Vec<Named> {
        let mut named = Vec::new();
        let mut add = |named_at, reference: &str, offset: Option<u32>| {
            let reference = reference.to_owned();
            named.push(Named { named_at, reference, offset, is_optional: offset.is_none() });
        };
        match self {
            Self::Manifest(manifest) => {
                for (b, build) in manifest.builds.iter().enumerate() {
                    for (p, part) in build.parts.iter().enumerate() {
                        let named_at = format!("builds[{b}].parts[{p}].{}", part.key());
                        add(named_at, &part.path, Some(part.offset));
                    }
                    if let Some(ota) = &build.ota {
                        add(format!("builds[{b}].ota.path"), &ota.path, None);
                    }
                }
            }
            Self::FlasherArgs(args) => {
                for file in &args.files {
                    let named_at = format!("flash_files.{}", file.key);
                    add(named_at, &file.path, Some(file.offset));
                }
            }
        }
        named
    }

    /// Whether what it says can be. `size`: how many bytes a part has.
    pub(super) fn check(&self, size: impl Fn(&str) -> u64) -> Result<(), JsonError> {
        match self {
            Self::Manifest(manifest) => manifest.check(size),
            Self::FlasherArgs(args) => args.check(size),
        }
    }
}

/// Something that a JSON file names.
pub(super) struct Named {
    /// Where it does.
    pub(super) named_at: String,
    pub(super) reference: String,
    /// Where in the flash it goes, in bytes.
    pub(super) offset: Option<u32>,
    /// Whether it need not be there.
    pub(super) is_optional: bool,
}
