//! The tools that are compared, and how to get and to run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{cargo, command, exec, exists, release_program, root, target_dir};
use crate::venv::Environment;

/// Where a tool comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A Python package, through `peer.py`.
    Python,
    /// A Rust crate, through `benches/src/peer.rs`.
    Crate,
    /// A program of Debian's.
    Debian,
    Flashdelta,
}

/// A way to make a patch.
pub(crate) struct Tool {
    pub(crate) name: String,
    origin: Origin,
    /// For peers: which one. For flashdelta: the instruction set.
    kind: String,
    /// For flashdelta: RAM of the device.
    ram: String,
    /// Whether its patches can be applied in 16 KiB of RAM, dictionary included.
    pub(crate) small: bool,
}

impl Tool {
    fn peer(name: &str, origin: Origin, kind: &str, small: bool) -> Self {
        Self { name: name.to_owned(), origin, kind: kind.to_owned(), ram: String::new(), small }
    }

    fn flashdelta(ram: &str, isa: &str) -> Self {
        let name = match isa {
            "auto" => format!("flashdelta {ram}"),
            isa => format!("flashdelta {ram}, isa {isa}"),
        };
        Self {
            name,
            origin: Origin::Flashdelta,
            kind: isa.to_owned(),
            ram: ram.to_owned(),
            small: false,
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.origin == Origin::Flashdelta
    }

    /// The command that makes a patch. `isa` is what the list says about the pair.
    pub(crate) fn make(
        &self,
        bin: &Programs,
        old: &Path,
        new: &Path,
        patch: &Path,
        isa: &str,
    ) -> Command {
        match self.origin {
            Origin::Python | Origin::Crate => self.helper(bin, "make", old, new, patch),
            Origin::Debian => {
                let mut tool = command(&self.kind);
                match self.kind.as_str() {
                    "xdelta3" => tool
                        .args("-D -e -9 -S lzma -f -B".split(' '))
                        .arg(window(old))
                        .arg("-s")
                        .args([old, new, patch]),
                    "zstd" => tool
                        .args("-q -f --ultra -22 --long=27".split(' '))
                        .arg(patch_from(old))
                        .arg(new)
                        .arg("-o")
                        .arg(patch),
                    _ => tool.args([old, new, patch]),
                };
                tool
            }
            Origin::Flashdelta => {
                let isa = if self.kind == "listed" { isa } else { &self.kind };
                let mut tool = command(&bin.flashdelta);
                tool.arg("diff")
                    .args([old, new])
                    .arg("-o")
                    .arg(patch)
                    .args(["--quiet", "--ram", &self.ram, "--isa", isa]);
                tool
            }
        }
    }

    /// The command that applies it.
    pub(crate) fn apply(&self, bin: &Programs, old: &Path, patch: &Path, new: &Path) -> Command {
        match self.origin {
            Origin::Python | Origin::Crate => self.helper(bin, "apply", old, patch, new),
            Origin::Debian => match self.kind.as_str() {
                "xdelta3" => {
                    let mut tool = command("xdelta3");
                    tool.args("-D -d -f -B".split(' '))
                        .arg(window(old))
                        .arg("-s")
                        .args([old, patch, new]);
                    tool
                }
                "zstd" => {
                    let mut tool = command("zstd");
                    tool.args("-q -f -d --long=27".split(' '))
                        .arg(patch_from(old))
                        .arg(patch)
                        .arg("-o")
                        .arg(new);
                    tool
                }
                _ => {
                    let mut tool = command("bspatch");
                    tool.args([old, new, patch]);
                    tool
                }
            },
            Origin::Flashdelta => {
                let mut tool = command(&bin.flashdelta);
                tool.arg("apply").args([old, patch]).arg("-o").arg(new).arg("--quiet");
                tool
            }
        }
    }

    fn helper(&self, bin: &Programs, verb: &str, old: &Path, given: &Path, out: &Path) -> Command {
        let mut helper = match self.origin {
            Origin::Python => {
                let mut python = command(&bin.python);
                python.arg(folder().join("peer.py"));
                python
            }
            _ => command(&bin.crates),
        };
        helper.args([verb, &self.kind]).args([old, given, out]);
        helper
    }
}

fn patch_from(old: &Path) -> String {
    format!("--patch-from={}", old.display())
}

/// How much of the old image xdelta3 shall see: all of it. It allocates that much, so not more.
fn window(old: &Path) -> String {
    let len = std::fs::metadata(old).map_or(0, |file| file.len());
    len.next_power_of_two().max(1 << 20).to_string()
}

fn folder() -> PathBuf {
    root().join("crates/xtask/src/peers")
}

/// All peers at their best, and flashdelta for each RAM size and instruction set.
pub(crate) fn all(rams: &[String], isas: &[String]) -> Vec<Tool> {
    use Origin::{Crate, Debian, Python};
    let mut tools: Vec<Tool> = [
        ("HPatchLite + tuz", Python, "hdiffpatch:lite-tuz", true),
        ("HPatchLite + tamp", Python, "hdiffpatch:lite-tamp", true),
        ("detools + heatshrink", Python, "detools:heatshrink", true),
        ("detools + crle", Python, "detools:crle", true),
        ("HDiffPatch + lzma2", Python, "hdiffpatch:lzma2", false),
        ("HDiffPatch + brotli", Python, "hdiffpatch:brotli", false),
        ("HDiffPatch + zstd", Python, "hdiffpatch:zstd", false),
        ("HPatchLite + lzma", Python, "hdiffpatch:lite-lzma", false),
        ("detools + lzma", Python, "detools:lzma", false),
        ("detools cortex-m4 + lzma", Python, "detools:lzma-cm4", false),
        ("bsdiff4 (Python)", Python, "bsdiff4:", false),
        ("bsdiff", Debian, "bsdiff", false),
        ("qbsdiff (crate)", Crate, "qbsdiff", false),
        ("bsdiff (crate, uncompressed)", Crate, "bsdiff", false),
        ("xdelta3 + lzma", Debian, "xdelta3", false),
        ("zstd --patch-from", Debian, "zstd", false),
    ]
    .map(|(name, origin, kind, small)| Tool::peer(name, origin, kind, small))
    .into();
    for isa in isas {
        tools.extend(rams.iter().map(|ram| Tool::flashdelta(ram, isa)));
    }
    tools
}

/// Where the benchmarks are built.
pub(crate) fn benches_dir() -> String {
    target_dir().join("benches").display().to_string()
}

/// Where the programs are.
pub(crate) struct Programs {
    flashdelta: PathBuf,
    python: PathBuf,
    crates: PathBuf,
}

impl Programs {
    /// Builds or installs what the tools need. What cannot be had shows when it is run.
    pub(crate) fn prepare(tools: &[Tool]) -> Result<Self> {
        let uses = |origin| tools.iter().any(|tool| tool.origin == origin);
        let mut programs = Self {
            flashdelta: PathBuf::new(),
            python: PathBuf::new(),
            crates: Path::new(&benches_dir()).join("release/peer"),
        };
        if uses(Origin::Flashdelta) {
            programs.flashdelta = release_program()?;
        }
        if uses(Origin::Crate) {
            let dir = benches_dir();
            let build = format!(
                "build --quiet --release --manifest-path benches/Cargo.toml \
                 --target-dir {dir} --bin peer"
            );
            exec(&mut cargo(&build))?;
        }
        if uses(Origin::Debian)
            && !["xdelta3", "zstd", "bsdiff", "bspatch"].iter().all(|program| exists(program))
        {
            crate::debian::install(&["xdelta3", "zstd", "bsdiff"])
                .context("these peers are Debian packages: xdelta3 zstd bsdiff")?;
        }
        if uses(Origin::Python) {
            let venv = target_dir().join("peers/venv");
            let environment = Environment::with(&venv, &folder().join("requirements.txt"))?;
            programs.python = environment.program("python");
        }
        Ok(programs)
    }
}
