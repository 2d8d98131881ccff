//! Who compiles and links for microcontrollers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{anyhow, bail, Result};

use super::board::Board;
use crate::command::{command, exists, output, root, target_dir};

/// A microcontroller that the applier is built for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    /// What `--target` takes.
    pub(crate) name: &'static str,
    /// What stands for in one word.
    pub(crate) chips: &'static str,
    /// Prediction for its own instruction set.
    pub(crate) isa: &'static str,
    /// GNU ld, for compilers that come without a linker of their own.
    linker: &'static str,
    emulation: &'static str,
    pub(crate) board: Board,
    pub(crate) packages: &'static [&'static str],
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [
        Self {
            triple: "riscv32imc-unknown-none-elf",
            name: "rv32imc",
            chips: "ESP32-C3",
            isa: "isa-riscv",
            linker: "riscv64-unknown-elf-ld",
            emulation: "elf32lriscv",
            board: Board::VIRT,
            packages: &["rustc-web", "cargo-web", "rust-web-src", "binutils-riscv64-unknown-elf"],
        },
        Self {
            triple: "thumbv6m-none-eabi",
            name: "thumbv6m",
            chips: "Cortex-M0+",
            isa: "isa-thumb",
            linker: "arm-none-eabi-ld",
            emulation: "armelf",
            board: Board::MICROBIT,
            packages: &["rustc-web", "cargo-web", "rust-web-src", "binutils-arm-none-eabi"],
        },
        Self {
            triple: "thumbv7m-none-eabi",
            name: "thumbv7m",
            chips: "Cortex-M3",
            isa: "isa-thumb",
            linker: "arm-none-eabi-ld",
            emulation: "armelf",
            board: Board::MPS2,
            packages: &["rustc-web", "cargo-web", "rust-web-src", "binutils-arm-none-eabi"],
        },
    ];
}

/// Who compiles for a target.
#[derive(Clone, Copy)]
pub(crate) enum Toolchain {
    /// The compiler that builds everything else; it has the target's `core`.
    Own,
    /// Debian's, which has the sources of `core` and builds it.
    Debian,
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// The compiler for a target, if there is one.
pub(crate) fn toolchain(target: &Target) -> Option<Toolchain> {
    let libraries = |rustc: &str| {
        let sysroot = output(command(rustc).args(["--print", "sysroot"])).ok()?;
        Some(Path::new(sysroot.trim()).join("lib/rustlib"))
    };
    if libraries("rustc").is_some_and(|lib| lib.join(target.triple).join("lib").is_dir()) {
        return Some(Toolchain::Own);
    }
    let sources = libraries(DEBIAN_RUSTC).is_some_and(|lib| lib.join("src/rust/library/core").is_dir());
    let complete = sources && Path::new(DEBIAN_CARGO).is_file() && exists(target.linker) && recent_enough();
    complete.then_some(Toolchain::Debian)
}

/// Bookworm itself has a compiler that is too old for us; its security updates bring a newer one.
fn recent_enough() -> bool {
    let minor = |version: &str| version.split('.').nth(1)?.parse::<u32>().ok();
    let wanted = minor(env!("CARGO_PKG_RUST_VERSION"));
    let found = output(command(DEBIAN_RUSTC).arg("--version")).ok();
    let found = found.and_then(|text| minor(text.split_whitespace().nth(1)?));
    found.zip(wanted).is_some_and(|(found, wanted)| found >= wanted)
}

/// The SHA-256 that is written for size, not for speed: what a device uses.
const COMPACT_SHA: &str = r#"--cfg sha2_backend_soft="compact""#;

/// Builds and links the guest with the applier for a target. `opt` is the optimisation level: `s`, `z`, 2, 3; `more`: further flags.
pub(crate) fn build(target: &Target, with: Toolchain, features: &str, opt: &str, more: &str) -> Result<PathBuf> {
    let board = &target.board;
    let features = board.feature.map_or(features.to_owned(), |feature| format!("{features},{feature}"));
    let mut flags =
        format!("{COMPACT_SHA}{more} -Clink-arg=-T{}", root().join("crates/xtask/device/guest.ld").display());
    for (symbol, address) in [("code", board.code), ("data", board.data), ("task", board.memory.0)] {
        flags += &format!(" -Clink-arg=--defsym={symbol}={address:#x}");
    }
    let mut cargo = match with {
        Toolchain::Own => link_cargo(command("cargo"), &features),
        Toolchain::Debian => {
            flags += &format!(" -Clinker={} -Clinker-flavor=ld -Clink-arg=-m{}", target.linker, target.emulation);
            let mut cargo = command(DEBIAN_CARGO);
            // Cargo and rustup tell what they run which compiler to use; this shall be another one.
            cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER").env_remove("CARGO");
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env("PATH", path_with_usr_bin_first());
            let mut cargo = link_cargo(cargo, &features);
            cargo.arg("-Zbuild-std=core");
            cargo
        }
    };
    // `s` and `z` are strings in cargo's eyes.
    let level = if opt.parse::<u8>().is_ok() { opt.to_owned() } else { format!("\"{opt}\"") };
    cargo.args(["--target", target.triple, "--config", &format!("profile.release.opt-level={level}")]);
    link(cargo.env("RUSTFLAGS", flags))?;
    Ok(folder().join(target.triple).join("release/device-guest"))
}

/// What every device that has all of it is built with.
pub(crate) const EVERYTHING: &str = "model,lz4,isa-thumb,isa-riscv,isa-xtensa,isa-tc32,isa-mcs51";

/// The same check for the machine at hand: any stable compiler can do it.
pub(crate) fn link_on_host() -> Result<String> {
    // Whatever sets of features devices are built with.
    for features in ["", "lz4", "model", EVERYTHING] {
        link(&mut host_cargo(features))?;
    }
    // And does the check notice a panic?
    match link(&mut host_cargo("a-panic")) {
        Ok(()) => bail!("the check is blind: it does not see a deliberate panic"),
        Err(error) if format!("{error:#}").contains(MISSING) => Ok("a deliberate panic is noticed".to_owned()),
        Err(error) => Err(error.context("the check fails for another reason than the deliberate panic")),
    }
}

/// The function that does not exist.
const MISSING: &str = "a_panic_path_is_left";

fn host_cargo(features: &str) -> Command {
    let mut cargo = link_cargo(command("cargo"), features);
    cargo.env("RUSTFLAGS", "-Clink-arg=-nostartfiles -Clink-arg=-lc");
    // With a target named, the flags reach the program only, not build scripts.
    cargo.args(["--target", HOST]);
    cargo
}

const HOST: &str = env!("XTASK_HOST");

/// `cargo build` for the guest.
fn link_cargo(mut cargo: Command, features: &str) -> Command {
    cargo.args(["build", "--release", "--quiet", "--manifest-path", "crates/xtask/device/Cargo.toml"]);
    cargo.arg("--features").arg(features).arg("--target-dir").arg(folder());
    cargo
}

fn link(cargo: &mut Command) -> Result<()> {
    match output(cargo) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = format!("{error:#}");
            // What a linker says about one missing symbol can be very long.
            let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
            let first = if text.contains(MISSING) { "the applier can panic:\n" } else { "" };
            Err(anyhow!("{first}{}", lines[lines.len().saturating_sub(30)..].join("\n")))
        }
    }
}

/// Where all of it is built.
pub(crate) fn folder() -> PathBuf {
    target_dir().join("device")
}

fn path_with_usr_bin_first() -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
