//! What CONTRIBUTING.md says of the layout, held over the whole repository. (The floors of the
//! library have a test of their own: `crates/flashdelta/tests/host/floors.rs`.)

#[allow(dead_code)] // The library's test uses more of it.
#[path = "../../flashdelta/tests/common/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sources::items;

#[test]
fn mod_files_hold_no_code() {
    let mods = tracked(|name| name.ends_with("/mod.rs") && !name.contains("/tests/"));
    for file in mods {
        let found = items(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{} holds code: {found:#?}", file.display());
    }
}

/// rustfmt and ruff keep code within the width; this is for texts and comments as well, without the
/// pragmas of type checkers, which cannot be broken.
#[test]
fn python_has_100_columns() {
    let mut wide = Vec::new();
    for file in tracked(|name| name.ends_with(".py") || name.ends_with(".pyi")) {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let end = ["  # type:", "  # pyright:", "  # noqa"].iter().filter_map(|p| line.find(p));
            let line = end.min().map_or(line, |end| &line[..end]);
            if line.chars().count() > 100 {
                wide.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wide.is_empty(), "lines of more than 100 columns: {wide:#?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of the repository by their names; none where there is no git, or no clone.
fn tracked(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let Some(git) = git.ok().filter(|git| git.status.success()) else {
        eprintln!("SKIPPED: no git, or no clone: which files are ours is not known");
        return Vec::new();
    };
    let names = String::from_utf8(git.stdout).unwrap();
    let files: Vec<PathBuf> = names
        .split('\0')
        .filter(|name| wanted(name))
        .map(|name| root().join(name))
        .filter(|file| file.is_file())
        .collect();
    assert!(files.len() > 20, "only {} files were found", files.len());
    files
}
