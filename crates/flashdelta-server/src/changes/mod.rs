//! What changed between two releases, by what the patch between them says.

mod blocks;
mod find;

pub(crate) use blocks::Block;
pub(crate) use find::{ask, find, Changes, Found};
