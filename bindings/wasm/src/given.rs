//! Files as they come from JavaScript.

use flashdelta::archive::folder;
use flashdelta::Input;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsCast as _;

use crate::failure::{failed, option, Outcome};

/// A file with its name, by whose ending formats are guessed; empty: it has none.
pub(crate) fn input<'a>(bytes: &'a [u8], name: &str, is_verbatim: bool) -> Input<'a> {
    let input = match is_verbatim {
        true => Input::verbatim(bytes),
        false => Input::from_bytes(bytes),
    };
    input.named(name)
}

/// The files of a folder as one, as the library patches folders. Names have `/` between folders.
#[wasm_bindgen]
pub fn folder_pack(names: Vec<String>, files: &Array) -> Outcome<Vec<u8>> {
    let files = bytes(files)?;
    folder::pack(names.into_iter().zip(files).collect()).map_err(|error| failed!(error))
}

/// Names and contents of the files of a packed folder, one after the other; nothing if it is none.
#[wasm_bindgen]
pub fn folder_unpack(packed: &[u8]) -> Outcome<Option<Array>> {
    if !folder::is(packed) {
        return Ok(None);
    }
    let members = folder::members(packed).map_err(|error| failed!(error))?;
    let list = Array::new();
    for member in members {
        list.push(&member.name.into());
        list.push(&Uint8Array::from(packed.get(member.data).unwrap_or_default()).into());
    }
    Ok(Some(list))
}

/// An array of `Uint8Array`.
pub(crate) fn bytes(files: &Array) -> Outcome<Vec<Vec<u8>>> {
    let file = |value: wasm_bindgen::JsValue| {
        let array = value.dyn_into::<Uint8Array>();
        array.map(|array| array.to_vec()).map_err(|_| option("bytes are expected"))
    };
    files.iter().map(file).collect()
}
