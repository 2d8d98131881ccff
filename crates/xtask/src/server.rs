//! The update service: a package outside of the workspace, with tests of its own.

use anyhow::Result;

use crate::command::{cargo, command, exec, exists, output, root, target_dir, tools, works};
use crate::setup;
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
    // What speaks to it: `flashdelta fleet`.
    exec(&mut cargo("build --quiet --package flashdelta-cli"))?;
    let program = target_dir().join("debug/flashdelta");
    let mut test = inside("test --quiet");
    exec(test.env("CARGO_TARGET_DIR", &target).env("FLASHDELTA", program))?;
    Ok(Outcome::passed())
}

/// The Python packages that look at pages, below the folder of tools.
pub(crate) const PAGES: &str = "pages";

/// Looks at the pages of a server in a browser. Screenshots stay in the target folder.
pub(crate) fn pages(may_install: bool) -> Result<Outcome> {
    if !exists("chromium") {
        return Ok(Outcome::skipped("no Chromium", "Debian's package chromium"));
    }
    let tests = root().join("crates/flashdelta-server/tests/pages");
    let venv = tools().join(PAGES);
    let python = match may_install {
        true => setup::python(&venv, &tests.join("requirements.txt")).ok(),
        false => Some(venv.join("bin/python")).filter(|python| python.is_file()),
    };
    let Some(python) = python else {
        return Ok(Outcome::skipped(
            "no Python packages: playwright, axe-playwright-python",
            "python3 with venv, and a run without --no-setup",
        ));
    };
    let target = target_dir().join("server");
    let mut build = cargo(&format!("build --quiet --manifest-path {MANIFEST} --locked"));
    exec(build.env("CARGO_TARGET_DIR", &target))?;
    let mut look = command(python);
    look.arg(tests.join("look.py")).arg(target.join("debug/flashdelta-server"));
    let summary = output(look.arg(target.join("pages")))?;
    println!("{summary}");
    Ok(Outcome::Passed(summary.trim().to_owned()))
}
