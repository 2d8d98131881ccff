//! `cargo xtask device`: the applier on emulated microcontrollers, measured.

mod board;
mod budgets;
mod guests;
mod hostile;
mod profile;
mod qemu;
mod report;
mod samples;
mod sections;
mod suspended;
mod toolchain;
mod xtensa;

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use budgets::Measured;
pub(crate) use guests::link_on_host;
use guests::{Language, Recipe};
use qemu::{outcome_name, Report, Suspended, Task};
use report::{Row, Size};
use samples::{Pair, Patch};
use sections::code_size;
pub(crate) use toolchain::{debian, debian_builds_std, own_has, Target, DEBIAN_CARGO};

/// Run the applier on emulated microcontrollers and measure it: code, RAM, stack, instructions
///
/// Builds the applier with a small guest program for each target, runs it in QEMU on the sample
/// pairs or on a pair given, and compares the new image. The link fails if the applier could panic,
/// or had static RAM.
///
/// Code: .text and .rodata of what is linked, less the guest's own; memcpy and its like are in.
/// Stack: below the guest's call of the update, the flash callbacks included (they copy). Applier:
/// the object itself. Instructions: the whole update, both images' SHA-256 included.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets: rv32imc, thumbv6m, thumbv7m, lx106, esp32
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    target: Vec<String>,
    /// Only guests in these languages
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_value = "rust,c")]
    guest: Vec<Language>,
    /// Old and new image, in place of the sample pairs; may be given several times
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, action = clap::ArgAction::Append)]
    pair: Vec<PathBuf>,
    /// RAM that the patches are made for
    #[arg(long, value_name = "SIZE", num_args = 1.., value_delimiter = ',', default_value = "4KiB,16KiB,64KiB")]
    ram: Vec<String>,
    /// Codec of the patches, as `flashdelta diff` takes it
    #[arg(long, value_name = "CODEC", default_value = "auto")]
    codec: String,
    /// Suspend each update, with a reset, after each 100 bytes of its patch, and do so in calls
    /// that read and write at most this many bytes of flash; guests in Rust only
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = suspended::BUDGET)]
    suspend: Option<u32>,
    /// Optimisation level of the applier: s, z, 2 or 3
    #[arg(long, value_name = "LEVEL", default_value = "s")]
    opt: String,
    /// Features of the applier [default: what the patch needs]
    #[arg(long, value_name = "LIST")]
    features: Option<String>,
    /// Also apply this many damaged versions of a patch
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    hostile: usize,
    /// Also measure the code of several sets of features
    #[arg(long)]
    sizes: bool,
    /// Also print the instructions and the stack frame of each function
    #[arg(long)]
    profile: bool,
    /// Fail if something exceeds its budget, in crates/xtask/device/budgets.tsv
    #[arg(long)]
    budgets: bool,
    /// Make what is measured, and 2 % more, the budgets
    #[arg(long)]
    write_budgets: bool,
    /// Put the tables into this block of docs/figures.md; only that of the code, if its name ends
    /// with "-code"
    #[arg(long, value_name = "BLOCK")]
    figures: Option<String>,
    /// Seconds that a guest may run
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

/// Sets of features whose code is measured. `own` stands for the instruction set of the target.
pub(crate) const SETS: [(&str, &str); 4] = [
    ("model, own ISA", "model,own"),
    ("model, three ISAs", "model,isa-thumb,isa-riscv,isa-xtensa"),
    ("everything", guests::EVERYTHING),
    ("lz4 and raw only", "lz4"),
];

/// What features cost that are not in [`SETS`]: the code of the first set, less that of the second.
/// Only in Rust and on [`COSTS_ON`]: what is beyond the applier differs little between cores.
///
/// What the guest does with a feature is part of its cost: the loop that feeds it, and taking
/// datagrams apart. Receiving and sets hold `nor::Records` each (1.2 KiB), which a device that has both,
/// or suspends to flash, has once.
const COSTS: [(&str, &str, &str); 8] = [
    ("bounded calls", "model,own,bounded", "model,own"),
    ("suspending", "model,own,suspend", "model,own,bounded"),
    ("signature of the header", "model,own,signed", "model,own"),
    ("chunks, in order", "model,own,guard", "model,own,signed"),
    ("chunks, in any order", "model,own,receive", "model,own,signed"),
    ("component set", "model,own,set", "model,own,guard"),
    ("holes, values kept", "model,own,holes", "model,own"),
    ("holes, values given", "model,own,values", "model,own,holes"),
];

const COSTS_ON: &str = "thumbv7m";

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut targets: Vec<&'static Target> = Target::ALL.iter().collect();
    targets.retain(|target| {
        args.target.is_empty() || args.target.iter().any(|name| name == target.name)
    });
    if targets.is_empty() {
        bail!("no such target: there are {}", Target::ALL.map(|target| target.name).join(", "));
    }
    let here = std::env::current_dir()?;
    let given = args.pair.as_chunks().0.iter().map(|[old, new]| {
        let name =
            new.file_name().map_or("pair".to_owned(), |name| name.to_string_lossy().into_owned());
        Pair::read(name, &here.join(old), &here.join(new))
    });
    let given: Vec<Pair> = given.collect::<Result<_>>()?;
    let mut session =
        Session { args, measured: Measured::default(), rows: Vec::new(), sizes: Vec::new() };
    Patch::prepare()?;
    for target in targets {
        match target.lacking() {
            Some(why) => println!("{} is skipped: {why}; {}", target.name, target.help()),
            None if given.is_empty() => session.target(target, &Pair::samples(target.samples)?)?,
            None => session.target(target, &given)?,
        }
    }
    session.end()
}

/// The step of `cargo xtask test` for one target: the sample pairs, damaged patches, code, all
/// within budget.
pub(crate) fn test(target: &'static Target) -> Result<String> {
    let arguments = ["device", "--target", target.name, "--hostile", "100", "--sizes", "--budgets"];
    let args =
        <crate::Cli as clap::Parser>::try_parse_from(core::iter::once("xtask").chain(arguments))?;
    let crate::Chore::Device(args) = args.chore else { bail!("not what was asked for") };
    let mut session =
        Session { args: &args, measured: Measured::default(), rows: Vec::new(), sizes: Vec::new() };
    Patch::prepare()?;
    let samples = Pair::samples(target.samples)?;
    session.target(target, &samples)?;
    // What an applier does for images that end with their own digest it does for no other.
    let pair = samples.first().context("no samples")?.with_own_digests();
    for language in args.guest.iter().copied() {
        session
            .update((target, language), &pair, "4KiB")
            .with_context(|| format!("{}, {}", pair.name, target.name))?;
    }
    let pair = samples.last().context("no samples")?.shortened(16 << 10);
    let budget = suspended::BUDGET.parse()?;
    // What the library in C has by default, and more, is larger than what is measured.
    session
        .build((target, Language::C), guests::ALL_OF_C, "")
        .with_context(|| format!("the whole library in C on {}", target.name))?;
    session
        .suspended(target, &pair, "4KiB", budget)
        .with_context(|| format!("{} with resets, {}", pair.name, target.name))?;
    session.measured.check()
}

/// What has been measured so far.
struct Session<'a> {
    args: &'a Args,
    measured: Measured,
    rows: Vec<Row>,
    sizes: Vec<Size>,
}

impl Session<'_> {
    /// Everything that was asked for, on one target.
    fn target(&mut self, target: &'static Target, pairs: &[Pair]) -> Result<()> {
        for language in self.args.guest.iter().copied() {
            let at = (target, language);
            for pair in pairs {
                for ram in &self.args.ram {
                    let run = match self.args.suspend {
                        Some(budget) if language == Language::Rust => {
                            self.suspended(target, pair, ram, budget)
                        }
                        Some(_) => Ok(()),
                        None => self.update(at, pair, ram),
                    };
                    run.with_context(|| {
                        format!(
                            "{} for {ram} on {}, guest in {}",
                            pair.name,
                            target.name,
                            language.name()
                        )
                    })?;
                }
            }
            if self.args.hostile > 0 {
                self.hostile(at).with_context(|| format!("damaged patches on {}", target.name))?;
            }
            if self.args.sizes {
                self.size(at)?;
            }
        }
        Ok(())
    }

    fn build(
        &self,
        (target, language): (&'static Target, Language),
        features: &str,
        flags: &str,
    ) -> Result<PathBuf> {
        guests::build(&Recipe { target, language, features, opt: &self.args.opt, flags })
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.args.timeout)
    }

    /// One update.
    fn update(&mut self, at: (&'static Target, Language), pair: &Pair, ram: &str) -> Result<()> {
        let patch = Patch::make(pair, ram, &["--codec", &self.args.codec])?;
        let features = self.args.features.clone().unwrap_or_else(|| patch.features());
        let counts = guests::folder().join("counts.txt");
        let (flags, extra) = if self.args.profile {
            let plugin = format!("{},out={}", profile::plugin()?.display(), counts.display());
            (profile::FLAGS, vec!["-plugin".to_owned(), plugin])
        } else {
            ("", Vec::new())
        };
        let program = self.build(at, &features, flags)?;
        let report = self.apply(at, &program, (pair, &patch), None, &extra)?;
        let row = Row::new(at, pair, &patch, code_size(&program)?, report);
        println!("{}", row.line());
        if self.args.profile {
            println!("{}", profile::table(&program, &counts, pair.new.len())?);
        }
        self.measured.add(at.0.name, at.1.name(), "instructions per byte", row.per_byte());
        self.measured.add(at.0.name, at.1.name(), "stack", row.report.stack.into());
        self.measured.add(at.0.name, at.1.name(), "applier", row.report.applier.into());
        self.rows.push(row);
        Ok(())
    }

    /// Has a guest apply a patch: the image must be right.
    fn apply(
        &self,
        (target, language): (&Target, Language),
        program: &Path,
        (pair, patch): (&Pair, &Patch),
        suspended: Option<Suspended>,
        extra: &[String],
    ) -> Result<Report> {
        let patches = [patch.bytes.clone()];
        let task = Task {
            old: &pair.old,
            expected: &pair.new,
            patches: &patches,
            workspace: patch.workspace,
            suspended,
        };
        let run = qemu::run(&target.board, program, &task, self.limit(), extra)?;
        let report = run.reports.into_iter().next().context("the guest says nothing")?;
        if report.outcome != 0 {
            bail!("{}", outcome_name(language, report.outcome));
        }
        if run.new != pair.new || !report.same {
            bail!("the image that comes out differs");
        }
        Ok(report)
    }

    /// Damaged patches, of a part of a sample, the last one: most end early, and some run to their
    /// end.
    fn hostile(&self, at: (&'static Target, Language)) -> Result<()> {
        let samples = Pair::samples(at.0.samples)?;
        let pair = samples.last().context("no samples")?.shortened(16 << 10);
        for codec in ["model", "lz4"] {
            let patch = Patch::make(&pair, "4KiB", &["--codec", codec])?;
            let program = self.build(at, &patch.features(), "")?;
            let outcomes = hostile::run(
                at.0,
                at.1,
                &program,
                (&pair, &patch),
                self.args.hostile,
                self.limit(),
            )?;
            println!("{} {} damaged {codec} patches: {outcomes}", at.0.name, at.1.name());
        }
        Ok(())
    }

    fn size(&mut self, at: (&'static Target, Language)) -> Result<()> {
        let mut sets = Vec::new();
        for (name, features) in SETS {
            let features = features.replace("own", at.0.isa);
            let size = code_size(&self.build(at, &features, "")?)?;
            println!("{} {} {name}: code {}", at.0.name, at.1.name(), size.total());
            self.measured.add(
                at.0.name,
                at.1.name(),
                &format!("code: {name}"),
                size.total() as f64,
            );
            sets.push(size);
        }
        self.sizes.push(Size { target: at.0, language: at.1, sets });
        if at.0.name == COSTS_ON && at.1 == Language::Rust {
            self.costs(at)?;
        }
        Ok(())
    }

    /// What further features cost.
    fn costs(&mut self, at: (&'static Target, Language)) -> Result<()> {
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        for (name, with, without) in COSTS {
            let [with, without] = [with, without].map(|set| set.replace("own", at.0.isa));
            for set in [&with, &without] {
                if !known.contains_key(set) {
                    known.insert(set.clone(), code_size(&self.build(at, set, "")?)?.total());
                }
            }
            let cost = known[&with] as f64 - known[&without] as f64;
            println!("{} {} {name}: {cost} bytes of code", at.0.name, at.1.name());
            self.measured.add(at.0.name, at.1.name(), &format!("cost: {name}"), cost);
        }
        Ok(())
    }

    fn end(&self) -> Result<()> {
        let (runs, code) = (report::runs(&self.rows), report::code(&self.sizes));
        println!("\n{runs}\n{code}");
        if self.args.write_budgets {
            self.measured.write()?;
        }
        if self.args.budgets {
            println!("{}", self.measured.check()?);
        }
        if let Some(block) = &self.args.figures {
            let text = if block.ends_with("-code") { code } else { format!("{runs}\n{code}") };
            crate::peers::report::put_into_figures("device", block, &text)?;
            println!("docs/figures.md is refreshed");
        }
        Ok(())
    }
}
