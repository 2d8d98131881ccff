//! Component sets.

use flashdelta::facts::hex;
use flashdelta::set::{self, SetFacts};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure::{failed, Outcome};
use crate::options;

/// What a set says about itself, as JSON. All of its digests are checked.
#[wasm_bindgen]
pub fn set_info(set: &[u8]) -> Outcome<String> {
    SetFacts::of(set).map(|facts| facts.json()).map_err(|error| failed!(error))
}

/// Checks a set, and its signature if there are keys, whose id is given.
#[wasm_bindgen]
pub fn set_verify(set: &[u8], keys: Vec<String>) -> Outcome<Option<String>> {
    set::check(set).map_err(|error| failed!(error))?;
    let Some(mut keys) = options::trusted(&keys)? else { return Ok(None) };
    let key = set::authenticate(set, &mut keys).map_err(|error| failed!(error))?;
    Ok(Some(hex(&key)))
}
