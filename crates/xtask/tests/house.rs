//! What CONTRIBUTING.md says of the layout, held over the whole repository. (The floors of the
//! library have a test of their own: `crates/flashdelta/tests/host/floors.rs`.)

#[allow(dead_code)] // The library's test uses more of it.
#[path = "../../flashdelta/tests/common/sources.rs"]
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sources::{circles, items, Modules};

/// Crates with more than a few modules, beside the library.
const CRATES: &[&str] = &[
    "bindings/c/abi",
    "bindings/c/host",
    "bindings/python",
    "bindings/wasm",
    "crates/flashdelta-cli",
    "crates/flashdelta-fleet",
    "crates/flashdelta-server",
    "crates/flashdelta-sim",
    "crates/xtask",
    "examples/mesh",
];

#[test]
fn mod_files_hold_no_code() {
    let mods = tracked(|name| name.ends_with("/mod.rs") && !name.contains("/tests/"));
    for file in mods {
        let found = items(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{} holds code: {found:#?}", file.display());
    }
}

#[test]
fn modules_import_in_one_direction() {
    let mut found = Vec::new();
    for folder in CRATES {
        let modules = Modules::read(&root().join(folder).join("src"));
        assert!(modules.len() > 2, "{folder}: only {} modules were found", modules.len());
        // What a crate has in its root is shared by all of it.
        let arrows = modules.arrows().into_iter();
        let arrows = arrows.filter(|(from, to)| !from.is_empty() && !to.is_empty()).collect();
        found.extend(circles(&arrows).into_iter().map(|way| format!("{folder}: {way}")));
    }
    assert!(found.is_empty(), "circles: {found:#?}");
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

/// The same for Rust, where rustfmt leaves texts, comments and attributes as they are.
#[test]
fn rust_has_100_columns() {
    let mut wide = Vec::new();
    for file in tracked(|name| name.ends_with(".rs")) {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            if line.chars().count() > 100 {
                wide.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert!(wide.is_empty(), "lines of more than 100 columns: {wide:#?}");
}

/// What lists all instruction sets: `crates/flashdelta/tests/format/instruction_sets.rs` holds most
/// of these against the table, other tests and the compiler the rest.
const ISA_LISTS: [&str; 16] = [
    "bindings/c/README.md",
    "bindings/c/abi/Cargo.toml",
    "bindings/c/abi/src/info.rs",
    "bindings/c/apply/Cargo.toml",
    "bindings/c/include/flashdelta_apply.h",
    "bindings/esp-idf/flashdelta/CMakeLists.txt",
    "bindings/esp-idf/flashdelta/Kconfig",
    "bindings/python/python/flashdelta/_making.py",
    "bindings/python/python/flashdelta/_profile.py",
    "bindings/python/python/flashdelta/_types.py",
    "bindings/wasm/js/index.d.ts",
    "crates/flashdelta-cli/tests/cmd/help.trycmd",
    "crates/flashdelta/Cargo.toml",
    // What a file says of its code, which is more than what can be predicted.
    "crates/flashdelta/src/host/image/isa_hint.rs",
    "crates/xtask/device/Cargo.toml",
    // Lists of pairs of others name them in their own way.
    "crates/xtask/src/peers/pairs.rs",
];

/// An instruction set is a file and a row of the table: nothing else lists them, but what cannot be
/// made from the table.
#[test]
fn instruction_sets_are_listed_in_known_places() {
    let floor = "crates/flashdelta/src/device/isa";
    let names = names_in(&format!("{floor}/table.rs"), |line| line.contains("\"isa-"));
    assert!(names.len() >= 5, "only {names:?} were found");
    let lists = lists_of(&names, |name| !name.starts_with(floor));
    if !lists.is_empty() {
        assert_eq!(lists, ISA_LISTS);
    }
}

/// What lists all firmware formats, beside the rows of their table. C's numbers are held by a test
/// in the first one, the header is made from it.
const FORMAT_LISTS: [&str; 3] = [
    "bindings/c/host/src/format.rs",
    "bindings/c/include/flashdelta.h",
    "bindings/python/python/flashdelta/_types.py",
];

/// A firmware format is a file and a row, and a name in C and Python.
#[test]
fn formats_are_listed_in_known_places() {
    let rows = "crates/flashdelta/src/host/image/rows.rs";
    let mut names = names_in(rows, |line| line.contains(", \"") && !line.contains("//"));
    // C has it as INTEL_HEX.
    names.retain(|name| name != "ihex");
    assert!(names.len() >= 16, "only {names:?} were found");
    let lists = lists_of(&names, |name| name != rows);
    if !lists.is_empty() {
        assert_eq!(lists, FORMAT_LISTS);
    }
}

/// What lists all codecs, beside their rows. In Rust these are matches that the compiler asks for.
const CODEC_LISTS: [&str; 18] = [
    "bindings/c/abi/src/info.rs",
    "bindings/c/include/flashdelta_apply.h",
    "bindings/python/python/flashdelta/_making.py",
    "bindings/python/python/flashdelta/_patch.py",
    "bindings/python/python/flashdelta/_profile.py",
    "bindings/python/python/flashdelta/_types.py",
    "bindings/wasm/js/index.d.ts",
    "crates/flashdelta/Cargo.toml",
    // The decoder; what the codec keeps in RAM, and how much of it; what the header says of it.
    "crates/flashdelta/src/device/apply/machine.rs",
    "crates/flashdelta/src/device/codec/bytes/mod.rs",
    "crates/flashdelta/src/device/format/layout.rs",
    "crates/flashdelta/src/device/format/tables.rs",
    // The encoder, and how much RAM of a device it takes.
    "crates/flashdelta/src/host/diff/encode.rs",
    "crates/flashdelta/src/host/encode/header.rs",
    "crates/flashdelta/src/host/encode/tables.rs",
    "crates/flashdelta/src/lib.rs",
    "docs/facts.schema.json",
    "docs/guide.md",
];

/// A codec is two folders and a row, and the places above.
#[test]
fn codecs_are_listed_in_known_places() {
    let rows = "crates/flashdelta/src/device/format/codec.rs";
    let names = names_in(rows, |line| line.contains(" = ") && line.contains(", \""));
    assert_eq!(names.len(), 4, "{names:?}");
    let lists = lists_of(&names, |name| {
        !name.contains("/tests/") && ![rows, "CHANGELOG.md", "docs/figures.md"].contains(&name)
    });
    if !lists.is_empty() {
        assert_eq!(lists, CODEC_LISTS);
    }
}

/// The first text of each row of a table in a file.
fn names_in(file: &str, is_row: impl Fn(&str) -> bool) -> Vec<String> {
    let table = fs::read_to_string(root().join(file)).unwrap();
    let rows = table.lines().filter(|line| is_row(line));
    rows.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// The files that hold all of these names, as words; `_` is as good as `-`.
fn lists_of(names: &[String], is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let ends = [
        ".rs", ".py", ".toml", ".h", ".c", ".md", ".txt", "Kconfig", ".trycmd", ".ts", ".yml",
        ".json",
    ];
    let mut lists = Vec::new();
    for file in tracked(|name| ends.iter().any(|end| name.ends_with(end))) {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        if name.starts_with("testdata/") || !is_meant(&name) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap().to_lowercase().replace('-', "_");
        let has = |name: &String| {
            let name = name.replace('-', "_");
            text.match_indices(&name).any(|(at, _)| {
                let end = text[at + name.len()..].chars().next();
                let start = text[..at].chars().next_back();
                !start.is_some_and(char::is_alphanumeric) && !end.is_some_and(char::is_alphanumeric)
            })
        };
        if names.iter().all(has) {
            lists.push(name);
        }
    }
    lists
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
