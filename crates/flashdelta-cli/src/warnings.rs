//! What is not taken as it seems to be meant: said once, also where it is said of both files.

use std::path::{Path, PathBuf};

/// A warning about a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileWarning {
    file: PathBuf,
    message: String,
}

impl FileWarning {
    pub(crate) fn new(file: &Path, message: impl ToString) -> Self {
        Self { file: file.to_owned(), message: message.to_string() }
    }
}

/// One line for all that say the same, each file named once. Places (numbers) may differ: the line
/// then tells those of the first file.
pub(crate) fn lines(warnings: &[FileWarning]) -> Vec<String> {
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
    let mut text = first.file.display().to_string();
    for other in others {
        let file = other.file.display();
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
        assert_eq!(lines(&[old.clone(), new]), ["old.zip (and new.zip likewise): zip64 at byte 7"]);
        let new = warn("new.zip", "zip64 at byte 7");
        assert_eq!(
            lines(&[old.clone(), new.clone(), old.clone()]),
            ["old.zip and new.zip: zip64 at byte 7"]
        );
        let member = warn("old.zip", "zip64 at byte 8");
        assert_eq!(
            lines(&[old.clone(), member, old]),
            ["old.zip: zip64 at byte 7", "old.zip: zip64 at byte 8"]
        );
        assert_eq!(
            lines(&[new, warn("new.zip", "else")]),
            ["new.zip: zip64 at byte 7", "new.zip: else"]
        );
    }
}
