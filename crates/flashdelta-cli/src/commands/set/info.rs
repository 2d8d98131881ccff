//! `flashdelta set info`

use core::fmt::Write as _;
use std::path::{Path, PathBuf};

use flashdelta::facts::hex;
use flashdelta::set::{self, ComponentName, SetFacts};
use flashdelta::update::set::{Entry, Index, Precondition};
use flashdelta::verify::Algorithm;

use crate::args::OutputArgs;
use crate::failure::{Failure, Outcome};
use crate::inputs;
use crate::outputs::{print, print_json};
use crate::text::{self, grouped};

/// Say what a set is, for whom, and what it needs
///
/// The whole set is checked against its digests, but not whether it is authentic, and not against a
/// device: that is what `flashdelta set verify` does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The set
    set: PathBuf,
    #[command(flatten)]
    output_args: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let bytes = inputs::bytes(&self.set)?;
        if self.output_args.json {
            return print_json(&document(&self.set, &bytes)?);
        }
        let text = summary(&self.set, &bytes)?;
        if self.output_args.quiet {
            return Ok(());
        }
        print(&text)
    }
}

/// The index of a whole set.
pub(super) fn checked<'a>(path: &Path, set: &'a [u8]) -> Outcome<Index<'a>> {
    set::check(set).map_err(|error| Failure::set_file(path, &error))
}

/// What a set is, for people.
pub(in crate::commands) fn summary(path: &Path, set: &[u8]) -> Outcome<String> {
    let index = checked(path, set)?;
    let count = index.entries().count();
    let plural = if count == 1 { "" } else { "s" };
    let mut out = format!(
        "{}: a set of {count} component{plural}, {} bytes\n",
        text::path(path),
        grouped(set.len() as u64)
    );
    if let Some(identity) = index.identity() {
        let _ = writeln!(
            out,
            "  for product {:08x}, hardware revisions {} to {}, security counter {}",
            identity.product,
            identity.hardware_from,
            identity.hardware_to,
            identity.security_counter
        );
    }
    let signatures = set::signatures(set).map_err(|error| Failure::set_file(path, &error))?;
    if signatures.is_empty() {
        out.push_str("  not signed\n");
    }
    for signature in signatures {
        let algorithm = Algorithm::from_number(signature.algorithm).map(Algorithm::name);
        let algorithm = algorithm.unwrap_or("an unknown algorithm");
        let _ = writeln!(out, "  signed with key {} ({algorithm})", hex(&signature.key_id));
    }
    let _ = writeln!(
        out,
        "  needs {} bytes of RAM on the device, {} to check what streams in, {} for the index",
        grouped(index.ram()),
        grouped(index.chunk_ram()),
        grouped(index.index_len() + 74)
    );
    for (number, entry) in (0..).zip(index.entries()) {
        let _ = writeln!(out, "  {number}. {}", line(&entry));
    }
    Ok(out)
}

fn line(entry: &Entry<'_>) -> String {
    let name = text::escaped(&ComponentName::from(entry.target).to_string());
    let (kind, size) = (entry.kind.name(), grouped(entry.size));
    let what = match (entry.payload, entry.precondition) {
        (None, _) => format!("has to be there already, {size} bytes"),
        (Some(payload), Precondition::Image { size: old, .. }) => {
            format!("{} bytes become {size}, by a patch of {}", grouped(old), grouped(payload.len))
        }
        (Some(payload), precondition) => {
            let before = match precondition {
                Precondition::Absent => "where nothing is",
                _ => "whatever is there",
            };
            format!("{size} bytes, {before}, sent whole in {}", grouped(payload.len))
        }
    };
    let hardware = entry.hardware.map_or_else(String::new, |(from, to)| {
        format!(" (hardware revisions {from} to {to} only)")
    });
    format!("{name}, {kind}: {what}{hardware}")
}

/// What a set is, for machines.
pub(super) fn document(path: &Path, set: &[u8]) -> Outcome<serde_json::Value> {
    let facts = SetFacts::of(set).map_err(|error| Failure::set_file(path, &error))?;
    let mut document = serde_json::json!({ "set": text::path(path) });
    if let (Some(to), serde_json::Value::Object(from)) =
        (document.as_object_mut(), serde_json::to_value(&facts).unwrap_or_default())
    {
        to.extend(from);
    }
    Ok(document)
}
