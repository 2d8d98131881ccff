//! The npm package and its page: built, packed, and tested in Node and in a browser.

mod build;
mod need;
mod size;
mod test;

pub(crate) use build::run;
pub(crate) use need::{compiles, install_wasm_bindgen, PACKAGES};
pub(crate) use test::{node, page};
