//! Figures in documents: how they are written, and where they are put.

use anyhow::{Context as _, Result};

use crate::command::root;

/// 1,234,567
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Replaces a generated part of docs/figures.md.
pub(crate) fn put_into_figures(chore: &str, block: &str, text: &str) -> Result<()> {
    let figures = root().join("docs/figures.md");
    let old = std::fs::read_to_string(&figures)
        .with_context(|| format!("cannot read {}", figures.display()))?;
    let (begin, end) =
        (format!("<!-- begin: cargo xtask {chore} --figures {block} -->\n"), "<!-- end -->");
    let parts =
        old.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let (before, after) =
        parts.with_context(|| format!("{} has no place for {block}", figures.display()))?;
    Ok(std::fs::write(figures, format!("{before}{begin}{text}{end}{after}"))?)
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
