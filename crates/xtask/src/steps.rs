//! Steps that run one after the other, all of them, and a summary at the end.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{bail, Result};

use crate::command::{log_to, say, target_dir};

/// How a step ended well.
pub(crate) enum Outcome {
    Passed(String),
    /// It could not run on this machine.
    Skipped {
        why: String,
        /// What would help.
        help: String,
    },
}

impl Outcome {
    /// Passed, with nothing to add.
    pub(crate) fn passed() -> Self {
        Self::Passed(String::new())
    }

    /// Skipped, and what would help.
    pub(crate) fn skipped(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Skipped { why: why.into(), help: help.into() }
    }
}

/// What has run so far.
pub(crate) struct Steps {
    /// Names to run; empty: all.
    only: Vec<String>,
    /// Nothing runs: names and descriptions are printed.
    list: bool,
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    outcome: Result<Outcome>,
    log: Option<PathBuf>,
}

impl Steps {
    pub(crate) fn new(only: &[String], list: bool) -> Self {
        Self { only: only.to_vec(), list, done: Vec::new() }
    }

    /// Whether a step of this name (or group: the word before the colon) is wanted.
    pub(crate) fn wanted(&self, name: &str) -> bool {
        let group = name.split(':').next().unwrap_or(name);
        self.only.is_empty() || self.only.iter().any(|o| o == name || o == group)
    }

    /// Names of steps and groups that were asked for; none: all are wanted.
    pub(crate) fn only(&self) -> &[String] {
        &self.only
    }

    /// Runs a step, if it is wanted. Those after it run in any case. `about` says in a line what
    /// the step shows.
    pub(crate) fn step(&mut self, name: &str, about: &str, work: impl FnOnce() -> Result<Outcome>) {
        if self.wanted(name) {
            self.always(name, about, work);
        }
    }

    /// Runs a step, wanted or not.
    pub(crate) fn always(
        &mut self,
        name: &str,
        about: &str,
        work: impl FnOnce() -> Result<Outcome>,
    ) {
        if self.list {
            println!("{name:24} {about}");
            return;
        }
        println!("\n=== {name}");
        let log = start_log(name);
        let start = Instant::now();
        let outcome = work();
        match &outcome {
            Ok(Outcome::Passed(_)) => {}
            Ok(Outcome::Skipped { why, .. }) => say(&format!("skipped: {why}")),
            Err(error) => say(&format!("FAILED: {error:#}")),
        }
        let _ = log_to(None);
        if outcome.is_ok() {
            let _ = log.as_ref().map(std::fs::remove_file);
        }
        self.done.push(Done { name: name.to_owned(), took: start.elapsed(), outcome, log });
    }

    /// Prints what has become of every step. An error if one has failed, or none has passed.
    pub(crate) fn summarize(self) -> Result<()> {
        if self.list {
            return Ok(());
        }
        println!("\n=== summary");
        let [mut passed, mut failed, mut skipped] = [0; 3];
        for Done { name, took, outcome, .. } in &self.done {
            let (word, count, remark) = match outcome {
                Ok(Outcome::Passed(remark)) => ("passed", &mut passed, remark.clone()),
                Ok(Outcome::Skipped { why, .. }) => ("skipped", &mut skipped, why.clone()),
                Err(error) => (
                    "FAILED",
                    &mut failed,
                    format!("{error:#}").lines().next().unwrap_or("").to_owned(),
                ),
            };
            *count += 1;
            println!("{word:8} {:>5}s  {name:40} {remark}", took.as_secs());
        }
        for Done { name, outcome, log, .. } in &self.done {
            match (outcome, log) {
                (Ok(Outcome::Skipped { help, .. }), _) if !help.is_empty() => {
                    println!("{name} was skipped; what helps: {help}");
                }
                (Err(_), Some(log)) => println!("{name} failed; its output: {}", log.display()),
                _ => {}
            }
        }
        let total: Duration = self.done.iter().map(|done| done.took).sum();
        println!("{} min {} s in all", total.as_secs() / 60, total.as_secs() % 60);
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        match (failed, passed) {
            (0, 0) if skipped > 0 => bail!("every step was skipped"),
            (0, 0) => bail!("no step has run: is the name right? See `cargo xtask test --list`"),
            (0, _) => Ok(()),
            (1, _) => bail!("a step has failed"),
            (n, _) => bail!("{n} steps have failed"),
        }
    }
}

/// The folder with the output of failed steps.
pub(crate) fn logs() -> PathBuf {
    target_dir().join("failed")
}

/// A log for a step; None if there can be none.
fn start_log(name: &str) -> Option<PathBuf> {
    let path = logs().join(format!("{}.log", name.replace(':', "-")));
    std::fs::create_dir_all(logs()).ok()?;
    log_to(Some(&path)).ok()?;
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Steps};
    use crate::command::{command, exec};

    #[test]
    fn steps_go_on_after_a_failure_whose_output_is_kept() {
        let mut steps = Steps::new(&[], false);
        steps.step("unit-test:bad", "", || {
            exec(command("sh").args(["-c", "echo to stdout; echo to stderr >&2; exit 3"]))?;
            Ok(Outcome::passed())
        });
        steps.step("unit-test:good", "", || {
            exec(command("sh").args(["-c", "echo fine"])).map(|()| Outcome::passed())
        });
        let log = super::logs().join("unit-test-bad.log");
        let text = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(log).unwrap();
        assert!(text.contains("to stdout\n") && text.contains("to stderr\n"), "{text}");
        assert!(text.contains("FAILED: sh -c") && !text.contains("fine"), "{text}");
        assert!(!super::logs().join("unit-test-good.log").exists());
        assert!(steps.summarize().unwrap_err().to_string().contains("a step has failed"));
    }

    #[test]
    fn groups_and_names_are_wanted() {
        let steps = Steps::new(&["c".to_owned(), "device:rv32imc".to_owned()], false);
        assert!(steps.wanted("c:valgrind") && steps.wanted("device:rv32imc"));
        assert!(!steps.wanted("device:esp32") && !steps.wanted("cross"));
    }
}
