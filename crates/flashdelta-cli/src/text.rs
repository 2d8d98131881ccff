//! Text for people: numbers, tables, remarks.

use core::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use crate::doing;

/// Says a line to people, on standard error; takes what `format!` does.
macro_rules! remark {
    ($($part:tt)*) => {
        $crate::text::say(format!($($part)*))
    };
}
pub(crate) use remark;

/// Says a line to people, on standard error. Whoever cannot hear it (`2>/dev/full`, `2>&1 | head`)
/// can do without: the work is done all the same, and the exit code tells of it.
pub(crate) fn say(mut line: String) {
    line.push('\n');
    doing::while_saying(|| {
        let _ = io::stderr().write_all(line.as_bytes());
    });
}

/// A path for messages and JSON: what is no UTF-8 is replaced, control characters are escaped.
pub(crate) fn path(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

/// Text from outside, without control characters, which could forge a message.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size as people write it, and as `--ram` takes it.
pub(crate) fn size(bytes: u32) -> String {
    match bytes {
        0 => "0".to_owned(),
        b if b % (1 << 30) == 0 => format!("{}GiB", b >> 30),
        b if b % (1 << 20) == 0 => format!("{}MiB", b >> 20),
        b if b % (1 << 10) == 0 => format!("{}KiB", b >> 10),
        b => b.to_string(),
    }
}

/// One number as a percentage of another: "3.7 %".
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let percent = 100.0 * part as f64 / whole as f64;
    format!("{percent:.*} %", if percent < 0.995 { 2 } else { 1 })
}

/// A table with aligned columns.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.map(str::to_owned).to_vec());
    }

    /// The table as text, every line indented. Columns whose letter in `columns` is 'r' are aligned
    /// to the right.
    pub(crate) fn render(&self, columns: &str) -> String {
        let width = |i: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(i))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(columns.chars()) {
                let pad = " ".repeat(width - cell.chars().count());
                let (before, after) =
                    if align == 'r' { (pad.as_str(), "") } else { ("", pad.as_str()) };
                let _ = write!(line, "  {before}{cell}{after}");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0u32, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1000, 1536, 16 << 10, 3 << 20].map(size),
            ["0", "1000", "1536", "16KiB", "3MiB"]
        );
        assert_eq!(
            [(1, 3), (1, 300), (0, 0), (5, 5)].map(|(p, w)| percent(p, w)),
            ["33.3 %", "0.33 %", "-", "100.0 %"]
        );
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.row(["part", "bytes"]);
        table.row(["header", "96"]);
        assert_eq!(table.render("lr"), "  part    bytes\n  header     96\n");
    }
}
