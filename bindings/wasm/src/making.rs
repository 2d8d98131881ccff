//! Making patches.

use flashdelta::diff::{DiffProgress, Phase};
use flashdelta::door::{self, FileWarning, MadeKind, Side};
use flashdelta::facts::PatchFacts;
use js_sys::Function;
use serde_json::{json, Value};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsValue;

use crate::failure::{failed, Outcome};
use crate::options::{parse, MakeFields};
use crate::progress::{tell, told};
use crate::{given, returned};

/// Makes a patch.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn make(
    old: &[u8],
    old_name: &str,
    new: &[u8],
    new_name: &str,
    options: &str,
    old_elf: Option<Vec<u8>>,
    new_elf: Option<Vec<u8>>,
    progress: Option<Function>,
) -> Outcome<JsValue> {
    let fields: MakeFields = parse(options)?;
    let diff = fields.diff()?.progress(|at: DiffProgress| tell(phase(at.phase), at.fraction));
    let request = fields.request()?.diff(diff).old_elf(old_elf).new_elf(new_elf);
    let old = given::input(old, old_name, fields.verbatim);
    let new = given::input(new, new_name, fields.verbatim);
    let made = told(progress, || door::make(&old, &new, &request).map_err(|error| failed!(error)))?;
    let facts = match &made.kind {
        MadeKind::Bundle { info, .. } => Some(PatchFacts::of_bundle(info, made.bytes.len())),
        MadeKind::Patch { header, .. } | MadeKind::Whole { header } => Some(PatchFacts::of(header)),
        _ => None,
    };
    let warnings: Vec<Value> = made.warnings.iter().map(warning).collect();
    let facts = json!({ "info": facts, "warnings": warnings, "verified": made.verified });
    Ok(returned::file(&made.bytes, &facts))
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Match => "match",
        Phase::Parse => "parse",
        _ => "encode",
    }
}

fn warning(warning: &FileWarning) -> Value {
    let side = match warning.side {
        Side::Old => "old",
        Side::New => "new",
    };
    json!({ "side": side, "code": warning.what.code(), "message": warning.what.to_string() })
}
