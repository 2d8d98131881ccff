//! Running one target.

use core::time::Duration;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::seeds;
use crate::command::{command, root, target_dir};

/// What a target has done.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) executions: u64,
    /// Edges reached, and all that there are.
    pub(super) edges: [u64; 2],
    pub(super) corpus: u64,
    pub(super) found: bool,
}

/// The names of all targets.
pub(crate) fn targets() -> Vec<String> {
    let folder = fs::read_dir(root().join("fuzz/fuzz_targets"));
    let names = folder.into_iter().flatten().flatten();
    let mut names: Vec<String> =
        names.filter_map(|file| file.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names
}

/// Where the inputs of a target are kept.
pub(super) fn corpus(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

/// Runs a target for so long.
pub(super) fn target(folder: &Path, target: &str, time: Duration) -> Result<Outcome> {
    let (corpus, artifacts) = (corpus(target), root().join("fuzz/artifacts").join(target));
    fs::create_dir_all(&artifacts)?;
    seeds::write(target, &corpus)?;
    let logs = target_dir().join("fuzz-logs");
    fs::create_dir_all(&logs)?;
    let log = logs.join(format!("{target}.log"));
    let mut run = command(folder.join(target));
    run.arg(format!("-max_total_time={}", time.as_secs().max(1)));
    run.arg(format!("-artifact_prefix={}/", artifacts.display()));
    run.args(["-rss_limit_mb=4096", "-timeout=120", "-print_final_stats=1", "-max_len=16384"]);
    let dictionary = root().join(format!("fuzz/dictionaries/{target}.dict"));
    if dictionary.is_file() {
        run.arg(format!("-dict={}", dictionary.display()));
    }
    let file = File::create(&log)?;
    run.arg(&corpus).stdout(file.try_clone()?).stderr(file);
    let status = run.status().with_context(|| format!("cannot run {target}"))?;
    let told = fs::read(&log)?;
    Ok(Outcome { found: !status.success(), ..parse(&String::from_utf8_lossy(&told)) })
}

/// What libFuzzer tells.
fn parse(log: &str) -> Outcome {
    let after = |line: &str, word: &str| -> Option<u64> {
        line.split_once(word)?.1.split_whitespace().next()?.split('/').next()?.parse().ok()
    };
    let mut outcome = Outcome::default();
    for line in log.lines() {
        if let Some(edges) = line.split_once("inline 8-bit counters): ") {
            outcome.edges[1] +=
                edges.1.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        }
        if let Some(counted) = line.strip_prefix('#') {
            outcome.edges[0] = after(line, " cov: ").unwrap_or(outcome.edges[0]);
            outcome.corpus = after(line, " corp: ").unwrap_or(outcome.corpus);
            let count = counted.split_whitespace().next().and_then(|n| n.parse().ok());
            outcome.executions = count.unwrap_or(outcome.executions);
        }
        if let Some(count) = after(line, "stat::number_of_executed_units: ") {
            outcome.executions = count;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lib_fuzzer_tells_is_read() {
        let log = "INFO: Loaded 1 modules   (5123 inline 8-bit counters): 5123 [0x1, 0x2),\n\
            #2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 40Mb\n\
            #4096\tpulse  cov: 812 ft: 1300 corp: 77/2Kb lim: 40 exec/s: 2048 rss: 60Mb\n\
            Done 5000 runs in 2 second(s)\n\
            stat::number_of_executed_units: 5000\n";
        let outcome = parse(log);
        assert_eq!((outcome.executions, outcome.corpus), (5000, 77));
        assert_eq!(outcome.edges, [812, 5123]);
    }
}
