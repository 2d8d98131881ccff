//! Warnings: inputs that are patched differently from what their name or format suggests. Each is
//! printed once, also if it is about both files.

use std::path::{Path, PathBuf};

use flashdelta::door::{self, Side};

use flashdelta::file::MemoryWarning;
use serde::Serialize;

use crate::failure::selecting;
use crate::text;

/// A warning about a file.
#[derive(Clone, PartialEq, Eq, Debug)]
struct FileWarning {
    file: PathBuf,
    message: String,
}

impl FileWarning {
    fn new(file: &Path, message: impl ToString) -> Self {
        Self { file: file.to_owned(), message: text::escaped(&message.to_string()) }
    }
}

/// The warnings about an old and a new file, in lines.
pub(crate) fn lines(found: &[door::FileWarning], names: [&Path; 2]) -> Vec<String> {
    let device = device_range(found);
    joined(&found.iter().map(|warning| named(warning, names, device)).collect::<Vec<_>>())
}

fn named(
    warning: &door::FileWarning,
    names: [&Path; 2],
    device: Option<(u32, u64)>,
) -> FileWarning {
    let name = match warning.side {
        Side::Old => names[0],
        Side::New => names[1],
    };
    match &warning.what {
        door::Warning::Memory(memory) => {
            FileWarning::new(name, format!("{memory} ({})", way_out(memory, device)))
        }
        what => FileWarning::new(name, what),
    }
}

/// A warning, as machines read it.
#[derive(Serialize)]
pub(crate) struct Document {
    /// Which file it is about: "old" or "new".
    side: &'static str,
    file: String,
    /// What it is: `docs/errors.md` lists the codes.
    code: &'static str,
    /// The same for people.
    message: String,
}

/// The warnings about an old and a new file, each by itself.
pub(crate) fn documents(found: &[door::FileWarning], names: [&Path; 2]) -> Vec<Document> {
    let device = device_range(found);
    let document = |warning: &door::FileWarning| {
        let FileWarning { file, message } = named(warning, names, device);
        Document {
            side: if warning.side == Side::Old { "old" } else { "new" },
            file: text::path(&file),
            code: warning.what.code(),
            message,
        }
    };
    found.iter().map(document).collect()
}

/// The addresses of the largest part, in both files.
fn device_range(found: &[door::FileWarning]) -> Option<(u32, u64)> {
    let ranges = found.iter().filter_map(|warning| match &warning.what {
        door::Warning::Memory(memory) => memory.range(),
        _ => None,
    });
    // A device has the old and the new image at the same place.
    ranges.reduce(|one, two| match u64::from(one.0) <= two.1 && u64::from(two.0) <= one.1 {
        true => (one.0.min(two.0), one.1.max(two.1)),
        false => one,
    })
}

/// How a patch for a device is made.
fn way_out(warning: &MemoryWarning, device: Option<(u32, u64)>) -> String {
    match (warning, device) {
        (MemoryWarning::FarApart { .. }, Some((from, to))) => {
            format!("for a patch that devices take: --range {from:#010x}-{to:#010x}")
        }
        (MemoryWarning::SeveralTargets { targets }, _) => selecting(targets),
        _ => "the patch is for computers".to_owned(),
    }
}

/// One line for all that say the same, each file named once. Places (numbers) may differ: the line
/// then tells those of the first file.
fn joined(warnings: &[FileWarning]) -> Vec<String> {
    let mut lines: Vec<(&FileWarning, Vec<&FileWarning>)> = Vec::new();
    for warning in warnings {
        if lines.iter().any(|(first, others)| *first == warning || others.contains(&warning)) {
            continue;
        }
        // Two of one file are two lines: members of an archive.
        let says_so = |(first, others): &&mut (&FileWarning, Vec<&FileWarning>)| {
            without_numbers(&first.message) == without_numbers(&warning.message)
                && first.file != warning.file
                && others.iter().all(|other| other.file != warning.file)
        };
        match lines.iter_mut().find(says_so) {
            Some((_, others)) => others.push(warning),
            None => lines.push((warning, Vec::new())),
        }
    }
    lines.into_iter().map(|(first, others)| line(first, &others)).collect()
}

fn line(first: &FileWarning, others: &[&FileWarning]) -> String {
    let mut text = text::path(&first.file);
    for other in others {
        let file = text::path(&other.file);
        text += &match other.message == first.message {
            true => format!(" and {file}"),
            false => format!(" (and {file} likewise)"),
        };
    }
    format!("{text}: {}", first.message)
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once() {
        let warn = |file: &str, message: &str| FileWarning::new(Path::new(file), message);
        let (old, new) = (warn("old.zip", "zip64 at byte 7"), warn("new.zip", "zip64 at byte 9"));
        assert_eq!(
            joined(&[old.clone(), new]),
            ["old.zip (and new.zip likewise): zip64 at byte 7"]
        );
        let new = warn("new.zip", "zip64 at byte 7");
        assert_eq!(
            joined(&[old.clone(), new.clone(), old.clone()]),
            ["old.zip and new.zip: zip64 at byte 7"]
        );
        let member = warn("old.zip", "zip64 at byte 8");
        assert_eq!(
            joined(&[old.clone(), member, old]),
            ["old.zip: zip64 at byte 7", "old.zip: zip64 at byte 8"]
        );
        assert_eq!(
            joined(&[new, warn("new.zip", "else")]),
            ["new.zip: zip64 at byte 7", "new.zip: else"]
        );
    }
}
