//! Builds the applier for microcontrollers, and proves at link time that it cannot panic.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{anyhow, bail, Context as _, Result};

use crate::command::{command, exists, output, target_dir};

/// A microcontroller that the applier is built for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    /// What stands for in one word.
    pub(crate) chips: &'static str,
    /// Prediction for its instruction set.
    isa: &'static str,
    /// GNU ld, for compilers that come without a linker of their own.
    linker: &'static str,
    emulation: &'static str,
    pub(crate) packages: &'static [&'static str],
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [
        Self {
            triple: "riscv32imc-unknown-none-elf",
            chips: "ESP32-C3",
            isa: "isa-riscv",
            linker: "riscv64-unknown-elf-ld",
            emulation: "elf32lriscv",
            packages: &["rustc-web", "cargo-web", "rust-web-src", "binutils-riscv64-unknown-elf"],
        },
        Self {
            triple: "thumbv6m-none-eabi",
            chips: "Cortex-M0+",
            isa: "isa-thumb",
            linker: "arm-none-eabi-ld",
            emulation: "armelf",
            packages: &["rustc-web", "cargo-web", "rust-web-src", "binutils-arm-none-eabi"],
        },
        Self {
            triple: "thumbv7m-none-eabi",
            chips: "Cortex-M3",
            isa: "isa-thumb",
            linker: "arm-none-eabi-ld",
            emulation: "armelf",
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

/// Builds and links the applier for a target. Tells its size.
pub(crate) fn build(target: &Target, with: Toolchain) -> Result<String> {
    let variants =
        [("model, own ISA", format!("model,{}", target.isa)), ("every codec and ISA", EVERYTHING.to_owned())];
    let mut sizes = Vec::new();
    for (name, features) in variants {
        let mut flags = COMPACT_SHA.to_owned();
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
        cargo.args(["--target", target.triple]).env("RUSTFLAGS", flags);
        link(&mut cargo)?;
        sizes.push(format!("{} bytes ({name})", loaded_bytes(&program(Some(target.triple)))?));
    }
    Ok(sizes.join(", "))
}

const EVERYTHING: &str = "model,lz4,isa-thumb,isa-riscv,isa-xtensa,isa-tc32,isa-mcs51";

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

/// `cargo rustc` for the check program.
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

fn folder() -> PathBuf {
    target_dir().join("device")
}

fn program(target: Option<&str>) -> PathBuf {
    folder().join(target.unwrap_or("")).join("release/device-check")
}

fn path_with_usr_bin_first() -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// Bytes of an ELF program (32 bits, little endian) that lie in flash.
fn loaded_bytes(program: &Path) -> Result<u32> {
    let elf = std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let half = |at: usize| elf.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let word = |at: usize| elf.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let sum = || -> Option<u32> {
        let (start, size, count) = (word(28)? as usize, half(42)?, half(44)?);
        let mut sum = 0;
        for at in (0..count).map(|i| start + i * size) {
            const LOAD: u32 = 1;
            // Of the segment that holds them, the ELF headers themselves do not count.
            let headers = if word(at + 4)? == 0 { start + size * count } else { 0 };
            sum += if word(at)? == LOAD { word(at + 16)?.saturating_sub(headers as u32) } else { 0 };
        }
        Some(sum)
    };
    sum().ok_or_else(|| anyhow!("{} is not a complete ELF program", program.display()))
}
