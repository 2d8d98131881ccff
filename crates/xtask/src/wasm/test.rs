//! The npm package in Node, and the page in a browser.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Result;

use super::build::{build, copy_files, fresh, sources, Built};
use super::need::{help, lacking};
use super::size;
use crate::command::{chromium, command, exec, output, release_program, root, target_dir};
use crate::steps::Outcome;

/// Tests what npm would publish, in Node, beside the program; and its types.
pub(crate) fn node() -> Result<Outcome> {
    if let Some(why) = lacking() {
        return Ok(Outcome::skipped(why, help()));
    }
    let built = built()?;
    let folder = installed(built)?;
    let size = size::told(&built.package)?;
    let mut tests = node_tests(&folder, &["pairs", "inputs", "api", "package"]);
    exec(tests.env("FLASHDELTA_BINARY", release_program()?))?;
    let mut types = command("node");
    types.arg(built.tools.join("node_modules/typescript/bin/tsc")).args(["--project", "."]);
    exec(types.current_dir(&folder))?;
    println!("{size}");
    Ok(Outcome::Passed(size))
}

/// Tests the page in Chromium, with a simulated chip at its serial port.
pub(crate) fn page() -> Result<Outcome> {
    if let Some(why) = lacking() {
        return Ok(Outcome::skipped(why, help()));
    }
    let Some(chromium) = chromium() else {
        return Ok(Outcome::skipped("no Chromium", "apt-get install chromium (Debian)"));
    };
    let built = built()?;
    let folder = installed(built)?;
    let mut test = node_tests(&folder, &["regions", "nvs", "page"]);
    test.env("FLASHDELTA_PAGE", &built.web).env("CHROMIUM", chromium);
    test.env("FLASHDELTA_BINARY", release_program()?);
    test.env("FLASHDELTA_SCREENSHOTS", target_dir().join("wasm/screenshots"));
    exec(&mut test)?;
    Ok(Outcome::passed())
}

/// What both of them test, built once.
fn built() -> Result<&'static Built> {
    static BUILT: OnceLock<Built> = OnceLock::new();
    match BUILT.get() {
        Some(built) => Ok(built),
        None => build().map(|built| BUILT.get_or_init(|| built)),
    }
}

/// A folder with the tests, in which the package is installed from what npm would publish.
fn installed(built: &Built) -> Result<PathBuf> {
    let folder = target_dir().join("wasm/test");
    fresh(&folder)?;
    copy_files(&sources().join("tests"), &folder)?;
    let modules = folder.join("node_modules");
    let package = modules.join("flashdelta");
    std::fs::create_dir_all(&package)?;
    let mut unpack = command("tar");
    unpack.arg("-xzf").arg(&built.tarball).args(["--strip-components=1", "-C"]).arg(&package);
    output(&mut unpack)?;
    // Types of Node, for the tests' own.
    for name in ["@types/node", "undici-types"] {
        copy_tree(&built.tools.join("node_modules").join(name), &modules.join(name))?;
    }
    Ok(folder)
}

/// Copies a folder with all that is in it.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    copy_files(from, to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// `node --test` for tests of these names.
fn node_tests(folder: &Path, names: &[&str]) -> std::process::Command {
    let mut node = command("node");
    node.arg("--test").args(names.iter().map(|name| format!("{name}.test.js")));
    node.current_dir(folder).env("FLASHDELTA_TESTDATA", root().join("testdata"));
    node
}
