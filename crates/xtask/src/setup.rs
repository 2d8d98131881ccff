//! What the tests need beyond Cargo, and how Debian installs it.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{bail, Result};

use crate::command::{cargo, command, exec, exists, target_dir, works};
use crate::device::Target;

/// Something that steps need.
pub(crate) struct Need {
    /// What it is for, for people.
    pub(crate) what: &'static str,
    /// Debian packages that bring it.
    pub(crate) packages: Vec<&'static str>,
    pub(crate) present: bool,
}

/// Everything that `cargo xtask test` needs.
pub(crate) fn needs() -> Vec<Need> {
    let need = |what, present, packages: &[&'static str]| Need {
        what,
        packages: packages.to_vec(),
        present,
    };
    let mut needs = vec![
        need("formatting", works(&mut cargo("fmt --version")), &["rustfmt-web"]),
        need("lints", works(&mut cargo("clippy --version")), &["rust-web-clippy"]),
        need(
            "the manifest of the test data",
            works(command("python3").arg("--version")),
            &["python3"],
        ),
        need("the Python package", crate::python::is_here(), &["python3", "python3-venv"]),
        need(
            "the MQTT example of the Python package",
            crate::python::has_mosquitto(),
            &["mosquitto"],
        ),
        need("fuzzing (libFuzzer is C++)", exists("c++"), &["g++"]),
        need(
            "comparing formats",
            exists("srec_cat") && exists("objcopy"),
            &["srecord", "binutils"],
        ),
        need(
            "the C libraries and their sanitizers",
            exists("gcc") && exists("g++"),
            &["gcc", "g++"],
        ),
        need("memory checks of the C libraries", exists("valgrind"), &["valgrind", "libc6-dbg"]),
        need(
            "finding the C libraries",
            exists("pkg-config") && exists("cmake"),
            &["pkg-config", "cmake"],
        ),
    ];
    for target in &Target::ALL {
        needs.push(need(target.triple, target.lacking().is_none(), &target.packages()));
    }
    needs
}

/// `cargo xtask setup`
pub(crate) fn run() -> Result<()> {
    install(&needs());
    install_cargo_fuzz();
    let missing: Vec<_> = needs().into_iter().filter(|need| !need.present).collect();
    for need in &missing {
        println!("missing: {} (Debian: {})", need.what, need.packages.join(" "));
    }
    match missing.len() {
        0 => println!("everything is there"),
        _ => bail!("something is missing; `cargo xtask test` skips what needs it"),
    }
    Ok(())
}

/// Installs what is missing, as far as that is possible. What is not there afterwards shows in the
/// steps that need it.
pub(crate) fn install(needs: &[Need]) {
    let mut packages: Vec<_> =
        needs.iter().filter(|n| !n.present).flat_map(|n| n.packages.iter().copied()).collect();
    // Debian's own cargo needs Debian's rustfmt; one from rustup would not find it.
    let debian = exists("rustup").then_some(["rustfmt-web", "rust-web-clippy"]);
    packages.retain(|package| !debian.is_some_and(|not| not.contains(package)));
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return;
    }
    let names = packages.join(" ");
    match apt(&packages) {
        Ok(()) => println!("installed: {names}"),
        // Not every Debian has every package: what there is, is to be had one by one.
        Err(_) if packages.len() > 1 && exists("apt-get") => {
            for package in packages {
                if let Err(error) = apt(&[package]) {
                    println!("could not install {package}: {error:#}");
                }
            }
        }
        Err(error) => println!("could not install {names}: {error:#}"),
    }
}

/// `apt-get install`, as root or through sudo. It never removes anything and never asks.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if !exists("apt-get") {
        bail!("this is not Debian: install them by hand");
    }
    let prefix: &[&str] = if is_root() {
        &[]
    } else if works(command("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        bail!(
            "only root can, and sudo asks for a password: run `sudo apt-get install {}`",
            packages.join(" ")
        );
    };
    let apt_get = |arguments: &[&str]| {
        let words =
            [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"], arguments]
                .concat();
        exec(command(words[0]).args(&words[1..]))
    };
    static UPDATED: OnceLock<()> = OnceLock::new();
    if UPDATED.set(()).is_ok() {
        // Old lists may still do.
        let _ = apt_get(&["-o", "DPkg::Lock::Timeout=120", "update"]);
    }
    let options = [
        "-o",
        "DPkg::Lock::Timeout=120",
        "install",
        "-y",
        "--no-install-recommends",
        "--no-remove",
    ];
    apt_get(&[&options, packages].concat())
}

fn is_root() -> bool {
    crate::command::output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// An environment for Python packages in `venv`, with what `requirements` names. Gives its
/// interpreter.
pub(crate) fn python(venv: &Path, requirements: &Path) -> Result<std::path::PathBuf> {
    let python = venv.join("bin/python");
    if !python.is_file() && exec(command("python3").args(["-m", "venv"]).arg(venv)).is_err() {
        apt(&["python3-venv"])?;
        exec(command("python3").args(["-m", "venv"]).arg(venv))?;
    }
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    exec(command(&python).args(install).arg(requirements))?;
    Ok(python)
}

/// Where `cargo-fuzz` lies if we installed it: inside the target folder, nobody else's business.
pub(crate) fn tools() -> std::path::PathBuf {
    target_dir().join("tools")
}

/// Is there a nightly compiler? libFuzzer's sanitizers need one.
pub(crate) fn nightly() -> bool {
    works(&mut cargo("+nightly --version"))
}

pub(crate) fn has_cargo_fuzz() -> bool {
    exists("cargo-fuzz") || tools().join("bin/cargo-fuzz").is_file()
}

/// Installs `cargo-fuzz` where a nightly compiler is there to use it.
pub(crate) fn install_cargo_fuzz() {
    let targets = Path::new(&crate::command::root()).join("fuzz/Cargo.toml").is_file();
    if !targets || !nightly() || has_cargo_fuzz() {
        return;
    }
    if let Err(error) = exec(cargo("install --quiet --locked cargo-fuzz --root").arg(tools())) {
        println!("could not install cargo-fuzz: {error:#}");
    }
}
