//! What builds C here: the compiler, what all code has to pass, and the libraries it is linked
//! with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{cargo, command, exec, exists, root, target_dir};

/// What all C code here has to pass.
pub(crate) const STRICT: [&str; 7] =
    ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wredundant-decls"];
pub(crate) const SANITIZED: [&str; 5] = [
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
];
pub(crate) const DEBUGGABLE: [&str; 2] = ["-O1", "-g"];

pub(crate) fn bindings() -> PathBuf {
    root().join("bindings/c")
}

/// Where what is built here goes.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    let folder = target_dir().join("c").join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Builds the library for devices, for this machine; with all features, or with these.
pub(crate) fn build_apply(target: Option<&str>, features: Option<&str>) -> Result<PathBuf> {
    let folder = target_dir()
        .join("c/apply")
        .join(features.map_or("all".to_owned(), |f| f.replace(',', "+")));
    let mut cargo = cargo("build --release --quiet --manifest-path bindings/c/apply/Cargo.toml");
    cargo.arg("--target-dir").arg(&folder);
    if let Some(features) = features {
        cargo.args(["--no-default-features", "--features", features]);
    }
    let mut built = folder;
    if let Some(target) = target {
        cargo.args(["--target", target]);
        built.push(target);
    }
    exec(&mut cargo)?;
    Ok(built.join("release/libflashdelta_apply.a"))
}

/// Builds the library for hosts, as the tests of Rust are built.
pub(crate) fn build_host() -> Result<PathBuf> {
    exec(&mut cargo("build --quiet --package flashdelta-c --profile test"))?;
    Ok(target_dir().join("debug/libflashdelta.a"))
}

/// What a static library of Rust's wants of the system.
pub(crate) const SYSTEM: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// `gcc`, with the headers and these options.
pub(crate) fn gcc(options: &[&[&str]]) -> std::process::Command {
    let mut gcc = command("gcc");
    gcc.arg("-I").arg(bindings().join("include")).args(options.concat());
    gcc
}

/// The simulated board of devices in C, and updates on it: the headers and the sources.
pub(crate) fn on_board(gcc: &mut std::process::Command) {
    let [board, psa] = ["board", "psa"].map(|folder| bindings().join(folder));
    gcc.arg("-I").arg(&board).arg("-I").arg(&psa);
    gcc.args(["board.c", "update.c"].map(|file| board.join(file)));
    gcc.arg(psa.join("flashdelta_psa.c"));
}

pub(crate) fn compile(
    options: &[&[&str]],
    sources: &[&str],
    library: &Path,
    to: &Path,
) -> Result<()> {
    let mut gcc = gcc(options);
    gcc.args(sources.iter().map(|source| bindings().join(source)));
    // Whatever language the sources are said to have: the library is a library.
    exec(gcc.args(["-x", "none"]).arg(library).args(SYSTEM).arg("-o").arg(to))
}

/// CMake, and what it builds with.
pub(crate) fn has_cmake() -> bool {
    exists("cmake") && exists("make")
}
