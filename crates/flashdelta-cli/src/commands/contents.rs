//! What archives, folders, and JSON files that name parts hold: for `info`.

use core::fmt::Write as _;
use std::path::Path;

use flashdelta::archive::{Container, ContainerError};
use flashdelta::manifest::esp_idf::{self, FlasherArgs};
use flashdelta::manifest::esp_web_tools::{self, Manifest};
use flashdelta::manifest::ReleasePart;
use flashdelta::{door, Input};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::info::{findings_text, FindingDocument};
use crate::failure::{Failure, Outcome};
use crate::text::{self, grouped, hex, print, print_json, Table};

/// Shows what an archive holds; false, if the file is none. An archive that contradicts itself is
/// shown as any other file is.
///
/// `strict`: a wrong length, checksum or digest is an error.
pub(crate) fn info(path: &Path, input: &Input<'_>, (strict, json): (bool, bool)) -> Outcome<bool> {
    // Of a manifest with its parts the manifest.
    let bytes = input.file().unwrap_or_else(|| input.bytes());
    let mut contents = match Container::resembles(bytes) {
        Container::Whole if esp_web_tools::is(bytes) => Contents::manifest(
            Manifest::parse(bytes).map_err(|error| Failure::json(path, &error, bytes))?,
        ),
        Container::Whole if esp_idf::is(bytes) => Contents::flasher_args(
            FlasherArgs::parse(bytes).map_err(|error| Failure::json(path, &error, bytes))?,
        ),
        Container::Whole => return Ok(false),
        container => match Contents::container(bytes, container) {
            Ok(contents) => contents,
            Err(error) => {
                let path = text::path(path);
                eprintln!("warning: {path}: it looks like a {container} archive, but is damaged or unusual: {error}");
                return Ok(false);
            }
        },
    };
    // A manifest from a pipe has no parts, and one without them is shown as it is.
    if let Ok(release) = flashdelta::manifest::read_release(path) {
        contents.add_parts(&release.parts);
    }
    let findings = door::findings(input.bytes());
    let outcome = match findings.first().filter(|_| strict) {
        Some(finding) => Err(Failure::finding(path, finding)),
        None => Ok(true),
    };
    if json && outcome.is_err() {
        return outcome;
    }
    let document = Document {
        kind: "archive",
        file: text::path(path),
        size: bytes.len(),
        sha256: hex(&Sha256::digest(bytes)),
        contents,
        findings: findings.iter().map(FindingDocument::new).collect(),
    };
    match json {
        true => print_json(&document)?,
        false => print(&(document.text() + &findings_text(&findings)))?,
    }
    outcome
}

/// An archive, as machines read it.
#[derive(Serialize)]
struct Document {
    kind: &'static str,
    file: String,
    size: usize,
    /// Of a folder: as it is packed.
    sha256: String,
    #[serde(flatten)]
    contents: Contents,
    /// Lengths, checksums and digests that are wrong, of members too.
    findings: Vec<FindingDocument>,
}

#[derive(Serialize)]
struct Contents {
    format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    members: Vec<Row>,
}

/// A member of an archive, or a part that a JSON file names.
#[derive(Serialize, Default)]
struct Row {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deflated: Option<bool>,
    /// What it holds inflated, as the archive says.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_size: Option<u32>,
    /// Where in a manifest it is named.
    #[serde(skip)]
    named_at: String,
}

impl Contents {
    /// As the headers tell: nothing is inflated.
    fn container(bytes: &[u8], container: Container) -> Result<Self, ContainerError> {
        // What is past the end of a gzip stream, as OpenWrt appends it, is told from its trailer
        // only by inflating it. That is bounded, unlike an archive of many members.
        let listed = match container {
            Container::Gzip => container.members(bytes).or_else(|_| container.list(bytes))?,
            container => container.list(bytes)?,
        };
        let members = listed.into_iter().map(|member| Row {
            path: member.name,
            size: Some(member.data.len()),
            deflated: Some(member.is_deflated),
            content_size: member.stated_len,
            ..Row::default()
        });
        Ok(Self {
            format: container.to_string(),
            name: None,
            version: None,
            members: members.collect(),
        })
    }

    /// Adds what is known of the parts that are there.
    fn add_parts(&mut self, parts: &[ReleasePart]) {
        for part in parts {
            let size = usize::try_from(part.len).ok();
            let is_same = |row: &&mut Row| match row.named_at.is_empty() {
                // A file of ESP-IDF's.
                true => row.offset.is_some() && row.offset == part.offset,
                false => part.named_at.starts_with(&row.named_at),
            };
            match self.members.iter_mut().find(is_same) {
                Some(row) => row.size = size,
                None => self.members.push(Row {
                    path: part.path.clone(),
                    role: Some(match part.named_at.ends_with(".ota.path") {
                        true => "ota".to_owned(),
                        false => part.named_at.clone(),
                    }),
                    size,
                    ..Row::default()
                }),
            }
        }
    }

    fn manifest(manifest: Manifest) -> Self {
        let members = manifest.builds.into_iter().enumerate().flat_map(|(b, build)| {
            let chip = build.chip_family.to_string();
            build.parts.into_iter().enumerate().map(move |(p, part)| Row {
                named_at: format!("builds[{b}].parts[{p}]."),
                path: part.path,
                chip: Some(chip.clone()),
                offset: Some(part.offset),
                ..Row::default()
            })
        });
        Self {
            format: "ESP Web Tools manifest".to_owned(),
            name: Some(manifest.name),
            version: manifest.version,
            members: members.collect(),
        }
    }

    fn flasher_args(args: FlasherArgs) -> Self {
        let members = args.files.into_iter().map(|file| Row {
            path: file.path,
            chip: args.chip.clone(),
            role: file.role,
            offset: Some(file.offset),
            ..Row::default()
        });
        Self {
            format: "ESP-IDF flasher arguments".to_owned(),
            name: None,
            version: None,
            members: members.collect(),
        }
    }
}

impl Document {
    fn text(&self) -> String {
        let mut text = format!("{}: {}\n\n", self.file, self.contents.format);
        let mut table = Table::default();
        let fields = [("name", &self.contents.name), ("version", &self.contents.version)];
        for (label, value) in
            fields.into_iter().filter_map(|(label, value)| value.as_ref().map(|v| (label, v)))
        {
            table.row([label, value]);
        }
        table.row(["size", &format!("{} bytes", grouped(self.size as u64))]);
        table.row(["SHA-256", &self.sha256]);
        text += &table.render("ll");
        let mut table = Table::default();
        for row in &self.contents.members {
            let holds =
                row.content_size.map(|len| format!("deflated, says it holds {}", grouped(len)));
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
}
