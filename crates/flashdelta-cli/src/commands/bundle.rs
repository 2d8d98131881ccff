//! Archives and folders: what `diff`, `apply`, `verify` and `info` do with files that hold others.

use core::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use flashdelta::archive::folder::{self, FolderError};
use flashdelta::archive::Container;
use flashdelta::bundle::{
    self, BundleError, BundleInfo, BundleOptions, BundlePatch, MemberInfo, Method,
};
use flashdelta::diff::DiffOptions;
use flashdelta::manifest::ManifestError;
use flashdelta::manifest::PartsError;
use flashdelta::PatchHeader;
use serde::Serialize;

use crate::facts::Facts;
use crate::failure::{Class, Failure, Outcome};
use crate::files;
use crate::progress::Bar;
use crate::text::{grouped, hex, percent, print, print_json, Table};
use crate::warnings::{self, FileWarning};

/// An old or a new file: a folder, or a JSON file with the parts that it names, is packed into one.
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    container: Container,
    /// What is taken otherwise than it seems to be meant, if it is no container.
    pub(crate) warnings: Vec<FileWarning>,
}

/// Reads a file byte by byte: it counts as no container.
pub(crate) fn read_verbatim(path: &Path) -> Outcome<Input> {
    Ok(Input { container: Container::Whole, bytes: files::read(path)?, warnings: Vec::new() })
}

/// Reads a file, a folder, or a JSON file with its parts.
pub(crate) fn read(path: &Path, options: &BundleOptions) -> Outcome<Input> {
    let bytes = unpacked(path)?;
    let container = Container::detect(&bytes);
    let mut warnings = Vec::new();
    if container == Container::Whole {
        let wrong = |error: ManifestError| Failure::manifest(path, &error);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut found = bundle::check_manifest(name, &bytes, options)
            .map_err(|error| Failure::manifest(path.parent().unwrap_or(path), &error))?;
        found.extend(bundle::check(&bytes, options).map_err(wrong)?);
        let is_named_archive =
            ["zip", "tar", "gz", "tgz"].iter().any(|extension| has_extension(path, extension));
        if found.is_empty() && is_named_archive {
            let message = "it is named like an archive, but is none, and patched as one piece";
            warnings.push(FileWarning::new(path, message));
        }
        if flashdelta::manifest::names_parts(&bytes) {
            let message = "none of the parts that it names is in its folder: only the JSON file itself is patched";
            warnings.push(FileWarning::new(path, message));
        }
        warnings.extend(found.iter().map(|warning| FileWarning::new(path, warning)));
    }
    Ok(Input { container, bytes, warnings })
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The bytes of a file; a folder, or a JSON file with its parts, packed.
fn unpacked(path: &Path) -> Outcome<Vec<u8>> {
    if path.is_dir() {
        return folder::read(path).map_err(|error| folder_failure(&error));
    }
    let bytes = files::read(path)?;
    match flashdelta::manifest::names_parts(&bytes) {
        true => flashdelta::manifest::read_parts(path).map_err(|error| parts_failure(&error)),
        false => Ok(bytes),
    }
}

impl Input {
    /// Does it hold other files?
    pub(crate) fn is_container(&self) -> bool {
        self.container != Container::Whole
    }

    fn is_packed(&self) -> bool {
        self.container == Container::Folder
    }
}

/// Is the file a bundle? False, if it cannot be read: whoever reads it next will say so.
pub(crate) fn is_bundle(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.is_ok() && bundle::is_bundle(&start)
}

/// What `flashdelta diff` has to know.
pub(crate) struct Diff<'a> {
    /// The old and the new file, for messages.
    pub(crate) names: [&'a Path; 2],
    /// As it was named.
    pub(crate) output: &'a Path,
    /// Where it goes.
    pub(crate) target: &'a Path,
    pub(crate) options: DiffOptions,
    pub(crate) taken: &'a BundleOptions,
    pub(crate) bar: &'a Bar,
    pub(crate) verify: bool,
    pub(crate) quiet: bool,
    pub(crate) json: bool,
}

/// Makes a patch between two inputs, at least one of which is a container.
pub(crate) fn diff(old: &Input, new: &Input, job: &Diff<'_>) -> Outcome {
    let make = || bundle::diff_with(&old.bytes, &new.bytes, &job.options, job.taken);
    let made = crate::interrupt::while_nothing_is_written(make)
        .map_err(|error| Failure::make(&error, job.names[0], job.names[1]))?;
    job.bar.update("verifying", 1.0);
    if job.verify {
        prove(old, new, &made.bytes)?;
    }
    job.bar.clear();
    // A device can apply it if it is a patch between both files as they are.
    let plain = bundle::plain_patch(&made.bytes).filter(|_| !old.is_packed() && !new.is_packed());
    let bytes = plain.unwrap_or(&made.bytes);
    files::write(job.target, bytes)?;
    let mut warnings = [&old.warnings[..], &new.warnings].concat();
    for (name, found) in job.names.iter().zip(&made.warnings) {
        warnings.extend(found.iter().map(|warning| FileWarning::new(name, warning)));
    }
    let warnings = warnings::lines(&warnings);
    if !job.quiet {
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        summarize(job, &made, bytes, plain.is_some());
    }
    if !job.json {
        return Ok(());
    }
    let verified = job.verify;
    match plain.and_then(|patch| PatchHeader::parse(patch).ok().flatten()) {
        Some(header) => print_json(&serde_json::json!({
            "kind": "patch", "patch": job.output, "verified": verified, "warnings": warnings, "header": Facts::new(&header),
        })),
        None => print_json(&Document {
            verified: Some(verified),
            warnings: Some(warnings),
            ..Document::new(job.output, &made.info)
        }),
    }
}

/// Does the bundle turn one into the other?
fn prove(old: &Input, new: &Input, bytes: &[u8]) -> Outcome {
    let limit = new.bytes.len() as u32;
    let problem = match bundle::apply_with_limit(&old.bytes, bytes, limit) {
        Ok(made) if made == new.bytes => return Ok(()),
        Ok(_) => "it leads to another file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::new(Class::Internal, format!("the bundle that was made does not work: {problem}"))
        .hint("nothing was written; this is a bug in flashdelta: please report it, with both files if you can"))
}

fn summarize(job: &Diff<'_>, made: &BundlePatch, bytes: &[u8], is_plain: bool) {
    let (len, info) = (bytes.len() as u64, &made.info);
    let of_new = percent(len, info.new_size.into());
    eprintln!(
        "{}: {} bytes, {of_new} of the new {}",
        job.output.display(),
        grouped(len),
        whole_name(made, is_plain)
    );
    if is_plain {
        eprintln!("  a patch between both files as a whole: that is smaller than a bundle");
    } else {
        eprintln!("  a bundle, for computers: {}", counts(info));
        for name in &made.unused {
            eprintln!("  gone: {name}");
        }
    }
    match job.verify {
        true => eprintln!("  verified: it turns the old one into the new one"),
        false => eprintln!("  not verified"),
    }
}

fn whole_name(made: &BundlePatch, is_plain: bool) -> &'static str {
    if is_plain {
        "file"
    } else {
        made.info.new_container.name()
    }
}

/// How many members are made how.
fn counts(info: &BundleInfo) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for member in &info.members {
        match counts.iter_mut().find(|(name, _)| *name == member.method.name()) {
            Some((_, count)) => *count += 1,
            None => counts.push((member.method.name(), 1)),
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let members = if info.members.len() == 1 { "member" } else { "members" };
    format!("{} {members} ({})", info.members.len(), counts.join(", "))
}

/// What `flashdelta apply` has to know.
pub(crate) struct Apply<'a> {
    pub(crate) old: &'a Path,
    pub(crate) patch: &'a Path,
    pub(crate) output: &'a Path,
    /// Most bytes of the new file; `None`: what honest bundles make.
    pub(crate) limit: Option<u32>,
    pub(crate) quiet: bool,
    pub(crate) json: bool,
}

/// Applies a bundle and writes the result; a folder becomes a folder again.
pub(crate) fn apply(job: &Apply<'_>) -> Outcome {
    let Apply { old, patch, output, limit, quiet, json } = *job;
    let new = make(old, patch, limit)?;
    if folder::is(&new) {
        folder::write(&new, output).map_err(|error| folder_failure(&error))?;
    } else {
        files::write(&files::output(output, &[old, patch])?, &new)?;
    }
    let info = bundle::info(&files::read(patch)?).map_err(|error| failure(&error, old, patch))?;
    if !quiet {
        let size = grouped(info.new_size);
        match folder::is(&new) {
            true => eprintln!("{}: {}, SHA-256 as promised", output.display(), counts(&info)),
            false => eprintln!("{}: {size} bytes, SHA-256 as promised", output.display()),
        }
    }
    if json {
        let bundle = Document::new(patch, &info);
        print_json(&serde_json::json!({ "output": output, "patch": patch, "bundle": bundle }))?;
    }
    Ok(())
}

/// Applies a bundle without writing anything.
pub(crate) fn verify(old: &Path, patch: &Path, quiet: bool, json: bool) -> Outcome {
    let new = make(old, patch, None)?;
    let (old, patch) = (old.display(), patch.display());
    if json {
        return print_json(&serde_json::json!({
            "ok": true, "old": old.to_string(), "patch": patch.to_string(), "new_size": new.len(),
        }));
    }
    match quiet {
        true => Ok(()),
        false => print(&format!(
            "ok: {patch} turns {old} into what it promises, {} bytes\n",
            grouped(new.len() as u64)
        )),
    }
}

/// Options that only make sense for devices.
pub(crate) fn refuse_device_options(given: bool) -> Outcome {
    if !given {
        return Ok(());
    }
    let message =
        "this patch is a bundle, which computers apply: it knows no products, no RAM of a device, and no other formats";
    Err(Failure::new(Class::Usage, message)
        .hint("leave out the options that describe a device or a format"))
}

fn make(old: &Path, patch: &Path, limit: Option<u32>) -> Outcome<Vec<u8>> {
    let bytes = files::read(patch)?;
    let from = bundle::info(&bytes).map_err(|error| failure(&error, old, patch))?.old_container;
    // A JSON file may have been patched without its parts, although they are there now.
    let old_bytes =
        if from == Container::Folder || old.is_dir() { unpacked(old)? } else { files::read(old)? };
    let made = match limit {
        Some(limit) => bundle::apply_with_limit(&old_bytes, &bytes, limit),
        None => bundle::apply(&old_bytes, &bytes),
    };
    made.map_err(|error| failure(&error, old, patch))
}

/// Shows what a bundle is made of.
pub(crate) fn info(path: &Path, bytes: &[u8], old: Option<&Path>, json: bool) -> Outcome {
    let name = old.unwrap_or(Path::new("old file"));
    let info = bundle::info(bytes).map_err(|error| failure(&error, name, path))?;
    let outcome = old.map(|old| make(old, path, None));
    let applies = outcome.as_ref().map(Result::is_ok);
    let outcome = outcome.transpose();
    if json {
        // There is but one document: if something is wrong, it is the error.
        outcome?;
        return print_json(&Document { applies, ..Document::new(path, &info) });
    }
    let mut text = format!("{}: flashdelta bundle, format 0\n\n", path.display());
    let mut table = Table::default();
    let size = |size: u32| format!("{} bytes", grouped(size));
    table.row(["from", &format!("{}, {}", info.old_container, size(info.old_size))]);
    table.row(["", &format!("SHA-256 {}...", hex(&info.old_digest))]);
    table.row(["to", &format!("{}, {}", info.new_container, size(info.new_size))]);
    table.row(["", &format!("SHA-256 {}", hex(&info.new_digest))]);
    text += &table.render("ll");
    text += "\nMembers of the new file:\n";
    let mut table = Table::default();
    table.row(["", "made by", "size", "holds", "bundle"]);
    member_rows(&mut table, &info, bytes, 0);
    text += &table.render("llrrr");
    if let (Some(true), Some(old)) = (applies, old) {
        let _ = writeln!(
            text,
            "\nApplies to {}: the result has the SHA-256 it promises.",
            old.display()
        );
    }
    print(&text)?;
    outcome.map(|_| ())
}

/// The rows of a bundle; those of the bundles in it are indented.
fn member_rows(table: &mut Table, info: &BundleInfo, bytes: &[u8], level: usize) {
    let indented = |name: &str| format!("{}{name}", "  ".repeat(level));
    let mut body = bytes.get((info.header_len + info.common_len) as usize..).unwrap_or_default();
    for member in &info.members {
        let holds = if member.content_size == member.size {
            String::new()
        } else {
            grouped(member.content_size)
        };
        let name = if member.name.is_empty() { "(the file)" } else { &member.name };
        let method = member.method.name();
        table.row([&indented(name), method, &grouped(member.size), &holds, &grouped(member.bytes)]);
        let (part, rest) = body.split_at_checked(member.bytes as usize).unwrap_or((body, &[]));
        body = rest;
        if let (Method::Bundle, Ok(info)) = (member.method, bundle::info(part)) {
            member_rows(table, &info, part, level + 1);
        }
    }
    table.row([&indented("common patch"), "", "", "", &grouped(info.common_len)]);
    table.row([&indented("header"), "", "", "", &grouped(info.header_len)]);
    if level == 0 {
        table.row(["total", "", &grouped(info.new_size), "", &grouped(bytes.len() as u64)]);
    }
}

/// The class and message of an error.
fn failure(error: &BundleError, old: &Path, patch: &Path) -> Failure {
    let class = Class::from(error.class());
    let file = if class == Class::WrongBase { old } else { patch };
    let failure = Failure::new(class, format!("{}: {error}", file.display()));
    match class {
        Class::WrongBase => {
            failure.hint("`flashdelta info` shows from which file the bundle was made")
        }
        _ if matches!(error, BundleError::NewTooLong { .. }) => {
            failure.hint("`flashdelta apply --limit` raises it")
        }
        _ => failure,
    }
}

pub(crate) fn folder_failure(error: &FolderError) -> Failure {
    match error {
        FolderError::Io { .. } => Failure::new(Class::Io, error.to_string()),
        FolderError::Exists { .. } => Failure::new(Class::Usage, error.to_string())
            .hint("name a folder that is not there yet"),
        _ => Failure::new(Class::Usage, error.to_string()),
    }
}

const PARTS_HINT: &str = "put the parts beside it, or compare the JSON files alone with --verbatim";

fn parts_failure(error: &PartsError) -> Failure {
    match error {
        PartsError::Folder(error) => folder_failure(error).hint(PARTS_HINT),
        PartsError::Json { .. } => Failure::new(Class::BadFile, error.to_string())
            .hint("to compare the JSON files alone, without the parts they name, use --verbatim"),
        _ => Failure::new(Class::Usage, error.to_string()).hint(PARTS_HINT),
    }
}

/// A bundle, as machines read it.
#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    file: &'a Path,
    old_container: &'static str,
    new_container: &'static str,
    old_size: u32,
    new_size: u32,
    old_sha256_start: String,
    new_sha256: String,
    header_size: u32,
    common_size: u32,
    members: Vec<MemberDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applies: Option<bool>,
}

#[derive(Serialize)]
struct MemberDocument<'a> {
    name: &'a str,
    method: &'static str,
    /// Bytes of the bundle for it alone.
    bytes: u32,
    size: u32,
    content_size: u32,
    old_index: Option<u32>,
}

impl<'a> Document<'a> {
    fn new(file: &'a Path, info: &'a BundleInfo) -> Self {
        let member = |member: &'a MemberInfo| MemberDocument {
            name: &member.name,
            method: member.method.name(),
            bytes: member.bytes,
            size: member.size,
            content_size: member.content_size,
            old_index: member.old,
        };
        Self {
            kind: "bundle",
            file,
            old_container: info.old_container.name(),
            new_container: info.new_container.name(),
            old_size: info.old_size,
            new_size: info.new_size,
            old_sha256_start: hex(&info.old_digest),
            new_sha256: hex(&info.new_digest),
            header_size: info.header_len,
            common_size: info.common_len,
            members: info.members.iter().map(member).collect(),
            verified: None,
            warnings: None,
            applies: None,
        }
    }
}
