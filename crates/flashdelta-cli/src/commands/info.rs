//! `flashdelta info`

use core::fmt::Write as _;
use std::path::{Path, PathBuf};

use flashdelta::apply::{explain, ApplyError, Breakdown, OutOfBounds};
use flashdelta::door::{self, ApplyRequest};
use flashdelta::facts::{
    hex, ContentFacts, DigestFacts, FindingFacts, FirmwareFacts, InPlaceFacts, PartFacts,
    PatchFacts, PatchPartFacts, SignatureFacts,
};
use flashdelta::file::{Files, Memory, MemoryOptions};
use flashdelta::holes::{self, HoleFacts, HoleSource};
use flashdelta::image::{self, Format, Image, ImageError, ReadOptions};
use flashdelta::{Identity, PatchHeader};
use serde::Serialize;

use super::{bundle, contents};
use crate::args;
use crate::failure::{Class, Failure, Outcome};
use crate::interrupt::while_nothing_is_written;
use crate::text::{self, grouped, percent, print, print_json, Table};
use crate::{files, inputs};

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
        let parts = PatchPartFacts::list(&header, breakdown.as_ref());
        if self.json {
            // There is but one document: if something is wrong, it is the error.
            outcome?;
            return print_json(&PatchDocument {
                kind: "patch",
                file: text::path(&self.file),
                facts: PatchFacts::of(&header),
                breakdown: parts,
                content: breakdown.as_ref().map(ContentFacts::from),
                applies,
                signatures: SignatureFacts::list(&header, bytes),
                holes: holes::list(bytes).iter().map(HoleDocument::new).collect(),
                in_place: InPlaceFacts::of(&header),
            });
        }
        let mut text =
            format!("{}: flashdelta patch, format {}\n\n", text::path(&self.file), header.version);
        text += &header_table(&header);
        for SignatureFacts { algorithm, key_id, .. } in SignatureFacts::list(&header, bytes) {
            let _ = writeln!(
                text,
                "  signed with key  {key_id}, {algorithm} (not checked: `verify --key` does)"
            );
        }
        text += &in_place_text(&header);
        text += &holes_table(bytes);
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
        // Whatever the values of holes are: they say nothing of where bytes come from.
        let request = ApplyRequest::new().exact(true).any_values(true);
        door::apply(&old, bytes, request).map_err(failure)?;
        let files = Files::of(old.file().unwrap_or_default(), bytes)
            .map_err(|error| failure(error.into()))?;
        explain(files.old_image(), bytes).map(Some).map_err(|error| Failure::apply(&error, names))
    }

    /// The digest of the start of the image that patches are made from.
    fn start(&self, bytes: &[u8]) -> Outcome<Option<DigestFacts>> {
        let Some(len) = self.digest_len else { return Ok(None) };
        let memory = Memory::read(bytes, &MemoryOptions::default())
            .map_err(|error| Failure::image(&self.file, &error))?;
        let start = memory.image.get(..len as usize).ok_or_else(|| {
            let (file, has) = (text::path(&self.file), memory.image.len());
            Failure::new(
                Class::Usage,
                format!("--digest-len {len}: {file} has {has} bytes of data"),
            )
        })?;
        Ok(Some(DigestFacts::of(start)))
    }

    fn firmware(&self, bytes: &[u8]) -> Outcome {
        let format = image::detect(bytes);
        let records = match format.is_unpacked() {
            true => Image::parse(bytes, &ReadOptions::default()).err(),
            false => None,
        };
        // Several memories in one file are nothing wrong.
        let records = records.filter(|error| !matches!(error, ImageError::SeveralTargets { .. }));
        let mut outcome = records.map_or(Ok(()), |error| Err(Failure::image(&self.file, &error)));
        let findings = door::findings(bytes);
        if let Some(finding) = findings.first().filter(|_| self.strict && outcome.is_ok()) {
            outcome = Err(Failure::finding(&self.file, finding));
        }
        let mut facts = FirmwareFacts::of(bytes, &findings);
        facts.start = self.start(bytes)?;
        let file = text::path(&self.file);
        if self.json {
            outcome?;
            return print_json(&FirmwareDocument { kind: "firmware", file, facts });
        }
        print(&firmware_text(&file, format, &facts))?;
        outcome
    }
}

#[derive(Serialize)]
struct PatchDocument {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: PatchFacts,
    breakdown: Vec<PatchPartFacts>,
    /// None: there was no old image.
    content: Option<ContentFacts>,
    /// Whether it applies to the old image; none: there was no old image.
    applies: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<SignatureFacts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<HoleDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place: Option<InPlaceFacts>,
}

/// A range of the images that each device has for itself.
#[derive(Serialize)]
struct HoleDocument {
    name: String,
    length: u32,
    /// Where it starts in the old image, if that has it.
    old: Option<u32>,
    /// Where it starts in the new image, if that has it.
    new: Option<u32>,
    /// Where its value comes from: kept, given or either; gone if the new image does not have it.
    source: &'static str,
    fill: u8,
}

impl HoleDocument {
    fn new(hole: &HoleFacts) -> Self {
        let start = |range: &Option<core::ops::Range<u32>>| range.as_ref().map(|range| range.start);
        Self {
            name: hole.name.clone(),
            length: hole.len,
            old: start(&hole.old),
            new: start(&hole.new),
            source: hole.source.map_or("gone", HoleSource::name),
            fill: hole.fill,
        }
    }
}

/// What an update in one slot takes, as people read it; nothing if the patch is not for one.
fn in_place_text(header: &PatchHeader) -> String {
    let Some(facts) = InPlaceFacts::of(header) else { return String::new() };
    let moved = match facts.moved_by {
        0 => "stays where it is".to_owned(),
        by => format!("is moved up by {} bytes", grouped(by)),
    };
    format!(
        "\nIn one slot, with sectors of {} bytes:\n  slot             {} bytes; each sector is erased \
         {} at most\n  scratch sectors  {}, erased {} at most\n  journal          {} bytes, erased {} \
         at most\n  order            the old image {moved}; the state is saved {}, every {} bytes\n",
        grouped(facts.sector),
        grouped(facts.slot),
        times(facts.slot_erases),
        facts.scratch,
        times(facts.scratch_erases),
        grouped(facts.journal),
        times(facts.journal_erases),
        times(facts.stretches),
        grouped(facts.stretch),
    )
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{} times", grouped(count)),
    }
}

/// The holes of a patch, as people read them; nothing if it has none.
fn holes_table(patch: &[u8]) -> String {
    let holes = holes::list(patch);
    if holes.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for hole in &holes {
        let at = |range: &Option<core::ops::Range<u32>>| {
            range.as_ref().map_or_else(|| "-".to_owned(), |range| format!("0x{:x}", range.start))
        };
        let source = match hole.source {
            Some(HoleSource::Kept) => "kept",
            Some(HoleSource::Given) => "to be given",
            Some(_) => "kept, or given",
            None => "gone",
        };
        let len = format!("{} bytes", grouped(hole.len));
        table.row([&hole.name, &len, &at(&hole.old), &at(&hole.new), source]);
    }
    format!(
        "\nHoles (bytes that each device has for itself; in the old and in the new image):\n{}",
        table.render("lrrrl")
    )
}

#[derive(Serialize)]
struct FirmwareDocument {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: FirmwareFacts,
}

/// A header, as people read it.
fn header_table(header: &PatchHeader) -> String {
    let mut table = Table::default();
    table.row(["old image", &format!("{} bytes", grouped(header.old_size))]);
    table.row([
        "  SHA-256",
        &format!("{}... (a patch holds no more of it)", hex(&header.old_digest)),
    ]);
    table.row(["new image", &format!("{} bytes", grouped(header.new_size))]);
    table.row(["  SHA-256", &hex(&header.new_digest)]);
    table.row(["codec", header.codec.name()]);
    table.row(["instruction set", header.isa.name()]);
    let workspace = grouped(header.workspace_len() as u64);
    table.row([
        "RAM needed",
        &format!("{} bytes, {workspace} of it workspace", grouped(header.ram)),
    ]);
    table.row(["write unit", &format!("{} bytes", 1u32 << header.granularity_log2)]);
    table.row(["for devices", &header.identity.map_or_else(|| "any".to_owned(), identity)]);
    if let Some(chunks) = header.chunks {
        let (count, size) = (grouped(header.chunk_count()), grouped(chunks.size()));
        let ram = grouped(header.chunk_ram());
        table.row(["chunks", &format!("{count} of {size} bytes; to check them as they stream in takes {ram} bytes of RAM more")]);
    }
    table.render("ll")
}

fn identity(identity: Identity) -> String {
    let Identity { product, hardware_from, hardware_to, security_counter } = identity;
    let hardware = match (hardware_from, hardware_to) {
        (0, u16::MAX) => "all hardware revisions".to_owned(),
        (from, to) => format!("hardware revisions {from} to {to}"),
    };
    format!("product 0x{product:08x}, {hardware}, security counter up to {security_counter}")
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

fn parts_table(header: &PatchHeader, parts: &[PatchPartFacts]) -> String {
    let total = header.patch_len();
    let mut table = Table::default();
    for PatchPartFacts { part, bytes, .. } in parts {
        table.row([part, &grouped(*bytes), &percent(*bytes, total)]);
    }
    let of_new = percent(total, header.new_size.into());
    table.row(["total", &grouped(total), "", &format!("{of_new} of the new image")]);
    table.render("lrrl")
}

fn firmware_text(file: &str, format: Format, facts: &FirmwareFacts) -> String {
    let mut text = format!("{file}: {}\n\n", facts.format_text);
    let mut table = Table::default();
    table.row(["size", &format!("{} bytes", grouped(facts.size as u64))]);
    if facts.data_size != facts.size {
        table.row(["data in it", &format!("{} bytes", grouped(facts.data_size as u64))]);
    }
    table.row(["SHA-256", &facts.sha256]);
    if let Some(DigestFacts { size, sha256, .. }) = &facts.start {
        table.row([&format!("of the first {}", grouped(*size as u64)), sha256]);
    }
    table.row(["code", facts.architecture_text.as_deref().unwrap_or("unknown")]);
    for (name, value) in &facts.details {
        table.row([name, value]);
    }
    if !facts.versions.is_empty() {
        table.row(["versions in it", &facts.versions.join(", ")]);
    }
    table.row(["entropy", &format!("{:.2} bits per byte", facts.entropy)]);
    text += &table.render("ll");
    text += &findings_text(&facts.findings);
    text += &address_table(format, facts);
    if facts.looks_encrypted_or_compressed {
        let share = percent((facts.packed * 1000.0) as u64, 1000);
        let _ = writeln!(
            text,
            "\n{share} of the data looks encrypted or compressed: a patch of it is not small; make \
             it from the image before that step."
        );
    }
    if let Some(wrapping) = facts.packed_in {
        let _ =
            writeln!(text, "\nThe file is {wrapping}: unpack it first, and patch what is inside.");
    }
    text
}

/// What is wrong with what the container says about itself. Of many of a kind the first are shown.
pub(super) fn findings_text(findings: &[FindingFacts]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        let _ = writeln!(text, "\nwrong: {}", finding.message);
    }
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {more} more");
    }
    text
}

/// More rows say nothing more.
const MOST_ROWS: usize = 24;

fn address_table(format: Format, facts: &FirmwareFacts) -> String {
    let segments = &facts.segments;
    if segments.is_empty() {
        let advice =
            if format == Format::Raw { ": tell `flashdelta diff` with --base" } else { "" };
        return format!("\nThe file does not tell at which addresses its bytes are{advice}.\n");
    }
    let mut table = Table::default();
    table.row(["address", "offset", "bytes", "entropy", "holds"]);
    for s in segments.iter().take(MOST_ROWS) {
        let entropy = s.entropy.map(|entropy| format!("{entropy:.2}")).unwrap_or_default();
        let (address, offset) = (format!("0x{:08x}", s.address), format!("0x{:x}", s.offset));
        table.row([&address, &offset, &grouped(s.size), &entropy, s.kind]);
    }
    if let Some(more) = segments.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        let len: u64 = segments.iter().skip(MOST_ROWS).map(|s| u64::from(s.size)).sum();
        table.row(["...", "", &grouped(len), "", &format!("in {} more", grouped(more as u64))]);
    }
    for span in &facts.reserved {
        let bytes = grouped(span.end - span.start);
        table.row([&format!("0x{:08x}", span.start), "", &bytes, "", "no bytes in the file"]);
    }
    format!("\nAddresses:\n{}{}", table.render("lrrrl"), gap_table(&facts.parts))
}

/// The memory of a file of records, if there are large gaps in it.
fn gap_table(parts: &[PartFacts]) -> String {
    /// `diff` fills smaller ones.
    const LARGE: u64 = 64 << 10;
    let gaps = parts.windows(2).map(|pair| u64::from(pair[1].address) - pair[0].end());
    if !gaps.clone().any(|gap| gap > LARGE) {
        return String::new();
    }
    // Parts with small gaps between them are one to a device.
    let mut joined: Vec<(u32, u64)> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if u64::from(part.address) - last.1 <= LARGE => last.1 = part.end(),
            _ => joined.push((part.address, part.end())),
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
