//! Compilers for Rust: the one that builds everything else, Debian's, and nightly.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::command::{cargo, command, output, works};

pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
pub(crate) const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// Whether the compiler that builds everything else has the library of a target.
pub(crate) fn own_has(triple: &str) -> bool {
    // The compiler does not change while a chore runs, and to ask it takes some milliseconds.
    static OWN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let own = OWN.get_or_init(|| libraries("rustc")).as_ref();
    own.is_some_and(|lib| lib.join(triple).join("lib").is_dir())
}

/// Whether Debian's compiler can build the standard library for other targets.
pub(crate) fn debian_builds_std() -> bool {
    let sources =
        libraries(DEBIAN_RUSTC).is_some_and(|lib| lib.join("src/rust/library/core").is_dir());
    sources && Path::new(DEBIAN_CARGO).is_file() && recent_enough()
}

/// Where a compiler has its libraries.
fn libraries(rustc: &str) -> Option<PathBuf> {
    let sysroot = output(command(rustc).args(["--print", "sysroot"])).ok()?;
    Some(Path::new(sysroot.trim()).join("lib/rustlib"))
}

/// Bookworm itself has a compiler that is too old for us; its security updates bring a newer one.
fn recent_enough() -> bool {
    let minor = |version: &str| version.split('.').nth(1)?.parse::<u32>().ok();
    let wanted = minor(env!("CARGO_PKG_RUST_VERSION"));
    let found = output(command(DEBIAN_RUSTC).arg("--version")).ok();
    let found = found.and_then(|text| minor(text.split_whitespace().nth(1)?));
    found.zip(wanted).is_some_and(|(found, wanted)| found >= wanted)
}

/// Debian's cargo or rustc.
pub(crate) fn debian(program: &str) -> Command {
    let mut program = command(program);
    // Cargo and rustup tell what they run which compiler to use; this shall be another one.
    program.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER").env_remove("CARGO");
    program
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("PATH", path_with_usr_bin_first());
    program
}

fn path_with_usr_bin_first() -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// Whether there is a nightly compiler. libFuzzer's sanitizers need one.
pub(crate) fn nightly() -> bool {
    works(&mut cargo("+nightly --version"))
}
