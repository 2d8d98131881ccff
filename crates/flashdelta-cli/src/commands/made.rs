//! What `flashdelta diff` says of a patch that it has made.

use std::collections::BTreeMap;
use std::path::Path;

use flashdelta::diff::{Report, Tried};
use flashdelta::door::{Made, MadeKind};
use flashdelta::facts::{ContentFacts, PatchFacts};
use flashdelta::{image, Input, PatchHeader};
use serde::Serialize;

use super::bundle::{counts, Document};
use crate::failure::Outcome;
use crate::outputs::print_json;
use crate::progress::doing;
use crate::text::{self, grouped, percent, remark};
use crate::warnings;

/// Tells people.
pub(super) fn summarize(output: &Path, made: &Made, new: &Input<'_>) {
    let bytes = made.bytes.len() as u64;
    let say = |size: u64, what: &str| {
        let (of_new, output) = (percent(bytes, size), text::path(output));
        remark!("{output}: {} bytes, {of_new} of the new {what}", grouped(bytes));
    };
    match &made.kind {
        MadeKind::Patch { header, .. } => {
            say(header.new_size.into(), "image");
            summarize_patch(header, new);
        }
        MadeKind::Whole { header } => {
            say(header.new_size.into(), "file");
            remark!("  a patch between both files as a whole: that is smaller than a bundle");
        }
        MadeKind::Bundle { info, unused } => {
            say(info.new_size.into(), info.new_container.name());
            remark!("  a bundle, for computers: {}", counts(info));
            for name in unused {
                remark!("  gone: {}", text::escaped(name));
            }
        }
        _ => {}
    }
    match made.verified {
        true => remark!("  verified: it turns the old one into the new one"),
        false => remark!("  not verified"),
    }
}

fn summarize_patch(header: &PatchHeader, new: &Input<'_>) {
    remark!("  codec {}, instruction set {}", header.codec, header.isa);
    if let Some(chunks) = header.chunks {
        let (digests, size) = (grouped(header.chunk_table_len()), grouped(chunks.size()));
        remark!("  of it {digests} bytes for digests of its chunks, {size} bytes each");
    }
    let format = image::detect(new.bytes());
    if header.host_len > 0 {
        let host = grouped(header.host_len);
        remark!(
            "  of it {host} bytes for hosts, which give back the {format} file; devices may do \
             without"
        );
    } else if format.is_unpacked() {
        let why = if new.is_verbatim() { "--verbatim" } else { "the new file is too irregular" };
        remark!("  {why}: the files are patched as they are, so no device can apply this");
    }
    let (ram, workspace) = (grouped(header.ram), grouped(header.workspace_len() as u64));
    remark!("  needs {ram} bytes of RAM on the device, {workspace} of it workspace");
}

/// Tells machines.
pub(super) fn print_document(
    output: &Path,
    made: &Made,
    warnings: Vec<warnings::Document>,
) -> Outcome {
    let verified = made.verified;
    match &made.kind {
        MadeKind::Patch { header, report } => {
            print_json(&PatchDocument::new(output, made, header, Some(report), warnings))
        }
        MadeKind::Whole { header } => {
            print_json(&PatchDocument::new(output, made, header, None, warnings))
        }
        MadeKind::Bundle { info, .. } => {
            print_json(&Document::made(output, info, made.bytes.len(), verified, warnings))
        }
        _ => Ok(()),
    }
}

/// A patch that was made, as machines read it.
#[derive(Serialize)]
struct PatchDocument {
    patch: String,
    percent_of_new: Option<f64>,
    verified: bool,
    /// What is not taken as it seems to be meant, or promises little.
    warnings: Vec<warnings::Document>,
    #[serde(flatten)]
    facts: PatchFacts,
    /// None: the patch is what was left of a bundle.
    #[serde(flatten)]
    report: Option<ReportDocument>,
}

/// How it came about.
#[derive(Serialize)]
struct ReportDocument {
    /// Bytes of the body by what they are spent on; empty for the byte codecs.
    parts: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    content: ContentFacts,
    tried: Vec<TriedDocument>,
    /// All threads together.
    seconds: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct TriedDocument {
    codec: &'static str,
    isa: &'static str,
    /// None: given up, because it was larger.
    patch_size: Option<u64>,
}

impl PatchDocument {
    fn new(
        path: &Path,
        made: &Made,
        header: &PatchHeader,
        report: Option<&Report>,
        warnings: Vec<warnings::Document>,
    ) -> Self {
        let percent = |new: u32| 100.0 * made.bytes.len() as f64 / f64::from(new);
        Self {
            patch: text::path(path),
            percent_of_new: (header.new_size > 0).then(|| percent(header.new_size)),
            verified: made.verified,
            warnings,
            facts: PatchFacts::of(header),
            report: report.map(ReportDocument::of),
        }
    }
}

impl ReportDocument {
    fn of(report: &Report) -> Self {
        let tried = |t: &Tried| TriedDocument {
            codec: t.codec.name(),
            isa: t.isa.name(),
            patch_size: t.bytes,
        };
        Self {
            parts: report.parts.iter().map(|part| (part.name, part.bytes)).collect(),
            content: report.into(),
            tried: report.tried.iter().map(tried).collect(),
            seconds: report
                .phases
                .iter()
                .map(|(phase, time)| (doing(*phase), time.as_secs_f64()))
                .collect(),
        }
    }
}
