//! Standard output and standard error that cannot be written.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/shell.rs"]
mod shell;

use std::fs;
use std::path::PathBuf;

use common::testdata;
use shell::shell;

/// A folder with an old and a new image.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("streams-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    folder
}

/// The exit code is that of the work: nobody needs the remarks.
#[test]
fn remarks_that_cannot_be_written_change_nothing() {
    let folder = folder("remarks");
    for (number, lost) in ["2>/dev/full", "2>&-", "2>&1 | :"].into_iter().enumerate() {
        let code = |call: &str| {
            let script = format!("{{ {call}; echo $? >code; }} {lost}");
            let told = shell(&folder, &script).2;
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
            let (code, _, told) = shell(&folder, &format!("$F {call} {lost}"));
            assert_eq!(code, Some(7), "{call} {lost}: {told}");
            assert!(told.contains("standard output"), "{call} {lost}: {told}");
        }
    }
    // As it was, and not as a closed one is.
    assert_eq!(shell(&folder, "$F apply old.bin p.fdp -o - 1<>/dev/null").0, Some(0));
}

/// Help is a result, too.
#[test]
fn help_that_cannot_be_written_is_an_error() {
    let folder = folder("help");
    for call in ["--help", "help diff", "diff -h", "--version"] {
        for lost in [">/dev/full", ">&-"] {
            let (code, _, told) = shell(&folder, &format!("$F {call} {lost}"));
            assert_eq!(code, Some(7), "{call} {lost}: {told}");
            assert!(told.contains("standard output"), "{call} {lost}: {told}");
        }
        assert_eq!(shell(&folder, &format!("$F {call} | :")).0, Some(0), "{call}");
        assert_eq!(shell(&folder, &format!("$F {call}")).0, Some(0), "{call}");
    }
}

/// One stream has no room for a result and a report of it, whatever it is called.
#[test]
fn a_result_and_json_do_not_go_to_one_place() {
    let folder = folder("json");
    let made = shell(&folder, "$F diff old.bin new.bin -o p.fdp -q && ln -s /proc/self/fd/1 link");
    assert_eq!(made.0, Some(0), "{}", made.2);
    for call in [
        "diff old.bin new.bin",
        "apply old.bin p.fdp",
        "convert old.bin --to hex",
        "sign p.fdp --key x.pem",
        "personalize old.bin --hole a=0x400-0x420 --set a=1",
    ] {
        for (out, to) in [("-", ""), ("/dev/stdout", ""), ("link", ""), ("file", "> file")] {
            let script = format!("$F {call} --json -o {out} {to}; code=$?; rm -f file; exit $code");
            let (code, said, told) = shell(&folder, &script);
            assert_eq!(code, Some(2), "{call} {out}: {told}");
            assert!(told.contains("cannot both go to standard output"), "{call} {out}: {told}");
            assert!(said.is_empty() || said.starts_with("{\n  \"error\""), "{call} {out}: {said}");
        }
    }
    // Alone it may.
    let (code, _, told) =
        shell(&folder, "$F convert old.bin -o /dev/stdout --to hex -q | grep -q :");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(shell(&folder, "$F apply old.bin p.fdp -o /dev/null --json >/dev/null").0, Some(0));
}

/// `-q` is for scripts: what is dubious is worth a line in their logs.
#[test]
fn warnings_are_not_hidden() {
    let folder = folder("quiet");
    let (code, _, told) = shell(&folder, "$F diff old.bin old.bin -o p.fdp -q");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("warning: ") && told.lines().count() == 1, "{told}");
    let (code, said, told) = shell(&folder, "$F diff old.bin new.bin -o p.fdp -q");
    assert_eq!((code, &*said, &*told), (Some(0), "", ""));
}

/// An option that would have no effect is refused.
#[test]
fn a_journal_is_for_one_slot() {
    let folder = folder("journal");
    assert_eq!(shell(&folder, "$F diff old.bin new.bin -o p.fdp -q").0, Some(0));
    let (code, _, told) = shell(&folder, "$F apply old.bin p.fdp -o x --journal j");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("--journal"), "{told}");
    assert!(!folder.join("x").exists() && !folder.join("j").exists());
}
