//! Updates in one slot that is a file.

mod error;
mod flash;
mod head;
mod update;

pub use error::SlotFileError;
pub use update::apply_in_slot;
