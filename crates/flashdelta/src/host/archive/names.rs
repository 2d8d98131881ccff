//! What files in a packed folder may be called.
//!
//! Two things are checked, each in one place. [`check`]: whether a path may be in a packed folder
//! at all. It has to stay inside, to mean the same on every system, and to keep to the limits of
//! `docs/format.md`. [`portable`] and [`twins`]: whether every system can hold it. Windows cannot
//! hold some names, and both it and mostly macOS treat names as equal that differ in case only.
//! Such names are no error, as most releases never see these systems: the maker warns of them, and
//! [`folder::write`](super::folder::write) refuses them on the system that cannot hold them.

use core::fmt;
use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

/// Longest path in bytes.
pub const MOST_PATH_BYTES: usize = 1024;

/// Most parts of a path, the name of the file included.
pub const MOST_PATH_PARTS: usize = 64;

/// Longest name of a file or folder in bytes (Linux: `NAME_MAX`; Windows and macOS count 255 units
/// of UTF-16, which are no fewer).
pub const MOST_NAME_BYTES: usize = 255;

/// What is wrong with a path or a name.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NameProblem {
    /// It is empty, begins or ends with `/`, or has two in a row.
    EmptyPart,
    /// It has a part `.` or `..`.
    Dots,
    /// It has a character that separates folders or drives on some system, or a control character.
    Character {
        /// Which.
        found: char,
    },
    /// It has too many bytes.
    Long {
        /// How many.
        found: usize,
        /// Most bytes.
        limit: usize,
    },
    /// It is in too many folders.
    Deep {
        /// How many parts the path has.
        found: usize,
        /// Most parts.
        limit: usize,
    },
    /// Windows: it names a device (`CON`, `NUL.txt`, `COM1`, ...).
    Device,
    /// Windows: a file name cannot hold this character.
    NotOnWindows {
        /// Which.
        found: char,
    },
    /// Windows: a point or a space at the end of a name is lost.
    LostEnd,
    /// Another file or folder has the same name but for upper and lower case, or in another Unicode
    /// form.
    Twin,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPart => f.write_str("it is empty, or has an empty part"),
            Self::Dots => f.write_str("it has a part \".\" or \"..\""),
            Self::Character { found } => {
                write!(f, "it has the character '{}'", found.escape_default())
            }
            Self::Long { found, limit } => {
                write!(f, "it has {found} bytes where {limit} are possible")
            }
            Self::Deep { found, limit } => {
                write!(f, "it has {found} parts where {limit} are possible")
            }
            Self::Device => f.write_str("Windows has a device of this name"),
            Self::NotOnWindows { found } => {
                write!(f, "no name on Windows can have the character '{found}'")
            }
            Self::LostEnd => f.write_str("Windows drops a point or a space at the end of a name"),
            Self::Twin => f.write_str(
                "another file or folder differs from it in case or Unicode form only, and takes \
                 its place on Windows and macOS",
            ),
        }
    }
}

/// Whether a path may be in a packed folder: it is relative, stays inside, means the same on every
/// system, and is within the limits.
///
/// # Errors
///
/// What is wrong with it.
pub fn check(path: &str) -> Result<(), NameProblem> {
    let within = |found: usize, limit: usize| match found > limit {
        true => Err(NameProblem::Long { found, limit }),
        false => Ok(()),
    };
    within(path.len(), MOST_PATH_BYTES)?;
    let found = path.split('/').count();
    if found > MOST_PATH_PARTS {
        return Err(NameProblem::Deep { found, limit: MOST_PATH_PARTS });
    }
    path.split('/').try_for_each(|name| match name {
        "" => Err(NameProblem::EmptyPart),
        "." | ".." => Err(NameProblem::Dots),
        name => within(name.len(), MOST_NAME_BYTES),
    })?;
    match path.chars().find(|c| c.is_control() || matches!(c, '\\' | ':')) {
        Some(found) => Err(NameProblem::Character { found }),
        None => Ok(()),
    }
}

/// Whether Windows can hold a path that [`check`] accepts (Microsoft, *Naming Files, Paths, and
/// Namespaces*, "Naming Conventions").
///
/// # Errors
///
/// Why it cannot.
pub fn portable(path: &str) -> Result<(), NameProblem> {
    path.split('/').try_for_each(|name| {
        if let Some(found) = name.chars().find(|c| matches!(c, '<' | '>' | '"' | '|' | '?' | '*')) {
            return Err(NameProblem::NotOnWindows { found });
        }
        if name.ends_with(['.', ' ']) {
            return Err(NameProblem::LostEnd);
        }
        match is_device(name) {
            true => Err(NameProblem::Device),
            false => Ok(()),
        }
    })
}

/// Whether Windows has a device of this name, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().find_map(|device| stem.strip_prefix(device));
    let is_number = |rest: &str| {
        let mut chars = rest.chars();
        // Digits of the DOS code page count, too: superscript 1 to 3.
        let first = chars.next().is_some_and(|c| matches!(c, '1'..='9' | '¹' | '²' | '³'));
        first && chars.next().is_none()
    };
    matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(is_number)
}

/// Paths of which a file system that ignores case, or the Unicode form, has one only: each with the
/// path before it that takes its place. Folders count, too: `A/x` and `a/y` are both in `A`.
pub fn twins<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    let mut first: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    let mut twins = Vec::new();
    for path in paths {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for part in ends.filter_map(|end| path.get(..end)) {
            // Once more composed, as lower case letters may compose where others do not.
            let folded: String = part.nfc().flat_map(char::to_lowercase).nfc().collect();
            let (known, of) = first.entry(folded).or_insert((part, path));
            if *known != part {
                twins.push((path, *of));
                break;
            }
        }
    }
    twins
}

/// A path for a message: the start of it, if it is very long.
pub(crate) fn shown(path: &str) -> String {
    const MOST: usize = 200;
    match path.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", path.get(..end).unwrap_or_default().escape_debug()),
        None => path.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_paths() {
        let deep = |parts: usize| vec!["a"; parts].join("/");
        assert_eq!(check(&deep(MOST_PATH_PARTS)), Ok(()));
        assert_eq!(
            check(&deep(MOST_PATH_PARTS + 1)),
            Err(NameProblem::Deep { found: 65, limit: 64 })
        );
        assert_eq!(check(&"a".repeat(255)), Ok(()));
        assert_eq!(check(&"a".repeat(256)), Err(NameProblem::Long { found: 256, limit: 255 }));
        let long = vec!["a".repeat(204); 5].join("/");
        assert_eq!((long.len(), check(&long)), (1024, Ok(())));
        assert_eq!(check(&(long + "b")), Err(NameProblem::Long { found: 1025, limit: 1024 }));
    }

    #[test]
    fn names_that_windows_cannot_have() {
        for name in ["con", "NUL", "aux.c", "Com1.txt", "lpt9", "COM\u{b9}", "nul .bin", "CONIN$"] {
            assert_eq!(portable(&format!("sub/{name}")), Err(NameProblem::Device), "{name}");
        }
        for name in ["con1", "com", "com0", "com10", "console.bin", "a.con", "lpt"] {
            assert_eq!(portable(name), Ok(()), "{name}");
        }
        assert_eq!(portable("a*b?"), Err(NameProblem::NotOnWindows { found: '*' }));
        for name in ["a.", "a ", "a./b", "a /b"] {
            assert_eq!(portable(name), Err(NameProblem::LostEnd), "{name}");
        }
    }

    #[test]
    fn twins_by_case_and_by_form() {
        let found = twins(["A/x", "a/y", "b/ä.bin", "b/a\u{308}.bin", "b/Ä.BIN", "c", "c/d"]);
        assert_eq!(found, [("a/y", "A/x"), ("b/a\u{308}.bin", "b/ä.bin"), ("b/Ä.BIN", "b/ä.bin")]);
        assert_eq!(twins(["a", "b/a", "b/c"]), []);
    }
}
