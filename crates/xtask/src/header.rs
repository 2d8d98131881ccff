//! `cargo xtask header`: the C headers, from the doc comments of the bindings.

use anyhow::Result;

/// Write the C headers anew from the sources of bindings/c
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the headers are not what the sources say
    #[arg(long)]
    check: bool,
}

/// Whether the headers are what the sources say.
pub(crate) fn check() -> Result<()> {
    run(&Args { check: true })
}

#[cfg(not(feature = "header"))]
pub(crate) fn run(args: &Args) -> Result<()> {
    use crate::command::{cargo, exec};
    let mut again = cargo("run --quiet --package xtask --features header -- header");
    exec(again.args(args.check.then_some("--check")))
}

#[cfg(feature = "header")]
pub(crate) fn run(args: &Args) -> Result<()> {
    use anyhow::{bail, Context as _};

    use crate::command::root;

    let folder = root().join("bindings/c");
    for (package, modules, name) in [
        (
            "abi",
            &[
                "status",
                "callbacks",
                "applier",
                "suspend",
                "region",
                "suspended_region",
                "detail",
                "info",
                "verifier",
                "verify",
                "store",
                "components",
                "set",
                "set/component",
            ][..],
            "flashdelta_apply.h",
        ),
        (
            "host",
            &[
                "buffer",
                "error",
                "progress",
                "options/progress",
                "warnings",
                "options/warnings",
                "options",
                "options/device",
                "options/patch",
                "options/records",
                "options/applier",
                "options/holes",
                "make",
                "apply",
                "format",
                "firmware",
            ][..],
            "flashdelta.h",
        ),
    ] {
        let path = folder.join("include").join(name);
        let made = generate(&folder.join(package), modules)?;
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        if made == there {
            println!("{}: as the sources say", path.display());
        } else if args.check {
            bail!(
                "{} is not what the sources say: run `cargo xtask header` and commit it",
                path.display()
            );
        } else {
            std::fs::write(&path, made)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("{}: written anew", path.display());
        }
    }
    Ok(())
}

/// The header of a package, from these modules in this order.
#[cfg(feature = "header")]
fn generate(package: &std::path::Path, modules: &[&str]) -> Result<String> {
    use anyhow::anyhow;

    let file = package.join("cbindgen.toml");
    let mut config = cbindgen::Config::from_file(&file)
        .map_err(|error| anyhow!("{}: {error}", file.display()))?;
    if config.after_includes.is_none() {
        config.after_includes = Some(version_macros());
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    for module in modules {
        builder = builder.with_src(package.join("src").join(module).with_extension("rs"));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    Ok(without_rust_only_parts(&String::from_utf8(text)?))
}

#[cfg(feature = "header")]
fn version_macros() -> String {
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    format!(
        "/** Version of this header. */\n\
         #define FLASHDELTA_VERSION_MAJOR {major}\n\
         #define FLASHDELTA_VERSION_MINOR {minor}\n\
         #define FLASHDELTA_VERSION_PATCH {patch}"
    )
}

/// Sections "Safety" of the doc comments are for Rust; C programmers know what a pointer is.
#[cfg(feature = "header")]
fn without_rust_only_parts(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut skipping = false;
    for line in text.lines() {
        if line.trim() == "* # Safety" {
            skipping = true;
            while lines.last().is_some_and(|last| last.trim() == "*") {
                lines.pop();
            }
        } else if line.trim() == "*/" {
            skipping = false;
        }
        if !skipping {
            lines.push(line.trim_end());
        }
    }
    lines.join("\n") + "\n"
}
