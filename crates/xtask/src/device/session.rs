//! What is built, run and measured, one target after another.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use super::args::Args;
use super::budgets::Measured;
use super::feature_sets::{COSTS, COSTS_ON, SETS};
use super::guests;
use super::qemu::{self, outcome_name, Report, Suspended, Task};
use super::recipe::{self, Language, Recipe};
use super::report::{self, Row, Size};
use super::samples::{Pair, Patch};
use super::sections::code_size;
use super::toolchain::Target;
use super::{hostile, profile};

/// What has been measured so far.
pub(super) struct Session<'a> {
    pub(super) args: &'a Args,
    pub(super) measured: Measured,
    rows: Vec<Row>,
    sizes: Vec<Size>,
}

impl<'a> Session<'a> {
    pub(super) fn new(args: &'a Args) -> Self {
        Self { args, measured: Measured::default(), rows: Vec::new(), sizes: Vec::new() }
    }

    /// Everything that was asked for, on one target.
    pub(super) fn target(&mut self, target: &'static Target, pairs: &[Pair]) -> Result<()> {
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

    pub(super) fn build(
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
    pub(super) fn update(
        &mut self,
        at: (&'static Target, Language),
        pair: &Pair,
        ram: &str,
    ) -> Result<()> {
        let patch = Patch::make(pair, ram, &["--codec", &self.args.codec])?;
        let features = self.args.features.clone().unwrap_or_else(|| patch.features());
        let counts = recipe::folder().join("counts.txt");
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
    pub(super) fn apply(
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

    pub(super) fn end(&self) -> Result<()> {
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
            crate::figures::put_into_figures("device", block, &text)?;
            println!("docs/figures.md is refreshed");
        }
        Ok(())
    }
}
