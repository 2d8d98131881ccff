//! The architecture that `lib.rs` describes, read from the imports: no arrow runs up, and none in a
//! circle.

#[path = "../common/sources.rs"]
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sources::{circles, imports, items, rust_files, Modules};

/// From the bottom up: a module imports only from those before it, and from itself.
const DEVICE: [&str; 17] = [
    "error",
    "port",
    "audit",
    "sha256",
    "coding",
    "isa",
    "images",
    "predict",
    "format",
    "codec/model",
    "codec/bytes",
    "apply",
    "verify",
    "nor",
    "update",
    "receive",
    "group",
];
const HOST: [&str; 23] = [
    "put", "budget", "room", "bounded", "json", "deflate", "sha256", "image", "encode", "apply",
    "profile", "seal", "sign", "holes", "diff", "archive", "manifest", "file", "bundle", "facts",
    "input", "set", "door",
];

#[test]
fn nothing_imports_from_above() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = BTreeSet::new();
    let mut seen = 0;
    for floor in ["device", "host"] {
        for file in rust_files(&source.join(floor)) {
            let name = file.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
            let text = fs::read_to_string(&file).unwrap();
            for import in imports(&text) {
                seen += 1;
                if let Some(arrow) = wrong_way(&name, &import) {
                    wrong.insert(arrow);
                }
            }
        }
    }
    assert!(seen > 300, "only {seen} imports were found: has the reading of imports broken?");
    assert!(wrong.is_empty(), "imports that go up: {wrong:#?}");
}

/// Of modules beside each other, in every folder: what a module re-exports is where it is. What
/// only tests import does not count.
#[test]
fn nothing_goes_in_a_circle() {
    let modules = Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(modules.len() > 200, "only {} modules were found", modules.len());
    let circles = circles(&modules.arrows());
    assert!(circles.is_empty(), "circles: {circles:#?}");
}

/// The one switch between the floors is in `lib.rs`. (What needs a codec's library asks for that
/// codec: `zstd` implies `std`.)
#[test]
fn the_device_floor_knows_of_no_operating_system() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&source.join("device"));
    assert!(files.len() > 40, "only {} files were found", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("feature = \"std\""), "{} asks for `std`", file.display());
    }
}

#[test]
fn every_module_is_listed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (floor, listed) in [("device", &DEVICE[..]), ("host", &HOST[..])] {
        for entry in fs::read_dir(source.join(floor)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.trim_end_matches(".rs");
            let is_listed = listed.iter().any(|module| module.split('/').next() == Some(name));
            assert!(name == "mod" || is_listed, "{floor}/{name} is in no list");
        }
    }
}

/// The lists above are those of `lib.rs`, in the same order.
#[test]
fn the_documentation_lists_every_module() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = fs::read_to_string(source.join("lib.rs")).unwrap();
    let (_, rest) = text.split_once("# How it is built").unwrap();
    let (built, _) = rest.split_once("# Features").unwrap();
    let (device, host) = built.split_once("`host/` needs").unwrap();
    for (part, listed) in [(device, &DEVICE[..]), (host, &HOST[..])] {
        let heads = part.lines().filter_map(|line| line.strip_prefix("//! - ")?.split_once(": "));
        let names: Vec<&str> = heads
            .flat_map(|(head, _)| head.split('`').skip(1).step_by(2))
            .map(|name| name.trim_start_matches("mod@"))
            .collect();
        assert_eq!(names, listed);
    }
}

#[test]
fn mod_files_hold_no_code() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mods: Vec<_> =
        rust_files(&source).into_iter().filter(|file| file.ends_with("mod.rs")).collect();
    assert!(mods.len() > 20, "only {} were found", mods.len());
    for file in mods {
        let found = items(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{} holds code: {found:#?}", file.display());
    }
}

/// A description of the import, if it goes up.
fn wrong_way(file: &str, import: &str) -> Option<String> {
    let (floor, path) = file.split_once('/')?;
    let (to_floor, to) = import.split_once('/').unwrap_or((import, ""));
    let wrong = match (floor, to_floor) {
        ("host", "device") => false,
        ("device", "device") => rank(&DEVICE, to)? > rank(&DEVICE, path)?,
        ("host", "host") => rank(&HOST, to)? > rank(&HOST, path)?,
        // The public paths: only documentation and doc tests use them.
        _ => floor == "device",
    };
    wrong.then(|| format!("{file} -> {import}"))
}

fn rank(order: &[&str], path: &str) -> Option<usize> {
    let path = path.trim_end_matches(".rs");
    order.iter().position(|module| {
        path == *module || path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
    })
}
