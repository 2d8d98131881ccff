//! Receiving a patch in any order, and sending it to many.
//!
//! For networks that lose, double, reorder and damage datagrams, that reach many devices at once,
//! and that anybody may send to: meshes, multicast, several senders. No transport is in here.
//!
//! A patch with [chunks](crate::PatchHeader::chunks) travels as its header with the signatures, and
//! as *pieces* that are numbered: those of the chunk table, and then the chunks, all of the same
//! size but the last one of each.
//!
//! - [`Store`]: a region of flash that takes them. The signature is checked before anything is
//!   written, the table against the header, each chunk against the table before it is written to
//!   its final place. What is there survives power cuts anywhere. When all is there, the applier is
//!   fed from it.
//! - [`Status`]: what a receiver holds, for the wire.
//! - [`Distributor`]: the sender's machine. From the statuses of many receivers it tells which
//!   pieces to send next, and to whom.
//!
//! # What a store does to its flash
//!
//! Each sector is erased once for a patch, and each unit written once. Beside the patch there are
//! records (two alternating ones: which patch, and which pieces were there when it was written) and
//! marks: 8 bytes, or a write unit, that announce each chunk before its first byte is written. A
//! patch of 101,738 bytes in chunks of 1 KiB takes 122,880 bytes of flash with sectors of 4 KiB;
//! 102,656 bytes are written, 0.9 % more than it has ([`Store::len_needed`]).
//!
//! After a reset the last chunk that was announced is there if its digest says so. If it is torn,
//! its sector is erased before it is written again, and the chunks that share it are asked for
//! again: with chunks of a sector or more, nothing else is lost. And a new record is written, as
//! marks do not go on where a reset has ended them: no unit is written that might not be erased.
//!
//! Chunks are written in the order in which they come, so units inside a sector are not written in
//! ascending order. All NOR flash permits that; NAND flash does not.
//!
//! # What a forger can do
//!
//! Somebody without a key who can send to a receiver can do nothing but delay. Nothing is written
//! for a header that is not signed with a trusted key, or for a wrong chunk. A table of several
//! pieces is the exception: they can be checked together only, so a forged one gets them all asked
//! for again, and the table erased. Choose the chunks so that the table is one piece: it is for
//! patches up to a sixteenth of the square of the chunk's size, 64 KiB with chunks of 1 KiB, 1 MiB
//! with those of 4 KiB. An older patch that is signed is signed, and one for another product is,
//! too: tell the store what the [device](Store::device) is, so that nobody who has kept them can
//! wear out the flash with them. Statuses are not signed: see [`Status`].
//! Without a verifier all of this holds against damage only.

mod action;
mod bits;
mod distributor;
mod error;
mod keep;
mod layout;
mod plan;
mod receiver;
mod status;
mod store;
mod take;

pub use action::{Action, Pieces, To, MOST_COMBINED};
pub use distributor::Distributor;
pub use error::StoreError;
pub use plan::{Patience, Plan};
pub use receiver::{Receiver, Stage};
pub use status::{PatchId, Status};
pub use store::{Offered, Store, Taken};
