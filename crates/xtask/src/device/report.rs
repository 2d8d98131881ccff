//! What was measured, as Markdown.

use core::fmt::Write as _;

use super::feature_sets::SETS;
use super::qemu::Report;
use super::recipe::Language;
use super::samples::{Pair, Patch};
use super::sections::CodeSize;
use super::toolchain::Target;
use crate::figures::grouped;

/// One update.
pub(crate) struct Row {
    pub(crate) target: &'static Target,
    pub(crate) language: Language,
    pub(crate) pair: String,
    pub(crate) new_len: usize,
    pub(crate) ram: String,
    pub(crate) patch: String,
    pub(crate) patch_len: usize,
    pub(crate) size: CodeSize,
    pub(crate) report: Report,
}

impl Row {
    pub(crate) fn new(
        (target, language): (&'static Target, Language),
        pair: &Pair,
        patch: &Patch,
        size: CodeSize,
        report: Report,
    ) -> Self {
        Self {
            target,
            language,
            pair: pair.name.clone(),
            new_len: pair.new.len(),
            ram: patch.ram.clone(),
            patch: format!("{}, {}", patch.codec, patch.isa),
            patch_len: patch.bytes.len(),
            size,
            report,
        }
    }

    /// Instructions for each byte of the new image, hashing both images included.
    pub(crate) fn per_byte(&self) -> f64 {
        self.report.instructions as f64 / self.new_len.max(1) as f64
    }

    /// For the terminal.
    pub(crate) fn line(&self) -> String {
        let Self { report, size, .. } = self;
        format!(
            "{} {} {} {} ({}): {:.1} instructions per byte ({} in all), stack {}, applier {}, \
             workspace {}, code {} \
             (text {}, of it builtins {}; rodata {})",
            self.target.name,
            self.language.name(),
            self.pair,
            self.ram,
            self.patch,
            self.per_byte(),
            report.instructions,
            report.stack,
            report.applier,
            report.workspace,
            size.total(),
            size.text,
            size.builtins,
            size.rodata
        )
    }
}

/// Code of one build.
pub(crate) struct Size {
    pub(crate) target: &'static Target,
    pub(crate) language: Language,
    /// By set of features, in the order of [`SETS`].
    pub(crate) sets: Vec<CodeSize>,
}

/// The table of what ran.
pub(crate) fn runs(rows: &[Row]) -> String {
    let mut text = String::from(
        "| core | guest | pair | RAM | patch | instructions per byte | stack | applier | \
         workspace |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let (chips, guest, report) = (row.target.chips, row.language.name(), &row.report);
        let numbers =
            [report.stack, report.applier, report.workspace].map(|n| grouped(n.into())).join(" | ");
        let patch = grouped(row.patch_len as u64);
        let _ = writeln!(
            text,
            "| {} ({chips}) | {guest} | {} | {} | {patch} ({}) | {:.0} | {numbers} |",
            row.target.name,
            row.pair,
            row.ram,
            row.patch,
            row.per_byte()
        );
    }
    text
}

/// The table of code; empty if none was measured.
pub(crate) fn code(sizes: &[Size]) -> String {
    let mut text = String::new();
    if !sizes.is_empty() {
        let names = SETS.map(|(name, _)| name).join(" | ");
        let _ = writeln!(
            text,
            "| code, bytes | guest | {names} |\n|---|---|{}",
            "--:|".repeat(SETS.len())
        );
    }
    for size in sizes {
        let sets = size.sets.iter().map(|set| grouped(set.total())).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "| {} | {} | {sets} |", size.target.name, size.language.name());
    }
    text
}
