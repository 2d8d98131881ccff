//! One signal ends whatever waits for others: pipes that nobody fills or empties.
#![cfg(target_os = "linux")]

mod common;

use core::time::Duration;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use common::testdata;

/// A folder with an old and a new image, and a pipe.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("signals-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    folder
}

fn start(folder: &Path, call: &str, stdout: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    command.current_dir(folder).args(call.split(' ')).stdin(Stdio::piped()).stdout(stdout);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the process does nothing any more, but is there.
fn until_it_waits(child: &Child) {
    let path = format!("/proc/{}/stat", child.id());
    let mut still = 0;
    let mut before = String::new();
    for _ in 0..600 {
        sleep(Duration::from_millis(50));
        let stat = fs::read_to_string(&path).unwrap();
        // After the name: the state, and from the twelfth on the times that it has run.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let now = format!("{} {} {}", fields[0], fields[11], fields[12]);
        still = if fields[0] == "S" && now == before { still + 1 } else { 0 };
        before = now;
        if still == 8 {
            return;
        }
    }
    panic!("it does not wait");
}

/// Sends one signal: the process ends at once, by itself.
fn ends(mut child: Child, call: &str) -> String {
    is_ended(&mut child, call);
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    told
}

fn is_ended(child: &mut Child, call: &str) {
    until_it_waits(child);
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > Duration::from_secs(20) => {
                child.kill().unwrap();
                panic!("{call}: one signal does not end it");
            }
            None => sleep(Duration::from_millis(20)),
        }
    };
    assert_eq!(status.code(), Some(130), "{call}");
}

#[test]
fn one_signal_ends_waiting_for_a_pipe() {
    let folder = folder("pipe");
    let made = start(&folder, "diff old.bin new.bin -o p.fdp -q", Stdio::null()).wait().unwrap();
    assert!(made.success());
    for call in [
        "diff old.bin pipe -o x",
        "diff old.bin new.bin -o x --profile pipe",
        "apply pipe p.fdp -o x",
        "apply - p.fdp -o x",
        "set create pipe -o x",
        "release build pipe -o x",
        // Nobody opens the other end.
        "diff old.bin new.bin -o pipe",
        "apply old.bin p.fdp -o pipe",
        "apply old.bin p.fdp -o pipe --json",
        "convert old.bin -o pipe --to hex",
    ] {
        let told = ends(start(&folder, call, Stdio::null()), call);
        assert!(told.starts_with("error: interrupted"), "{call}: {told}");
        assert!(!folder.join("x").exists(), "{call}");
    }
}

#[test]
fn one_signal_ends_a_remark_that_nobody_reads() {
    let folder = folder("remark");
    let (_reader, mut stderr) = std::io::pipe().unwrap();
    // As much as a pipe holds.
    stderr.write_all(&[b'.'; 1 << 16]).unwrap();
    let call = "diff old.bin old.bin -o x.fdp -q";
    let mut command = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    command.current_dir(&folder).args(call.split(' ')).stderr(stderr);
    is_ended(&mut command.spawn().unwrap(), call);
}

#[test]
fn one_signal_ends_writing_to_a_pipe_that_is_full() {
    let folder = folder("full");
    // More names than a pipe has room for.
    let files = 3000;
    fs::create_dir(folder.join("many")).unwrap();
    for number in 0..files {
        let name = format!("many/a-file-with-a-name-of-some-length-{number}");
        fs::write(folder.join(name), "x").unwrap();
    }
    for call in ["convert old.bin -o - --to hex", "info many --json", "info many"] {
        // Held, and not read.
        let mut child = start(&folder, call, Stdio::piped());
        let held = child.stdout.take().unwrap();
        let told = ends(child, call);
        assert!(told.starts_with("error: interrupted"), "{call}: {told}");
        drop(held);
    }
}

/// A journal is read back, so that nothing else than a file will do.
#[test]
fn a_journal_in_a_pipe_is_refused() {
    let folder = folder("journal");
    let call = "diff old.bin new.bin -o in.fdp -q --in-place --slot 256KiB --scratch 1";
    assert!(start(&folder, call, Stdio::null()).wait().unwrap().success());
    let old = fs::read(folder.join("old.bin")).unwrap();
    for journal in ["pipe", "/dev/null", "."] {
        let call = format!("apply --in-place old.bin in.fdp --journal {journal}");
        let status = start(&folder, &call, Stdio::null()).wait().unwrap();
        assert_eq!(status.code(), Some(2), "{call}");
        assert!(fs::read(folder.join("old.bin")).unwrap() == old, "{call}");
    }
}
