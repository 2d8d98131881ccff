//! Files that hold others: archives, compressed files, and packed folders.
//!
//! - `container`: kinds of files that hold members; one file per kind: [`zip`], [`tar`], [`gzip`],
//!   [`folder`].
//! - `contents`: a file taken apart into members and the *template* around them.
//! - [`names`]: what files in a packed folder may be called.
//! - `deflate`: compressed members, so that they come back bit by bit.

mod container;
mod contents;

pub mod folder;
pub mod gzip;
pub mod names;
pub mod tar;
pub mod zip;

pub use crate::host::deflate::DeflateError;
pub(crate) use container::MOST_MEMBERS;
pub use container::{Container, ContainerError, Member};
pub(crate) use contents::Contents;
