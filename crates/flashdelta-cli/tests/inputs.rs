//! Inputs of every kind through the program: `testdata/inputs/table.tsv`, of which the library's
//! test of this name says more.

#[path = "../../flashdelta/tests/common/table.rs"]
mod table;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use table::{testdata, Outcome, Row, Table};

#[test]
fn of_files() {
    Table::new("cli-inputs").run(|row, old, new, out| run(row, old, new, out, false));
}

/// The new file, or the patch, comes through a pipe.
#[test]
fn of_standard_input() {
    Table::new("cli-stdin").run(|row, old, new, out| {
        // Of these the program has to know the name.
        let named = new.is_dir() || ["json", "hex", "zip"].iter().any(|end| ends(new, end));
        run(row, old, new, out, new.is_file() && !named)
    });
}

fn ends(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|extension| extension == end)
}

fn run(row: &Row, old: &Path, new: &Path, out: &Path, pipe: bool) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    let pipe = pipe || row.has("in-memory");
    command.arg(&row.does).arg(old).args(["--json", "-q"]);
    match &row.does[..] {
        "convert" => command.arg("--to").arg(row.new.replace("raw", "bin").replace("ihex", "hex")),
        _ => command.arg(if pipe { Path::new("-") } else { new }),
    };
    if row.does != "verify" {
        command.arg("-o").arg(out);
    }
    for (name, value) in &row.options {
        match (&name[..], &value[..]) {
            ("output", "raw") => command.args(["--as", "bin"]),
            ("new-elf", file) => command.arg("--new-elf").arg(testdata(file)),
            ("in-memory", _) => &mut command,
            ("profile-file", file) => command.arg("--profile").arg(testdata(file)),
            (name, "") => command.arg(format!("--{name}")),
            (name, value) => command.arg(format!("--{name}")).arg(value),
        };
    }
    let input = if pipe { Stdio::from(fs::File::open(new).unwrap()) } else { Stdio::null() };
    let output = command.stdin(input).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {output:?}", row.name));
    if let Some(error) = document.get("error") {
        let code = error["code"].as_str().unwrap_or("no code").to_owned();
        assert_eq!(output.status.code(), error["exit_code"].as_i64().map(|code| code as i32));
        assert!(!out.exists(), "{}: something was written", row.name);
        return Outcome { made: Err(code), warnings: Vec::new() };
    }
    assert!(output.status.success(), "{}", row.name);
    let warning = |warning: &Value| {
        let word = |name: &str| warning[name].as_str().unwrap().to_owned();
        format!("{}:{}", word("side"), word("code"))
    };
    let warnings = document["warnings"].as_array().filter(|_| row.makes);
    let warnings = warnings.map(|told| told.iter().map(warning).collect());
    let made = if row.does == "verify" { Vec::new() } else { fs::read(out).unwrap() };
    Outcome { made: Ok(made), warnings: warnings.unwrap_or_default() }
}
