//! JSON files that say which parts a firmware consists of.
//!
//! - [`esp_web_tools`]: `manifest.json` of ESP Web Tools.
//! - [`esp_idf`]: `flasher_args.json` of ESP-IDF.

mod error;
pub mod esp_idf;
pub mod esp_web_tools;
mod json;
mod parts;
mod place;

pub use error::ManifestError;
pub(crate) use json::Json;
pub use json::JsonError;
pub(crate) use json::Place;
pub use parts::{names_parts, read_parts, PartsError};
