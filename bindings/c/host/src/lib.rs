//! The library `flashdelta` for C programs on hosts: makes patches, applies them in memory and to
//! files, and is the applier of `flashdelta_apply`.
//!
//! The doc comments here are those of the C header, `bindings/c/include/flashdelta.h`, which
//! `cargo xtask header` makes of them; hence the names and the Doxygen commands.
//!
//! Every function is a thin layer: [`error::guard`] catches panics and keeps the text of the error,
//! the rest is the crate `flashdelta`.
#![deny(unsafe_op_in_unsafe_fn)]
// Names of C.
#![allow(non_camel_case_types)]
// C reaches them by their symbols.
#![allow(unreachable_pub)]

mod apply;
mod buffer;
mod error;
mod files;
mod firmware;
mod format;
mod make;
mod options;
mod paths;
mod progress;
mod remedy;
mod warnings;

// The applier's functions are exported as well.
extern crate flashdelta_c_abi;
