//! WebAssembly, the npm package, and the page.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use super::need::{help, lacking, wasm_bindgen, TRIPLE};
use super::size;
use crate::command::{command, exec, exists, output, root, target_dir};
use crate::rust::{debian, own_has, DEBIAN_CARGO};

/// `cargo xtask wasm`
pub(crate) fn run() -> Result<()> {
    if let Some(why) = lacking() {
        bail!("{why}: {}", help());
    }
    let built = build()?;
    println!("{}\n{}", built.tarball.display(), built.web.display());
    println!("{}", size::told(&built.package)?);
    Ok(())
}

/// What is built.
pub(super) struct Built {
    /// The folder of the npm package.
    pub(super) package: PathBuf,
    /// What npm publishes.
    pub(super) tarball: PathBuf,
    /// The page.
    pub(super) web: PathBuf,
    /// A folder with the packages of npm that the tests use.
    pub(super) tools: PathBuf,
}

pub(super) fn sources() -> PathBuf {
    root().join("bindings/wasm")
}

/// Builds all of it.
pub(super) fn build() -> Result<Built> {
    let folder = target_dir().join("wasm");
    let wasm = compile(&folder)?;
    let dist = folder.join("dist");
    let package = package(&dist.join("package"), &wasm)?;
    let tarball = pack(&dist, &package)?;
    let tools = npm_tools(&folder)?;
    let web = page(&dist.join("web"), &package, &tools)?;
    // The page is modules by its script tags; to Node before 20.19, they are by this.
    std::fs::write(dist.join("package.json"), "{ \"type\": \"module\" }\n")?;
    Ok(Built { package, tarball, web, tools })
}

/// Compiles the crate for WebAssembly.
fn compile(folder: &Path) -> Result<PathBuf> {
    let mut build = if own_has(TRIPLE) {
        let mut cargo = command("cargo");
        cargo.arg("build");
        cargo
    } else {
        let mut cargo = debian(DEBIAN_CARGO);
        cargo.args(["build", "-Zbuild-std=std,panic_abort"]);
        cargo
    };
    // Random numbers come from JavaScript. Reference types would make wasm-bindgen use instructions
    // that Debian's wasm-opt does not know.
    let mut flags =
        "--cfg getrandom_backend=\"wasm_js\" -Ctarget-feature=-reference-types".to_owned();
    if !own_has(TRIPLE) {
        // A panic has nowhere to print to: its texts are a tenth of the file.
        flags += " -Clinker=wasm-ld -Zunstable-options -Cpanic=immediate-abort";
    }
    build.args(["--quiet", "--release", "--locked", "--target", TRIPLE, "--manifest-path"]);
    build.arg(sources().join("Cargo.toml")).arg("--target-dir").arg(folder.join("target"));
    build.env("RUSTFLAGS", flags).env_remove("CARGO_ENCODED_RUSTFLAGS");
    exec(&mut build)?;
    Ok(folder.join("target").join(TRIPLE).join("release/flashdelta_wasm.wasm"))
}

/// The folder of the npm package.
fn package(folder: &Path, wasm: &Path) -> Result<PathBuf> {
    fresh(folder)?;
    copy_files(&sources().join("js"), folder)?;
    for file in ["package.json", "README.md"] {
        copy(&sources().join(file), &folder.join(file))?;
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join("crates/flashdelta").join(licence), &folder.join(licence))?;
    }
    let tool = wasm_bindgen().context("no wasm-bindgen: a run without --no-setup builds it")?;
    let out = folder.join("wasm");
    let mut bind = command(tool);
    bind.args(["--target", "web", "--no-typescript", "--out-dir"]).arg(&out).arg(wasm);
    exec(&mut bind)?;
    optimize(&out.join("flashdelta_wasm_bg.wasm"))?;
    Ok(folder.to_owned())
}

/// Makes WebAssembly smaller, where there is a tool for it.
fn optimize(wasm: &Path) -> Result<()> {
    if !exists("wasm-opt") {
        return Ok(());
    }
    let mut optimize = command("wasm-opt");
    // What the compiler may have used.
    for feature in FEATURES {
        optimize.arg(format!("--enable-{feature}"));
    }
    optimize.args(["-O3", "--strip-debug", "--strip-producers"]).arg(wasm).arg("-o").arg(wasm);
    exec(&mut optimize)
}

const FEATURES: [&str; 5] =
    ["bulk-memory", "mutable-globals", "multivalue", "nontrapping-float-to-int", "sign-ext"];

/// `npm pack`
fn pack(dist: &Path, package: &Path) -> Result<PathBuf> {
    let mut pack = npm();
    pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(dist);
    let name = output(pack.current_dir(package))?;
    Ok(dist.join(name.trim()))
}

/// The packages of npm that the page and the tests use, of the versions in the lock file.
fn npm_tools(folder: &Path) -> Result<PathBuf> {
    let tools = folder.join("tools");
    let lock = "package-lock.json";
    let wanted = std::fs::read(sources().join("tools").join(lock))?;
    let is_here = std::fs::read(tools.join("node_modules/.lock")).is_ok_and(|lock| lock == wanted);
    if !is_here {
        std::fs::create_dir_all(&tools)?;
        for file in ["package.json", lock] {
            copy(&sources().join("tools").join(file), &tools.join(file))?;
        }
        let mut install = npm();
        install.args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]);
        exec(install.current_dir(&tools))?;
        std::fs::write(tools.join("node_modules/.lock"), wanted)?;
    }
    Ok(tools)
}

/// The page: files that are copied, and nothing else.
fn page(folder: &Path, package: &Path, tools: &Path) -> Result<PathBuf> {
    fresh(folder)?;
    copy_files(&sources().join("web"), folder)?;
    let library = folder.join("flashdelta");
    copy_files(package, &library)?;
    copy_files(&package.join("wasm"), &library.join("wasm"))?;
    for file in ["README.md", "package.json", "node.js", "worker_node.js", "worker_node_main.js"] {
        std::fs::remove_file(library.join(file))?;
    }
    let esptool = tools.join("node_modules/esptool-js");
    let vendor = folder.join("vendor");
    std::fs::create_dir_all(&vendor)?;
    copy(&esptool.join("bundle.js"), &vendor.join("esptool.js"))?;
    copy(&esptool.join("LICENSE"), &vendor.join("esptool.LICENSE"))?;
    Ok(folder.to_owned())
}

/// npm, which asks nobody and tells nobody.
fn npm() -> Command {
    let mut npm = command("npm");
    npm.env("npm_config_update_notifier", "false");
    npm
}

/// An empty folder.
pub(super) fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Copies the files of a folder, but not those of folders in it.
pub(super) fn copy_files(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in
        std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?
    {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
