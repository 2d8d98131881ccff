//! The call into the library that makes patches, and what is dubious about the files.

use std::path::PathBuf;

use flashdelta::archive::Container;
use flashdelta::bundle::{self, BundleOptions, Warning};
use flashdelta::diff::{DiffOptions, Report};
use flashdelta::file::{MakeError, Memory, MemoryOptions};
use flashdelta::image;
use flashdelta::manifest::ManifestError;

use crate::source::Source;

/// A file that a patch is made from or for.
pub(crate) struct Input {
    pub(crate) bytes: Source,
    pub(crate) path: Option<PathBuf>,
}

/// How a patch is made.
pub(crate) struct Job {
    pub(crate) options: DiffOptions,
    /// How files of records are read.
    pub(crate) memory: MemoryOptions,
    /// How files that hold others are taken.
    pub(crate) bundle: BundleOptions,
    /// As one piece.
    pub(crate) verbatim: bool,
}

/// A patch or a bundle.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    /// Of a patch between images: how it came about.
    pub(crate) report: Option<Report>,
    /// What is patched otherwise than it seems to be meant.
    pub(crate) warnings: Vec<String>,
}

/// Makes a patch between two files. If one of them holds others it is a bundle, unless they are to
/// be taken verbatim.
pub(crate) fn diff(inputs: &[Input; 2], job: &Job) -> Result<Made, MakeError> {
    let [old, new] = inputs.each_ref().map(|input| &input.bytes[..]);
    let containers = [old, new].map(Container::detect);
    if job.verbatim || containers == [Container::Whole; 2] {
        let mut warnings = Vec::new();
        if !job.verbatim {
            warnings.extend(check(&inputs[0], "old", &job.bundle).map_err(MakeError::OldManifest)?);
            warnings.extend(check(&inputs[1], "new", &job.bundle).map_err(MakeError::NewManifest)?);
        }
        let made = flashdelta::file::diff_with(old, new, &job.options, &job.memory)?;
        warnings.extend(packed(&inputs[1], made.bytes.len(), &job.memory));
        return Ok(Made { bytes: made.bytes, report: Some(made.report), warnings });
    }
    let made = bundle::diff_with(old, new, &job.options, &job.bundle)?;
    let found = inputs.iter().zip(["old", "new"]).zip(&made.warnings);
    let warnings = found
        .flat_map(|((input, what), found)| found.iter().map(|warning| told(input, what, warning)));
    let warnings = warnings.collect();
    // A device can apply it if it is a patch between both files as they are.
    let plain =
        bundle::plain_patch(&made.bytes).filter(|_| !containers.contains(&Container::Folder));
    let bytes = plain.map(<[u8]>::to_vec).unwrap_or(made.bytes);
    Ok(Made { bytes, report: None, warnings })
}

/// What is dubious about a file that holds no others.
fn check(input: &Input, what: &str, options: &BundleOptions) -> Result<Vec<String>, ManifestError> {
    let name =
        input.path.as_deref().and_then(|path| path.file_name()?.to_str()).unwrap_or_default();
    let mut found = bundle::check_manifest(name, &input.bytes, options)?;
    found.extend(bundle::check(&input.bytes, options)?);
    let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if found.is_empty() && ["zip", "tar", "gz", "tgz"].contains(&&*extension) {
        let problem = "it is named like an archive, but is none, and patched as one piece";
        return Ok(vec![told(input, what, problem)]);
    }
    Ok(found.iter().map(|warning: &Warning| told(input, what, warning)).collect())
}

/// Is the new image of a kind that cannot be patched well, and was it not?
fn packed(new: &Input, patch_len: usize, memory: &MemoryOptions) -> Option<String> {
    if patch_len < new.bytes.len() / 2 {
        return None;
    }
    let share = image::packed(&Memory::read(&new.bytes, memory).ok()?.image);
    let problem = format!(
        "{:.0}% of it look encrypted or compressed, and the patch is large: make it from the image before that step",
        share * 100.0
    );
    (share >= 0.5).then(|| told(new, "new", problem))
}

fn told(input: &Input, what: &str, problem: impl std::fmt::Display) -> String {
    match &input.path {
        Some(path) => format!("{}: {problem}", path.display()),
        None => format!("{what} image: {problem}"),
    }
}
