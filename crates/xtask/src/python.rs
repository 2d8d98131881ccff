//! The Python package: built, installed into environments of its own, and tested there.

use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

use crate::command::{command, exec, exists, output, release_program, root, target_dir, works};
use crate::steps::Outcome;
use crate::venv::{is_here, Environment, OLDEST};

/// Builds the source distribution and, from it, the wheel; tests what is installed, beside the
/// program.
pub(crate) fn run(may_install: bool) -> Result<Outcome> {
    if !is_here() {
        return Ok(Outcome::skipped(
            format!("no python3 of version {}.{} or later with venv", OLDEST.0, OLDEST.1),
            "apt-get install python3 python3-venv (Debian)",
        ));
    }
    let list = package().join("requirements-test.txt");
    let venv = folder().join("venv");
    let tools = match may_install {
        true => Environment::with(&venv, &list)?,
        false => match Environment::find(false, &venv, &list) {
            Some(environment) => environment,
            None => return Ok(Outcome::skipped("no Python packages", "a run without --no-setup")),
        },
    };
    lint()?;
    let wheel = build(&tools)?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    run_alone(&wheel)?;
    exec(tools.pip().args(["install", "--no-deps", "--force-reinstall"]).arg(&wheel))?;
    let mut pytest = tools.python();
    pytest.current_dir(package()).args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    exec(pytest.env("FLASHDELTA_BINARY", release_program()?))?;
    let reference = folder().join("reference");
    exec(
        tools
            .python()
            .args([
                "-W",
                "ignore:Cannot determine where",
                "-m",
                "pdoc",
                "--docformat",
                "numpy",
                "flashdelta",
                "--output-directory",
            ])
            .arg(reference),
    )?;
    let remark = if exists("mosquitto") {
        name
    } else {
        format!("{name}; no mosquitto: the MQTT example was skipped")
    };
    Ok(Outcome::Passed(remark))
}

fn package() -> PathBuf {
    root().join("bindings/python")
}

fn folder() -> PathBuf {
    target_dir().join("python")
}

fn lint() -> Result<()> {
    let mut clippy = crate::command::cargo(
        "clippy --quiet --manifest-path bindings/python/Cargo.toml --target-dir",
    );
    if works(&mut crate::command::cargo("clippy --version")) {
        exec(clippy.arg(target_dir()).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// The wheel. On x86-64 Linux Zig links it for the glibc of manylinux2014; elsewhere it is for
/// systems like this one.
fn build(tools: &Environment) -> Result<PathBuf> {
    let out = folder().join("dist");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    let mut maturin = command(tools.program("maturin"));
    maturin.args([
        "build",
        "--profile",
        "wheel",
        "--sdist",
        "--manifest-path",
        "bindings/python/Cargo.toml",
    ]);
    maturin.arg("--interpreter").arg(tools.program("python")).arg("--out").arg(&out);
    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        maturin.args(["--zig", "--compatibility", "manylinux2014"]);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let zig = tools.program("").to_path_buf();
    let path = std::env::join_paths(core::iter::once(zig).chain(std::env::split_paths(&path)))?;
    exec(maturin.env("PATH", path).env("CARGO_TARGET_DIR", target_dir()))?;
    let mut wheels = std::fs::read_dir(&out)?.flatten().map(|file| file.path());
    match wheels.find(|path| path.extension().is_some_and(|end| end == "whl")) {
        Some(wheel) => Ok(wheel),
        None => bail!("maturin has left no wheel in {}", out.display()),
    }
}

/// The wheel alone, in an empty environment: it needs nothing else.
fn run_alone(wheel: &Path) -> Result<()> {
    let clean = Environment::create(folder().join("clean"))?;
    exec(clean.pip().args(["install", "--no-index"]).arg(wheel))?;
    let works = "import flashdelta as f; assert f.apply(b'old', f.diff(b'old', b'new')) == b'new'";
    exec(clean.python().args(["-c", works]))?;
    let told = output(command(clean.program("flashdelta")).arg("--version"))?;
    println!("{}", told.trim());
    Ok(())
}
