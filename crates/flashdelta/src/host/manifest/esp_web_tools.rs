//! Manifests of ESP Web Tools: which files to write where, for which chips.
//!
//! Source: the README of ESP Web Tools (esphome.github.io/esp-web-tools), "Example manifest" and
//! "Manifest keys". Unknown keys are allowed, as there are many; numbers have to be right.
//!
//! ```
//! use flashdelta::manifest::esp_web_tools::{ChipFamily, Manifest};
//!
//! let text = br#"{
//!     "name": "lamp",
//!     "builds": [
//!         {"chipFamily": "ESP32-C3", "parts": [{"path": "app.bin", "offset": 65536}]}
//!     ]
//! }"#;
//! let manifest = Manifest::parse(text)?;
//! assert_eq!(manifest.builds[0].chip_family, ChipFamily::Esp32C3);
//! assert_eq!(manifest.builds[0].parts[0].offset, 0x10000);
//!
//! let text = br#"{
//!     "name": "",
//!     "builds": [{"chipFamily": "ESP32", "parts": [{"path": "", "offset": 32.768}]}]
//! }"#;
//! let error = Manifest::parse(text);
//! assert!(error.unwrap_err().to_string().starts_with("builds[0].parts[0].offset is 32.768"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use crate::host::json::{Json, JsonError, Place};

/// A manifest.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Name of the firmware.
    pub name: String,
    /// Its version, if it is told.
    pub version: Option<String>,
    /// One for each chip family, and sometimes more.
    pub builds: Vec<Build>,
}

/// What is written to one kind of chip.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Build {
    /// The kind of chip.
    pub chip_family: ChipFamily,
    /// Which files go where.
    pub parts: Vec<Part>,
    /// What devices that are up already fetch by themselves (ESPHome, "http_request" update).
    pub ota: Option<Ota>,
}

/// A file that devices fetch by themselves.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ota {
    /// Where the file is, seen from the manifest: a URL reference (RFC 3986).
    pub path: String,
    /// The MD5 of the file, in hexadecimal digits, if it is told.
    pub md5: Option<String>,
}

/// A file, and where it goes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Where the file is, seen from the manifest: a URL reference (RFC 3986).
    pub path: String,
    /// Where in the flash it begins, in bytes.
    pub offset: u32,
    /// Whether the key of the path is `filename`, as in the first manifests that were published.
    is_filename: bool,
}

/// A kind of chip.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChipFamily {
    /// ESP8266.
    Esp8266,
    /// ESP32.
    Esp32,
    /// ESP32-C2.
    Esp32C2,
    /// ESP32-C3.
    Esp32C3,
    /// ESP32-C5.
    Esp32C5,
    /// ESP32-C6.
    Esp32C6,
    /// ESP32-C61.
    Esp32C61,
    /// ESP32-H2.
    Esp32H2,
    /// ESP32-P4.
    Esp32P4,
    /// ESP32-S2.
    Esp32S2,
    /// ESP32-S3.
    Esp32S3,
    /// One that this version does not know: its name.
    Other(String),
}

impl ChipFamily {
    const KNOWN: [(&'static str, Self); 11] = [
        ("ESP8266", Self::Esp8266),
        ("ESP32", Self::Esp32),
        ("ESP32-C2", Self::Esp32C2),
        ("ESP32-C3", Self::Esp32C3),
        ("ESP32-C5", Self::Esp32C5),
        ("ESP32-C6", Self::Esp32C6),
        ("ESP32-C61", Self::Esp32C61),
        ("ESP32-H2", Self::Esp32H2),
        ("ESP32-P4", Self::Esp32P4),
        ("ESP32-S2", Self::Esp32S2),
        ("ESP32-S3", Self::Esp32S3),
    ];

    /// The chip family of a name such as "ESP32-C3".
    pub fn from_name(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Other(name.to_owned()), |(_, family)| family)
    }

    /// Its name, as manifests write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => {
                Self::KNOWN.iter().find(|(_, family)| family == known).map_or("", |(name, _)| name)
            }
        }
    }
}

impl fmt::Display for ChipFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether it looks like a manifest: a JSON object with builds.
pub fn is(bytes: &[u8]) -> bool {
    Json::parse(bytes).is_ok_and(|json| {
        let is_list =
            |(key, value): &(String, Json)| key == "builds" && matches!(value, Json::List(_));
        matches!(&json, Json::Object(entries) if entries.iter().any(is_list))
    })
}

/// Whether it has builds, of whatever type. Then a file with the name of a manifest is meant to be
/// one.
pub(crate) fn has_builds(json: &Json) -> bool {
    matches!(json, Json::Object(entries) if entries.iter().any(|(key, _)| key == "builds"))
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`JsonError`], with the path of the value that is wrong: no JSON; keys that are missing, of
    /// another type or there twice; offsets that are no integers, negative or beyond 4 GiB; two
    /// parts at the same offset. Whether parts overlap shows only with the files:
    /// [`check`](Self::check).
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let json = Json::parse(bytes)?;
        let root = Place::root(&json);
        let text = |key| root.find(key)?.map(|place| place.text().map(str::to_owned)).transpose();
        let builds: Result<Vec<_>, _> =
            root.get("builds")?.list()?.iter().map(Build::parse).collect();
        let manifest = Self {
            name: text("name")?.unwrap_or_default(),
            version: text("version")?,
            builds: builds?,
        };
        manifest.check(|_| 1)?;
        Ok(manifest)
    }

    /// Checks that parts do not overlap, and end within 4 GiB, given the sizes of the files by
    /// their paths.
    ///
    /// # Errors
    ///
    /// [`JsonError::Overlap`], [`JsonError::OutOfRange`].
    pub fn check(&self, size: impl Fn(&str) -> u64) -> Result<(), JsonError> {
        self.builds.iter().enumerate().try_for_each(|(b, build)| {
            let part = |(p, part): (usize, &Part)| Span {
                path: format!("builds[{b}].parts[{p}]"),
                offset: part.offset,
                size: size(&part.path),
            };
            check_spans(build.parts.iter().enumerate().map(part).collect())
        })
    }
}

impl Build {
    fn parse(place: &Place<'_>) -> Result<Self, JsonError> {
        // What only devices that are up already fetch by themselves has no parts to flash.
        let ota = place.find("ota")?;
        let parts = match ota {
            Some(_) => place.find("parts")?,
            None => Some(place.get("parts")?),
        };
        let ota = ota.filter(|place| matches!(place.value, Json::Object(_)));
        let ota = ota.map(|place| Ota::parse(&place)).transpose()?.flatten();
        let parts = parts.map_or(Ok(Vec::new()), |parts| parts.list())?;
        let parts: Result<Vec<_>, _> = parts.iter().map(Part::parse).collect();
        Ok(Self {
            chip_family: ChipFamily::from_name(place.get("chipFamily")?.text()?),
            parts: parts?,
            ota,
        })
    }
}

impl Ota {
    fn parse(place: &Place<'_>) -> Result<Option<Self>, JsonError> {
        let text = |key| place.find(key)?.map(|place| place.text().map(str::to_owned)).transpose();
        let md5 = text("md5")?;
        Ok(text("path")?.map(|path| Self { path, md5 }))
    }
}

impl Part {
    /// The key of its path.
    pub(super) fn key(&self) -> &'static str {
        match self.is_filename {
            true => "filename",
            false => "path",
        }
    }

    fn parse(place: &Place<'_>) -> Result<Self, JsonError> {
        // The first manifests that were published call it "filename".
        let (path, is_filename) = match place.find("filename")? {
            Some(name) if place.find("path")?.is_none() => (name, true),
            _ => (place.get("path")?, false),
        };
        let (path, offset) = (path.text()?.to_owned(), place.get("offset")?.offset()?);
        Ok(Self { path, offset, is_filename })
    }
}

/// A part of the flash that is written.
pub(crate) struct Span {
    pub(super) path: String,
    pub(super) offset: u32,
    pub(super) size: u64,
}

/// No two of them may overlap, and none may end past 4 GiB.
pub(crate) fn check_spans(mut spans: Vec<Span>) -> Result<(), JsonError> {
    for span in &spans {
        // Sizes come from callers, who may say anything.
        let end = u64::from(span.offset).saturating_add(span.size);
        if end > 1 << 32 {
            return Err(JsonError::OutOfRange {
                path: span.path.clone(),
                found: format!("at {}, ends at {end}", span.offset),
            });
        }
    }
    spans.sort_by_key(|span| span.offset);
    for (first, second) in spans.iter().zip(spans.iter().skip(1)) {
        if u64::from(first.offset) + first.size > second.offset.into() {
            let (path, other) = (second.path.clone(), first.path.clone());
            return Err(JsonError::Overlap { path, other, offset: second.offset });
        }
    }
    Ok(())
}
