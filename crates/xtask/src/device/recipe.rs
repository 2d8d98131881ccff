//! What is built: for which target, in which language, with which features; and what cargo is told
//! of that.

use std::path::PathBuf;
use std::process::Command;

use super::toolchain::Target;
use crate::command::target_dir;

/// The language that a guest is written in, and so the interface of the applier that it uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Language {
    /// The crate
    Rust,
    /// The C library, by its header
    C,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
        }
    }
}

/// What is built.
pub(crate) struct Recipe<'a> {
    pub(crate) target: &'a Target,
    pub(crate) language: Language,
    /// Features of the applier, with commas.
    pub(crate) features: &'a str,
    /// Optimisation level: `s`, `z`, 2, 3.
    pub(crate) opt: &'a str,
    /// Further flags for the compiler.
    pub(crate) flags: &'a str,
}

/// Arguments for cargo: the optimisation level. `s` and `z` are strings in its eyes.
pub(crate) fn level(opt: &str) -> [String; 2] {
    let level = if opt.parse::<u8>().is_ok() { opt.to_owned() } else { format!("\"{opt}\"") };
    ["--config".to_owned(), format!("profile.release.opt-level={level}")]
}

/// Whatever the user builds with: with incremental state there are other units of code, and the
/// stack is half as large again.
fn measured(cargo: &mut Command) {
    cargo.env("CARGO_INCREMENTAL", "0");
}

/// What cargo has to be told for the C library.
pub(crate) fn library_cargo(mut cargo: Command, features: &str) -> Command {
    measured(&mut cargo);
    cargo.args([
        "--manifest-path",
        "bindings/c/apply/Cargo.toml",
        "--no-default-features",
        "--features",
    ]);
    cargo
        .arg(format!("prove-panic-free,{features}"))
        .arg("--target-dir")
        .arg(folder().join("staticlib"));
    cargo
}

/// What cargo has to be told for the guest in Rust.
pub(crate) fn guest_cargo(mut cargo: Command, features: &str) -> Command {
    measured(&mut cargo);
    cargo.args(["--manifest-path", "crates/xtask/device/Cargo.toml"]);
    cargo.arg("--features").arg(features).arg("--target-dir").arg(folder());
    cargo
}

/// Where all of it is built.
pub(crate) fn folder() -> PathBuf {
    target_dir().join("device")
}
