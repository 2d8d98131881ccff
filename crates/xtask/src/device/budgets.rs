//! What must not grow unnoticed: `crates/xtask/device/budgets.tsv`.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{bail, Context as _, Result};

use crate::command::root;

/// Target, guest, what is measured.
type Key = [String; 3];

/// What is promised: no budget is larger. Empty names stand for all.
const PROMISED: [(&str, &str, &str, f64); 3] = [
    ("", "", "stack", 1536.0),
    ("", "", "longest call: flash", 4096.0),
    ("thumbv7m", "Rust", "code: lz4 and raw only", 8192.0),
];

/// The promise that there is for something.
fn promised([target, guest, what]: &Key) -> f64 {
    let is = |name: &str, of: &str| of.is_empty() || of == name;
    let found = PROMISED.iter().find(|(t, g, w, _)| is(target, t) && is(guest, g) && is(what, w));
    found.map_or(f64::INFINITY, |promise| promise.3)
}

/// The worst of what was measured.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<Key, f64>);

impl Measured {
    pub(crate) fn add(&mut self, target: &str, guest: &str, what: &str, value: f64) {
        let worst = self.0.entry([target, guest, what].map(str::to_owned)).or_default();
        *worst = worst.max(value);
    }

    /// Fails if a budget is exceeded, or if there is none for something.
    pub(crate) fn check(&self) -> Result<String> {
        let budgets = read()?;
        let mut exceeded = Vec::new();
        for (key, value) in &self.0 {
            match budgets.get(key).map(|budget| budget.min(promised(key))) {
                Some(budget) if *value <= budget => {}
                Some(budget) => {
                    exceeded.push(format!("{}: {value:.1}, the budget is {budget}", key.join(" ")))
                }
                None => exceeded.push(format!("{}: {value:.1}, and no budget", key.join(" "))),
            }
        }
        if !exceeded.is_empty() {
            let file = file();
            bail!(
                "{} budgets of {} are exceeded:\n{}",
                exceeded.len(),
                file.display(),
                exceeded.join("\n")
            );
        }
        Ok(format!("{} figures within budget", self.0.len()))
    }

    /// Makes what was measured, and 2 % more, the budget, up to what is promised. Budgets of what
    /// was not measured stay.
    pub(crate) fn write(&self) -> Result<()> {
        let mut budgets = read().unwrap_or_default();
        for (key, value) in &self.0 {
            budgets.insert(key.clone(), (value * 1.02).ceil().min(promised(key)));
        }
        let mut text = String::from("target\tguest\twhat\tbudget\n");
        for (key, budget) in &budgets {
            let _ = writeln!(text, "{}\t{budget}", key.join("\t"));
        }
        Ok(std::fs::write(file(), text)?)
    }
}

fn file() -> PathBuf {
    root().join("crates/xtask/device/budgets.tsv")
}

fn read() -> Result<BTreeMap<Key, f64>> {
    let text = std::fs::read_to_string(file())
        .with_context(|| format!("cannot read {}", file().display()))?;
    let line = |line: &str| -> Option<(Key, f64)> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [target, guest, what, budget] = cells[..] else { return None };
        Some(([target, guest, what].map(str::to_owned), budget.parse().ok()?))
    };
    text.lines()
        .skip(1)
        .map(|text| line(text).with_context(|| format!("not a budget: {text}")))
        .collect()
}
