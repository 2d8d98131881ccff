//! `flashdelta info`

use core::fmt::Write as _;
use std::path::{Path, PathBuf};

use flashdelta::apply::{explain, ApplyError, ApplyOptions, Breakdown, MemoryImage, OutOfBounds};
use flashdelta::image::{self, AddressMap, Format, MapSegment, SegmentKind, Split};
use flashdelta::PatchHeader;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::drive::{self, Drive};
use crate::facts::{self, Facts};
use crate::failure::{Failure, Names, Outcome};
use crate::files;
use crate::progress::Bar;
use crate::text::{grouped, hex, percent, print, print_json, Table};

const HELP: &str = "\
Examples:
  flashdelta info update.fdp
      From which image to which, what the device needs, and where the bytes go.
  flashdelta info update.fdp --old old.bin
      Also whether it applies to this image, what is copied from it, and what the body is spent on.
  flashdelta info firmware.bin
      Container format, SHA-256, and which bytes stand at which addresses.";

/// Show what a patch is and needs, or what a firmware file holds
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// A patch, or a firmware file in any format
    file: PathBuf,
    /// The image that the patch was made from: shows whether the patch applies to it, and what it does
    #[arg(long, value_name = "OLD")]
    old: Option<PathBuf>,
    /// Show it in JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let bytes = files::read(&self.file)?;
        if self.old.is_some() || bytes.starts_with(&drive::MAGIC) {
            self.patch(&bytes)
        } else {
            self.firmware(&bytes)
        }
    }

    fn patch(&self, bytes: &[u8]) -> Outcome {
        let header = drive::parse(bytes, &self.file)?;
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
                file: &self.file,
                facts: Facts::new(&header),
                breakdown: parts,
                content: breakdown.as_ref().map(Content::new),
                applies,
            });
        }
        let mut text = format!("{}: flashdelta patch, format {}\n\n", self.file.display(), header.version);
        text += &facts::table(&header);
        text += "\nWhere the bytes go:\n";
        text += &parts_table(&header, &parts);
        match &breakdown {
            Some(breakdown) => text += &content_table(breakdown),
            None if outcome.is_ok() => {
                let file = self.file.display();
                let _ = writeln!(
                    text,
                    "\n`flashdelta info {file} --old OLD` also tells what the body is spent on, and what is copied."
                );
            }
            None => {}
        }
        if let (Some(true), Some(old)) = (applies, &self.old) {
            let _ = writeln!(text, "\nApplies to {}: the result has the SHA-256 it promises.", old.display());
        }
        print(&text)?;
        outcome
    }

    /// Is the patch complete, and does it fit the old image? Then what does it do?
    fn check(&self, header: &PatchHeader, bytes: &[u8]) -> Outcome<Option<Breakdown>> {
        type Error = ApplyError<OutOfBounds, OutOfBounds>;
        let old_name = self.old.as_deref().unwrap_or(Path::new("old image"));
        let names = Names { old: old_name, patch: &self.file, new: Path::new("new image") };
        let (expected, found) = (facts::patch_size(header) as u32, bytes.len() as u32);
        if found < expected {
            return Err(Failure::apply(&Error::Truncated { fed: found, expected: Some(expected) }, &names));
        }
        if found > expected {
            return Err(Failure::apply(&Error::TrailingInput { expected }, &names));
        }
        let Some(old) = &self.old else { return Ok(None) };
        let old = files::read(old)?;
        let bar = Bar::new(false);
        let drive = Drive { options: ApplyOptions::default(), comfort: 0, names, bar: &bar, doing: "verifying" };
        let new = MemoryImage::for_patch(old.len() as u64, bytes.len() as u64);
        drive.run(&mut &*bytes, old.as_slice(), new)?;
        bar.update("explaining", 1.0);
        let names = &drive.names;
        explain(&old, bytes).map(Some).map_err(|error| Failure::apply(&error, names))
    }

    fn firmware(&self, bytes: &[u8]) -> Outcome {
        // Of a text file the data counts, which is what a patch would be made of.
        let Split { data, map, .. } = image::split(bytes);
        let sha256 = hex(&Sha256::digest(bytes));
        if self.json {
            return print_json(&FirmwareDocument::new(&self.file, (bytes.len(), data.len()), sha256, &map));
        }
        let mut text = format!("{}: {}\n\n", self.file.display(), map.format);
        let mut table = Table::default();
        table.row(["size", &format!("{} bytes", grouped(bytes.len() as u64))]);
        if data.len() != bytes.len() {
            table.row(["data in it", &format!("{} bytes", grouped(data.len() as u64))]);
        }
        table.row(["SHA-256", &sha256]);
        table.row(["code", &map.isa.map_or_else(|| "unknown".to_owned(), |isa| isa.to_string())]);
        text += &table.render("ll");
        text += &address_table(&map);
        print(&text)
    }
}

/// What one part of a patch costs.
#[derive(Serialize)]
struct Part {
    part: &'static str,
    bytes: u64,
}

#[derive(Serialize)]
struct PatchDocument<'a> {
    kind: &'static str,
    file: &'a Path,
    #[serde(flatten)]
    facts: Facts,
    breakdown: Vec<Part>,
    /// None: there was no old image.
    content: Option<Content>,
    /// Does it apply to the old image? None: there was none.
    applies: Option<bool>,
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
    match breakdown.filter(|breakdown| !breakdown.parts.is_empty()) {
        Some(breakdown) => parts.extend(breakdown.parts.iter().map(|p| Part { part: p.name, bytes: p.bytes })),
        None => parts.push(part("body", header.body_len)),
    }
    parts
}

fn content_table(breakdown: &Breakdown) -> String {
    let size = breakdown.header.new_size.into();
    let mut table = Table::default();
    let mut row = |what: &str, bytes: u32, count: &str| {
        table.row([what, &grouped(bytes), &percent(bytes.into(), size), count]);
    };
    let copies = |count: u32| if count == 1 { "1 copy".to_owned() } else { format!("{} copies", grouped(count)) };
    row("copied from the old image", breakdown.bytes_from_old, &copies(breakdown.copies_from_old));
    row("copied from the new image", breakdown.bytes_from_new, &copies(breakdown.copies_from_new));
    row("spelled out", breakdown.literals, "");
    format!("\nWhat the new image is made of:\n{}", table.render("lrrl"))
}

fn parts_table(header: &PatchHeader, parts: &[Part]) -> String {
    let total = facts::patch_size(header);
    let mut table = Table::default();
    for Part { part, bytes } in parts {
        table.row([part, &grouped(*bytes), &percent(*bytes, total)]);
    }
    let of_new = percent(total, header.new_size.into());
    table.row(["total", &grouped(total), "", &format!("{of_new} of the new image")]);
    table.render("lrrl")
}

#[derive(Serialize)]
struct FirmwareDocument<'a> {
    kind: &'static str,
    file: &'a Path,
    size: usize,
    /// Without what the container adds to every record.
    data_size: usize,
    sha256: String,
    format: String,
    code: Option<String>,
    segments: Vec<SegmentDocument>,
    reserved: Vec<Range>,
}

#[derive(Serialize)]
struct SegmentDocument {
    offset: u32,
    size: u32,
    address: u32,
    kind: &'static str,
}

/// Addresses, the end not included.
#[derive(Serialize)]
struct Range {
    start: u32,
    end: u32,
}

impl<'a> FirmwareDocument<'a> {
    fn new(file: &'a Path, (size, data_size): (usize, usize), sha256: String, map: &AddressMap) -> Self {
        let segment =
            |s: &MapSegment| SegmentDocument { offset: s.offset, size: s.len, address: s.address, kind: kind(s.kind) };
        Self {
            kind: "firmware",
            file,
            size,
            data_size,
            sha256,
            format: map.format.to_string(),
            code: map.isa.map(|isa| isa.to_string()),
            segments: map.segments.iter().map(segment).collect(),
            reserved: map.reserved.iter().map(|span| Range { start: span.start, end: span.end }).collect(),
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

fn address_table(map: &AddressMap) -> String {
    if map.segments.is_empty() {
        let advice = if map.format == Format::Raw { ": tell `flashdelta diff` with --base" } else { "" };
        return format!("\nThe file does not tell at which addresses its bytes stand{advice}.\n");
    }
    let mut table = Table::default();
    table.row(["address", "offset", "bytes", "holds"]);
    for s in &map.segments {
        table.row([&format!("0x{:08x}", s.address), &format!("0x{:x}", s.offset), &grouped(s.len), kind(s.kind)]);
    }
    for span in &map.reserved {
        table.row([&format!("0x{:08x}", span.start), "", &grouped(span.end - span.start), "no bytes in the file"]);
    }
    format!("\nAddresses:\n{}", table.render("lrrl"))
}
