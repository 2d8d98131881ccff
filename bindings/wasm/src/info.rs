//! What a file is.

use flashdelta::door::{self, FileFacts, InfoRequest};
use flashdelta::Input;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure::{failed, Outcome};
use crate::given;

/// What a patch, a bundle, a set, an archive, a manifest or a firmware file says about itself, as
/// JSON. `old`: what the patch is to be applied to, and then broken down.
#[wasm_bindgen]
pub fn info(file: &[u8], name: &str, old: Option<Vec<u8>>) -> Outcome<String> {
    let input = given::input(file, name, true);
    let old = old.map(Input::from_bytes);
    let told = door::info(&input, InfoRequest::new().old(old.as_ref()));
    let told = told.map_err(|error| failed!(error))?;
    match told.problem {
        Some(problem) => Err(failed!(problem)),
        // Numbers and text always have a form in JSON.
        None => Ok(serde_json::to_string(&Document::of(told.facts)).unwrap_or_default()),
    }
}

/// Facts with the kind of what they are about.
#[derive(Serialize)]
struct Document {
    kind: &'static str,
    #[serde(flatten)]
    facts: FileFacts,
}

impl Document {
    fn of(facts: FileFacts) -> Self {
        Self { kind: facts.kind(), facts }
    }
}
