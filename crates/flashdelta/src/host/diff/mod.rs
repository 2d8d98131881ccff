//! Making a patch.
//!
//! ```
//! use flashdelta::diff::{self, DiffOptions};
//!
//! let old = b"firmware 1.4.1, the one in the field".repeat(40);
//! let new = b"firmware 1.4.2, the one in the field".repeat(40);
//! let patch = diff::diff(&old, &new, &DiffOptions::new())?;
//! assert!(patch.bytes.len() < 200);
//! # Ok::<(), diff::DiffError>(())
//! ```
//!
//! The way from two images to a patch:
//!
//! 1. `choose`: what to predict by: the instruction set and the address maps.
//! 2. `mask`, `suffix_array`, `matches`, `candidates`: what the images have in common once
//!    references are left out.
//! 3. `parse`: the cheapest sequence of copies, as far as masked images tell; `nearby`, `refine`,
//!    `active`: the same once more by what the model codec would really spend; `rounds` does so
//!    several times, each round following the `stream` of the one before.
//! 4. `encode`: the body, in one of the codecs; `plan` is the maker's knowledge as the model codec
//!    asks for it.
//!
//! `maker` goes through all that is worth trying, each an `attempt`; `chunks` gives the patch that
//! wins its chunk digests.
//!
//! Of all that is tried the smallest patch wins; of equals the one that is cheaper to apply.

mod active;
mod attempt;
mod body;
mod candidates;
mod checks;
mod choose;
mod chunks;
mod control;
mod encode;
mod error;
mod fit;
mod in_place;
mod maker;
mod mask;
mod matches;
mod memory;
mod nearby;
mod options;
mod parallel;
mod parse;
mod plan;
mod refine;
mod report;
mod rounds;
mod rungs;
mod search;
mod stream;
mod suffix_array;
mod work;

#[cfg(test)]
#[allow(unreachable_pub, reason = "shared with other tests")]
#[path = "../../../tests/common/hostile_pairs.rs"]
mod tests_families;

pub use crate::host::apply::PartBytes;
pub use crate::host::holes::{Hole, HoleSource};
pub use crate::host::profile::DeviceProfile;
pub use crate::host::seal::ChunkSize;
pub(crate) use body::body;
pub use checks::check_lengths;
pub use error::DiffError;
pub use maker::diff;
pub use memory::memory_needed;
pub use options::{DiffOptions, DiffProgress, Phase};
pub use report::{Patch, Report, Tried};
