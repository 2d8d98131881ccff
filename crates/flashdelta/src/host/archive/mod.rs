//! Files that hold others: archives, compressed files, and packed folders.
//!
//! - `container`: kinds of files that hold members; one file per kind: [`zip`], [`tar`], [`gzip`],
//!   [`folder`].
//! - `contents`: a file taken apart into members and the *template* around them.
//! - `damaged`: what looks like an archive and is none.
//! - [`names`]: what files in a packed folder may be called.
//! - `deflate`: compressed members, so that they come back bit by bit.

mod container;
mod contents;
mod damaged;
mod member;

pub mod folder;
pub mod gzip;
pub mod names;
pub mod tar;
pub mod zip;

pub use crate::host::deflate::DeflateError;
pub use container::Container;
pub(crate) use contents::Contents;
pub use damaged::DamagedArchive;
pub(crate) use member::MOST_MEMBERS;
pub use member::{ContainerError, Member};
