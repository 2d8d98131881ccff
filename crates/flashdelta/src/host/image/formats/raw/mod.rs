//! Plain binaries: guess the instruction set, the load address and the RAM from the bytes alone.
//!
//! - The instruction set shows in how often its function prologues and returns occur
//!   ([`guess_isa`]).
//! - The load address is found by vote (`base`): each function start and each word that might be a
//!   pointer to a function together name one load address; the true one collects far more votes
//!   than any other. A vector table, where there is one, narrows the choice (`vectors`; ARMv7-M
//!   Architecture Reference Manual, B1.5.3).
//! - RAM shows in the literals that point to it, and in the initial stack pointer.

mod base;
mod guess;
mod halfwords;
mod map;
mod mcs51;
mod ram;
#[cfg(test)]
mod tests;
mod vectors;

pub(crate) use base::contradiction;
pub use guess::guess_isa;
pub(crate) use map::{describe, map, map_at, map_pieces};
