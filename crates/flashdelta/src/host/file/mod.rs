//! Patches between firmware files: the memory in them is patched, and applying gives back the
//! identical file.
//!
//! ```
//! use flashdelta::file::{self, Output};
//! use flashdelta::DiffOptions;
//!
//! let old = std::fs::read("../../testdata/firmware/cortex-m-1.0.s19")?;
//! let new = std::fs::read("../../testdata/firmware/cortex-m-1.1.hex")?;
//! let patch = file::diff(&old, &new, &DiffOptions::new())?;
//! // On a host: the very file.
//! assert_eq!(file::apply(&old, &patch.bytes, Output::Same)?, new);
//! // On a device, which holds the memory: `flashdelta::apply` makes the memory of the same patch.
//! let slot = file::apply(&old, &patch.bytes, Output::Binary)?;
//! assert_eq!(slot.len(), patch.header.new_size as usize);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Files of records (Intel HEX, S-records, TI-TXT, UF2) are read to the *memory* that they
//! describe: everything from the lowest address on, small gaps filled; what is far after a
//! large gap follows directly ([`Memory`]). The patch is an ordinary one between two such images,
//! with their addresses. After its body is a *host section*, which devices ignore: how the
//! records of the new file are written. It is mostly a few dozen bytes, since converters have
//! habits.
//!
//! So is the image packed in the JSON files of ArduPilot and PX4 (APJ).
//!
//! All other files are their own image; for them [`diff`] and [`apply()`] are [`crate::diff::diff`]
//! and [`crate::apply::apply`]. So are record files that are too irregular to parse, such as
//! those that are mostly comments.
//!
//! Files that hold several others, archives and folders, are the business of
//! [`bundle`](crate::bundle).

mod apply;
mod claims;
mod error;
mod host;
mod left_out;
mod lengths;
mod make;
mod memory;
mod output;
mod personalize;
mod reading;
mod recipe;

pub use apply::{apply, Files};
pub(crate) use claims::claims;
pub use error::{FileError, MakeError};
pub(crate) use make::diff_read;
pub use make::{diff, diff_with};
pub use memory::Part;
pub use output::Output;
pub use personalize::personalize;
pub use reading::{Memory, MemoryOptions, MemoryWarning};

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;
