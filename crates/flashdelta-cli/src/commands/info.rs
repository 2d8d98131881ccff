//! `flashdelta info`

use core::fmt::Write as _;
use std::path::PathBuf;

use flashdelta::door::{self, FileFacts, InfoError, InfoRequest};
use flashdelta::facts::{
    ContentFacts, DigestFacts, FirmwareFacts, IdentityFacts, InPlaceFacts, PartFacts, PatchFacts,
    PatchHoleFacts, PatchPartFacts, SignatureFacts, WholePatchFacts,
};
use flashdelta::file::{Memory, MemoryOptions};
use flashdelta::image::{self, Format};
use flashdelta::ErrorClass;
use serde::Serialize;

use super::findings::findings_text;
use super::{bundle, contents, set};
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::outputs::{print, print_json};
use crate::text::{self, grouped, percent, remark, Table};
use crate::{args, inputs};

const HELP: &str = "\
Examples:
  flashdelta info update.fdp
      From which image to which, what the device needs, and where the bytes go.
  flashdelta info update.fdp --old old.bin
      Also whether it applies to this image, what is copied from it, and what the body is spent on.
  flashdelta info release.zip
      What an archive, a folder, a manifest.json or a flasher_args.json holds.
  flashdelta info firmware.bin
      Container format, SHA-256, versions, and which bytes are at which addresses; whether it is
      encrypted or compressed.";

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
    /// Refuse a damaged archive, and a firmware file whose lengths, checksums or digests are wrong
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
        let input = inputs::read_for_info(&self.file)?;
        let bytes = input.file().unwrap_or_else(|| input.bytes());
        let old = self.old.as_ref().map(|old| inputs::read_old(old, bytes)).transpose()?;
        let failure = |error: &InfoError| Failure::info(error, &self.file, self.old.as_deref());
        let request = InfoRequest::new().old(old.as_ref()).strict(self.strict);
        let mut told = door::info(&input, request).map_err(|error| failure(&error))?;
        let file = text::path(&self.file);
        if let Some(damaged) = told.no_archive.as_ref().filter(|_| !self.strict) {
            remark!("warning: {file}: {}", text::escaped(&damaged.to_string()));
        }
        let outcome = told.problem.as_ref().map_or(Ok(()), |problem| Err(failure(problem)));
        if let FileFacts::Firmware(facts) = &mut told.facts {
            facts.start = self.start(bytes)?;
        }
        if self.json {
            // There is only one document: if something is wrong, it is the error.
            outcome?;
            return print_json(&Document { kind: told.facts.kind(), file, facts: told.facts });
        }
        let mut text = match &told.facts {
            FileFacts::Patch(facts) => patch_text(&file, facts, outcome.is_ok()),
            FileFacts::Bundle(_) => bundle::text_of(&self.file, bytes)?,
            FileFacts::Set(facts) => set::summary(&self.file, facts),
            FileFacts::Archive(facts) => contents::text_of(&file, facts),
            FileFacts::Firmware(facts) => firmware_text(&file, image::detect(bytes), facts),
            _ => String::new(),
        };
        if let (Some(old), true) = (&self.old, outcome.is_ok()) {
            let _ = writeln!(
                text,
                "\nApplies to {}: the result has the SHA-256 it promises.",
                text::path(old)
            );
        }
        print(&text)?;
        outcome
    }

    /// The digest of the start of the image that patches are made from.
    fn start(&self, bytes: &[u8]) -> Outcome<Option<DigestFacts>> {
        let Some(len) = self.digest_len else { return Ok(None) };
        let memory = Memory::read(bytes, &MemoryOptions::default())
            .map_err(|error| Failure::image(&self.file, &error))?;
        let start = memory.image.get(..len as usize).ok_or_else(|| {
            let (file, has) = (text::path(&self.file), memory.image.len());
            Failure::new(
                ErrorClass::Misuse,
                format!("--digest-len {len}: {file} has {has} bytes of data"),
            )
        })?;
        Ok(Some(DigestFacts::of(start)))
    }
}

/// What a file is, as machines read it.
#[derive(Serialize)]
struct Document {
    kind: &'static str,
    file: String,
    #[serde(flatten)]
    facts: FileFacts,
}

/// What a patch is, as people read it.
fn patch_text(file: &str, all: &WholePatchFacts, is_whole: bool) -> String {
    let facts = &all.facts;
    let mut text = format!("{file}: flashdelta patch, format {}\n\n", facts.format_version);
    text += &header_table(facts);
    for SignatureFacts { algorithm, key_id, .. } in &all.signatures {
        let _ = writeln!(
            text,
            "  signed with key  {key_id}, {algorithm} (not checked: `verify --key` does)"
        );
    }
    text += &all.in_place.as_ref().map_or_else(String::new, in_place_text);
    text += &holes_table(&all.holes);
    text += "\nWhere the bytes go:\n";
    text += &parts_table(facts, &all.breakdown);
    match &all.content {
        Some(content) => text += &content_table(facts.new_size, content),
        None if is_whole => {
            let _ = writeln!(
                text,
                "\n`flashdelta info {file} --old OLD` also tells what the body is spent on, and \
                 what is copied."
            );
        }
        None => {}
    }
    text
}

/// What an update in one slot takes, as people read it.
fn in_place_text(facts: &InPlaceFacts) -> String {
    let moved = match facts.moved_by {
        0 => "stays where it is".to_owned(),
        by => format!("is moved up by {} bytes", grouped(by)),
    };
    format!(
        "\nIn one slot, with sectors of {} bytes:\n  \
         slot             {} bytes; each sector is erased {} at most\n  \
         scratch sectors  {}, erased {} at most\n  \
         journal          {} bytes, erased {} at most\n  \
         order            the old image {moved}; the state is saved {}, every {} bytes\n",
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
fn holes_table(holes: &[PatchHoleFacts]) -> String {
    if holes.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for hole in holes {
        let at =
            |start: Option<u32>| start.map_or_else(|| "-".to_owned(), |at| format!("0x{at:x}"));
        let source = match hole.source {
            "given" => "to be given",
            "either" => "kept, or given",
            source => source,
        };
        let len = format!("{} bytes", grouped(hole.length));
        table.row([&text::escaped(&hole.name), &len, &at(hole.old), &at(hole.new), source]);
    }
    format!(
        "\nHoles (bytes that each device has for itself; in the old and in the new image):\n{}",
        table.render("lrrrl")
    )
}

/// What a header says, as people read it.
fn header_table(facts: &PatchFacts) -> String {
    let mut table = Table::default();
    table.row(["old image", &format!("{} bytes", grouped(facts.old_size))]);
    table.row([
        "  SHA-256",
        &format!("{}... (a patch holds no more of it)", facts.old_sha256_prefix),
    ]);
    table.row(["new image", &format!("{} bytes", grouped(facts.new_size))]);
    table.row(["  SHA-256", &facts.new_sha256]);
    table.row(["codec", facts.codec]);
    table.row(["instruction set", facts.isa]);
    let (ram, workspace) = (grouped(facts.ram), grouped(facts.workspace));
    table.row(["RAM needed", &format!("{ram} bytes, {workspace} of it workspace")]);
    table.row(["write unit", &format!("{} bytes", facts.write_unit)]);
    table.row(["for devices", &facts.identity.map_or_else(|| "any".to_owned(), identity)]);
    if facts.chunk_size > 0 {
        let count = grouped(facts.body_size.div_ceil(facts.chunk_size.into()));
        let (size, ram) = (grouped(facts.chunk_size), grouped(facts.chunk_ram));
        let chunks = format!(
            "{count} of {size} bytes; to check them as they stream in takes {ram} bytes of RAM more"
        );
        table.row(["chunks", &chunks]);
    }
    table.render("ll")
}

fn identity(identity: IdentityFacts) -> String {
    let IdentityFacts { product, hardware_from, hardware_to, security_counter, .. } = identity;
    let hardware = match (hardware_from, hardware_to) {
        (0, u16::MAX) => "all hardware revisions".to_owned(),
        (from, to) => format!("hardware revisions {from} to {to}"),
    };
    format!("product 0x{product:08x}, {hardware}, security counter up to {security_counter}")
}

fn content_table(new_size: u32, content: &ContentFacts) -> String {
    let mut table = Table::default();
    let mut row = |what: &str, bytes: u32, count: &str| {
        table.row([what, &grouped(bytes), &percent(bytes.into(), new_size.into()), count]);
    };
    let copies = |count: u32| {
        if count == 1 {
            "1 copy".to_owned()
        } else {
            format!("{} copies", grouped(count))
        }
    };
    row("copied from the old image", content.bytes_from_old, &copies(content.copies_from_old));
    row("copied from the new image", content.bytes_from_new, &copies(content.copies_from_new));
    row("spelled out", content.literals, "");
    format!("\nWhat the new image is made of:\n{}", table.render("lrrl"))
}

fn parts_table(facts: &PatchFacts, parts: &[PatchPartFacts]) -> String {
    let total = facts.patch_size;
    let mut table = Table::default();
    for PatchPartFacts { part, bytes, .. } in parts {
        table.row([part, &grouped(*bytes), &percent(*bytes, total)]);
    }
    let of_new = percent(total, facts.new_size.into());
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
        table.row([name, &text::escaped(value)]);
    }
    if !facts.versions.is_empty() {
        table.row(["versions in it", &text::escaped(&facts.versions.join(", "))]);
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
