//! Applying on hosts: with a heap, from and to files.

mod explain;
mod files;
mod heap;
mod memory;
mod memory_image;

pub use explain::{explain, Breakdown, PartBytes};
pub use files::{write_file, NewFile, OldFile};
pub use heap::{map_images, HeapApplier, HeapError, Updated, Watch};
pub use memory::{apply, verify};
pub(crate) use memory::{apply_body, apply_watched};
pub use memory_image::MemoryImage;
