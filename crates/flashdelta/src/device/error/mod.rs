//! What all errors have in common: a stable code, a class and a remedy.
//!
//! Every error type states these in one table of its own, by the macro `codes`. The texts of errors
//! state facts; front ends say what to do about them, with the names of their own options, by the
//! [`Remedy`]. `docs/errors.md` lists all codes.

mod class;
mod codes;
mod hex;
mod remedy;

pub use class::ErrorClass;
pub(crate) use codes::codes;
pub(crate) use hex::Hex;
pub use remedy::Remedy;
