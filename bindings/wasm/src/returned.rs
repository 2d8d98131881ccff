//! What goes to JavaScript.

use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;

/// An object with these fields.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A new object takes any field.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// A file, and what there is to say about it, as JSON.
pub(crate) fn file(bytes: &[u8], facts: &serde_json::Value) -> JsValue {
    object(&[("bytes", Uint8Array::from(bytes).into()), ("facts", facts.to_string().into())])
}
