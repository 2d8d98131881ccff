//! Lists of pairs: tab-separated, with a header line and at least the columns `name`, `old` and
//! `new`.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

/// An update to measure.
pub(crate) struct Pair {
    pub(crate) name: String,
    /// What the picture calls it: the column `title`, or the name.
    pub(crate) title: String,
    pub(crate) old: PathBuf,
    pub(crate) new: PathBuf,
    /// The instruction set that the list names, as `flashdelta diff --isa` takes it; `auto` where
    /// it names none that we know.
    pub(crate) isa: &'static str,
}

/// Reads a list. Paths in it are relative to `folder`; columns that we do not know are ignored.
pub(crate) fn read(list: &Path, folder: &Path, only: &[String]) -> Result<Vec<Pair>> {
    let text =
        std::fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let columns: Vec<&str> = lines.next().unwrap_or("").split('\t').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let [Some(name), Some(old), Some(new)] = ["name", "old", "new"].map(column) else {
        bail!(
            "{}: the first line has to name the columns, among them name, old and new",
            list.display()
        );
    };
    let (isa, title) = (column("isa"), column("title"));
    let mut pairs = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |at: usize| {
            cells.get(at).copied().with_context(|| format!("{}: too short: {line}", list.display()))
        };
        let pair = Pair {
            name: cell(name)?.to_owned(),
            title: cell(title.unwrap_or(name))?.to_owned(),
            old: folder.join(cell(old)?),
            new: folder.join(cell(new)?),
            isa: known_isa(isa.map_or(Ok(""), cell)?),
        };
        if only.is_empty() || only.contains(&pair.name) {
            pairs.push(pair);
        }
    }
    if pairs.is_empty() {
        bail!("no pairs to measure: is --only right?");
    }
    Ok(pairs)
}

/// Lists of others use other names.
fn known_isa(listed: &str) -> &'static str {
    match listed.to_ascii_lowercase().as_str() {
        "none" => "none",
        isa if isa == "riscv" || isa.starts_with("riscv32") || isa.starts_with("rv32") => "riscv",
        isa if isa.starts_with("thumb") || isa.starts_with("armv") || isa.starts_with("cortex") => {
            "thumb"
        }
        isa if isa.starts_with("xtensa") => "xtensa",
        isa if isa.starts_with("tc32") => "tc32",
        isa if isa.starts_with("mcs51") || isa.starts_with("8051") => "mcs51",
        _ => "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::known_isa;

    #[test]
    fn names_of_instruction_sets() {
        let names = [
            "riscv",
            "riscv32 (VexRiscv)",
            "riscv64",
            "armv7m/armv8m",
            "thumb",
            "xtensa",
            "8051 (CC2530)",
            "none",
            "",
        ];
        let known = ["riscv", "riscv", "auto", "thumb", "thumb", "xtensa", "mcs51", "none", "auto"];
        assert_eq!(names.map(known_isa), known);
    }
}
