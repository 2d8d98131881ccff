//! The update service: a package outside of the workspace, with tests of its own.

use anyhow::Result;

use crate::command::{cargo, exec, target_dir, works};
use crate::steps::Outcome;

const MANIFEST: &str = "crates/flashdelta-server/Cargo.toml";

/// Lints and tests it. What is missing on this machine, its tests skip aloud.
pub(crate) fn test() -> Result<Outcome> {
    let target = target_dir().join("server");
    let inside = |what: &str| {
        let mut cargo = cargo(&format!("{what} --manifest-path {MANIFEST} --locked --target-dir"));
        cargo.arg(&target);
        cargo
    };
    if works(&mut cargo("clippy --version")) {
        exec(inside("clippy --quiet --all-targets").args(["--", "-D", "warnings"]))?;
    }
    exec(inside("test --quiet").env("CARGO_TARGET_DIR", &target))?;
    Ok(Outcome::passed())
}
