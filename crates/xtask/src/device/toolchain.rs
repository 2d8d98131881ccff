//! Who compiles for microcontrollers.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::board::Board;
use crate::command::{command, exists};
use crate::rust::{debian, debian_builds_std, own_has, DEBIAN_CARGO};

/// A microcontroller that the applier is built for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    /// What `--target` takes.
    pub(crate) name: &'static str,
    /// What it stands for in one word.
    pub(crate) chips: &'static str,
    /// The feature that predicts its own instruction set.
    pub(crate) isa: &'static str,
    /// GNU tools: how their names start.
    pub(crate) gnu: &'static str,
    /// GNU ld's name of the format; for compilers that come without a linker of their own.
    pub(crate) emulation: &'static str,
    pub(crate) gcc_flags: &'static [&'static str],
    pub(crate) board: Board,
    /// The sample pairs that it applies: two that all do, and for Xtensa one of its own kind.
    pub(crate) samples: &'static [&'static str],
    packages: &'static [&'static str],
}

impl Target {
    pub(crate) const ALL: [Self; 5] =
        [Self::RV32IMC, Self::THUMBV6M, Self::THUMBV7M, Self::LX106, Self::ESP32];

    const RV32IMC: Self = Self {
        triple: "riscv32imc-unknown-none-elf",
        name: "rv32imc",
        chips: "ESP32-C3",
        isa: "isa-riscv",
        gnu: "riscv64-unknown-elf-",
        emulation: "elf32lriscv",
        gcc_flags: &["-march=rv32imc_zicsr", "-mabi=ilp32"],
        board: Board::VIRT,
        samples: &["riscv", "cortex-m"],
        packages: &["gcc-riscv64-unknown-elf", "qemu-system-misc"],
    };

    const THUMBV7M: Self = Self {
        triple: "thumbv7m-none-eabi",
        name: "thumbv7m",
        chips: "Cortex-M3",
        isa: "isa-thumb",
        gnu: "arm-none-eabi-",
        emulation: "armelf",
        gcc_flags: &["-mcpu=cortex-m3", "-mthumb"],
        board: Board::MPS2,
        packages: &["gcc-arm-none-eabi", "qemu-system-arm"],
        ..Self::RV32IMC
    };

    const THUMBV6M: Self = Self {
        triple: "thumbv6m-none-eabi",
        name: "thumbv6m",
        chips: "Cortex-M0+",
        gcc_flags: &["-mcpu=cortex-m0", "-mthumb"],
        board: Board::MICROBIT,
        ..Self::THUMBV7M
    };

    const LX106: Self = Self {
        triple: "xtensa-lx106",
        name: "lx106",
        chips: "ESP8266",
        isa: "isa-xtensa",
        gnu: "xtensa-lx106-elf-",
        emulation: "elf32xtensa",
        gcc_flags: &[],
        board: Board::SIM_LX106,
        samples: &["riscv", "cortex-m", "esp8266"],
        packages: &["gcc-xtensa-lx106", "qemu-system-misc"],
    };

    const ESP32: Self = Self {
        triple: "xtensa-esp32",
        name: "esp32",
        chips: "ESP32",
        board: Board::SIM_DC233C,
        samples: &["riscv", "cortex-m", "esp32"],
        packages: &["gcc-xtensa-lx106", "clang-22", "llvm-22", "qemu-system-misc"],
        ..Self::LX106
    };

    /// Debian's packages that it takes: the compiler for Rust, and its own.
    pub(crate) fn packages(&self) -> Vec<&'static str> {
        [&["rustc-web", "cargo-web", "rust-web-src"], self.packages].concat()
    }

    /// The package with its emulator, and the program.
    pub(crate) fn emulator(&self) -> Option<(&'static str, &'static str)> {
        let package = self.packages.iter().find(|name| name.starts_with("qemu"))?;
        Some((package, self.board.qemu))
    }

    /// Whether GNU's compiler and assembler do not know it, and LLVM's have to do. GNU's linker
    /// does.
    pub(crate) fn needs_llvm(&self) -> bool {
        self.triple == "xtensa-esp32"
    }

    /// Whether there is no built-in target of the compiler's. Then [`super::xtensa`] builds for it.
    pub(crate) fn is_xtensa(&self) -> bool {
        self.triple.starts_with("xtensa")
    }

    pub(crate) fn linker(&self) -> String {
        format!("{}ld", self.gnu)
    }

    pub(crate) fn gcc(&self) -> String {
        format!("{}gcc", self.gnu)
    }

    /// Why it cannot be built and run here; None: it can.
    pub(crate) fn lacking(&self) -> Option<&'static str> {
        let missing = match () {
            () if toolchain(self).is_none() => "no Rust compiler for it",
            () if !exists(self.board.qemu) => "no emulator for it",
            () if !exists(&self.gcc()) => "no C compiler for it",
            () if self.needs_llvm() && !LLVM.iter().all(|tool| exists(tool)) => {
                "no C compiler and assembler for it"
            }
            () => return None,
        };
        Some(missing)
    }

    /// What would bring what is lacking.
    pub(crate) fn help(&self) -> String {
        let packages = self.packages().join(" ");
        format!("apt-get install {packages} (Debian), or `rustup target add {}`", self.triple)
    }
}

/// LLVM's tools: of the version that Debian's rustc is built with, as later ones need not work
/// around the same faults.
pub(crate) const LLVM: [&str; 3] = ["clang-22", "llc-22", "llvm-mc-22"];

/// Who compiles for a target.
#[derive(Clone, Copy)]
enum Toolchain {
    /// The compiler that builds everything else; it has the target's `core`.
    Own,
    /// Debian's, which has the sources of `core` and builds it.
    Debian,
}

/// The compiler for a target, if there is one.
fn toolchain(target: &Target) -> Option<Toolchain> {
    if own_has(target.triple) {
        return Some(Toolchain::Own);
    }
    let complete = debian_builds_std() && exists(&target.linker());
    complete.then_some(Toolchain::Debian)
}

/// `cargo build` for a target. Returned with it: flags for the compiler.
pub(crate) fn cargo_for(target: &Target) -> Result<(Command, String)> {
    match toolchain(target).with_context(|| format!("no compiler for {}", target.name))? {
        Toolchain::Own => {
            let mut cargo = command("cargo");
            cargo.args(["build", "--target", target.triple]);
            Ok((cargo, String::new()))
        }
        Toolchain::Debian => {
            let mut cargo = debian(DEBIAN_CARGO);
            cargo.args(["build", "--target", target.triple, "-Zbuild-std=core"]);
            let linker = format!(
                " -Clinker={} -Clinker-flavor=ld -Clink-arg=-m{}",
                target.linker(),
                target.emulation
            );
            Ok((cargo, linker))
        }
    }
}
