//! JSON files that say which parts a firmware consists of.
//!
//! - [`esp_web_tools`]: `manifest.json` of ESP Web Tools.
//! - [`esp_idf`]: `flasher_args.json` of ESP-IDF.
//! - `description`: what either says. `reference`: where the files are that they name. `parts`: all
//!   of them, as one packed folder.
//!
//! A front end calls [`read_release`] for a file that [`names_parts`], and passes on its warnings:
//! whenever a patch is made, unless the file is to be patched as it is; and when a bundle is
//! applied whose old file [is a folder](crate::archive::Container::is_folder). In all other cases
//! the file is a file as any other.

mod description;
mod error;
pub mod esp_idf;
pub mod esp_web_tools;
mod parts;
mod place;
pub(crate) mod reference;

pub use crate::host::json::JsonError;
pub(crate) use crate::host::json::{Json, Place};
pub use description::names_parts;
pub(crate) use description::references;
pub use error::ManifestError;
pub use parts::{read_parts, read_release, PartsError, PartsWarning, Release, ReleasePart};
