//! All targets, some at a time.

use core::time::Duration;
use std::sync::Mutex;

use anyhow::{bail, Result};

use super::{build, report, run as one};

/// Fuzz all targets, and tell executions and coverage
///
/// The corpus grows in fuzz/corpus, and what was found is in fuzz/artifacts; a target that has
/// found something makes this fail.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Hours for all targets together, on each of the jobs
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    hours: f64,
    /// Targets that run at the same time [default: one per processor]
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    /// Only these targets
    #[arg(long, value_name = "TARGET", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// Tell which share of the library's lines the corpus reaches (needs llvm-cov of the compiler's
    /// version)
    #[arg(long)]
    coverage: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut targets = one::targets();
    targets.retain(|target| args.only.is_empty() || args.only.contains(target));
    if targets.is_empty() {
        bail!("there is no such fuzz target");
    }
    let folder = build::build(build::Kind::Fuzzing)?;
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let jobs = args.jobs.unwrap_or(cores).clamp(1, targets.len());
    let each = Duration::from_secs_f64(args.hours * 3600.0 * jobs as f64 / targets.len() as f64);
    println!("{} targets, {} s each, {jobs} at a time", targets.len(), each.as_secs());
    let queue = Mutex::new(targets.iter());
    let next = || queue.lock().ok()?.next();
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let outcome = one::target(&folder, target, each);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((target.clone(), outcome));
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_default();
    let found = report::print(outcomes)?;
    if args.coverage {
        report::coverage(&targets)?;
    }
    match found {
        0 => Ok(()),
        _ => bail!("{found} targets have found something: see fuzz/artifacts"),
    }
}

/// Some seconds of one target, where there is no `cargo fuzz`.
pub(crate) fn briefly(target: &str, seconds: u32) -> Result<()> {
    let folder = build::build(build::Kind::Fuzzing)?;
    let outcome = one::target(&folder, target, Duration::from_secs(seconds.into()))?;
    match outcome.found {
        true => bail!("{target} has found something; the input is in fuzz/artifacts/{target}"),
        false => Ok(()),
    }
}
