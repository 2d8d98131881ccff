//! Applying on hosts: with a heap, from and to files.

mod explain;
mod files;
mod heap;
mod in_place;
mod memory;
mod memory_image;
mod whole;

pub use explain::{explain, Breakdown, PartBytes};
pub use files::{write_file, NewFile, OldFile};
pub use heap::{map_images, HeapApplier, HeapError, Updated, Watch};
pub use in_place::{apply_in_slot, SlotFileError};
pub use memory::{apply, verify};
pub(crate) use memory::{apply_body, apply_watched};
pub use memory_image::MemoryImage;
pub use whole::whole;
