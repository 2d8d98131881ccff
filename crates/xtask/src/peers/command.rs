//! The whole measurement.

use core::time::Duration;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use super::measure::measure;
use super::pairs::{self, Pair};
use super::row::{Made, Row};
use super::tools::{self, Programs, Tool};
use super::{chart, report};
use crate::command::{root, target_dir};

/// Measure flashdelta and its peers: bytes, seconds, memory
///
/// Every tool makes a patch for every pair and applies it; an image that differs is an error.
/// Results go to target/peers: results.tsv, report.md, chart.svg. What is missing is installed:
/// Python packages in a folder of their own, Debian packages as root or with sudo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// List of pairs: tab-separated, with columns name, old, new, and perhaps isa
    /// and title (what the picture calls the pair)
    #[arg(long, value_name = "FILE", default_value = "testdata/pairs.tsv")]
    pairs: PathBuf,
    /// Folder that the paths in the list are relative to [default: that of the list]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Measure only these pairs
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// RAM of the devices that flashdelta makes patches for
    #[arg(
        long,
        value_name = "SIZE",
        num_args = 1..,
        value_delimiter = ',',
        default_value = "4KiB,16KiB,64KiB"
    )]
    ram: Vec<String>,
    /// Instruction sets for flashdelta: as `flashdelta diff` takes them, or `listed` for what the
    /// list says
    #[arg(
        long,
        value_name = "ISA",
        num_args = 1..,
        value_delimiter = ',',
        default_value = "auto,none"
    )]
    isa: Vec<String>,
    /// Measure only tools whose name contains one of these words
    #[arg(long, value_name = "WORD", num_args = 1.., value_delimiter = ',')]
    tools: Vec<String>,
    /// Seconds that a tool has for making or applying one patch
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Put the tables into this block of docs/figures.md, and the picture beside it
    /// (docs/peers-BLOCK.svg)
    #[arg(long, value_name = "BLOCK")]
    figures: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let here = std::env::current_dir()?;
    let list = if args.pairs.exists() { here.join(&args.pairs) } else { root().join(&args.pairs) };
    let folder = match &args.root {
        Some(folder) => here.join(folder),
        None => list.parent().unwrap_or(&here).to_owned(),
    };
    let pairs = pairs::read(&list, &folder, &args.only)?;
    let mut tools = tools::all(&args.ram, &args.isa);
    tools.retain(|tool| {
        args.tools.is_empty() || args.tools.iter().any(|word| tool.name.contains(word.as_str()))
    });
    if tools.is_empty() {
        bail!("no tools to measure: is --tools right?");
    }
    let programs = Programs::prepare(&tools)?;

    let out = target_dir().join("peers");
    std::fs::create_dir_all(&out)?;
    let mut results = std::fs::File::create(out.join("results.tsv"))?;
    writeln!(
        results,
        "name\tnew_bytes\ttool\tclass\tbytes\tmake_s\tmake_peak_kib\tapply_s\tapply_peak_kib"
    )?;
    let (mut rows, mut ours_failed) = (Vec::new(), Vec::new());
    for pair in &pairs {
        let new_len = std::fs::metadata(&pair.new)
            .with_context(|| format!("cannot read {}", pair.new.display()))?
            .len();
        println!("{} ({new_len} bytes)", pair.name);
        let mut made = Vec::new();
        for tool in &tools {
            let class = match (tool.is_ours(), tool.small) {
                (true, _) => "flashdelta",
                (false, true) => "mcu",
                (false, false) => "any",
            };
            let start = format!("{}\t{new_len}\t{}\t{class}", pair.name, tool.name);
            made.push(match try_tool(tool, &programs, pair, &out.join("work"), args.timeout) {
                Ok(made) => {
                    let Made { bytes, make: m, apply: a } = &made;
                    println!(
                        "  {:28} {bytes:>9}  {:8.3} s {:8.3} s",
                        tool.name, m.seconds, a.seconds
                    );
                    let [make, apply] =
                        [m, a].map(|cost| format!("{:.4}\t{}", cost.seconds, cost.peak_kib));
                    writeln!(results, "{start}\t{bytes}\t{make}\t{apply}")?;
                    Some(made)
                }
                Err(error) => {
                    println!("  {:28} failed: {error:#}", tool.name);
                    writeln!(results, "{start}\t\t\t\t\t")?;
                    if tool.is_ours() {
                        ours_failed.push(format!("{} of {}: {error:#}", tool.name, pair.name));
                    }
                    None
                }
            });
        }
        rows.push(Row { name: pair.name.clone(), title: pair.title.clone(), new_len, made });
    }

    let text = report::markdown(&tools, &rows);
    let picture = chart::svg(&tools, &rows);
    std::fs::write(out.join("report.md"), &text)?;
    std::fs::write(out.join("chart.svg"), &picture)?;
    println!("\n{text}\nresults.tsv, report.md, chart.svg: {}", out.display());
    if !ours_failed.is_empty() {
        bail!("{} patches of flashdelta's failed:\n{}", ours_failed.len(), ours_failed.join("\n"));
    }
    if let Some(block) = &args.figures {
        crate::figures::put_into_figures("peers", block, &text)?;
        std::fs::write(root().join(format!("docs/peers-{block}.svg")), picture)?;
        println!("docs/figures.md and docs/peers-{block}.svg are refreshed");
    }
    Ok(())
}

/// Makes a patch, applies it, compares.
fn try_tool(
    tool: &Tool,
    programs: &Programs,
    pair: &Pair,
    work: &Path,
    seconds: u64,
) -> Result<Made> {
    let _ = std::fs::remove_dir_all(work);
    std::fs::create_dir_all(work)?;
    let (patch, new, limit) = (work.join("patch"), work.join("new"), Duration::from_secs(seconds));
    let make = measure(&mut tool.make(programs, &pair.old, &pair.new, &patch, pair.isa), limit)
        .context("make")?;
    let apply =
        measure(&mut tool.apply(programs, &pair.old, &patch, &new), limit).context("apply")?;
    if std::fs::read(&new).context("apply made nothing")? != std::fs::read(&pair.new)? {
        bail!("the image that comes out differs");
    }
    Ok(Made { bytes: std::fs::metadata(&patch)?.len(), make, apply })
}
