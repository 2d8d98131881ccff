//! The example for embassy-boot: on this machine, and compiled for a Cortex-M4.

use anyhow::Result;

use crate::command::{cargo, exec, target_dir};
use crate::rust::{debian, debian_builds_std, own_has, DEBIAN_CARGO};
use crate::steps::Outcome;

const MANIFEST: &str = "examples/embassy-boot/Cargo.toml";
const TRIPLE: &str = "thumbv7em-none-eabi";

/// Runs its tests, with embassy-boot itself as the bootloader, and compiles it for a chip.
pub(crate) fn test() -> Result<Outcome> {
    let folder = target_dir().join("embassy");
    let mut tests = cargo(&format!("test --locked --quiet --manifest-path {MANIFEST}"));
    exec(tests.arg("--target-dir").arg(&folder))?;
    let mut build = match () {
        () if own_has(TRIPLE) => cargo("build"),
        () if debian_builds_std() => {
            let mut build = debian(DEBIAN_CARGO);
            build.args(["build", "-Zbuild-std=core"]);
            build
        }
        () => return Ok(Outcome::Passed(format!("no compiler for {TRIPLE}: not compiled for it"))),
    };
    build.args(["--release", "--locked", "--quiet", "--lib", "--target", TRIPLE]);
    build.args(["--manifest-path", MANIFEST, "--target-dir"]);
    exec(build.arg(folder.join("chip")))?;
    Ok(Outcome::Passed(format!("and compiled for {TRIPLE}")))
}
