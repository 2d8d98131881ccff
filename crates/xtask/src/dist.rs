//! What is packaged: shell completions and man pages, from the program's own definition of its
//! command line, and the C libraries.

use anyhow::{Context as _, Result};

use crate::c_build::build_apply;
use crate::{c_package, command};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

pub(crate) fn run() -> Result<()> {
    let folder = command::target_dir().join("dist");
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    std::fs::create_dir_all(&completions)
        .with_context(|| format!("cannot make {}", completions.display()))?;
    let program = "run --quiet --release --package flashdelta-cli --";
    for shell in SHELLS {
        let made = command::output(command::cargo(program).args(["completions", shell]))?;
        std::fs::write(completions.join(format!("flashdelta.{shell}")), made)?;
    }
    command::exec(command::cargo(program).args(["man", "--output"]).arg(&man))?;
    println!("{} and {}", man.display(), completions.display());
    c_libraries(&folder.join("c"))
}

/// The C libraries, optimised, with headers and what finds them.
fn c_libraries(prefix: &std::path::Path) -> Result<()> {
    let folder = command::target_dir().join("c/dist");
    let mut build = command::cargo("build --quiet --release --package flashdelta-c --target-dir");
    // Without what only debuggers read: it is nine tenths of the library.
    build
        .arg(&folder)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    command::exec(&mut build)?;
    let libraries =
        c_package::Libraries { host: folder.join("release"), apply: build_apply(None, None)? };
    c_package::write(prefix, &libraries)?;
    println!("{}", prefix.display());
    Ok(())
}
