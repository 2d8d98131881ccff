//! What is in a patch: test vectors, every codec and instruction set, signatures, and damage.

#[path = "../common/mod.rs"]
mod common;

mod exported;
mod hostile;
mod instruction_sets;
mod round_trip;
mod signed;
mod signed_vectors;
mod vectors;
