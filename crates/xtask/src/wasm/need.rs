//! What building for WebAssembly takes.

use std::path::PathBuf;

use crate::command::{cargo, command, exec, exists, find, output, root, say, tools};
use crate::rust::{debian_builds_std, own_has};

/// The target of browsers, and of Node.
pub(super) const TRIPLE: &str = "wasm32-unknown-unknown";

/// Debian's packages with the compiler.
pub(crate) const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// Whether there is a compiler, and all that goes with it.
pub(crate) fn compiles() -> bool {
    own_has(TRIPLE) || debian_builds_std() && exists("wasm-ld")
}

/// What is lacking to build; `None`: nothing.
pub(super) fn lacking() -> Option<&'static str> {
    match () {
        () if !compiles() => Some("no Rust compiler for WebAssembly"),
        () if !exists("node") || !exists("npm") => Some("no Node with npm"),
        () if wasm_bindgen().is_none() => Some("no wasm-bindgen of the version in the lock file"),
        () => None,
    }
}

/// What would bring it.
pub(super) fn help() -> String {
    format!(
        "apt-get install {} nodejs npm (Debian), and a run without --no-setup",
        PACKAGES.join(" ")
    )
}

/// The version of wasm-bindgen that the lock file names: the tool and the crate have to be the
/// same.
fn version() -> Option<String> {
    let lock = std::fs::read_to_string(root().join("bindings/wasm/Cargo.lock")).ok()?;
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"wasm-bindgen\"");
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

/// The tool, if it is here in that version.
pub(super) fn wasm_bindgen() -> Option<PathBuf> {
    let path = find("wasm-bindgen")?;
    let told = output(command(&path).arg("--version")).ok()?;
    (told.split_whitespace().nth(1) == version().as_deref()).then_some(path)
}

/// Builds the tool, if it is not here.
pub(crate) fn install_wasm_bindgen() {
    let Some(version) = version().filter(|_| compiles() && wasm_bindgen().is_none()) else {
        return;
    };
    say(&format!("wasm-bindgen {version} is built in {}: some minutes", tools().display()));
    let mut install =
        cargo("install --quiet wasm-bindgen-cli --bin wasm-bindgen --force --version");
    install.arg(version).arg("--root").arg(tools());
    // It runs for a second: optimizing it takes longer than that.
    install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env_remove("RUSTFLAGS");
    if let Err(error) = exec(&mut install) {
        say(&format!("could not install wasm-bindgen: {error:#}"));
    }
}
