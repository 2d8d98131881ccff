//! Builds for Xtensa, with what Debian has.
//!
//! Its compiler knows the instruction set, but three things are missing. The built-in targets name a data layout that its LLVM
//! refuses: we describe ours in `xtensa-lx106.json`. Cargo cannot build `core` for it, as `compiler_builtins` does not compile: we build
//! `core` ourselves, beside an empty `compiler_builtins`, into a sysroot; libgcc has what is missing. And LLVM's object files
//! misplace the literals: we take its assembly and let GNU's assembler do that.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::guests::{folder, guest_cargo, level, library_cargo, Language, Recipe, COMPACT_SHA};
use super::toolchain::{debian, DEBIAN_CARGO, DEBIAN_RUSTC};
use crate::command::{command, output, root};

/// Builds the C library, or the guest in Rust with the applier in it. What is returned is an object file.
pub(crate) fn object(recipe: &Recipe<'_>) -> Result<PathBuf> {
    let json = root().join(format!("crates/xtask/device/{}.json", recipe.target.triple));
    let sysroot = sysroot(recipe.target.triple, &json)?;
    let work = folder().join(recipe.target.triple).join(recipe.language.name());
    std::fs::create_dir_all(&work)?;
    // A name of its own for each, as cargo does not see to that this file is up to date.
    let name: String = recipe.features.replace(',', "-") + "-" + recipe.opt;
    let assembly = work.join(format!("{name}.s"));
    let mut cargo = debian(DEBIAN_CARGO);
    cargo.args(["rustc", "--release", "--quiet", "-Zjson-target-spec", "--target"]).arg(&json);
    let mut cargo = match recipe.language {
        Language::Rust => guest_cargo(cargo, recipe.features),
        Language::C => library_cargo(cargo, recipe.features),
    };
    cargo.args(level(recipe.opt)).arg("--").arg(format!("--emit=asm={}", assembly.display()));
    // Only the assembly counts: nothing is to be linked yet.
    cargo.env("RUSTFLAGS", format!("{COMPACT_SHA} -Clinker=true --sysroot {}", sysroot.display()));
    output(&mut cargo)?;
    let object = work.join("applier.o");
    output(command(format!("{}as", recipe.target.gnu)).arg(&assembly).arg("-o").arg(&object))?;
    Ok(object)
}

/// `core` for the target, built once for each compiler.
fn sysroot(triple: &str, json: &Path) -> Result<PathBuf> {
    let version = output(debian(DEBIAN_RUSTC).arg("--version"))?;
    let version: String = version.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let sysroot = folder().join(format!("sysroot-{}-{triple}", version.trim_matches('-')));
    let libraries = sysroot.join("lib/rustlib").join(triple).join("lib");
    if libraries.join("libcompiler_builtins.rlib").is_file() {
        return Ok(sysroot);
    }
    std::fs::create_dir_all(&libraries)?;
    let own = output(debian(DEBIAN_RUSTC).args(["--print", "sysroot"]))?;
    let core = Path::new(own.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs");
    let empty = sysroot.join("compiler_builtins.rs");
    std::fs::write(&empty, EMPTY)?;
    for (name, source) in [("core", core), ("compiler_builtins", empty)] {
        let mut rustc = debian(DEBIAN_RUSTC);
        rustc.args(["--crate-name", name, "--edition=2024", "--crate-type=rlib", "-Zunstable-options", "--target"]);
        rustc.arg(json).args(["-Copt-level=s", "-Cpanic=abort", "-Cembed-bitcode=yes", "-Zforce-unstable-if-unmarked"]);
        rustc.args(["--cap-lints=allow", "--sysroot"]).arg(&sysroot).arg("--out-dir").arg(&libraries).arg(&source);
        output(&mut rustc).with_context(|| format!("cannot build {name} for {triple}"))?;
    }
    Ok(sysroot)
}

const EMPTY: &str = "#![allow(internal_features)]\n#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_builtins]\n#![no_std]\n";
