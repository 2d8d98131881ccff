//! Applying on hosts: with a heap, from and to files.

mod explain;
mod files;
mod memory_image;
mod pull;

pub use explain::{explain, Breakdown, PartBytes};
pub use files::{NewFile, OldFile};
pub use memory_image::MemoryImage;
pub use pull::{apply, apply_reader, verify, ReaderError};
pub(crate) use pull::{apply_body, apply_watched};
