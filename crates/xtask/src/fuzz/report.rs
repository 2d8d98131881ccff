//! What came of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use super::build::{self, Kind};
use super::run::{corpus, Outcome};
use crate::command::{command, exec, exists, root, target_dir};

/// Prints a table; returns how many targets have found something.
pub(super) fn print(mut outcomes: Vec<(String, Result<Outcome>)>) -> Result<usize> {
    outcomes.sort_by(|a, b| a.0.cmp(&b.0));
    println!("target      executions   edges reached     corpus");
    let (mut total, mut found) = (0, 0);
    for (target, outcome) in outcomes {
        let Outcome { executions, edges: [reached, all], corpus, found: has } = outcome?;
        let note = if has { "  found something!" } else { "" };
        println!("{target:10} {executions:11}   {reached:6} of {all:6} {corpus:9}{note}");
        total += executions;
        found += usize::from(has);
    }
    println!("all        {total:11}");
    Ok(found)
}

/// Prints which share of the library's lines the corpora reach.
pub(super) fn coverage(targets: &[String]) -> Result<()> {
    let [profdata, cov] = tools()?;
    let folder = build::build(Kind::Coverage)?;
    let raw = target_dir().join("fuzz-profiles");
    let _ = fs::remove_dir_all(&raw);
    fs::create_dir_all(&raw)?;
    for target in targets {
        let mut replay = command(folder.join(target));
        replay.env("LLVM_PROFILE_FILE", raw.join(format!("{target}.profraw")));
        replay.args(["-runs=0", "-rss_limit_mb=4096", "-timeout=120"]).arg(corpus(target));
        replay.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        // One that fails leaves no profile, and its target has been told of.
        let _ = replay.status();
    }
    let merged = raw.join("all.profdata");
    let profiles: Vec<PathBuf> = fs::read_dir(&raw)?.flatten().map(|file| file.path()).collect();
    exec(command(&profdata).args(["merge", "-sparse", "-o"]).arg(&merged).args(profiles))?;
    let mut report = command(&cov);
    report.args(["report", "-summary-only"]).arg(format!("-instr-profile={}", merged.display()));
    for (i, target) in targets.iter().enumerate() {
        if i > 0 {
            report.arg("-object");
        }
        report.arg(folder.join(target));
    }
    exec(report.arg(root().join("crates/flashdelta/src")))
}

/// `llvm-profdata` and `llvm-cov` of the compiler's own version.
fn tools() -> Result<[PathBuf; 2]> {
    let (host, version) = build::compiler()?;
    let sysroot = command("rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let own = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
    let find = |name: &str| -> Result<PathBuf> {
        let ours = own.join(name);
        let debian = format!("{name}-{version}");
        match (ours.is_file(), exists(&debian)) {
            (true, _) => Ok(ours),
            (_, true) => Ok(debian.into()),
            _ => bail!("no {name} of LLVM {version}: rustup component add llvm-tools"),
        }
    };
    Ok([find("llvm-profdata")?, find("llvm-cov").context("for the report")?])
}
