//! `testdata/inputs/table.tsv`: inputs of every kind and what comes of them, in every front end.
#![allow(dead_code, unreachable_pub)] // Not every test uses all of it.

use std::fs;
use std::path::{Path, PathBuf};

/// A row: what is done with which files, and what comes of it.
pub struct Row {
    pub name: String,
    /// What is done: "diff", "apply", "verify" or "convert".
    pub does: String,
    /// Whether a patch is made.
    pub makes: bool,
    pub old: String,
    /// The new file, the patch, or the format.
    pub new: String,
    pub options: Vec<(String, String)>,
    /// "patch", "bundle", "ok", the file that is made, or the code of an error.
    pub result: String,
    /// Codes, with the file that they are about: "new:same".
    pub warnings: Vec<String>,
}

impl Row {
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| name == option)
    }
}

/// What came of a row.
pub struct Outcome {
    /// What was made, or the code of the error.
    pub made: Result<Vec<u8>, String>,
    pub warnings: Vec<String>,
}

/// The table, and a folder for what is made on the way.
pub struct Table {
    folder: PathBuf,
    differences: Vec<String>,
}

impl Table {
    /// `test`: its name, for the folder.
    pub fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("flashdelta-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, differences: Vec::new() }
    }

    /// Runs every row with its files, and a place for what is made, and compares. Patches are kept
    /// for the rows that apply them.
    pub fn run(mut self, mut run: impl FnMut(&Row, &Path, &Path, &Path) -> Outcome) {
        let rows = rows();
        assert!(rows.len() > 60);
        for row in &rows {
            let (old, new) = (self.file(&row.old), self.file(&row.new));
            let out = self.folder.join("out");
            let outcome = run(row, &old, &new, &out);
            let _ = fs::remove_file(&out);
            self.compare(row, &outcome);
            if let (true, Ok(patch)) = (row.makes, outcome.made) {
                fs::write(self.folder.join(&row.name), patch).unwrap();
            }
        }
        fs::remove_dir_all(&self.folder).unwrap();
        assert!(self.differences.is_empty(), "{}", self.differences.join("\n"));
    }

    fn compare(&mut self, row: &Row, outcome: &Outcome) {
        let expected = testdata(&row.result);
        let found = match &outcome.made {
            Ok(_) if row.does == "verify" => "ok",
            Ok(bytes) if row.makes && bytes.starts_with(b"FDP") => "patch",
            Ok(bytes) if row.makes && bytes.starts_with(b"FDB") => "bundle",
            Ok(bytes) if fs::read(expected).is_ok_and(|file| file == *bytes) => &row.result,
            Ok(_) => "another file",
            Err(code) => code,
        };
        if found != row.result {
            self.differences.push(format!("{}: {} was expected, {found}", row.name, row.result));
        }
        if outcome.warnings != row.warnings {
            let (expected, found) = (&row.warnings, &outcome.warnings);
            self.differences.push(format!("{}: warnings {expected:?}, {found:?}", row.name));
        }
    }

    /// A file of the test data, or a patch that was made: `@NAME`, `@NAME-3` without its last three
    /// bytes, `@NAME+1` with one more, `@NAME^12` with another byte at 12.
    fn file(&self, name: &str) -> PathBuf {
        let Some(made) = name.strip_prefix('@') else { return testdata(name) };
        let at = made.rfind(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let change = made[at..].chars().next().filter(|c| "+^".contains(*c) || *c == '-');
        let number = made[at + 1..].parse::<usize>().ok();
        let (Some(change), Some(number)) = (change, number) else { return self.folder.join(made) };
        let mut bytes = fs::read(self.folder.join(&made[..at])).unwrap();
        match change {
            '-' => bytes.truncate(bytes.len() - number),
            '+' => bytes.extend(core::iter::repeat_n(0, number)),
            _ => bytes[number] ^= 1,
        }
        let path = self.folder.join("changed");
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Where a file of the test data is.
pub fn testdata(name: &str) -> PathBuf {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while !folder.join("testdata/inputs").is_dir() {
        assert!(folder.pop(), "no testdata");
    }
    folder.join("testdata").join(name)
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(testdata("inputs/table.tsv")).unwrap();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let option = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (word, String::new()),
    };
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, what, old, new, options, result, warnings] = cells[..] else {
            panic!("seven columns: {line}")
        };
        Row {
            name: name.to_owned(),
            does: what.to_owned(),
            makes: what == "diff",
            old: old.to_owned(),
            new: new.to_owned(),
            options: words(options).into_iter().map(option).collect(),
            result: result.to_owned(),
            warnings: words(warnings),
        }
    };
    text.lines().skip(1).map(row).collect()
}

/// A number as the table writes it.
pub fn number<T: TryFrom<u64>>(text: &str) -> T {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().and_then(|number| T::try_from(number).ok()).expect("a number")
}
