//! What a file is.

use flashdelta::apply::{explain, ApplyError, Breakdown, OutOfBounds};
use flashdelta::archive::Container;
use flashdelta::bundle;
use flashdelta::door::{self, ApplyRequest};
use flashdelta::facts::{
    ArchiveFacts, ContentFacts, FirmwareFacts, PatchFacts, PatchPartFacts, SignatureFacts,
};
use flashdelta::file::Files;
use flashdelta::holes::{self, HoleFacts, HoleSource};
use flashdelta::image::{self, Image, ImageError, ReadOptions};
use flashdelta::set::SetFacts;
use flashdelta::{Input, PatchHeader};
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure::{failed, Outcome};

/// What a patch, a bundle, a set, an archive, a manifest or a firmware file says about itself, as
/// JSON. `old`: what the patch is to be applied to, and then broken down.
#[wasm_bindgen]
pub fn info(file: &[u8], old: Option<Vec<u8>>) -> Outcome<String> {
    let old = old.as_deref();
    if bundle::is_bundle(file) {
        return bundle_facts(file, old);
    }
    if file.starts_with(b"FDS") {
        let facts = SetFacts::of(file).map_err(|error| failed!(error))?;
        return Ok(json(&Document { kind: "set", facts }));
    }
    if old.is_some() || Input::verbatim(file).is_patch() {
        return patch_facts(file, old);
    }
    match archive_facts(file)? {
        Some(facts) => Ok(json(&Document { kind: "archive", facts })),
        None => firmware_facts(file),
    }
}

/// Facts with the kind of what they are about.
#[derive(Serialize)]
struct Document<T> {
    kind: &'static str,
    #[serde(flatten)]
    facts: T,
}

fn json(facts: &impl Serialize) -> String {
    // Numbers and text always have a form in JSON.
    serde_json::to_string(facts).unwrap_or_default()
}

#[derive(Serialize)]
struct BundleDocument {
    kind: &'static str,
    #[serde(flatten)]
    facts: PatchFacts,
    applies: Option<bool>,
}

fn bundle_facts(file: &[u8], old: Option<&[u8]>) -> Outcome<String> {
    let info = bundle::info(file).map_err(|error| failed!(error))?;
    if let Some(old) = old {
        door::apply(&Input::from_bytes(old), file, ApplyRequest::new())
            .map_err(|error| failed!(error))?;
    }
    Ok(json(&BundleDocument {
        kind: "bundle",
        facts: PatchFacts::of_bundle(&info, file.len()),
        applies: old.map(|_| true),
    }))
}

#[derive(Serialize)]
struct PatchDocument {
    kind: &'static str,
    #[serde(flatten)]
    facts: PatchFacts,
    breakdown: Vec<PatchPartFacts>,
    content: Option<ContentFacts>,
    applies: Option<bool>,
    signatures: Vec<SignatureFacts>,
    holes: Vec<Value>,
}

fn patch_facts(patch: &[u8], old: Option<&[u8]>) -> Outcome<String> {
    let header = whole(patch)?;
    let breakdown = old.map(|old| explained(patch, old)).transpose()?;
    Ok(json(&PatchDocument {
        kind: "patch",
        facts: PatchFacts::of(&header),
        breakdown: PatchPartFacts::list(&header, breakdown.as_ref()),
        content: breakdown.as_ref().map(ContentFacts::from),
        applies: old.map(|_| true),
        signatures: SignatureFacts::list(&header, patch),
        holes: holes::list(patch).iter().map(hole).collect(),
    }))
}

/// The header of a patch that is complete.
fn whole(patch: &[u8]) -> Outcome<PatchHeader> {
    let found = u32::try_from(patch.len()).unwrap_or(u32::MAX);
    let header = PatchHeader::parse(patch).map_err(|error| failed!(error))?;
    let expected = header.as_ref().map(|header| header.patch_len() as u32);
    match header {
        Some(header) if expected == Some(found) => Ok(header),
        Some(header) if found > header.patch_len() as u32 => {
            Err(failed!(Wrong::TrailingInput { expected: header.patch_len() as u32 }))
        }
        _ => Err(failed!(Wrong::Truncated { fed: found, expected })),
    }
}

type Wrong = ApplyError<OutOfBounds, OutOfBounds>;

/// What a patch does with an old file.
fn explained(patch: &[u8], old: &[u8]) -> Outcome<Breakdown> {
    let input = Input::from_bytes(old);
    door::apply(&input, patch, ApplyRequest::new().exact(true).any_values(true))
        .map_err(|error| failed!(error))?;
    let files = Files::of(input.file().unwrap_or_default(), patch);
    let files = files.map_err(|error| failed!(error))?;
    explain(files.old_image(), patch).map_err(|error| failed!(error))
}

fn hole(hole: &HoleFacts) -> Value {
    let start = |range: &Option<core::ops::Range<u32>>| range.as_ref().map(|range| range.start);
    serde_json::json!({
        "name": hole.name,
        "length": hole.len,
        "old": start(&hole.old),
        "new": start(&hole.new),
        "source": hole.source.map_or("gone", HoleSource::name),
        "fill": hole.fill,
    })
}

/// What an archive or a manifest holds; `None`, if the file is neither. An archive that contradicts
/// itself is a file as any other.
fn archive_facts(file: &[u8]) -> Outcome<Option<ArchiveFacts>> {
    let facts = match Container::resembles(file) {
        Container::Whole => ArchiveFacts::of_manifest(file).map_err(|error| failed!(error))?,
        container => ArchiveFacts::of(file, container).ok(),
    };
    Ok(facts.map(|facts| facts.with_findings(&door::findings(file))))
}

fn firmware_facts(file: &[u8]) -> Outcome<String> {
    if image::detect(file).is_unpacked() {
        match Image::parse(file, &ReadOptions::default()) {
            // Several memories in one file are nothing wrong.
            Ok(_) | Err(ImageError::SeveralTargets { .. }) => {}
            Err(error) => return Err(failed!(error)),
        }
    }
    let facts = FirmwareFacts::of(file, &door::findings(file));
    Ok(json(&Document { kind: "firmware", facts }))
}
