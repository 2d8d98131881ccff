//! Files that hold others: archives, compressed files, and packed folders.
//!
//! - `container`: what a file consists of, members and the *template* around them; one file per
//!   kind: [`zip`], [`tar`], [`gzip`], [`folder`].
//! - `deflate`: compressed members, so that they come back bit by bit.

mod container;
pub(crate) mod deflate;

pub mod folder;
pub mod gzip;
pub mod tar;
pub mod zip;

pub(crate) use container::Contents;
pub use container::{Container, ContainerError, Member};
pub use deflate::DeflateError;
