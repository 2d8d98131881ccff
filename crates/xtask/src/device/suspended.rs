//! Updates that are suspended, with a reset between, in calls of bounded length.

use anyhow::{bail, Result};

use super::qemu::Suspended;
use super::recipe::Language;
use super::samples::{Pair, Patch};
use super::session::Session;
use super::toolchain::Target;

/// Bytes of the patch from one reset to the next.
const EVERY: u32 = 100;

impl Session<'_> {
    /// Applies a patch with a reset after each 100 bytes of it. An image that differs,
    /// a byte of the patch that is taken twice, or a call that does more than its budget allows is
    /// an error.
    pub(super) fn suspended(
        &mut self,
        target: &'static Target,
        pair: &Pair,
        ram: &str,
        budget: u32,
    ) -> Result<()> {
        let patch = Patch::make(pair, ram, &["--codec", &self.args.codec])?;
        let features = format!("{},suspend", patch.features());
        let program = self.build((target, Language::Rust), &features, "")?;
        let suspended = Some(Suspended { every: EVERY, budget });
        let at = (target, Language::Rust);
        let report = self.apply(at, &program, (pair, &patch), suspended, &[])?;
        let len = patch.bytes.len() as u32;
        println!(
            "{} {} {ram}: patch {len} bytes, {} resets, {} bytes taken twice; the longest call \
             of {budget} bytes: {} bytes of flash, {} instructions",
            target.name,
            pair.name,
            report.resets,
            i64::from(report.taken) - i64::from(len),
            report.longest_flash,
            report.longest_call,
        );
        if report.taken != len || report.resets < (len - 1) / EVERY {
            bail!("{} bytes of {len} were taken, with {} resets", report.taken, report.resets);
        }
        if report.longest_flash > budget {
            bail!("a call has read and written {} bytes of flash", report.longest_flash);
        }
        let name = target.name;
        self.measured.add(name, "Rust", "longest call: flash", report.longest_flash.into());
        self.measured.add(name, "Rust", "longest call: instructions", report.longest_call as f64);
        Ok(())
    }
}
