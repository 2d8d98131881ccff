//! The test vectors in `testdata/vectors`, which other implementations use as well. Their names for
//! errors are those of `docs/format.md`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::apply_in_pieces;
use flashdelta::apply::{apply, ApplyError, HeapApplier, HeapError, OutOfBounds};
use flashdelta::bundle::BundleError;
use flashdelta::file::{FileError, Output};
use flashdelta::update::holes::{ValueRecord, WithValues};
use flashdelta::{bundle, file, HeaderError, PatchHeader};

type Made = Result<Vec<u8>, &'static str>;

struct Vector {
    name: String,
    kind: String,
    old: Vec<u8>,
    patch: Vec<u8>,
    /// A record of values for holes.
    values: Option<Vec<u8>>,
    /// The new file, or the name of the error.
    expected: Result<Vec<u8>, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors")
}

fn vectors() -> Vec<Vector> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let described = entries.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    described
        .map(|path| {
            let entry: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let file = |key: &str| fs::read(folder().join(entry[key].as_str().unwrap())).unwrap();
            Vector {
                name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                kind: entry["kind"].as_str().unwrap().to_owned(),
                old: file("old"),
                patch: file("patch"),
                values: entry["values"].is_string().then(|| file("values")),
                expected: entry["error"]
                    .as_str()
                    .map_or_else(|| Ok(file("new")), |error| Err(error.to_owned())),
            }
        })
        .collect()
}

fn in_header(error: &HeaderError) -> &'static str {
    match error {
        HeaderError::NotAPatch { .. } => "not-a-patch",
        HeaderError::UnsupportedVersion { .. } => "unsupported-version",
        HeaderError::Checksum { .. } => "checksum",
        HeaderError::Unsupported { .. } => "unsupported",
        HeaderError::UnknownFeature { .. } => "unknown-feature",
        HeaderError::UnknownCodec { .. } => "unknown-codec",
        HeaderError::UnknownInstructionSet { .. } => "unknown-isa",
        HeaderError::CutShort { .. } => "cut-short",
        HeaderError::BadNumber { .. } => "bad-number",
        HeaderError::TooLarge { .. } => "too-large",
        HeaderError::BadSegment { .. } => "bad-segment",
        HeaderError::LeftOver { .. } => "left-over",
        HeaderError::InconsistentWorkspace { .. } => "inconsistent-workspace",
        _ => error.code(),
    }
}

fn in_patch(error: &ApplyError<OutOfBounds, OutOfBounds>) -> &'static str {
    match error {
        ApplyError::Header(error) => in_header(error),
        ApplyError::OldTooShort { .. } => "old-too-short",
        ApplyError::OldMismatch { .. } => "old-mismatch",
        ApplyError::Damaged { .. } => "damaged",
        ApplyError::Truncated { .. } => "truncated",
        ApplyError::TrailingInput { .. } => "trailing-input",
        ApplyError::NewMismatch { .. } => "new-mismatch",
        _ => error.code(),
    }
}

fn in_file(error: &FileError) -> &'static str {
    match error {
        FileError::Apply(error) => in_patch(error),
        FileError::HostSection { .. } => "host-section",
        _ => error.code(),
    }
}

fn in_bundle(error: &BundleError) -> &'static str {
    match error {
        BundleError::NotABundle { .. } => "not-a-bundle",
        BundleError::UnsupportedVersion { .. } => "unsupported-version",
        BundleError::UnknownFeature { .. } => "unknown-feature",
        BundleError::Truncated { .. } => "truncated",
        BundleError::Trailing { .. } => "trailing-input",
        BundleError::Checksum { .. } => "checksum",
        BundleError::BadField { .. } => "bad-field",
        BundleError::OldMismatch { .. } => "old-mismatch",
        BundleError::NewMismatch { .. } => "new-mismatch",
        _ => error.code(),
    }
}

/// All ways to apply a patch: they agree.
fn apply_all_ways(vector: &Vector) -> Vec<Made> {
    let Vector { old, patch, values, .. } = vector;
    match vector.kind.as_str() {
        "patch" if values.is_some() => {
            let values = ValueRecord::new(values.as_ref().unwrap()).unwrap();
            let image = WithValues::new(&old[..], values);
            let run = HeapApplier::new().exact(true).run(&patch[..], image, Vec::new());
            vec![run.map(|update| update.new).map_err(|error| match error {
                HeapError::Apply(error) => in_patch(&error),
                _ => error.code(),
            })]
        }
        "patch" => {
            let mut made = vec![apply(old, patch).map_err(|error| in_patch(&error))];
            // The slot is as long as the header says, if that can be read.
            if PatchHeader::parse(patch).is_ok() {
                let pieces = [1, 5, patch.len()];
                made.extend(pieces.map(|piece| {
                    apply_in_pieces(old, patch, piece).map_err(|error| in_patch(&error))
                }));
            }
            made
        }
        "files" => vec![file::apply(old, patch, Output::Same).map_err(|error| in_file(&error))],
        "bundle" => vec![bundle::apply(old, patch).map_err(|error| in_bundle(&error))],
        kind => panic!("{kind}"),
    }
}

#[test]
fn the_library_agrees_with_the_exported_vectors() {
    let vectors = vectors();
    assert!(vectors.len() > 120);
    let mut wrong = Vec::new();
    for vector in vectors {
        for found in apply_all_ways(&vector) {
            if found.as_deref().map_err(|error| error.to_string())
                != vector.expected.as_deref().map_err(Clone::clone)
            {
                wrong.push(format!(
                    "{}: {:?} for {:?}",
                    vector.name,
                    found.err(),
                    vector.expected.as_ref().err()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "(None: a file) {wrong:#?}");
}
