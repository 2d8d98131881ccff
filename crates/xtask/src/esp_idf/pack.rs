//! `cargo xtask esp-idf`: the component with all that it needs to be built.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use super::component::{component, read};
use crate::command::root;

/// Pack the component for ESP-IDF, with the sources of the library, so that it builds alone
///
/// What is written can be added to a project as it is, or given to `compote component upload`.
/// Crates of others are fetched by cargo when the component is built, in the versions that are
/// tested here.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to put it: FOLDER/flashdelta, which must not exist
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
    /// Where the repository is published, for the component's manifest
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let to = std::env::current_dir()?.join(&args.to);
    let packed = pack(&to, args.repository.as_deref())?;
    println!("{}", packed.display());
    Ok(())
}

/// What of the repository the library is built of, below `library`.
const LIBRARY: [&str; 10] = [
    "bindings/c/abi/Cargo.toml",
    "bindings/c/abi/src",
    "bindings/c/apply/Cargo.toml",
    "bindings/c/apply/Cargo.lock",
    "bindings/c/apply/src",
    "bindings/c/include/flashdelta_apply.h",
    "bindings/c/psa",
    "crates/flashdelta/src/lib.rs",
    "crates/flashdelta/src/bare.rs",
    "crates/flashdelta/src/device",
];

/// Packs the component; gives its folder.
pub(super) fn pack(to: &Path, repository: Option<&str>) -> Result<PathBuf> {
    let packed = to.join("flashdelta");
    if packed.exists() {
        bail!("{} is there already", packed.display());
    }
    copy(&component(), &packed)?;
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(license), &packed.join(license))?;
    }
    if let Some(url) = repository {
        let manifest = packed.join("idf_component.yml");
        write(&manifest, &format!("{}url: \"{url}\"\nrepository: \"{url}\"\n", read(&manifest)?))?;
    }
    let library = packed.join("library");
    for path in LIBRARY {
        copy(&root().join(path), &library.join(path))?;
    }
    let manifest = |path: &str, trim: fn(&str) -> Result<String>| {
        let text = trim(&read(&root().join(path))?).with_context(|| path.to_owned())?;
        write(&library.join(path), &text)
    };
    manifest("Cargo.toml", workspace)?;
    manifest("crates/flashdelta/Cargo.toml", without_tests)?;
    Ok(packed)
}

/// The workspace, with the members that are packed.
fn workspace(text: &str) -> Result<String> {
    let (before, rest) = text.split_once("members = [").context("no members")?;
    let (_, after) = rest.split_once("\n[workspace.package]").context("no [workspace.package]")?;
    Ok(format!(
        "{before}members = [\"bindings/c/abi\", \"crates/flashdelta\"]\n\
         exclude = [\"bindings/c/apply\"]\n\n[workspace.package]{after}"
    ))
}

/// A manifest without the section for tests, which are not packed.
fn without_tests(text: &str) -> Result<String> {
    let (before, rest) = text.split_once("[dev-dependencies]").context("no [dev-dependencies]")?;
    let after = rest.find("\n[").map_or("", |at| &rest[at + 1..]);
    Ok(format!("{before}{after}"))
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        let entries =
            fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
        for entry in entries {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    make_parent(to)?;
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
        .map(drop)
}

fn write(path: &Path, text: &str) -> Result<()> {
    make_parent(path)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}
