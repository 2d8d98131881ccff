//! What is wrong with a file, as people read it: for `info`.

use core::fmt::Write as _;

use flashdelta::facts::FindingFacts;

use crate::text;

/// What is wrong with what the container says about itself. Of many of a kind the first are shown.
pub(super) fn findings_text(findings: &[FindingFacts]) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        let _ = writeln!(text, "\nwrong: {}", text::escaped(&finding.message));
    }
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {more} more");
    }
    text
}
