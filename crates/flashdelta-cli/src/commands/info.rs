//! `flashdelta info`

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flashdelta::apply::{explain, ApplyError, Breakdown, OutOfBounds};
use flashdelta::door::{self, ApplyRequest};
use flashdelta::facts::PatchFacts;
use flashdelta::file::{Files, Memory, MemoryOptions};
use flashdelta::image::{
    self, AddressMap, Finding, Format, Image, ImageError, IsaHint, MapSegment, ReadOptions,
    SegmentKind, Split,
};
use flashdelta::verify::{Algorithm, Signature};
use flashdelta::PatchHeader;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{bundle, contents};
use crate::args;
use crate::facts;
use crate::failure::{Class, Failure, Outcome};
use crate::interrupt::while_nothing_is_written;
use crate::text::{self, grouped, hex, percent, print, print_json, Table};
use crate::{files, inputs, keys};

const HELP: &str = "\
Examples:
  flashdelta info update.fdp
      From which image to which, what the device needs, and where the bytes go.
  flashdelta info update.fdp --old old.bin
      Also whether it applies to this image, what is copied from it, and what the body is spent on.
  flashdelta info release.zip
      What an archive, a folder, a manifest.json or a flasher_args.json holds.
  flashdelta info firmware.bin
      Container format, SHA-256, versions, and which bytes stand at which addresses; whether it is encrypted or compressed.";

/// Show what a patch is and needs, or what a firmware file holds
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// A patch, or a firmware file or archive in any format
    file: PathBuf,
    /// The image that the patch was made from: shows whether the patch applies to it, and what it
    /// does
    #[arg(long, value_name = "OLD")]
    old: Option<PathBuf>,
    /// Refuse a firmware file whose lengths, checksums or digests are wrong
    #[arg(long)]
    strict: bool,
    /// Show the SHA-256 of this many bytes from the start of the data, too: of a slot whose end is
    /// not that of the image
    #[arg(long, value_name = "SIZE", value_parser = args::size, conflicts_with = "old")]
    digest_len: Option<u32>,
    /// Show it in JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        while_nothing_is_written(|| self.show())
    }

    fn show(&self) -> Outcome {
        let input = match self.file.is_dir() {
            true => inputs::read(&self.file)?,
            false => inputs::read_verbatim(&self.file)?,
        };
        if self.old.is_none() && contents::info(&self.file, &input, (self.strict, self.json))? {
            return Ok(());
        }
        let bytes = input.file().unwrap_or_else(|| input.bytes());
        if flashdelta::bundle::is_bundle(bytes) {
            return bundle::info(&self.file, bytes, self.old.as_deref(), self.json);
        }
        if self.old.is_some() || input.is_patch() {
            return self.patch(bytes);
        }
        files::check_named(&self.file, bytes, &ReadOptions::default())?;
        self.firmware(bytes)
    }

    fn patch(&self, bytes: &[u8]) -> Outcome {
        let header = files::header(bytes, &self.file)?;
        // What there is is shown first, then what is wrong with it.
        let (breakdown, outcome) = match self.check(&header, bytes) {
            Ok(breakdown) => (breakdown, Ok(())),
            Err(failure) => (None, Err(failure)),
        };
        let applies = self.old.as_ref().map(|_| outcome.is_ok());
        let parts = parts(&header, breakdown.as_ref());
        if self.json {
            // There is but one document: if something is wrong, it is the error.
            outcome?;
            return print_json(&PatchDocument {
                kind: "patch",
                file: text::path(&self.file),
                facts: PatchFacts::of(&header),
                breakdown: parts,
                content: breakdown.as_ref().map(Content::new),
                applies,
                signatures: SignatureFacts::all(&header, bytes),
            });
        }
        let mut text =
            format!("{}: flashdelta patch, format {}\n\n", text::path(&self.file), header.version);
        text += &facts::table(&header);
        for SignatureFacts { algorithm, key_id } in SignatureFacts::all(&header, bytes) {
            let _ = writeln!(
                text,
                "  signed with key  {key_id}, {algorithm} (not checked: `verify --key` does)"
            );
        }
        text += "\nWhere the bytes go:\n";
        text += &parts_table(&header, &parts);
        match &breakdown {
            Some(breakdown) => text += &content_table(breakdown),
            None if outcome.is_ok() => {
                let file = text::path(&self.file);
                let _ = writeln!(
                    text,
                    "\n`flashdelta info {file} --old OLD` also tells what the body is spent on, and what is copied."
                );
            }
            None => {}
        }
        if let (Some(true), Some(old)) = (applies, &self.old) {
            let _ = writeln!(
                text,
                "\nApplies to {}: the result has the SHA-256 it promises.",
                text::path(old)
            );
        }
        print(&text)?;
        outcome
    }

    /// Whether the patch is complete, and fits the old image; if so, what it does.
    fn check(&self, header: &PatchHeader, bytes: &[u8]) -> Outcome<Option<Breakdown>> {
        type Error = ApplyError<OutOfBounds, OutOfBounds>;
        let old_name = self.old.as_deref().unwrap_or(Path::new("old image"));
        let names = [old_name, self.file.as_path(), Path::new("new image")];
        let (expected, found) = (header.patch_len() as u32, bytes.len() as u32);
        if found < expected {
            let error = Error::Truncated { fed: found, expected: Some(expected) };
            return Err(Failure::apply(&error, names));
        }
        if found > expected {
            return Err(Failure::apply(&Error::TrailingInput { expected }, names));
        }
        let Some(old) = &self.old else { return Ok(None) };
        let old = inputs::read_old(old, bytes)?;
        let failure = |error| Failure::patch(&error, names);
        door::apply(&old, bytes, ApplyRequest::new().exact(true)).map_err(failure)?;
        let files = Files::of(old.file().unwrap_or_default(), bytes)
            .map_err(|error| failure(error.into()))?;
        explain(files.old_image(), bytes).map(Some).map_err(|error| Failure::apply(&error, names))
    }

    /// The digest of the start of the image that patches are made from.
    fn start(&self, bytes: &[u8]) -> Outcome<Option<StartDigest>> {
        let Some(len) = self.digest_len else { return Ok(None) };
        let memory = Memory::read(bytes, &MemoryOptions::default())
            .map_err(|error| Failure::image(&self.file, &error))?;
        let size = len as usize;
        let start = memory.image.get(..size).ok_or_else(|| {
            let (file, has) = (text::path(&self.file), memory.image.len());
            Failure::new(
                Class::Usage,
                format!("--digest-len {len}: {file} has {has} bytes of data"),
            )
        })?;
        Ok(Some(StartDigest { size, sha256: hex(&Sha256::digest(start)) }))
    }

    fn firmware(&self, bytes: &[u8]) -> Outcome {
        // Of a text file the data counts, which is what a patch would be made of.
        let Split { data, map, .. } = image::split(bytes);
        let facts = image::Facts::of(bytes, &data);
        let records = if map.format.is_unpacked() {
            Image::parse(bytes, &ReadOptions::default()).err()
        } else {
            None
        };
        // Several memories in one file are nothing wrong.
        let records = records.filter(|error| !matches!(error, ImageError::SeveralTargets { .. }));
        let mut outcome = records.map_or(Ok(()), |error| Err(Failure::image(&self.file, &error)));
        let findings = door::findings(bytes);
        if let Some(finding) = findings.first().filter(|_| self.strict && outcome.is_ok()) {
            outcome = Err(Failure::finding(&self.file, finding));
        }
        let sha256 = hex(&Sha256::digest(bytes));
        let start = self.start(bytes)?;
        if self.json {
            outcome?;
            let digests = Digests { sha256, start };
            return print_json(&FirmwareDocument::new(
                &self.file,
                (bytes, &data),
                digests,
                &map,
                &facts,
                &findings,
            ));
        }
        let mut text = format!("{}: {}\n\n", text::path(&self.file), map.format);
        let mut table = Table::default();
        table.row(["size", &format!("{} bytes", grouped(bytes.len() as u64))]);
        if data.len() != bytes.len() {
            table.row(["data in it", &format!("{} bytes", grouped(data.len() as u64))]);
        }
        table.row(["SHA-256", &sha256]);
        if let Some(StartDigest { size, sha256 }) = &start {
            table.row([&format!("of the first {}", grouped(*size as u64)), sha256]);
        }
        table.row(["code", &map.isa.map_or_else(|| "unknown".to_owned(), |isa| isa.to_string())]);
        for (name, value) in &facts.details {
            table.row([name, value]);
        }
        if !facts.versions.is_empty() {
            table.row(["versions in it", &facts.versions.join(", ")]);
        }
        table.row(["entropy", &format!("{:.2} bits per byte", image::entropy(&data))]);
        text += &table.render("ll");
        text += &findings_text(&findings);
        text += &address_table(bytes, &map, &data);
        if facts.is_packed() {
            let share = percent((facts.packed * 1000.0) as u64, 1000);
            let _ = writeln!(
                text,
                "\n{share} of the data looks encrypted or compressed: a patch of it is not small; make \
                 it from the image before that step."
            );
        }
        if let Some(wrapping) = image::wrapping(bytes) {
            let _ = writeln!(
                text,
                "\nThe file is {wrapping}: unpack it first, and patch what is inside."
            );
        }
        print(&text)?;
        outcome
    }
}

/// Digests of a file.
struct Digests {
    /// Of the file.
    sha256: String,
    start: Option<StartDigest>,
}

/// The digest of the start of an image.
#[derive(Serialize)]
struct StartDigest {
    size: usize,
    sha256: String,
}

/// What one part of a patch costs.
#[derive(Serialize)]
struct Part {
    part: &'static str,
    bytes: u64,
}

#[derive(Serialize)]
struct PatchDocument {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: PatchFacts,
    breakdown: Vec<Part>,
    /// None: there was no old image.
    content: Option<Content>,
    /// Whether it applies to the old image; none: there was no old image.
    applies: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<SignatureFacts>,
}

/// A signature, not checked.
#[derive(Serialize)]
struct SignatureFacts {
    /// Its name, or its number if it has none.
    algorithm: String,
    key_id: String,
}

impl SignatureFacts {
    fn all(header: &PatchHeader, patch: &[u8]) -> Vec<Self> {
        let start = header.header_len as usize;
        let block = patch.get(start..start + header.signatures_len() as usize);
        let facts = |signature: Signature| Self {
            algorithm: Algorithm::from_number(signature.algorithm)
                .map_or_else(|| signature.algorithm.to_string(), |known| known.name().to_owned()),
            key_id: keys::id(signature.key_id),
        };
        Signature::list(block.unwrap_or_default()).map(facts).collect()
    }
}

/// What the new image is made of.
#[derive(Serialize)]
struct Content {
    copies_from_old: u32,
    bytes_from_old: u32,
    copies_from_new: u32,
    bytes_from_new: u32,
    literals: u32,
}

impl Content {
    fn new(breakdown: &Breakdown) -> Self {
        Self {
            copies_from_old: breakdown.copies_from_old,
            bytes_from_old: breakdown.bytes_from_old,
            copies_from_new: breakdown.copies_from_new,
            bytes_from_new: breakdown.bytes_from_new,
            literals: breakdown.literals,
        }
    }
}

/// Without a breakdown the body is one part; of the byte codecs it always is.
fn parts(header: &PatchHeader, breakdown: Option<&Breakdown>) -> Vec<Part> {
    let part = |part, bytes: u32| Part { part, bytes: bytes.into() };
    let map = header.address_map_len();
    let mut parts = vec![part("header", header.header_len - map)];
    if map > 0 {
        parts.push(part("address maps", map));
    }
    if header.signatures > 0 {
        parts.push(part("signatures", header.signatures_len()));
    }
    if header.chunks.is_some() {
        parts.push(part("chunk digests", header.chunk_table_len()));
    }
    match breakdown.filter(|breakdown| !breakdown.parts.is_empty()) {
        Some(breakdown) => {
            parts.extend(breakdown.parts.iter().map(|p| Part { part: p.name, bytes: p.bytes }))
        }
        None => parts.push(part("body", header.body_len)),
    }
    if header.host_len > 0 {
        parts.push(part("for hosts", header.host_len));
    }
    parts
}

fn content_table(breakdown: &Breakdown) -> String {
    let size = breakdown.header.new_size.into();
    let mut table = Table::default();
    let mut row = |what: &str, bytes: u32, count: &str| {
        table.row([what, &grouped(bytes), &percent(bytes.into(), size), count]);
    };
    let copies = |count: u32| {
        if count == 1 {
            "1 copy".to_owned()
        } else {
            format!("{} copies", grouped(count))
        }
    };
    row("copied from the old image", breakdown.bytes_from_old, &copies(breakdown.copies_from_old));
    row("copied from the new image", breakdown.bytes_from_new, &copies(breakdown.copies_from_new));
    row("spelled out", breakdown.literals, "");
    format!("\nWhat the new image is made of:\n{}", table.render("lrrl"))
}

fn parts_table(header: &PatchHeader, parts: &[Part]) -> String {
    let total = header.patch_len();
    let mut table = Table::default();
    for Part { part, bytes } in parts {
        table.row([part, &grouped(*bytes), &percent(*bytes, total)]);
    }
    let of_new = percent(total, header.new_size.into());
    table.row(["total", &grouped(total), "", &format!("{of_new} of the new image")]);
    table.render("lrrl")
}

#[derive(Serialize)]
struct FirmwareDocument {
    kind: &'static str,
    file: String,
    size: usize,
    /// Without what the container adds to every record.
    data_size: usize,
    sha256: String,
    /// Of as many bytes of the image from its start as was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartDigest>,
    format: &'static str,
    /// The same, for people.
    format_text: String,
    architecture: Option<&'static str>,
    /// What headers and descriptors say.
    details: BTreeMap<&'static str, String>,
    /// Words that look like versions.
    versions: Vec<String>,
    /// Bits per byte, of the data.
    entropy: f32,
    /// The part of the data, 0 to 1, that looks like random bytes.
    packed: f32,
    /// Whether a delta of it promises little.
    looks_encrypted_or_compressed: bool,
    segments: Vec<SegmentDocument>,
    /// The memory in a file of records: consecutive addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartDocument>,
    reserved: Vec<Range>,
    /// Lengths, checksums and digests that are wrong.
    findings: Vec<FindingDocument>,
    /// What the file is packed in, if it is and cannot be opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_in: Option<&'static str>,
}

#[derive(Serialize)]
struct PartDocument {
    address: u32,
    size: u64,
}

#[derive(Serialize)]
pub(super) struct FindingDocument {
    /// Of an archive or a folder.
    #[serde(skip_serializing_if = "String::is_empty")]
    member: String,
    check: &'static str,
    offset: usize,
    expected: String,
    found: String,
    message: String,
}

impl FindingDocument {
    pub(super) fn new(finding: &Finding) -> Self {
        Self {
            member: finding.member.clone(),
            check: finding.check.code(),
            offset: finding.offset,
            expected: finding.expected.to_string(),
            found: finding.found.to_string(),
            message: finding.to_string(),
        }
    }
}

#[derive(Serialize)]
struct SegmentDocument {
    offset: u32,
    size: u32,
    address: u32,
    kind: &'static str,
    entropy: f32,
}

/// Addresses, the end not included.
#[derive(Serialize)]
struct Range {
    start: u32,
    end: u32,
}

impl FirmwareDocument {
    fn new(
        file: &Path,
        (bytes, data): (&[u8], &[u8]),
        digests: Digests,
        map: &AddressMap,
        facts: &image::Facts,
        findings: &[Finding],
    ) -> Self {
        let part = |(start, end): &(u32, u64)| PartDocument {
            address: *start,
            size: end - u64::from(*start),
        };
        let segment = |s: &MapSegment| SegmentDocument {
            offset: s.offset,
            size: s.len,
            address: s.address,
            kind: kind(s.kind),
            entropy: image::entropy(bytes_of(s, data)),
        };
        Self {
            kind: "firmware",
            file: text::path(file),
            size: bytes.len(),
            data_size: data.len(),
            sha256: digests.sha256,
            start: digests.start,
            format: map.format.name(),
            format_text: map.format.to_string(),
            architecture: map.isa.map(IsaHint::name),
            details: facts.details.iter().cloned().collect(),
            versions: facts.versions.clone(),
            entropy: image::entropy(data),
            packed: facts.packed,
            looks_encrypted_or_compressed: facts.is_packed(),
            segments: map.segments.iter().map(segment).collect(),
            reserved: map
                .reserved
                .iter()
                .map(|span| Range { start: span.start, end: span.end })
                .collect(),
            parts: parts_of(bytes, map).iter().map(part).collect(),
            findings: findings.iter().map(FindingDocument::new).collect(),
            packed_in: image::wrapping(bytes).map(image::Wrapping::name),
        }
    }
}

fn kind(kind: SegmentKind) -> &'static str {
    match kind {
        SegmentKind::Code => "code",
        SegmentKind::Data => "data",
        SegmentKind::Unknown => "unknown",
    }
}

/// The bytes of a segment.
fn bytes_of<'a>(segment: &MapSegment, data: &'a [u8]) -> &'a [u8] {
    let start = segment.offset as usize;
    data.get(start..start + segment.len as usize).unwrap_or_default()
}

/// What is wrong with what the container says about itself. Of many of a kind the first are shown.
pub(super) fn findings_text(findings: &[Finding]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        let _ = writeln!(text, "\nwrong: {finding}");
    }
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {more} more");
    }
    text
}

/// The addresses of the memory in a file of records, the end of each part not included; nothing of
/// other files, and of those that cannot be read.
fn parts_of(bytes: &[u8], map: &AddressMap) -> Vec<(u32, u64)> {
    if !map.format.is_records() {
        return Vec::new();
    }
    let found = Image::parse(bytes, &ReadOptions::default()).map(|found| found.segments);
    found.unwrap_or_default().iter().map(|s| (s.address, s.end())).collect()
}

/// More rows say nothing more.
const MOST_ROWS: usize = 24;

fn address_table(bytes: &[u8], map: &AddressMap, data: &[u8]) -> String {
    if map.segments.is_empty() {
        let advice =
            if map.format == Format::Raw { ": tell `flashdelta diff` with --base" } else { "" };
        return format!("\nThe file does not tell at which addresses its bytes are{advice}.\n");
    }
    let mut table = Table::default();
    table.row(["address", "offset", "bytes", "entropy", "holds"]);
    for s in map.segments.iter().take(MOST_ROWS) {
        let entropy = format!("{:.2}", image::entropy(bytes_of(s, data)));
        let (address, offset) = (format!("0x{:08x}", s.address), format!("0x{:x}", s.offset));
        table.row([&address, &offset, &grouped(s.len), &entropy, kind(s.kind)]);
    }
    if let Some(more) = map.segments.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        let len: u64 = map.segments.iter().skip(MOST_ROWS).map(|s| u64::from(s.len)).sum();
        table.row(["...", "", &grouped(len), "", &format!("in {} more", grouped(more as u64))]);
    }
    for span in &map.reserved {
        let bytes = grouped(span.end - span.start);
        table.row([&format!("0x{:08x}", span.start), "", &bytes, "", "no bytes in the file"]);
    }
    format!("\nAddresses:\n{}{}", table.render("lrrrl"), gap_table(&parts_of(bytes, map)))
}

/// The memory of a file of records, if there are large gaps in it.
fn gap_table(parts: &[(u32, u64)]) -> String {
    /// `diff` fills smaller ones.
    const LARGE: u64 = 64 << 10;
    let gaps = parts.windows(2).map(|pair| u64::from(pair[1].0) - pair[0].1);
    if !gaps.clone().any(|gap| gap > LARGE) {
        return String::new();
    }
    // Parts with small gaps between them are one to a device.
    let mut joined: Vec<(u32, u64)> = Vec::new();
    for (start, end) in parts {
        match joined.last_mut() {
            Some(last) if u64::from(*start) - last.1 <= LARGE => last.1 = *end,
            _ => joined.push((*start, *end)),
        }
    }
    let mut table = Table::default();
    table.row(["from", "to", "bytes", ""]);
    let mut before = None;
    for (start, end) in joined.iter().take(MOST_ROWS) {
        if let Some(before) = before {
            table.row(["", "", &grouped(u64::from(*start) - before), "gap"]);
        }
        let (from, to) = (format!("0x{start:08x}"), format!("0x{end:08x}"));
        table.row([&from, &to, &grouped(end - u64::from(*start)), ""]);
        before = Some(*end);
    }
    if joined.len() > MOST_ROWS {
        table.row(["...", "", "", ""]);
    }
    format!(
        "\nThe memory is in parts, and a device mostly holds one of them (`--range FROM-TO`):\n{}",
        table.render("llrl")
    )
}
