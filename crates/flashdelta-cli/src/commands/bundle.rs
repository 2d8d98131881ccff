//! What bundles are made of: patches between archives or folders.

use std::path::Path;

use flashdelta::bundle::{self, BundleInfo, Method};
use flashdelta::door::InfoError;
use flashdelta::facts::{hex, PatchFacts};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::text::{self, grouped, Table};
use crate::warnings;

/// How many members are made how.
pub(super) fn counts(info: &BundleInfo) -> String {
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

/// What a bundle is made of, as people read it.
pub(super) fn text_of(path: &Path, bytes: &[u8]) -> Outcome<String> {
    let info = bundle::info(bytes).map_err(|error| {
        let error = InfoError::Patch(error.into());
        Failure::info(&error, path, None)
    })?;
    let mut text = format!("{}: flashdelta bundle, format 0\n\n", text::path(path));
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
    Ok(text)
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
        let name = if member.name.is_empty() { "(the file)" } else { &text::escaped(&member.name) };
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

/// A bundle that was made, as machines read it.
#[derive(Serialize)]
pub(super) struct Document {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: PatchFacts,
    verified: bool,
    warnings: Vec<warnings::Document>,
}

impl Document {
    /// Of a bundle of this many bytes that was just made.
    pub(super) fn made(
        file: &Path,
        info: &BundleInfo,
        len: usize,
        verified: bool,
        warnings: Vec<warnings::Document>,
    ) -> Self {
        let (kind, file) = ("bundle", text::path(file));
        Self { kind, file, facts: PatchFacts::of_bundle(info, len), verified, warnings }
    }
}
