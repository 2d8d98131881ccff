//! Links the applier with a guest: a program that QEMU runs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{anyhow, bail, Result};

use super::board::Board;
use super::recipe::{folder, guest_cargo, level, library_cargo, Language, Recipe};
use super::toolchain::cargo_for;
use super::xtensa;
use crate::command::{command, output, root};

/// Builds the applier and links it with a guest. It fails if the applier can panic, or if it has
/// static RAM.
pub(crate) fn build(recipe: &Recipe<'_>) -> Result<PathBuf> {
    match recipe.language {
        Language::Rust if !recipe.target.is_xtensa() => build_rust(recipe),
        _ => build_with_gcc(recipe),
    }
}

fn build_rust(recipe: &Recipe<'_>) -> Result<PathBuf> {
    let board = &recipe.target.board;
    let features = board
        .feature
        .map_or(recipe.features.to_owned(), |feature| format!("{},{feature}", recipe.features));
    let (cargo, linker) = cargo_for(recipe.target)?;
    let mut flags = format!("{}{linker}", recipe.flags);
    for argument in script(board) {
        flags += &format!(" -Clink-arg={argument}");
    }
    let mut cargo = guest_cargo(cargo, &features);
    cargo.args(["--release", "--quiet"]);
    link(cargo.args(level(recipe.opt)).env("RUSTFLAGS", flags))?;
    Ok(folder().join(recipe.target.triple).join("release/device-guest"))
}

/// Arguments for the linker: where everything goes.
fn script(board: &Board) -> Vec<String> {
    let symbols = [
        ("vectors", board.vectors),
        ("reset", board.reset),
        ("code", board.code),
        ("data", board.data),
        ("task", board.memory.0),
    ];
    let symbols = symbols.map(|(symbol, address)| format!("--defsym={symbol}={address:#x}"));
    let script = root().join("crates/xtask/device/guest.ld");
    core::iter::once(format!("-T{}", script.display())).chain(symbols).collect()
}

fn build_with_gcc(recipe: &Recipe<'_>) -> Result<PathBuf> {
    let target = recipe.target;
    let library = if target.is_xtensa() { xtensa::object(recipe)? } else { staticlib(recipe)? };
    let here = root().join("crates/xtask/device");
    let work = folder().join(target.triple).join(recipe.language.name());
    std::fs::create_dir_all(&work)?;
    let mut objects = Vec::new();
    let mut sources = vec![here.join("c").join(target.board.host)];
    if recipe.language == Language::C {
        sources.push(here.join("c/guest.c"));
    }
    if target.is_xtensa() {
        sources.push(here.join("c/memory.c"));
    }
    for source in sources
        .into_iter()
        .chain(target.board.assembly.iter().map(|file| here.join("boards").join(file)))
    {
        // By this name the linker script knows what is the guest's own.
        let name = source.file_stem().map_or("source".into(), |name| name.to_string_lossy());
        let own = if name == "memory" { "" } else { "guest-in-c-" };
        let object = work.join(format!("{own}{name}.o"));
        if target.needs_llvm() {
            xtensa::compile_by_llvm(&source, &object)?;
            objects.push(object);
            continue;
        }
        let mut gcc = command(target.gcc());
        gcc.args(target.gcc_flags).args([
            "-std=gnu11",
            "-Os",
            "-ffreestanding",
            "-ffunction-sections",
        ]);
        // GCC would turn the loops of a `memcpy` into calls of `memcpy`.
        gcc.args(["-fno-tree-loop-distribute-patterns", "-Wall", "-Wextra", "-Werror", "-c"]);
        gcc.arg("-I").arg(root().join("bindings/c/include")).arg(&source).arg("-o").arg(&object);
        output(&mut gcc)?;
        objects.push(object);
    }
    let program = work.join("guest");
    let mut gcc = command(target.gcc());
    gcc.args(target.gcc_flags).args(["-nostdlib", "-nostartfiles", "-Wl,--gc-sections"]);
    gcc.args(script(&target.board).iter().map(|argument| format!("-Wl,{argument}")));
    gcc.args(objects).arg(library);
    if !target.needs_llvm() {
        gcc.arg("-lgcc");
    }
    link(gcc.arg("-o").arg(&program))?;
    Ok(program)
}

/// Builds libflashdelta_apply.a.
fn staticlib(recipe: &Recipe<'_>) -> Result<PathBuf> {
    let (cargo, _) = cargo_for(recipe.target)?;
    let mut cargo = library_cargo(cargo, recipe.features);
    cargo.args(["--release", "--quiet"]).args(level(recipe.opt));
    output(cargo.env("RUSTFLAGS", recipe.flags))?;
    Ok(folder().join("staticlib").join(recipe.target.triple).join("release/libflashdelta_apply.a"))
}

/// What every device that has all of it is built with.
pub(crate) const EVERYTHING: &str = "model,lz4,isa";

/// All features of the library in C.
pub(crate) const ALL_OF_C: &str = "model,lz4,isa,receive,verify,suspend,bounded,holes";

/// The same check for the machine at hand: any stable compiler can do it.
pub(crate) fn link_on_host() -> Result<String> {
    // Whatever sets of features devices are built with.
    for features in ["", "lz4", "model", EVERYTHING, "model,isa-thumb,in-place"] {
        link(&mut host_cargo(features))?;
    }
    // And does the check notice a panic?
    match link(&mut host_cargo("a-panic")) {
        Ok(()) => bail!("the check is blind: it does not see a deliberate panic"),
        Err(error) if format!("{error:#}").contains(MISSING) => {
            Ok("a deliberate panic is noticed".to_owned())
        }
        Err(error) => {
            Err(error.context("the check fails for another reason than the deliberate panic"))
        }
    }
}

/// The function that does not exist.
const MISSING: &str = "a_panic_path_is_left";

fn host_cargo(features: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.arg("build");
    let mut cargo = guest_cargo(cargo, features);
    cargo.args(["--release", "--quiet"]);
    cargo.env("RUSTFLAGS", "-Clink-arg=-nostartfiles -Clink-arg=-lc");
    // With a target named, the flags reach the program only, not build scripts.
    cargo.args(["--target", HOST]);
    cargo
}

const HOST: &str = env!("XTASK_HOST");

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
