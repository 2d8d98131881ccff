//! Other compilers, other machines, other versions of what we depend on.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::command::{cargo, command, exec, exists, output, root, target_dir, tools, works};
use crate::rust::{debian, debian_builds_std, own_has, DEBIAN_CARGO};
use crate::steps::{Outcome, Steps};
use crate::venv::{self, Environment};

/// The steps of this file.
pub(crate) fn test(steps: &mut Steps, may_install: bool) {
    steps.step("docs-rs", "the packaged crate's documentation, as docs.rs makes it", docs_rs);
    steps.step("deny", "licences, doubled versions and sources of dependencies", || {
        deny(may_install)
    });
    steps.step("msrv", "the minimum Rust version, and what dependencies ask for", msrv);
    steps.step("minimal-versions", "builds with the oldest dependencies allowed", minimal);
    for machine in &MACHINES {
        steps.step(machine.steps[0], machine.about, || machine.test());
    }
}

/// A kind of computer that the core's tests run on in an emulator.
pub(crate) struct Machine {
    pub(crate) triple: &'static str,
    /// Its step.
    pub(crate) steps: &'static [&'static str],
    about: &'static str,
    /// Modules of the test `format` that it runs: one that is emulated slowly has no time for many.
    tests: &'static [&'static str],
    /// GNU's name for it.
    gnu: &'static str,
    qemu: &'static str,
    packages: [&'static str; 2],
}

/// What differs from the usual: the size of a pointer, and the order of bytes.
pub(crate) const MACHINES: [Machine; 2] = [
    Machine {
        triple: "i686-unknown-linux-gnu",
        steps: &["cross:i686"],
        about: "vectors, round trips and cuts with 32-bit pointers",
        tests: &["vectors::", "exported::", "round_trip::"],
        gnu: "i686-linux-gnu",
        qemu: "qemu-i386",
        packages: ["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
    },
    Machine {
        triple: "s390x-unknown-linux-gnu",
        steps: &["cross:s390x"],
        about: "vectors, made and applied, on a big-endian machine",
        tests: &["vectors::", "exported::"],
        gnu: "s390x-linux-gnu",
        qemu: "qemu-s390x",
        packages: ["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"],
    },
];

impl Machine {
    pub(crate) fn packages(&self) -> Vec<&'static str> {
        let compiler = ["rustc-web", "cargo-web", "rust-web-src", "qemu-user"];
        [&compiler[..], &self.packages].concat()
    }

    fn gcc(&self) -> String {
        format!("{}-gcc", self.gnu)
    }

    /// Why it cannot be built for and run here; None: it can.
    pub(crate) fn lacking(&self) -> Option<&'static str> {
        let headers = PathBuf::from("/usr").join(self.gnu).join("include/stdio.h");
        match () {
            () if !own_has(self.triple) && !debian_builds_std() => Some("no Rust compiler for it"),
            () if !exists(&self.gcc()) => Some("no C compiler for it"),
            () if !headers.is_file() => Some("no C library for it"),
            () if !exists(self.qemu) => Some("no emulator for it"),
            () => None,
        }
    }

    fn test(&self) -> Result<Outcome> {
        if let Some(why) = self.lacking() {
            return Ok(Outcome::skipped(why, apt_get(&self.packages())));
        }
        let mut cargo = match own_has(self.triple) {
            true => cargo("test"),
            false => {
                let mut cargo = debian(DEBIAN_CARGO);
                cargo.args(["test", "-Zbuild-std"]);
                cargo
            }
        };
        let variable = self.triple.replace('-', "_");
        let upper = variable.to_uppercase();
        cargo
            .env(format!("CARGO_TARGET_{upper}_LINKER"), self.gcc())
            .env(
                format!("CARGO_TARGET_{upper}_RUNNER"),
                format!("{} -L /usr/{}", self.qemu, self.gnu),
            )
            .env(format!("CC_{variable}"), self.gcc())
            // Compiling takes longer than running.
            .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_TEST_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo.args(["--quiet", "--package", "flashdelta", "--all-features", "--test", "format"]);
        cargo.args(["--target", self.triple]);
        cargo.arg("--target-dir").arg(target_dir().join("cross"));
        // Threads are the same everywhere, and slow in an emulator.
        exec(cargo.args(["--", "--skip", "thread"]).args(self.tests))?;
        Ok(Outcome::Passed(format!("{}, in {}", self.triple, self.qemu)))
    }
}

fn apt_get(packages: &[&str]) -> String {
    format!("apt-get install {} (Debian)", packages.join(" "))
}

/// The documentation of the crate as it is published: alone, without the workspace around it.
fn docs_rs() -> Result<Outcome> {
    let package = "package --quiet --package flashdelta --no-verify --allow-dirty --target-dir";
    let folder = target_dir().join("docs-rs");
    exec(cargo(package).arg(&folder))?;
    let version = env!("CARGO_PKG_VERSION");
    let archive = folder.join(format!("package/flashdelta-{version}.crate"));
    let sources = folder.join("unpacked");
    std::fs::create_dir_all(&sources)?;
    exec(command("tar").arg("-xzf").arg(&archive).arg("-C").arg(&sources))?;
    let crate_folder = sources.join(format!("flashdelta-{version}"));
    // A parent folder has a workspace; this package is none of it.
    let manifest = crate_folder.join("Cargo.toml");
    let mut text = std::fs::read_to_string(&manifest)?;
    text.push_str("\n[workspace]\n");
    std::fs::write(&manifest, text)?;
    for features in ["", "--all-features"] {
        let mut doc = cargo("doc --quiet --no-deps --lib --manifest-path");
        doc.arg(&manifest).args(features.split_whitespace());
        doc.arg("--target-dir").arg(folder.join("build"));
        exec(doc.env("RUSTDOCFLAGS", "-D warnings --cfg docsrs"))?;
    }
    Ok(Outcome::passed())
}

/// What is shipped: the workspace, and the packages that are workspaces of their own.
const SHIPPED: [&str; 4] = [
    "Cargo.toml",
    "bindings/c/apply/Cargo.toml",
    "bindings/python/Cargo.toml",
    "bindings/wasm/Cargo.toml",
];

/// The service, which asks for a later Rust, and is held to a list of its own.
const SERVICE: (&str, &str) =
    ("crates/flashdelta-server/Cargo.toml", "crates/flashdelta-server/deny.toml");

fn deny(may_install: bool) -> Result<Outcome> {
    let Some(program) = cargo_deny(may_install) else {
        return Ok(Outcome::skipped("no cargo-deny", "cargo install --locked cargo-deny"));
    };
    for (manifest, config) in
        SHIPPED.map(|manifest| (manifest, "deny.toml")).into_iter().chain([SERVICE])
    {
        let mut deny = command(&program);
        deny.args(["deny", "--manifest-path", manifest, "--config", config, "check"]);
        // An exception that only one of these packages needs.
        deny.args(["-A", "unnecessary-skip", "-A", "unmatched-skip"]);
        exec(deny.args(["--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    }
    Ok(Outcome::Passed(
        "licences, bans, sources; advisories are not checked: their database is not fetched"
            .to_owned(),
    ))
}

/// The program: building it takes longer than all it checks, and Python's registry has it built.
fn cargo_deny(may_install: bool) -> Option<PathBuf> {
    if exists("cargo-deny") {
        return Some("cargo-deny".into());
    }
    let list = root().join("crates/xtask/requirements-deny.txt");
    let may_install = may_install && venv::is_here();
    let environment = Environment::find(may_install, &tools().join("deny"), &list)?;
    Some(environment.program("cargo-deny")).filter(|program| program.is_file())
}

/// The minimum version of Rust, as `Cargo.toml` states it.
const MSRV: &str = env!("CARGO_PKG_RUST_VERSION");

fn msrv() -> Result<Outcome> {
    for manifest in SHIPPED {
        dependencies_are_old_enough(manifest)?;
    }
    // Rustup must not fetch anything on its own.
    let with = |arguments: &str| {
        let mut cargo = cargo(&format!("+{MSRV} {arguments}"));
        cargo.env("RUSTUP_AUTO_INSTALL", "0");
        cargo
    };
    if !works(&mut with("--version")) {
        return Ok(Outcome::Passed(format!(
            "of dependencies; the step `lint` checks the library functions used; no Rust {MSRV} \
             here to build with (`rustup toolchain install {MSRV}`)"
        )));
    }
    let mut test = with("test --quiet --package flashdelta --package flashdelta-cli --target-dir");
    exec(test.arg(target_dir().join("msrv")))?;
    Ok(Outcome::Passed(format!("built and tested with Rust {MSRV}")))
}

/// No package that is built asks for a later Rust than we do.
fn dependencies_are_old_enough(manifest: &str) -> Result<()> {
    let mut metadata = cargo("metadata --format-version 1 --locked --all-features --manifest-path");
    let text = output(metadata.arg(manifest))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    let too_new: Vec<String> = packages
        .iter()
        .filter_map(|package| {
            let asks = package["rust_version"].as_str()?;
            let name = package["name"].as_str()?;
            (numbers(asks) > numbers(MSRV)).then(|| format!("{name} asks for Rust {asks}"))
        })
        .collect();
    if !too_new.is_empty() {
        bail!("{manifest} states Rust {MSRV}, but {}", too_new.join(", "));
    }
    Ok(())
}

/// A version, to be compared: two or three numbers.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    core::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The product with the oldest direct dependencies that the manifests allow. In a copy: the lock
/// file is the workspace's.
fn minimal() -> Result<Outcome> {
    let Ok(files) = output(command("git").args(["ls-files", "-z"])) else {
        return Ok(Outcome::skipped("no git, or no clone: what to copy is not known", "git"));
    };
    let copy = target_dir().join("minimal/sources");
    for name in files.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), copy.join(name));
        if std::fs::read(&from).ok() == std::fs::read(&to).ok() {
            continue;
        }
        std::fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        std::fs::copy(&from, &to).with_context(|| format!("cannot copy {name}"))?;
    }
    let inside = |mut cargo: Command| {
        cargo.current_dir(&copy);
        cargo
    };
    // What picks the versions is unstable in cargo; what builds is not.
    let update = cargo("update --quiet -Zdirect-minimal-versions");
    exec(inside(update).env("RUSTC_BOOTSTRAP", "1"))?;
    let check = cargo("check --quiet --locked --workspace --exclude xtask --all-features");
    exec(inside(check).arg("--target-dir").arg(target_dir().join("minimal/build")))?;
    Ok(Outcome::passed())
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("1.100") > numbers("1.88"));
        assert!(numbers("1.88.1") > numbers("1.88"));
        assert_eq!(numbers("1.88.0"), numbers("1.88"));
    }
}
