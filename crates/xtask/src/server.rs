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

/// Looks at the pages of a server in a browser. Screenshots stay in the target folder.
pub(crate) fn pages(may_install: bool) -> Result<Outcome> {
    if !exists("chromium") {
        return Ok(Outcome::skipped("no Chromium", "Debian's package chromium"));
    }
    by_python(may_install, "pages", "look.py", &[])
}

/// Seconds of requests that are made from the document.
const SCHEMA_SECONDS: &str = "45";

/// Asks a server what its document says can be asked.
pub(crate) fn schema(may_install: bool) -> Result<Outcome> {
    by_python(may_install, "schema", "run.py", &[SCHEMA_SECONDS])
}

/// Builds the server, and runs a script of the tests in this folder with it and a folder of its
/// own.
fn by_python(may_install: bool, name: &str, script: &str, arguments: &[&str]) -> Result<Outcome> {
    let tests = root().join("crates/flashdelta-server/tests").join(name);
    let venv = tools().join(name);
    let python = match may_install {
        true => setup::python(&venv, &tests.join("requirements.txt")).ok(),
        false => Some(venv.join("bin/python")).filter(|python| python.is_file()),
    };
    let Some(python) = python else {
        return Ok(Outcome::skipped(
            format!("not all Python packages of {}", tests.join("requirements.txt").display()),
            "python3 with venv, and a run without --no-setup",
        ));
    };
    let target = target_dir().join("server");
    let mut build = cargo(&format!("build --quiet --manifest-path {MANIFEST} --locked"));
    exec(build.env("CARGO_TARGET_DIR", &target))?;
    let mut run = command(python);
    run.arg(tests.join(script)).arg(target.join("debug/flashdelta-server"));
    let summary = output(run.arg(target.join(name)).args(arguments))?;
    println!("{summary}");
    Ok(Outcome::Passed(summary.trim().to_owned()))
}
