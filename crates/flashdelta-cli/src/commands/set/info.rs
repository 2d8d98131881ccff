//! `flashdelta set info`

use core::fmt::Write as _;
use std::path::{Path, PathBuf};

use flashdelta::facts::SignatureFacts;
use flashdelta::set::{self, ComponentFacts, ComponentName, PreconditionFacts, SetFacts};
use flashdelta::update::set::Index;

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
        let text = summary(&self.set, &facts(&self.set, &bytes)?);
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

/// The facts about a whole set.
pub(super) fn facts(path: &Path, set: &[u8]) -> Outcome<SetFacts> {
    SetFacts::of(set).map_err(|error| Failure::set_file(path, &error))
}

/// What a set is, for people.
pub(in crate::commands) fn summary(path: &Path, facts: &SetFacts) -> String {
    let count = facts.components.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut out = format!(
        "{}: a set of {count} component{plural}, {} bytes\n",
        text::path(path),
        grouped(facts.set_size)
    );
    if let Some(identity) = &facts.identity {
        let _ = writeln!(
            out,
            "  for product {:08x}, hardware revisions {} to {}, security counter {}",
            identity.product,
            identity.hardware_from,
            identity.hardware_to,
            identity.security_counter
        );
    }
    if facts.signatures.is_empty() {
        out.push_str("  not signed\n");
    }
    for SignatureFacts { algorithm, key_id, .. } in &facts.signatures {
        let _ = writeln!(out, "  signed with key {key_id} ({algorithm})");
    }
    let _ = writeln!(
        out,
        "  needs {} bytes of RAM on the device, {} to check what streams in, {} for the index",
        grouped(facts.ram),
        grouped(facts.chunk_ram),
        grouped(facts.index_size + 74)
    );
    for (number, entry) in facts.components.iter().enumerate() {
        let _ = writeln!(out, "  {number}. {}", line(entry));
    }
    out
}

fn line(entry: &ComponentFacts) -> String {
    let name = text::escaped(&ComponentName::from(&entry.target).to_string());
    let (kind, size) = (entry.kind, grouped(entry.new_size));
    let what = match (entry.patch_size, &entry.precondition) {
        (None, _) => format!("has to be there already, {size} bytes"),
        (Some(sent), PreconditionFacts::Image { size: old, .. }) => {
            format!("{} bytes become {size}, by a patch of {}", grouped(*old), grouped(sent))
        }
        (Some(sent), PreconditionFacts::Word(word)) => {
            let before = match *word {
                "absent" => "where nothing is",
                _ => "whatever is there",
            };
            format!("{size} bytes, {before}, sent whole in {}", grouped(sent))
        }
    };
    let hardware = entry.hardware.map_or_else(String::new, |(from, to)| {
        format!(" (hardware revisions {from} to {to} only)")
    });
    format!("{name}, {kind}: {what}{hardware}")
}

/// What a set is, for machines.
pub(super) fn document(path: &Path, set: &[u8]) -> Outcome<serde_json::Value> {
    let facts = facts(path, set)?;
    let mut document = serde_json::json!({ "set": text::path(path) });
    if let (Some(to), serde_json::Value::Object(from)) =
        (document.as_object_mut(), serde_json::to_value(&facts).unwrap_or_default())
    {
        to.extend(from);
    }
    Ok(document)
}
