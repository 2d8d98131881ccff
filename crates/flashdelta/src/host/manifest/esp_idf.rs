//! `flasher_args.json`, which ESP-IDF's build writes: which files to write where.
//!
//! Source: ESP-IDF, `components/esptool_py/flasher_args.json.in`.
//!
//! ```
//! use flashdelta::manifest::esp_idf::FlasherArgs;
//!
//! let text = br#"{
//!     "flash_files": {"0x0": "bootloader/bootloader.bin", "0x10000": "lamp.bin"},
//!     "app": {"offset": "0x10000", "file": "lamp.bin", "encrypted": "false"},
//!     "extra_esptool_args": {"chip": "esp32c3"}
//! }"#;
//! let args = FlasherArgs::parse(text)?;
//! assert_eq!(args.chip.as_deref(), Some("esp32c3"));
//! assert_eq!((args.files[1].offset, args.files[1].role.as_deref()), (0x10000, Some("app")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::esp_web_tools::{check_spans, Span};
use crate::host::json::{parse_offset, Json, JsonError, Place};

/// What is to be written.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlasherArgs {
    /// The chip as esptool calls it, if it is told.
    pub chip: Option<String>,
    /// The files, in ascending order of their offsets.
    pub files: Vec<FlashFile>,
}

/// A file, and where it goes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlashFile {
    /// Where in the flash it begins, in bytes.
    pub offset: u32,
    /// Where the file is: a path relative to the folder of the JSON file.
    pub path: String,
    /// What it is: "app", "bootloader", "partition-table", "otadata", ...
    pub role: Option<String>,
    /// Whether it is to be encrypted while it is written.
    pub is_encrypted: bool,
    /// Its offset, as the JSON file writes it.
    pub(super) key: String,
}

/// Whether it looks like such a file: a JSON object with files to flash.
pub fn is(bytes: &[u8]) -> bool {
    Json::parse(bytes).is_ok_and(|json| {
        let is_list = |(key, value): &(String, Json)| {
            key == "flash_files" && matches!(value, Json::Object(_))
        };
        matches!(&json, Json::Object(entries) if entries.iter().any(is_list))
    })
}

/// Whether it has files to flash, of whatever type.
pub(crate) fn has_files(json: &Json) -> bool {
    matches!(json, Json::Object(entries) if entries.iter().any(|(key, _)| key == "flash_files"))
}

impl FlasherArgs {
    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// [`JsonError`], with the path of the value that is wrong: no JSON; keys that are missing, of
    /// another type or there twice; offsets that are no integers, negative or beyond 4 GiB; two
    /// files at the same offset.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let json = Json::parse(bytes)?;
        let root = Place::root(&json);
        let mut files = Vec::new();
        for (key, place) in root.get("flash_files")?.entries()? {
            let offset = parse_offset(key, &place.path)?;
            files.push(FlashFile {
                offset,
                path: place.text()?.to_owned(),
                role: None,
                is_encrypted: false,
                key: key.to_owned(),
            });
        }
        for (role, place) in root.entries()? {
            if !matches!(place.value, Json::Object(_)) {
                continue;
            }
            let (Some(offset), Some(path)) = (place.find("offset")?, place.find("file")?) else {
                continue;
            };
            let (offset, path) = (offset.offset_in_text()?, path.text()?);
            let is_encrypted = match place.find("encrypted")? {
                Some(place) => {
                    *place.value == Json::Bool(true)
                        || *place.value == Json::Text("true".to_owned())
                }
                None => false,
            };
            if let Some(file) =
                files.iter_mut().find(|file| file.offset == offset && file.path == path)
            {
                (file.role, file.is_encrypted) = (Some(role.to_owned()), is_encrypted);
            }
        }
        let chip = match root.find("extra_esptool_args")? {
            Some(place) => {
                place.find("chip")?.map(|chip| chip.text().map(str::to_owned)).transpose()?
            }
            None => None,
        };
        files.sort_by_key(|file| file.offset);
        let args = Self { chip, files };
        args.check(|_| 1)?;
        Ok(args)
    }

    /// Checks that files do not overlap, and end within 4 GiB, given their sizes by their paths.
    ///
    /// # Errors
    ///
    /// [`JsonError::Overlap`], [`JsonError::OutOfRange`].
    pub fn check(&self, size: impl Fn(&str) -> u64) -> Result<(), JsonError> {
        let span = |file: &FlashFile| Span {
            path: format!("flash_files.0x{:x}", file.offset),
            offset: file.offset,
            size: size(&file.path),
        };
        check_spans(self.files.iter().map(span).collect())
    }
}
