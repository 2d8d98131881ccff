//! What is packaged: shell completions and man pages, from the program's own definition of its
//! command line, and the C libraries.

use anyhow::Result;

#[cfg(not(feature = "dist"))]
pub(crate) fn run() -> Result<()> {
    use crate::command::{cargo, exec};
    exec(&mut cargo("run --quiet --package xtask --features dist -- dist"))
}

#[cfg(feature = "dist")]
pub(crate) fn run() -> Result<()> {
    use anyhow::Context as _;
    use clap::ValueEnum as _;

    let folder = crate::command::target_dir().join("dist");
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    for folder in [&man, &completions] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // `flashdelta help diff` says what the page of `flashdelta diff` says.
    let mut command = flashdelta_cli::command().disable_help_subcommand(true);
    for shell in clap_complete::Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut command, "flashdelta", &completions)?;
    }
    clap_mangen::generate_to(command, &man)?;
    println!("{} and {}", man.display(), completions.display());
    c_libraries(&folder.join("c"))
}

/// The C libraries, optimised, with headers and what finds them.
#[cfg(feature = "dist")]
fn c_libraries(prefix: &std::path::Path) -> Result<()> {
    use crate::{c, c_package, command};

    let folder = command::target_dir().join("c/dist");
    let mut build = command::cargo("build --quiet --release --package flashdelta-c --target-dir");
    // Without what only debuggers read: it is nine tenths of the library.
    build
        .arg(&folder)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    command::exec(&mut build)?;
    let libraries =
        c_package::Libraries { host: folder.join("release"), apply: c::build_apply(None, None)? };
    c_package::write(prefix, &libraries)?;
    println!("{}", prefix.display());
    Ok(())
}
