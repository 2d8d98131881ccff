//! The WebAssembly half of the npm package `flashdelta`: what needs Rust. What users see (names,
//! types, documentation) is JavaScript, in `js/`.
//!
//! Options come as JSON, files as bytes; facts go as JSON, files as `Uint8Array`.
//!
//! - [`making`], [`applying`], [`info`], [`images`], [`holes`], [`sets`]: what JavaScript calls,
//!   each thin over the library
//! - [`options`]: options as they come from JavaScript; [`given`]: files as they do
//! - [`progress`]: the callback, by which work is given up, too
//! - [`failure`], [`remedy`]: the errors of the library as those of JavaScript

mod applying;
mod failure;
mod given;
mod holes;
mod images;
mod info;
mod making;
mod options;
mod progress;
mod remedy;
mod returned;
mod sets;

use flashdelta::diff::DeviceProfile;
use flashdelta::{Codec, InstructionSet};
use wasm_bindgen::prelude::wasm_bindgen;

/// Version, profiles, codecs and instruction sets of this build, as JSON.
#[wasm_bindgen]
pub fn build() -> String {
    let codecs = Codec::ALL.into_iter().filter(|codec| codec.is_available()).map(Codec::name);
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "profiles": DeviceProfile::NAMES,
        "codecs": codecs.collect::<Vec<_>>(),
        "isas": InstructionSet::ALL.map(InstructionSet::name),
    })
    .to_string()
}
