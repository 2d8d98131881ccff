//! The update service: a package outside of the workspace, with tests of its own.

use std::path::PathBuf;

use anyhow::Result;

use crate::coap;
use crate::command::{cargo, chromium, exec, output, root, say, target_dir, tools, works};
use crate::micropython;
use crate::steps::Outcome;
use crate::venv::Environment;

const MANIFEST: &str = "crates/flashdelta-server/Cargo.toml";

/// Lints and tests it. What is missing on this machine, its tests skip aloud.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
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
    if let Some(python) = aiocoap(may_install) {
        test.env("FLASHDELTA_AIOCOAP", python);
    }
    if let Some(environment) = micropython::environment(may_install) {
        test.env("FLASHDELTA_MICROPYTHON", environment.program("micropython"));
    }
    let remark = match coap::has_libraries() {
        true => {
            test.env("FLASHDELTA_COAP_DEVICE", coap::device()?);
            ""
        }
        false => "no gcc or no PSA Crypto: the device in C was skipped",
    };
    exec(test.env("CARGO_TARGET_DIR", &target).env("FLASHDELTA", program))?;
    Ok(Outcome::Passed(remark.to_owned()))
}

/// Looks at the pages of a server in a browser. Screenshots stay in the target folder.
pub(crate) fn pages(may_install: bool) -> Result<Outcome> {
    if chromium().is_none() {
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
    let list = tests.join("requirements.txt");
    let python = Environment::find(may_install, &tools().join(name), &list);
    let Some(python) = python else {
        return Ok(Outcome::skipped(
            format!("not all Python packages of {}", list.display()),
            "python3 with venv, and a run without --no-setup",
        ));
    };
    let target = target_dir().join("server");
    let mut build = cargo(&format!("build --quiet --manifest-path {MANIFEST} --locked"));
    exec(build.env("CARGO_TARGET_DIR", &target))?;
    let mut run = python.python();
    if let Some(chromium) = chromium() {
        run.env("CHROMIUM", chromium);
    }
    run.arg(tests.join(script)).arg(target.join("debug/flashdelta-server"));
    let summary = output(run.arg(target.join(name)).args(arguments))?;
    println!("{summary}");
    Ok(Outcome::Passed(summary.trim().to_owned()))
}

/// Feed the service's CoAP and DTLS damaged datagrams
///
/// It takes some minutes for 10 million; a panic, or an answer that is too large, makes it fail.
#[derive(clap::Args)]
pub(crate) struct Datagrams {
    /// How many for CoAP; DTLS gets a quarter
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000_000)]
    number: u64,
}

pub(crate) fn datagrams(args: &Datagrams) -> Result<()> {
    let mut test = cargo("test --release --lib --locked --manifest-path");
    test.args([MANIFEST, "--target-dir"]).arg(target_dir().join("server"));
    test.args(["coap::hostile", "--", "--nocapture"]);
    exec(test.env("FLASHDELTA_DATAGRAMS", args.number.to_string()))
}

/// Ask the service as many devices at the same time
///
/// Simulated devices of 3 products, each at one of 20 releases, ask by sockets of their own, and
/// update themselves. It prints how long answers took; a patch that was made twice or is wrong, and
/// a request without an answer make it fail.
#[derive(clap::Args)]
pub(crate) struct Load {
    /// Devices
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    devices: u32,
    /// Within how many seconds they ask for the first time; 0: all in the same moment
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    seconds: u32,
    /// On PostgreSQL, in place of SQLite
    #[arg(long)]
    postgres: bool,
}

pub(crate) fn load(args: &Load) -> Result<()> {
    let mut test = cargo("test --release --test service --locked --manifest-path");
    test.args([MANIFEST, "--target-dir"]).arg(target_dir().join("server"));
    test.args(["load::", "--", "--ignored"]);
    test.env("FLASHDELTA_LOAD_DEVICES", args.devices.to_string());
    test.env("FLASHDELTA_LOAD_SECONDS", args.seconds.to_string());
    if args.postgres {
        test.env("FLASHDELTA_LOAD_POSTGRES", "1");
    }
    exec(&mut test)
}

/// A Python with aiocoap; its DTLS is left out where that cannot be built.
fn aiocoap(may_install: bool) -> Option<PathBuf> {
    let tests = root().join("crates/flashdelta-server/tests/service");
    let list = tests.join("requirements.txt");
    let environment = Environment::find(may_install, &tools().join("aiocoap"), &list)?;
    if may_install {
        if let Err(error) = environment.add(&tests.join("requirements-dtls.txt")) {
            say(&format!("aiocoap has no DTLS: {error:#}"));
        }
    }
    Some(environment.program("python"))
}
