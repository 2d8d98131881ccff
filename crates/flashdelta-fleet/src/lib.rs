//! Firmware updates for many devices, each at its own version.
//!
//! A [catalogue] knows the releases of a maker, and images by their digests. Rules say which
//! devices get which release, when, and on which way. The planner is a pure function of these, of a
//! device and of the time: it answers "device D holds X: what next, and why". It has no network, no
//! clock and no files. Without rules and a server there are static releases, in a folder.
//!
//! # How it is built
//!
//! Nothing imports from what is listed after it.
//!
//! - `codes`, `text`: tables of errors, and why a text cannot be what it should.
//! - `digest`, `name`, `version`: what things are known by. `way`: the cheapest way through
//!   releases.
//! - [`catalogue`]: products, images, releases, devices.
//! - `rules`: assignments, stepping stones, blocked versions, windows, limits of links.
//!   Conditions are expressions in CEL, checked when they are entered, and bounded in cost.
//! - `planner`: the cheapest way that the rules permit.
//! - [`release`]: static releases, a folder with every patch and a signed index.
//!
//! # Features
//!
//! `rules` (default) has the rules and the planner. Without it the interpreter of CEL is not built.
#![forbid(unsafe_code)]

mod digest;
#[cfg(all(test, feature = "rules"))]
mod error_table;
mod name;
mod text;
mod version;
mod way;

pub mod catalogue;
#[cfg(feature = "rules")]
pub mod planner;
pub mod release;
#[cfg(feature = "rules")]
pub mod rules;

pub use digest::Digest;
pub use name::Name;
pub use text::TextError;
pub use version::Version;
