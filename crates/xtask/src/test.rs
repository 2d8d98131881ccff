//! `cargo xtask test`: everything that must hold before a change goes in.

use anyhow::{bail, Context as _, Result};

use crate::c;
use crate::command::{
    cargo, command, exec, output, release_program, root, target_dir, tools, works,
};
use crate::device::{self, Target};
use crate::embassy;
use crate::micropython;
use crate::mqtt;
use crate::peers::benches_dir;
use crate::python;
use crate::rust;
use crate::server;
use crate::setup;
use crate::steps::{Outcome, Steps};
use crate::venv::Environment;
use crate::wasm;
use crate::width;
use crate::zephyr;

/// Run all the tests: whatever this machine lacks is installed or said to be skipped
///
/// It takes three quarters of an hour on two cores. `--list` shows the steps.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only these steps, or groups of steps (the word before the colon)
    #[arg(long, value_name = "STEP", num_args = 1..)]
    only: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
    /// Install nothing; what is missing is skipped
    #[arg(long)]
    no_setup: bool,
    /// Seconds for each fuzz target
    #[arg(long, value_name = "SECONDS", default_value_t = FUZZ_SECONDS)]
    fuzz_seconds: u32,
}

impl Args {
    /// These steps; none: all.
    pub(crate) fn only(steps: &[&str]) -> Self {
        let only = steps.iter().map(|&step| step.to_owned()).collect();
        Self { only, list: false, no_setup: false, fuzz_seconds: FUZZ_SECONDS }
    }
}

const FUZZ_SECONDS: u32 = 5;

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut steps = Steps::new(&args.only, args.list);
    if args.only.is_empty() && !args.list {
        println!(
            "All the tests take three quarters of an hour on two cores; `--list` shows the steps."
        );
    }
    if !args.no_setup {
        set_up(&mut steps);
    }
    let beside = Beside::start(args);
    steps.step("format", "cargo fmt", format);
    steps.step("lint", "clippy, with every set of features that devices use", lint);
    steps.step("test", "the tests of the workspace", || {
        passed(run_all(&["test --workspace --all-features"]))
    });
    steps.step("server", "the update service, on SQLite and PostgreSQL", || {
        server::test(!args.no_setup)
    });
    steps.step("pages", "the pages of the service in Chromium, and axe-core", || {
        server::pages(!args.no_setup)
    });
    steps.step("schema", "the service, asked what its OpenAPI document says", || {
        server::schema(!args.no_setup)
    });
    steps.step("demo", "the first of the README's two commands", || {
        passed(run_all(&["run --quiet --release --package flashdelta-cli -- demo"]))
    });
    steps.step("formats", "firmware files beside other tools", || formats(!args.no_setup));
    steps.step("docs", "cargo doc without a warning", || {
        let mut doc = cargo("doc --workspace --no-deps --all-features");
        passed(exec(doc.env("RUSTDOCFLAGS", "-D warnings")))
    });
    steps.step("testdata", "where each file of testdata comes from", || {
        if !works(command("python3").arg("--version")) {
            return Ok(Outcome::skipped("no python3", "apt-get install python3 (Debian)"));
        }
        exec(command("python3").args(["testdata/vectors/make.py", "--check"]))?;
        exec(command("python3").args(["testdata/inputs/make.py", "--check"]))?;
        passed(exec(command("python3").args(["testdata/manifest.py", "--check"])))
    });
    steps.step("decoder", "a decoder written from docs/format.md alone", decoder);
    c::test(&mut steps);
    steps.step("python", "the wheel, in environments of its own", || python::run(!args.no_setup));
    steps.step("micropython", "the applier in MicroPython's Unix port", || {
        micropython::test(!args.no_setup)
    });
    steps.step("mqtt", "a fleet over a real broker, in C and in MicroPython", || {
        mqtt::test(!args.no_setup)
    });
    steps.step("zephyr", "the module for Zephyr, over a fake of Zephyr", || {
        zephyr::test(!args.no_setup)
    });
    steps.step("embassy", "an updater for embassy-boot", embassy::test);
    steps.step("wasm:node", "the npm package in Node, beside the program", wasm::node);
    steps.step("wasm:page", "its page in Chromium, with a simulated chip", wasm::page);
    width::test(&mut steps, !args.no_setup);
    match beside {
        Some(beside) => {
            let about = "emulated microcontrollers and fuzzing, run beside the other steps";
            steps.step("beside", about, || beside.finish());
        }
        None => {
            on_devices(&mut steps);
            fuzz(&mut steps, args.fuzz_seconds);
        }
    }
    steps.summarize()
}

/// The steps of the applier on devices.
fn on_devices(steps: &mut Steps) {
    steps.step("panic-free", "the applier links without a panic handler", || {
        device::link_on_host().map(Outcome::Passed)
    });
    for target in &Target::ALL {
        let about = format!("the applier on an emulated {}", target.chips);
        steps.step(&format!("device:{}", target.name), &about, || match target.lacking() {
            // A machine of CI's has what `cargo xtask setup` installs; but not every Debian has the
            // version of LLVM.
            Some(why) if std::env::var_os("CI").is_some() && !target.needs_llvm() => bail!("{why}"),
            Some(why) => Ok(Outcome::skipped(why, target.help())),
            None => device::test(target).map(Outcome::Passed),
        });
    }
}

/// The steps on emulated devices and those of fuzzing, which mostly run one program after the
/// other, in a process beside the other steps: a run of all the tests is a third shorter by that.
struct Beside {
    process: std::process::Child,
    log: std::path::PathBuf,
}

impl Beside {
    /// Starts them, if all the steps are wanted and there is more than one core.
    fn start(args: &Args) -> Option<Self> {
        let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
        if !args.only.is_empty() || args.list || cores < 2 {
            return None;
        }
        let log = crate::steps::logs().join("beside.log");
        std::fs::create_dir_all(crate::steps::logs()).ok()?;
        let file = std::fs::File::create(&log).ok()?;
        let mut test = command(std::env::current_exe().ok()?);
        test.args(["test", "--no-setup", "--fuzz-seconds", &args.fuzz_seconds.to_string()]);
        test.args(["--only", "panic-free", "device", "fuzz"]);
        test.stdout(file.try_clone().ok()?).stderr(file);
        Some(Self { process: test.spawn().ok()?, log })
    }

    /// Waits for them, and shows what they printed.
    fn finish(mut self) -> Result<Outcome> {
        let status = self.process.wait()?;
        let text = std::fs::read_to_string(&self.log)?;
        println!("{text}");
        if !status.success() {
            bail!("a step beside the others has failed; its output: {}", self.log.display());
        }
        let _ = std::fs::remove_file(&self.log);
        let last = text.lines().rev().find(|line| line.contains("passed"));
        Ok(Outcome::Passed(last.unwrap_or_default().to_owned()))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Nothing is left running when the other steps end early.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Installs what the wanted steps need. Always the first step, whichever are wanted.
fn set_up(steps: &mut Steps) {
    let only = steps.only().to_vec();
    let wanted = move |name: &str| Steps::new(&only, false).wanted(name);
    steps.always("setup", "what the wanted steps need and this machine lacks", || {
        setup::announce_python(&wanted);
        setup::install(&setup::needs(&wanted));
        if wanted("fuzz") {
            setup::install_cargo_fuzz();
        }
        if wanted("wasm:node") || wanted("wasm:page") {
            wasm::install_wasm_bindgen();
        }
        let missing = setup::missing(&wanted);
        Ok(match missing.is_empty() {
            true => Outcome::passed(),
            false => Outcome::skipped("not here and not installed", missing.join("; ")),
        })
    });
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::passed())
}

/// Runs cargo with each of these arguments; the first failure ends it.
fn run_all(arguments: &[&str]) -> Result<()> {
    arguments.iter().try_for_each(|arguments| exec(&mut cargo(arguments)))
}

/// Packages that are workspaces of their own.
fn outside_packages() -> impl Iterator<Item = &'static str> {
    let all = [
        "benches/Cargo.toml",
        "bindings/c/apply/Cargo.toml",
        "bindings/python/Cargo.toml",
        "bindings/wasm/Cargo.toml",
        "crates/flashdelta-server/Cargo.toml",
        "crates/xtask/device/Cargo.toml",
        "examples/embassy-boot/Cargo.toml",
        "fuzz/Cargo.toml",
    ];
    all.into_iter().filter(|manifest| root().join(manifest).is_file())
}

/// Reads and writes firmware files beside tools that are not ours.
fn formats(may_install: bool) -> Result<Outcome> {
    let folder = root().join("crates/flashdelta-cli/tests/formats");
    let list = folder.join("requirements.txt");
    let python = Environment::find(may_install, &tools().join("formats"), &list);
    let Some(python) = python else {
        return Ok(Outcome::skipped(
            "no Python packages: bincopy, intelhex, esptool",
            "python3 with venv, and a run without --no-setup",
        ));
    };
    let mut compare = python.python();
    compare
        .arg(folder.join("compare.py"))
        .arg(release_program()?)
        .arg(target_dir().join("formats"));
    let summary = output(&mut compare)?;
    println!("{summary}");
    Ok(Outcome::Passed(summary.trim().to_owned()))
}

/// Proves the document of the format by a decoder that was written from it alone.
fn decoder() -> Result<Outcome> {
    if !works(command("python3").arg("--version")) {
        return Ok(Outcome::skipped("no python3", "apt-get install python3 (Debian)"));
    }
    let mut check = command("python3");
    let summary = output(check.arg("testdata/check_decoder.py").arg(release_program()?))?;
    println!("{summary}");
    Ok(Outcome::Passed(summary.trim().to_owned()))
}

fn format() -> Result<Outcome> {
    if !works(&mut cargo("fmt --version")) {
        return Ok(Outcome::skipped("no cargo fmt", "rustup component add rustfmt"));
    }
    exec(&mut cargo("fmt --all -- --check"))?;
    for manifest in outside_packages() {
        exec(&mut cargo(&format!("fmt --manifest-path {manifest} -- --check")))?;
    }
    Ok(Outcome::passed())
}

/// The features of all instruction sets, as the library's manifest lists them.
fn isa_features() -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(root().join("crates/flashdelta/Cargo.toml"))?;
    let list = manifest.lines().find_map(|line| line.strip_prefix("isa = ["));
    let list = list.context("crates/flashdelta/Cargo.toml has no line `isa = [`")?;
    Ok(list
        .trim_end_matches(']')
        .split(", ")
        .map(|name| name.trim_matches('"').to_owned())
        .collect())
}

fn lint() -> Result<Outcome> {
    if !works(&mut cargo("clippy --version")) {
        return Ok(Outcome::skipped("no cargo clippy", "rustup component add clippy"));
    }
    let mut checks = vec!["--workspace --all-targets --all-features".to_owned()];
    // What devices are built with: nothing may be left over in any of them.
    let mut sets: Vec<String> =
        isa_features()?.iter().map(|feature| format!("model,{feature}")).collect();
    sets.extend(
        [
            "",
            "lz4",
            "model",
            "bounded,lz4",
            "suspend,model,lz4",
            "in-place",
            "verify,model",
            "receive,model",
            "set,model",
            "std",
        ]
        .map(str::to_owned),
    );
    for features in sets {
        checks.push(format!(
            "--package flashdelta --lib --no-default-features --features={features}"
        ));
    }
    // Packages that other compilers build into folders of their own.
    for (manifest, folder) in
        [("bindings/c/apply/Cargo.toml", "c/apply/lint"), ("bindings/wasm/Cargo.toml", "wasm/lint")]
    {
        let folder = target_dir().join(folder);
        checks.push(format!("--manifest-path {manifest} --target-dir {}", folder.display()));
    }
    if root().join("benches/Cargo.toml").is_file() {
        checks.push(format!(
            "--manifest-path benches/Cargo.toml --all-targets --target-dir {}",
            benches_dir()
        ));
    }
    for check in checks {
        exec(&mut cargo(&format!("clippy --quiet {check} -- -D warnings")))?;
    }
    Ok(Outcome::passed())
}

/// Every fuzz target for a few seconds: enough to see that they run, and to find what is easy to
/// find.
fn fuzz(steps: &mut Steps, seconds: u32) {
    let targets = crate::fuzz::targets();
    let lacking = match () {
        () if targets.is_empty() => Some(("there are no fuzz targets", "")),
        () if !works(command("c++").arg("--version")) => {
            Some(("no C++ compiler", "apt-get install g++ (Debian)"))
        }
        () => None,
    };
    if let Some((why, help)) = lacking {
        return steps
            .step("fuzz", "fuzzing, some seconds a target", || Ok(Outcome::skipped(why, help)));
    }
    let has_sanitizer = rust::nightly() && setup::has_cargo_fuzz();
    for target in targets {
        let about = format!("{seconds} s of fuzzing");
        steps.step(&format!("fuzz:{target}"), &about, || {
            if !has_sanitizer {
                return passed(crate::fuzz::briefly(&target, seconds));
            }
            let mut fuzz = cargo(&format!("+nightly fuzz run {target}"));
            // The target folder is not named by CARGO_TARGET_DIR alone, or nightly would build over
            // what stable has built.
            fuzz.arg("--target-dir").arg(target_dir().join("fuzz"));
            // GCC marks a static table inside zstd as left behind by its scope, and then complains
            // about its use.
            fuzz.env("CFLAGS", "-fno-sanitize-address-use-after-scope");
            fuzz.args([
                "--",
                &format!("-max_total_time={seconds}"),
                "-rss_limit_mb=4096",
                "-print_final_stats=0",
            ]);
            if exec(&mut fuzz).is_err() {
                bail!("{target} has found something; the input is in fuzz/artifacts/{target}");
            }
            Ok(Outcome::passed())
        });
    }
}
