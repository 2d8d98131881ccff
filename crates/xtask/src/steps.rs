//! Steps that run one after the other, all of them, and a summary at the end.

use core::time::Duration;
use std::time::Instant;

use anyhow::{bail, Result};

/// How a step ended well.
pub(crate) enum Outcome {
    Passed(String),
    /// It could not run on this machine: why, and what would help.
    Skipped(String),
}

impl Outcome {
    /// Passed, with nothing to add.
    pub(crate) fn passed() -> Self {
        Self::Passed(String::new())
    }
}

/// What has run so far.
pub(crate) struct Steps {
    /// Names to run; empty: all.
    only: Vec<String>,
    done: Vec<(String, Duration, Result<Outcome>)>,
}

impl Steps {
    pub(crate) fn new(only: &[String]) -> Self {
        Self { only: only.to_vec(), done: Vec::new() }
    }

    /// Is a step of this name (or group: the word before the colon) wanted?
    pub(crate) fn wanted(&self, name: &str) -> bool {
        let group = name.split(':').next().unwrap_or(name);
        self.only.is_empty() || self.only.iter().any(|o| o == name || o == group)
    }

    /// Runs a step, if it is wanted. Those after it run in any case.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) {
        if !self.wanted(name) {
            return;
        }
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = work();
        match &outcome {
            Ok(Outcome::Passed(_)) => {}
            Ok(Outcome::Skipped(why)) => println!("skipped: {why}"),
            Err(error) => println!("FAILED: {error:#}"),
        }
        self.done.push((name.to_owned(), start.elapsed(), outcome));
    }

    /// Prints what has become of every step. An error if one has failed, or none has passed.
    pub(crate) fn summarize(self) -> Result<()> {
        println!("\n=== summary");
        let [mut passed, mut failed, mut skipped] = [0; 3];
        for (name, took, outcome) in &self.done {
            let (word, count, remark) = match outcome {
                Ok(Outcome::Passed(remark)) => ("passed", &mut passed, remark.clone()),
                Ok(Outcome::Skipped(why)) => ("skipped", &mut skipped, why.clone()),
                Err(error) => (
                    "FAILED",
                    &mut failed,
                    format!("{error:#}").lines().next().unwrap_or("").to_owned(),
                ),
            };
            *count += 1;
            println!("{word:8} {:>5}s  {name:40} {remark}", took.as_secs());
        }
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        println!("{} min {} s in all", total.as_secs() / 60, total.as_secs() % 60);
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        match (failed, passed) {
            (0, 0) => bail!("no step has run: is the name right? See `cargo xtask test --help`"),
            (0, _) => Ok(()),
            (1, _) => bail!("a step has failed"),
            (n, _) => bail!("{n} steps have failed"),
        }
    }
}
