//! `cargo xtask device`: the applier on emulated microcontrollers, measured.

mod board;
mod guests;
mod profile;
mod qemu;
mod sections;
mod toolchain;
mod xtensa;

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use crate::command::{cargo, exec, output, root, target_dir};
pub(crate) use guests::link_on_host;
use guests::{Language, Recipe};
use qemu::{outcome_name, Report, Task};
use sections::{code_size, CodeSize};
pub(crate) use toolchain::{toolchain, Target};

/// Run the applier on emulated microcontrollers and measure it: code, RAM, stack, instructions
///
/// Builds the applier with a small guest program for each target, runs it in QEMU on the sample pairs or on a pair given, and compares
/// the new image. The link fails if the applier could panic, or had static RAM.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets: rv32imc, thumbv6m, thumbv7m, lx106
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    target: Vec<String>,
    /// Language of the guest
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_value = "rust,c")]
    guest: Vec<Language>,
    /// Old and new image, in place of the sample pairs
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2)]
    pair: Vec<PathBuf>,
    /// RAM that the patches are made for
    #[arg(long, value_name = "SIZE", num_args = 1.., value_delimiter = ',', default_value = "4KiB,16KiB,64KiB")]
    ram: Vec<String>,
    /// Optimisation level of the applier: s, z, 2 or 3
    #[arg(long, value_name = "LEVEL", default_value = "s")]
    opt: String,
    /// Features of the applier [default: what the patch needs]
    #[arg(long, value_name = "LIST")]
    features: Option<String>,
    /// Also print the instructions and the stack frame of each function
    #[arg(long)]
    profile: bool,
    /// Seconds that a guest may run
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

/// What was measured in one run.
struct Row {
    target: &'static str,
    language: Language,
    pair: String,
    ram: String,
    /// Codec and instruction set of the patch.
    patch: String,
    patch_len: usize,
    size: CodeSize,
    report: Report,
    new_len: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut targets: Vec<&Target> = Target::ALL.iter().collect();
    targets.retain(|target| args.target.is_empty() || args.target.iter().any(|name| name == target.name));
    if targets.is_empty() {
        bail!("no such target: there are {}", Target::ALL.map(|target| target.name).join(", "));
    }
    exec(&mut cargo("build --quiet --release --package flashdelta-cli"))?;
    let counts = guests::folder().join("counts.txt");
    let (flags, counting) = match args.profile {
        true => (
            profile::FLAGS,
            vec!["-plugin".to_owned(), format!("{},out={}", profile::plugin()?.display(), counts.display())],
        ),
        false => ("", Vec::new()),
    };
    let mut rows = Vec::new();
    for target in targets {
        let (Some(toolchain), None) = (toolchain(target), target.lacking()) else {
            println!("{} is skipped: {}", target.name, target.lacking().unwrap_or_default());
            continue;
        };
        for (name, old, new) in pairs(args)? {
            for ram in &args.ram {
                let patch = make(&old, &new, ram)?;
                let features = args.features.clone().unwrap_or_else(|| patch.features());
                let new_image = read(&new)?;
                let task = Task {
                    old: &read(&old)?,
                    expected: &new_image,
                    patches: &[patch.bytes.clone()],
                    workspace: patch.workspace,
                };
                for language in
                    args.guest.iter().copied().filter(|language| !target.is_xtensa() || *language == Language::C)
                {
                    let recipe = Recipe { target, toolchain, language, features: &features, opt: &args.opt, flags };
                    let program = guests::build(&recipe)?;
                    let size = code_size(&program)?;
                    let run = qemu::run(&target.board, &program, &task, Duration::from_secs(args.timeout), &counting)?;
                    let report = run.reports.first().context("the guest says nothing")?;
                    if report.outcome != 0 {
                        bail!("{} on {}: {}", name, target.name, outcome_name(report.outcome));
                    }
                    if run.new != new_image {
                        bail!("{} on {}: the image that comes out differs", name, target.name);
                    }
                    let row = Row {
                        target: target.name,
                        language,
                        pair: name.clone(),
                        ram: ram.clone(),
                        patch: format!("{}, {}", patch.codec, patch.isa),
                        patch_len: patch.bytes.len(),
                        size,
                        report: report.clone(),
                        new_len: new_image.len(),
                    };
                    println!("{}", line(&row));
                    if args.profile {
                        println!("{}", profile::table(&program, &counts, row.new_len)?);
                    }
                    rows.push(row);
                }
            }
        }
    }
    println!("\n{}", table(&rows));
    Ok(())
}

/// Name, old and new image.
fn pairs(args: &Args) -> Result<Vec<(String, PathBuf, PathBuf)>> {
    if let [old, new] = &args.pair[..] {
        let here = std::env::current_dir()?;
        let name = new.file_name().map_or("pair".to_owned(), |name| name.to_string_lossy().into_owned());
        return Ok(vec![(name, here.join(old), here.join(new))]);
    }
    let folder = root().join("testdata/firmware");
    let pair = |name: &str| {
        let [old, new] = ["1.0", "1.1"].map(|version| folder.join(format!("{name}-{version}.bin")));
        (name.to_owned(), old, new)
    };
    Ok(vec![pair("riscv"), pair("cortex-m")])
}

/// A patch, and what it says about itself.
struct Patch {
    bytes: Vec<u8>,
    codec: String,
    isa: String,
    workspace: usize,
}

impl Patch {
    /// What the applier needs to have.
    fn features(&self) -> String {
        let codec = if self.codec == "raw" { "" } else { &self.codec };
        let isa = match self.isa.as_str() {
            isa @ ("thumb" | "riscv" | "xtensa" | "tc32" | "mcs51") => format!("isa-{isa}"),
            _ => String::new(),
        };
        [codec, &isa].into_iter().filter(|feature| !feature.is_empty()).collect::<Vec<_>>().join(",")
    }
}

/// Makes a patch by the program, as users do.
fn make(old: &Path, new: &Path, ram: &str) -> Result<Patch> {
    std::fs::create_dir_all(guests::folder())?;
    let file = guests::folder().join(format!("{}.fdp", std::process::id()));
    let mut diff = crate::command::command(target_dir().join("release/flashdelta"));
    diff.args(["diff", "--json", "--ram", ram, "-o"]).args([&file, old, new].map(|path| path.as_os_str()));
    let report: serde_json::Value = serde_json::from_str(&output(&mut diff)?).context("what diff reports")?;
    let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    let workspace = report["workspace"].as_u64().context("no workspace in the report")?;
    let patch = Patch { bytes: read(&file)?, codec: text("codec"), isa: text("isa"), workspace: workspace as usize };
    std::fs::remove_file(&file)?;
    Ok(patch)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn line(row: &Row) -> String {
    let Row { report: r, size, .. } = row;
    format!(
        "{} {:?} {} {} ({}): {:.1} instructions per byte ({} in all), stack {}, applier {}, workspace {}, code {} \
         (text {} of it builtins {}, rodata {})",
        row.target,
        row.language,
        row.pair,
        row.ram,
        row.patch,
        per_byte(row),
        r.instructions,
        r.stack,
        r.applier,
        r.workspace,
        size.total(),
        size.text,
        size.builtins,
        size.rodata
    )
}

fn per_byte(row: &Row) -> f64 {
    row.report.instructions as f64 / row.new_len.max(1) as f64
}

/// The table for the README.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| target | pair | RAM | patch | instructions per byte | code | stack | applier | workspace |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        text += &format!(
            "| {} | {} | {} | {} ({}) | {:.0} | {} | {} | {} | {} |\n",
            row.target,
            row.pair,
            row.ram,
            row.patch_len,
            row.patch,
            per_byte(row),
            row.size.total(),
            row.report.stack,
            row.report.applier,
            row.report.workspace
        );
    }
    text
}
