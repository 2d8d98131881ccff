//! Data of one device in an image of all.

use flashdelta::file;
use flashdelta::holes::{self, Values};
use js_sys::Array;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure::{failed, Outcome};
use crate::{given, options};

/// Values by the names of holes.
pub(crate) fn values(names: Vec<String>, values: &Array) -> Outcome<Values> {
    let mut all = Values::new();
    for (name, value) in names.into_iter().zip(given::bytes(values)?) {
        all.set(name, value);
    }
    Ok(all)
}

/// The image with the values of a device in its holes.
#[wasm_bindgen]
pub fn personalize(
    image: &[u8],
    holes: Vec<String>,
    names: Vec<String>,
    values: &Array,
    elf: Option<Vec<u8>>,
) -> Outcome<Vec<u8>> {
    let (requests, values) = (options::holes(&holes)?, self::values(names, values)?);
    file::personalize(image, elf.as_deref(), &requests, &values).map_err(|error| failed!(error))
}

/// The value that a text means: text, or `hex:` and digits.
#[wasm_bindgen]
pub fn parse_value(text: &str) -> Outcome<Vec<u8>> {
    holes::parse_bytes(text).map_err(|error| failed!(error))
}
