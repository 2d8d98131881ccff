//! Every pair of the test data, through the program: made, verified, applied.

mod common;
#[cfg(unix)]
#[allow(dead_code, unreachable_pub)]
#[path = "../../flashdelta/tests/common/handmade.rs"]
mod handmade;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn flashdelta(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flashdelta")).args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&Path]) {
    let output = flashdelta(arguments);
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {}\n{out}{err}", output.status);
    // One pair is of different chips, which is said however quiet the program is.
    let is_quiet = out.is_empty() && err.lines().all(|line| line.starts_with("warning: "));
    assert!(is_quiet, "{arguments:?} is not quiet:\n{out}{err}");
}

/// Updates between all pairs on a device with this profile.
fn round_trip(profile: &str) {
    let folder = common::folder(&format!("roundtrip-{profile}"));
    let pairs = String::from_utf8(common::testdata("pairs.tsv")).unwrap();
    for pair in pairs.lines().skip(1) {
        let fields: Vec<&str> = pair.split('\t').collect();
        let [name, old, new, ..] = fields[..] else { panic!("pairs.tsv: {pair}") };
        let [old, new] = [old, new].map(common::testdata_path);
        let [patch, out] =
            ["fdp", "bin"].map(|extension| folder.join(name).with_extension(extension));
        let [diff, verify, apply, quiet, output] =
            ["diff", "verify", "apply", "-q", "-o"].map(Path::new);
        succeeds(&[
            diff,
            quiet,
            &old,
            &new,
            output,
            &patch,
            Path::new("--allow-empty"),
            Path::new("--profile"),
            Path::new(profile),
        ]);
        succeeds(&[verify, quiet, &old, &patch]);
        succeeds(&[apply, quiet, &old, &patch, output, &out]);
        assert!(
            fs::read(&out).unwrap() == fs::read(&new).unwrap(),
            "{name}, {profile}: another image came out"
        );
    }
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with("tmp")).collect();
    assert!(left.is_empty(), "temporary files are left: {left:?}");
}

#[test]
fn on_a_tiny_device() {
    round_trip("tiny");
}

#[test]
fn on_a_small_device() {
    round_trip("small");
}

#[test]
fn on_an_esp32() {
    round_trip("esp32");
}

#[test]
fn on_linux() {
    round_trip("linux");
}

/// Neither a missing old image nor a bad patch leaves anything after, and what was there stays.
#[test]
fn failure_leaves_the_output_alone() {
    let folder = common::folder("failure");
    let [old, new, patch, out] =
        ["old.bin", "new.bin", "update.fdp", "out.bin"].map(|name| folder.join(name));
    fs::write(&old, b"one image".repeat(100)).unwrap();
    fs::write(&new, b"another image".repeat(100)).unwrap();
    fs::write(&out, b"precious").unwrap();
    let [diff, apply, quiet, output] = ["diff", "apply", "-q", "-o"].map(Path::new);
    succeeds(&[diff, quiet, &old, &new, output, &patch]);
    assert_eq!(flashdelta(&[apply, &new, &patch, output, &out]).status.code(), Some(4));
    let mut damaged = fs::read(&patch).unwrap();
    damaged.pop();
    fs::write(&patch, damaged).unwrap();
    assert_eq!(flashdelta(&[apply, &old, &patch, output, &out]).status.code(), Some(3));
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
}

/// A small patch that makes a large image ends when it is told to, and leaves nothing after.
#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_large_image() {
    use core::time::Duration;
    use std::time::Instant;
    let folder = common::folder("interrupt");
    let [old, patch, out] = ["old.bin", "bomb.fdp", "out.bin"].map(|name| folder.join(name));
    fs::write(&old, b"").unwrap();
    fs::write(&patch, handmade::bomb(1 << 30, 16)).unwrap();
    let verify = flashdelta(&[Path::new("verify"), &old, &patch]);
    assert_eq!(verify.status.code(), Some(6), "{}", String::from_utf8_lossy(&verify.stderr));
    let mut apply = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    let mut apply = apply.arg("apply").args([&old, &patch]).arg("-o").arg(&out).spawn().unwrap();
    let started = |folder: &Path| fs::read_dir(folder).unwrap().count() == 3;
    let start = Instant::now();
    while !started(&folder) && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(Command::new("kill")
        .args(["-INT", &apply.id().to_string()])
        .status()
        .unwrap()
        .success());
    assert_eq!(apply.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "the temporary file is gone");
}
