//! The component for ESP-IDF: packed so that it builds without the rest of the repository, and
//! tested.

mod component;
mod pack;
mod test;

pub(crate) use pack::{run, Args};
pub(crate) use test::test;
