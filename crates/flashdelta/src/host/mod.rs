//! What needs an operating system: making patches, firmware files, archives.
//!
//! The crate's documentation lists the modules from the bottom up.

pub(crate) mod apply;
pub mod archive;
pub(crate) mod bounded;
pub(crate) mod budget;
pub mod bundle;
pub(crate) mod deflate;
pub mod diff;
pub mod door;
pub(crate) mod encode;
pub mod facts;
pub mod file;
pub mod holes;
pub mod image;
pub(crate) mod input;
pub(crate) mod json;
pub mod manifest;
pub mod profile;
pub(crate) mod put;
pub(crate) mod room;
pub(crate) mod seal;
pub mod set;
mod sha256;
pub mod sign;
