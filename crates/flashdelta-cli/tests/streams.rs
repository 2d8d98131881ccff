//! Standard output and standard error that cannot be written.
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::testdata;

/// A folder with an old and a new image.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("streams-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    folder
}

/// Runs a shell with `$F` for the program: exit code, and what was told on standard error.
fn shell(folder: &Path, script: &str) -> (Option<i32>, String) {
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .env("F", env!("CARGO_BIN_EXE_flashdelta"))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The exit code is that of the work: nobody needs the remarks.
#[test]
fn remarks_that_cannot_be_written_change_nothing() {
    let folder = folder("remarks");
    for (number, lost) in ["2>/dev/full", "2>&-", "2>&1 | :"].into_iter().enumerate() {
        let code = |call: &str| {
            let script = format!("{{ {call}; echo $? >code; }} {lost}");
            let told = shell(&folder, &script).1;
            assert_eq!(told, "", "{call} {lost}");
            fs::read_to_string(folder.join("code")).unwrap().trim().to_owned()
        };
        let patch = format!("{number}.fdp");
        assert_eq!(code(&format!("sleep 0.1; $F diff old.bin new.bin -o {patch}")), "0", "{lost}");
        assert!(folder.join(&patch).is_file(), "{lost}");
        let calls = [
            (format!("$F apply old.bin {patch} -o {number}.bin"), "0"),
            (format!("$F convert old.bin -o {number}.hex"), "0"),
            (format!("$F keygen -o {number}.pem"), "0"),
            (format!("$F sign {patch} --key {number}.pem -o signed"), "0"),
            ("$F info not-there".to_owned(), "7"),
            (format!("$F apply new.bin {patch} -o x.bin"), "4"),
            ("$F diff --no-such-option".to_owned(), "2"),
        ];
        for (call, expected) in calls {
            assert_eq!(code(&call), expected, "{call} {lost}");
        }
    }
}

/// A result that is lost is an error, whatever it is lost by.
#[test]
fn results_that_cannot_be_written_are_errors() {
    let folder = folder("results");
    assert_eq!(shell(&folder, "$F diff old.bin new.bin -o p.fdp -q").0, Some(0));
    for lost in [">/dev/full", ">&-"] {
        for call in
            ["apply old.bin p.fdp -o -", "info p.fdp", "info p.fdp --json", "verify old.bin p.fdp"]
        {
            let (code, told) = shell(&folder, &format!("$F {call} {lost}"));
            assert_eq!(code, Some(7), "{call} {lost}: {told}");
            assert!(told.contains("standard output"), "{call} {lost}: {told}");
        }
    }
    // As it was, and not as a closed one is.
    assert_eq!(shell(&folder, "$F apply old.bin p.fdp -o - 1<>/dev/null").0, Some(0));
}
