//! Builds for Xtensa, with what Debian has.
//!
//! Its compiler knows the instruction set, but three things are missing. The built-in targets name
//! a data layout that its LLVM refuses: we describe ours in `xtensa-lx106.json`. Cargo cannot build
//! `core` for it, as `compiler_builtins` does not compile: we build `core` ourselves, beside an
//! empty `compiler_builtins`, into a sysroot; libgcc has what is missing. And LLVM's object files
//! misplace the literals: we take its assembly and let GNU's assembler do that, or, for the ESP32,
//! which GNU's does not know, place them before LLVM's.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::recipe::{folder, guest_cargo, level, library_cargo, Language, Recipe};
use super::toolchain::LLVM;
use crate::command::{command, output, root};
use crate::rust::{debian, DEBIAN_CARGO, DEBIAN_RUSTC};

/// Builds the C library, or the guest in Rust with the applier in it. What is returned is an object
/// file.
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
    cargo.env("RUSTFLAGS", format!("-Clinker=true --sysroot {}", sysroot.display()));
    output(&mut cargo)?;
    let object = work.join("applier.o");
    if recipe.target.needs_llvm() {
        assemble_by_llvm(&assembly, &object)?;
    } else {
        output(command(format!("{}as", recipe.target.gnu)).arg(&assembly).arg("-o").arg(&object))?;
    }
    Ok(object)
}

const CLANG: &str = LLVM[0];
const LLC: &str = LLVM[1];
const LLVM_MC: &str = LLVM[2];
/// The floating-point unit is left out, as LLVM fails to select some of its instructions, and the
/// high half of products, as QEMU's core does not have it. An ESP32 runs the rest as it is.
const CPU: [&str; 2] = ["-mcpu=esp32", "-mattr=-fp,-mul32high"];

/// Compiles C, or assembles, for the ESP32. Clang does not take the name of the chip; its back end
/// does.
pub(crate) fn compile_by_llvm(source: &Path, object: &Path) -> Result<()> {
    if source.extension().is_some_and(|extension| extension == "s") {
        return assemble_by_llvm(source, object);
    }
    let (bitcode, assembly) = (object.with_extension("ll"), object.with_extension("s"));
    let mut clang = command(CLANG);
    clang.args([
        "--target=xtensa",
        "-std=gnu11",
        "-Os",
        "-ffreestanding",
        "-ffunction-sections",
        "-fno-builtin",
    ]);
    clang
        .args(["-Wall", "-Wextra", "-Werror", "-S", "-emit-llvm", "-I"])
        .arg(root().join("bindings/c/include"));
    output(clang.arg(source).arg("-o").arg(&bitcode))?;
    output(
        command(LLC).args(CPU).arg("--function-sections").arg(&bitcode).arg("-o").arg(&assembly),
    )?;
    assemble_by_llvm(&assembly, object)
}

fn assemble_by_llvm(assembly: &Path, object: &Path) -> Result<()> {
    let text = std::fs::read_to_string(assembly)
        .with_context(|| format!("cannot read {}", assembly.display()))?;
    let placed = object.with_extension("placed.s");
    std::fs::write(&placed, place_literals(&text))?;
    let mut assembler = command(LLVM_MC);
    assembler.args(["--triple=xtensa", "-filetype=obj"]).args(CPU);
    output(assembler.arg(&placed).arg("-o").arg(object))?;
    Ok(())
}

/// Moves the literals of each function to a section of their own, aligned, as GNU's assembler does
/// and LLVM's does not.
fn place_literals(assembly: &str) -> String {
    let (mut placed, mut function) = (String::new(), 0);
    for line in assembly.lines() {
        match line.trim() {
            ".literal_position" => function += 1,
            text => {
                match text.strip_prefix(".literal ").and_then(|literal| literal.split_once(',')) {
                    Some((label, value)) => {
                        placed += &format!(
                            ".pushsection .literal.{function}, \"ax\", @progbits\n.p2align 2\n"
                        );
                        placed += &format!("{label}:\n.long {}\n.popsection\n", value.trim());
                    }
                    None => {
                        placed += line;
                        placed.push('\n');
                    }
                }
            }
        }
    }
    placed
}

/// `core` for the target, built once for each compiler and description of the target.
fn sysroot(triple: &str, json: &Path) -> Result<PathBuf> {
    let version = output(debian(DEBIAN_RUSTC).arg("--version"))?;
    let version: String =
        version.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let described = crc32fast::hash(
        &std::fs::read(json).with_context(|| format!("cannot read {}", json.display()))?,
    );
    let sysroot =
        folder().join(format!("sysroot-{}-{triple}-{described:08x}", version.trim_matches('-')));
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
        rustc.args([
            "--crate-name",
            name,
            "--edition=2024",
            "--crate-type=rlib",
            "-Zunstable-options",
            "--target",
        ]);
        rustc.arg(json).args([
            "-Copt-level=s",
            "-Cpanic=abort",
            "-Cembed-bitcode=yes",
            "-Zforce-unstable-if-unmarked",
        ]);
        rustc
            .args(["--cap-lints=allow", "--sysroot"])
            .arg(&sysroot)
            .arg("--out-dir")
            .arg(&libraries)
            .arg(&source);
        output(&mut rustc).with_context(|| format!("cannot build {name} for {triple}"))?;
    }
    Ok(sysroot)
}

const EMPTY: &str = "#![allow(internal_features)]\n#![feature(compiler_builtins)]\n\
                     #![compiler_builtins]\n#![no_builtins]\n#![no_std]\n";

#[cfg(test)]
mod tests {
    use super::place_literals;

    #[test]
    fn literals_get_sections_by_function() {
        let text = "\t.literal_position\n\t.literal .LCPI0_0, task\n\t.text\nf:\n\tentry\ta1, 32\n";
        let placed = ".pushsection .literal.1, \"ax\", @progbits\n.p2align 2\n.LCPI0_0:\n\
                      .long task\n.popsection\n";
        assert_eq!(place_literals(text), format!("{placed}\t.text\nf:\n\tentry\ta1, 32\n"));
    }
}
