//! What archives, folders, and JSON files that name parts hold: for `info`.

use core::fmt::Write as _;
use std::path::Path;

use flashdelta::archive::Container;
use flashdelta::facts::ArchiveFacts;
use flashdelta::{door, Input};
use serde::Serialize;

use super::info::findings_text;
use crate::failure::{Failure, Outcome};
use crate::text::{self, grouped, print, print_json, remark, Table};

/// Shows what an archive holds; false, if the file is none. An archive that contradicts itself is
/// shown as any other file is.
///
/// `strict`: a wrong length, checksum or digest is an error.
pub(crate) fn info(path: &Path, input: &Input<'_>, (strict, json): (bool, bool)) -> Outcome<bool> {
    // Of a manifest with its parts the manifest.
    let bytes = input.file().unwrap_or_else(|| input.bytes());
    let mut facts = match Container::resembles(bytes) {
        Container::Whole => {
            let manifest = ArchiveFacts::of_manifest(bytes);
            match manifest.map_err(|error| Failure::json(path, &error, bytes))? {
                Some(facts) => facts,
                None => return Ok(false),
            }
        }
        container => match ArchiveFacts::of(bytes, container) {
            Ok(facts) => facts,
            Err(error) => {
                let path = text::path(path);
                remark!("warning: {path}: it looks like a {container} archive, but is damaged or unusual: {error}");
                return Ok(false);
            }
        },
    };
    // A manifest from a pipe has no parts, and one without them is shown as it is.
    if let Ok(release) = flashdelta::manifest::read_release(path) {
        facts = facts.with_parts(&release.parts);
    }
    let findings = door::findings(input.bytes());
    let outcome = match findings.first().filter(|_| strict) {
        Some(finding) => Err(Failure::finding(path, finding)),
        None => Ok(true),
    };
    if json && outcome.is_err() {
        return outcome;
    }
    facts = facts.with_findings(&findings);
    let file = text::path(path);
    match json {
        true => print_json(&Document { kind: "archive", file, facts })?,
        false => print(&(text_of(&file, &facts) + &findings_text(&facts.findings)))?,
    }
    outcome
}

/// An archive, as machines read it.
#[derive(Serialize)]
struct Document {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: ArchiveFacts,
}

fn text_of(file: &str, facts: &ArchiveFacts) -> String {
    let mut text = format!("{file}: {}\n\n", facts.format);
    let mut table = Table::default();
    let fields = [("name", &facts.name), ("version", &facts.version)];
    for (label, value) in
        fields.into_iter().filter_map(|(label, value)| value.as_ref().map(|v| (label, v)))
    {
        table.row([label, value]);
    }
    table.row(["size", &format!("{} bytes", grouped(facts.size as u64))]);
    table.row(["SHA-256", &facts.sha256]);
    text += &table.render("ll");
    let mut table = Table::default();
    for row in &facts.members {
        let holds = row.content_size.map(|len| format!("deflated, says it holds {}", grouped(len)));
        let what = [row.chip.as_deref(), row.role.as_deref(), holds.as_deref()];
        let what: Vec<&str> = what.into_iter().flatten().collect();
        let offset = row.offset.map(|offset| format!("0x{offset:x}")).unwrap_or_default();
        let size =
            row.size.map(|size| format!("{} bytes", grouped(size as u64))).unwrap_or_default();
        let path = if row.path.is_empty() { "(the file)" } else { &row.path };
        table.row([path, &offset, &size, &what.join(", ")]);
    }
    let _ = write!(text, "\nHolds:\n{}", table.render("lrrl"));
    text
}
