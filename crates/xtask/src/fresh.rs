//! `cargo xtask fresh`: the README's two commands on a Debian that has nothing but what the README
//! asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::command::{command, exec, exists, is_root, output, root, target_dir};
use crate::debian;

/// Run the README's two commands in a new, bare Debian
///
/// debootstrap makes the system, in a folder: the Debian of this machine, with a C compiler and
/// Python, as the README asks for. The compiler for Rust is this machine's, and so is what it knows
/// of package registries: sources of apt, configuration of pip, npm and cargo, certificates,
/// proxies.
/// The sources are a clone of HEAD. Needs root, debootstrap and a Rust toolchain of rustup's.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these steps of `cargo xtask test`
    #[arg(long, value_name = "STEP", num_args = 1..)]
    only: Vec<String>,
    /// Leave the folder with the system, target/fresh/root, for a look
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(why) = lacking() {
        bail!("{why}");
    }
    if !exists(DEBOOTSTRAP) {
        debian::install(&[DEBOOTSTRAP]).context("no debootstrap")?;
    }
    System::make()?.try_out(args)
}

/// The program that makes a new system.
const DEBOOTSTRAP: &str = "debootstrap";

/// Why it cannot be done here, whatever is installed; None: it can.
fn lacking() -> Option<String> {
    let say = |why: &str| Some(why.to_owned());
    if !is_root() {
        return say("a new system needs root");
    }
    if !exists("apt-get") {
        return say("a new system needs apt: this is not Debian");
    }
    if output(unshare().arg("true")).is_err() {
        return say("no mounts of one's own: unshare(1) fails");
    }
    if !toolchain().is_ok_and(|rust| rust.join("bin/cargo").is_file() && rust != Path::new("/usr"))
    {
        return say("no Rust toolchain that can be lent to another system");
    }
    None
}

/// Runs a program that sees mounts and processes of its own: they end with it.
fn unshare() -> Command {
    let mut unshare = command("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--kill-child"]);
    unshare
}

/// Where the compiler that builds everything else is.
fn toolchain() -> Result<PathBuf> {
    Ok(PathBuf::from(output(command("rustc").args(["--print", "sysroot"]))?.trim()))
}

/// What a machine needs before the first command, as the README says.
const ASKED_FOR: &str = "gcc,libc6-dev,python3";

/// Where the sources are in the new system.
const SOURCES: &str = "root/flashdelta";

/// A new system.
struct System(PathBuf);

impl System {
    fn make() -> Result<Self> {
        let system = Self(target_dir().join("fresh/root"));
        system.remove()?;
        let sources = AptSource::of_this_machine()?;
        let main = sources.first().context("apt has no source of Debian's")?;
        println!("a bare {} is made in {}: a minute or two", main.suite, system.0.display());
        let mut debootstrap = command("debootstrap");
        debootstrap.arg("--variant=minbase").arg(format!("--include=ca-certificates,{ASKED_FOR}"));
        // It prints each package; its log is in the new system.
        output(debootstrap.arg(&main.suite).arg(&system.0).arg(&main.uri))?;
        system.carry(&sources)?;
        let clone = system.0.join(SOURCES);
        let origin = format!("file://{}", root().display());
        exec(command("git").args(["clone", "--quiet", "--depth", "1", &origin]).arg(clone))?;
        let changed = output(command("git").args(["status", "--porcelain"])).unwrap_or_default();
        if !changed.is_empty() {
            println!("what is not committed is not in it:\n{changed}");
        }
        Ok(system)
    }

    /// Takes along what this machine knows of registries and names.
    fn carry(&self, sources: &[AptSource]) -> Result<()> {
        let lines: String = sources.iter().map(AptSource::line).collect();
        std::fs::write(self.0.join("etc/apt/sources.list"), lines)?;
        // How to fetch; not what else is to be done before and after.
        let settings = output(command("apt-config").arg("dump"))?;
        let fetching: String = settings
            .lines()
            .filter(|line| line.starts_with("Acquire::"))
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(self.0.join("etc/apt/apt.conf.d/99host"), fetching)?;
        // The system is thrown away: nothing has to survive a power cut.
        std::fs::write(self.0.join("etc/dpkg/dpkg.cfg.d/fresh"), "force-unsafe-io\n")?;
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        let cargo = std::env::var_os("CARGO_HOME").map_or(home.join(".cargo"), PathBuf::from);
        for (from, to) in [
            (PathBuf::from("/etc/resolv.conf"), "etc/resolv.conf"),
            ("/etc/hosts".into(), "etc/hosts"),
            ("/etc/apt/auth.conf".into(), "etc/apt/auth.conf"),
            ("/etc/pip.conf".into(), "etc/pip.conf"),
            ("/etc/ssl/certs/ca-certificates.crt".into(), "etc/ssl/certs/ca-certificates.crt"),
            (home.join(".config/pip/pip.conf"), "root/.config/pip/pip.conf"),
            (home.join(".pip/pip.conf"), "root/.pip/pip.conf"),
            (home.join(".npmrc"), "root/.npmrc"),
            (cargo.join("config.toml"), "root/.cargo/config.toml"),
        ] {
            self.copy(&from, to)?;
        }
        let certificates = Path::new("/usr/local/share/ca-certificates");
        for entry in std::fs::read_dir(certificates).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let to = Path::new("usr/local/share/ca-certificates").join(&name);
            self.copy(&entry.path(), &to.to_string_lossy())?;
        }
        // Files that variables name are at the same place.
        for (_, value) in variables() {
            let path = Path::new(&value);
            if path.is_absolute() && path.is_file() {
                self.copy(path, value.trim_start_matches('/'))?;
            }
        }
        Ok(())
    }

    /// Copies a file, if it is there.
    fn copy(&self, from: &Path, to: &str) -> Result<()> {
        let to = self.0.join(to);
        if !from.is_file() {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(())
    }

    /// Runs both commands, and keeps what failed.
    fn try_out(self, args: &Args) -> Result<()> {
        let ran = self.run(&args.only);
        self.save_logs();
        if args.keep {
            println!("the system is in {}", self.0.display());
        } else {
            self.remove()?;
        }
        ran
    }

    /// Both commands.
    fn run(&self, only: &[String]) -> Result<()> {
        let mut test = "cargo xtask test".to_owned();
        if !only.is_empty() {
            test += &format!(" --only {}", only.join(" "));
        }
        for words in ["cargo run --release -p flashdelta-cli -- demo", &test] {
            println!("\n--- in the new system: {words}");
            exec(&mut self.inside(words)?)?;
        }
        Ok(())
    }

    /// A command in the new system. Ctrl-C is ignored there, as `nohup` and some CI have it.
    fn inside(&self, words: &str) -> Result<Command> {
        let (here, rust) = (self.0.display(), toolchain()?);
        let mounts = format!(
            "set -e; mkdir -p '{here}/opt/rust'; mount --bind '{}' '{here}/opt/rust'\n\
             mount -o remount,bind,ro '{here}/opt/rust'\n\
             mount -t proc proc '{here}/proc'; mount --rbind /dev '{here}/dev'\n\
             trap '' INT HUP\n\
             exec chroot '{here}' sh -c 'cd /{SOURCES} && {words}'",
            rust.display()
        );
        let mut unshare = unshare();
        unshare.args(["sh", "-c", &mounts]).env_clear().envs(variables());
        // Nothing is built a second time here, nor looked at in a debugger.
        for name in ["CARGO_INCREMENTAL", "CARGO_PROFILE_DEV_DEBUG", "CARGO_PROFILE_TEST_DEBUG"] {
            unshare.env(name, "0");
        }
        unshare.env("HOME", "/root").env("LANG", "C.UTF-8").env(
            "PATH",
            "/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
        Ok(unshare)
    }

    /// The output of failed steps outlives the system.
    fn save_logs(&self) {
        let logs = self.0.join(SOURCES).join("target/failed");
        let kept = target_dir().join("fresh/failed");
        let _ = std::fs::remove_dir_all(&kept);
        let Ok(entries) = std::fs::read_dir(logs) else { return };
        let _ = std::fs::create_dir_all(&kept);
        for entry in entries.flatten() {
            let _ = std::fs::copy(entry.path(), kept.join(entry.file_name()));
            println!("kept: {}", kept.join(entry.file_name()).display());
        }
    }

    /// Nothing is mounted there: mounts are seen only by what runs inside.
    fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Variables that say how to reach registries: proxies, certificates, settings of pip, npm and
/// cargo.
fn variables() -> impl Iterator<Item = (String, String)> {
    let says_how = |name: &str| {
        let upper = name.to_uppercase();
        let starts =
            ["PIP_", "NPM_CONFIG_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_SOURCE_", "SSL_CERT_"];
        let ends = ["_PROXY", "_CA_BUNDLE", "_CAINFO", "_EXTRA_CA_CERTS"];
        starts.iter().any(|start| upper.starts_with(start))
            || ends.iter().any(|end| upper.ends_with(end))
            || upper == "CI"
    };
    std::env::vars().filter(move |(name, _)| says_how(name))
}

/// A source of Debian's packages.
#[derive(Debug, PartialEq)]
struct AptSource {
    uri: String,
    suite: String,
    component: String,
}

impl AptSource {
    /// Those of Debian itself that this machine uses, the system's own release first.
    fn of_this_machine() -> Result<Vec<Self>> {
        let format = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)";
        let mut targets = command("apt-get");
        targets.args(["indextargets", "--format", format, "Created-By: Packages"]);
        let release = std::fs::read_to_string("/etc/os-release")?;
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        Ok(Self::read(&output(&mut targets)?, codename.unwrap_or("stable")))
    }

    fn read(targets: &str, codename: &str) -> Vec<Self> {
        let mut sources: Vec<_> = targets
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                let source =
                    Self { uri: words.next()?, suite: words.next()?, component: words.next()? };
                (words.next()? == "Debian").then_some(source)
            })
            .collect();
        sources.sort_by_key(|source| source.suite != codename || source.component != "main");
        sources
    }

    fn line(&self) -> String {
        format!("deb {} {} {}\n", self.uri, self.suite, self.component)
    }
}

/// What CI runs: all the tests; where set-up has changed, in a new system
///
/// For that it takes root and debootstrap, which is not installed for it; where one is missing, or
/// the system cannot be made, that is said, and the tests run as they are. What a new system cannot
/// have, a nightly compiler, the machine itself tests then.
#[derive(clap::Args)]
pub(crate) struct CiArgs {}

/// Steps that need a nightly compiler: a new system has none.
const NIGHTLY: [&str; 3] = ["c:sanitizers", "c:miri", "fuzz"];

/// What set-up consists of: what says which programs and packages there must be.
const SET_UP: [&str; 34] = [
    ".ci",
    "bindings/python/pyproject.toml",
    "bindings/python/requirements-test.txt",
    "crates/flashdelta-cli/tests/formats/requirements.txt",
    "crates/flashdelta-server/tests/pages/requirements.txt",
    "crates/flashdelta-server/tests/schema/requirements.txt",
    "crates/xtask/Cargo.toml",
    "crates/xtask/build.rs",
    "crates/xtask/requirements-deny.txt",
    "crates/xtask/src/c.rs",
    "crates/xtask/src/c_build.rs",
    "crates/xtask/src/c_package.rs",
    "crates/xtask/src/coap.rs",
    "crates/xtask/src/command.rs",
    "crates/xtask/src/debian.rs",
    "crates/xtask/src/device/mod.rs",
    "crates/xtask/src/device/qemu.rs",
    "crates/xtask/src/device/toolchain.rs",
    "crates/xtask/src/device/xtensa.rs",
    "crates/xtask/src/esp_idf/test.rs",
    "crates/xtask/src/fresh.rs",
    "crates/xtask/src/fuzz/build.rs",
    "crates/xtask/src/python.rs",
    "crates/xtask/src/rust.rs",
    "crates/xtask/src/server.rs",
    "crates/xtask/src/setup.rs",
    "crates/xtask/src/steps.rs",
    "crates/xtask/src/test.rs",
    "crates/xtask/src/venv.rs",
    "crates/xtask/src/wasm/build.rs",
    "crates/xtask/src/wasm/need.rs",
    "crates/xtask/src/wasm/test.rs",
    "crates/xtask/src/width.rs",
    "crates/xtask/src/zephyr.rs",
];

pub(crate) fn ci() -> Result<()> {
    if !set_up_has_changed() {
        println!("set-up has not changed lately: no new system is made");
        return crate::test::run(&crate::test::Args::only(&[]));
    }
    let system = match lacking() {
        Some(why) => Err(why),
        None if !exists(DEBOOTSTRAP) => Err("there is no debootstrap".to_owned()),
        None => System::make().map_err(|error| format!("{error:#}")),
    };
    match system {
        Ok(system) => {
            println!("set-up has changed lately: all the tests run in a new system");
            system.try_out(&Args { only: Vec::new(), keep: false })?;
            crate::test::run(&crate::test::Args::only(&NIGHTLY))
        }
        Err(why) => {
            println!("set-up has changed lately, but no new system can be made: {why}");
            crate::test::run(&crate::test::Args::only(&[]))
        }
    }
}

/// Whether one of the commits of the last half day before HEAD (and HEAD itself) changed set-up:
/// which commit was tested last, a clone does not know.
fn set_up_has_changed() -> bool {
    let git = |arguments: &[&str]| output(command("git").args(arguments));
    let Ok(head) = git(&["log", "-1", "--format=%ct"]) else { return false };
    let since = head.trim().parse::<u64>().unwrap_or(0).saturating_sub(12 * 3600);
    let since = format!("--since={since}");
    let log = [&["log", &since, "--format=%h", "--"], &SET_UP[..]].concat();
    git(&log).is_ok_and(|commits| !commits.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{AptSource, SET_UP};
    use crate::command::root;

    /// Sources of this package that install something, or ask for what must be there.
    fn ask(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ask(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let asks = ["debian::", "apt-get", "-m\", \"venv", "fn lacking"];
                if asks.iter().any(|words| text.contains(words)) {
                    found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
    }

    #[test]
    fn what_set_up_consists_of_is_listed() {
        for path in SET_UP {
            assert!(root().join(path).exists(), "{path} is not there");
        }
        let mut found = Vec::new();
        ask(&root().join("crates/xtask/src"), &mut found);
        // The other tools that sizes are compared with are no part of the tests.
        found.retain(|path| !path.contains("/peers/") && !SET_UP.contains(&&**path));
        assert!(found.is_empty(), "not in SET_UP: {found:?}");
    }

    #[test]
    fn the_release_itself_comes_first_and_only_debian_counts() {
        let sources = AptSource::read(
            "http://mirror.example/security bookworm-security main Debian\n\
             http://other.example/ nodistro main Other\n\
             http://mirror.example/debian bookworm main Debian\n",
            "bookworm",
        );
        let lines: Vec<_> = sources.iter().map(AptSource::line).collect();
        assert_eq!(
            lines,
            [
                "deb http://mirror.example/debian bookworm main\n",
                "deb http://mirror.example/security bookworm-security main\n"
            ]
        );
    }
}
