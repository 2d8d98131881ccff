//! Applying patches.

use flashdelta::apply::Progress;
use flashdelta::door::{self, ApplyRequest};
use flashdelta::holes::Values;
use flashdelta::verify::Verifier;
use js_sys::{Array, Function};
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsValue;

use crate::failure::{failed, Outcome};
use crate::options::{parse, ApplyFields};
use crate::progress::{tell, told};
use crate::{given, holes, returned};

/// Applies a patch.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn apply(
    old: &[u8],
    old_name: &str,
    patch: &[u8],
    options: &str,
    names: Vec<String>,
    values: &Array,
    progress: Option<Function>,
) -> Outcome<JsValue> {
    run(old, old_name, patch, options, Some(holes::values(names, values)?), progress)
}

/// Applies a patch in memory, as a device does, and gives what it says about itself.
#[wasm_bindgen]
pub fn verify(
    old: &[u8],
    old_name: &str,
    patch: &[u8],
    options: &str,
    progress: Option<Function>,
) -> Outcome<JsValue> {
    run(old, old_name, patch, options, None, progress)
}

/// `values`: those for holes; none: it is only to be seen that the patch works.
fn run(
    old: &[u8],
    old_name: &str,
    patch: &[u8],
    options: &str,
    values: Option<Values>,
    progress: Option<Function>,
) -> Outcome<JsValue> {
    let fields: ApplyFields = parse(options)?;
    let mut keys = fields.keys()?;
    let old = given::input(old, old_name, false);
    let mut watch = |at: Progress| tell("apply", at.written as f32 / at.total.max(1) as f32);
    let request = ApplyRequest::new()
        .output(fields.output()?)
        .device(fields.device())
        .ram(fields.ram)
        .limit(fields.limit)
        .require_signature(keys.as_mut().map(|keys| keys as &mut dyn Verifier))
        .watch(&mut watch);
    let applied = told(progress, || {
        let applied = match values {
            Some(values) => door::apply(&old, patch, request.values(values)),
            None => door::verify(&old, patch, request),
        };
        applied.map_err(|error| failed!(error))
    })?;
    let facts = json!({
        "info": applied.facts(patch.len()),
        "isFolder": applied.is_folder,
        "newSize": applied.len,
        "keyId": applied.key_id.map(|id| flashdelta::facts::hex(&id)),
    });
    Ok(returned::file(&applied.bytes, &facts))
}
