//! Building the targets.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{cargo, command, exec, target_dir};

/// What the targets are built for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With the counters that lead libFuzzer.
    Fuzzing,
    /// With those that `llvm-cov` reads.
    Coverage,
}

/// As `cargo fuzz` does, but for the sanitizer: all of it is there without nightly.
const FUZZING: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The triple of this machine, and the major version of the compiler's LLVM.
pub(super) fn compiler() -> Result<(String, String)> {
    let told = command("rustc").arg("-vV").output().context("rustc does not run")?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let field = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned).with_context(|| format!("rustc -vV does not say {name}"))
    };
    let llvm = field("LLVM version: ")?;
    Ok((field("host: ")?, llvm.split('.').next().unwrap_or_default().to_owned()))
}

/// Builds all targets; returns the folder in which they are.
pub(super) fn build(kind: Kind) -> Result<PathBuf> {
    let (host, _) = compiler()?;
    let (name, flags) = match kind {
        Kind::Fuzzing => ("fuzz-stable", FUZZING),
        Kind::Coverage => ("fuzz-coverage", "--cfg fuzzing -Cinstrument-coverage"),
    };
    let folder = target_dir().join(name);
    let mut build = cargo("build --quiet --release --manifest-path fuzz/Cargo.toml");
    // With a target of its own, build scripts are built without these flags.
    build.args(["--target", &host]).arg("--target-dir").arg(&folder);
    build.env("RUSTFLAGS", flags).env_remove("CARGO_ENCODED_RUSTFLAGS");
    exec(&mut build)?;
    Ok(folder.join(host).join("release"))
}
