//! Updates in one slot: the new image is written over the old one.
//!
//! The patch is in a store of its own, a second slot that is smaller than the image, say
//! ([`receive`](crate::receive)), and was made for this slot: with
//! [`DiffOptions::in_place`](crate::DiffOptions::in_place), which knows what of the old image is
//! there still at every moment.
//!
//! # What happens
//!
//! 1. The patch is held against the device, and the old image against the patch. Nothing has been
//!    written so far: an update that cannot be is refused here.
//! 2. The old image is moved up by as much as the slot has room for.
//! 3. The new image is made in *stretches* of some sectors each, from its start. Before each, the
//!    state of the applier and its workspace go into the *journal*, and the sectors that are about
//!    to be overwritten into the *scratch area*, as far as that reaches.
//! 4. The new image is verified as it reads back, and the journal says that all is done.
//!
//! # Why a power cut is harmless
//!
//! From the first record in the journal to the last one the update is *unfinished*, and the slot
//! holds neither image. Whatever was cut, [`InPlaceUpdate::begin`] finds the newest record that is
//! whole, and goes on from there:
//!
//! - while the old image is moved: with the sectors that were under way. None of them is
//!   overwritten before the next record is there;
//! - in a stretch: from its start. It is made of what it does not overwrite (the maker sees to
//!   that), of what is in the scratch area, and of the patch: so it comes out the same again.
//!
//! The bootloader must not start the slot meanwhile: it asks [`is_unfinished`], and starts whatever
//! runs this update if so. There is no way back in one slot: only a patch in the other direction.
//!
//! # What it costs
//!
//! Each sector of the slot is erased once or, where the old image was moved to, twice; those of the
//! journal once in two stretches at most; those of the scratch area as often as the slot is longer
//! than it. The [journal](InPlaceLayout::journal_len) has two halves, each of as many whole sectors
//! as the workspace and 1,056 bytes take.

mod error;
mod images;
mod journal;
mod layout;
mod sectors;
mod update;

pub use error::InPlaceError;
pub use journal::is_unfinished;
pub use layout::InPlaceLayout;
pub use update::InPlaceUpdate;
