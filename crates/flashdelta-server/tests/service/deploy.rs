//! What `deploy` has for those who run it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::PROGRAM;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

#[test]
fn systemd_takes_the_unit() {
    let folder = folder();
    let unit = fs::read_to_string(folder.join("flashdelta-server.service")).unwrap();
    let installed = "/usr/local/bin/flashdelta-server";
    assert!(unit.contains(&format!("ExecStart={installed} serve")));
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("flashdelta-server.service");
    fs::write(&path, unit.replace(installed, PROGRAM)).unwrap();
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(&path).output()
    };
    let Ok(verified) = analyze(&["verify", "--man=no"]) else {
        let _ = std::io::stderr().write_all(b"SKIPPED: no systemd-analyze here\n");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // It names what it does not know, and goes on.
    let about: Vec<&str> = said.lines().filter(|line| line.contains("flashdelta")).collect();
    assert!(verified.status.success() && about.is_empty(), "{said}");
    let exposure = analyze(&["security", "--offline=true", "--threshold=20"]).unwrap();
    let said = String::from_utf8_lossy(&exposure.stdout).into_owned();
    assert!(exposure.status.success(), "{said}");
}

/// A container cannot be built everywhere: that what goes into one is there can be told everywhere.
#[test]
fn the_container_has_what_it_takes() {
    let text = fs::read_to_string(folder().join("Containerfile")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY "));
    let copied: Vec<_> = copied.filter(|line| !line.starts_with("--from")).collect();
    assert_eq!(copied.len(), 3);
    for line in &copied {
        let names: Vec<&str> = line.split(' ').collect();
        let (_, sources) = names.split_last().unwrap();
        for source in sources {
            assert!(root.join(source).exists(), "{source}");
        }
    }
    // What the program takes of the repository is in it.
    let family = include_str!("../../src/demo/family.rs");
    assert!(family.contains("../../../../testdata/firmware/"));
    assert!(copied.contains(&"testdata/firmware testdata/firmware"));
    // The Rust that the package asks for.
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(text.contains(&format!("rust:{rust}-")), "{rust}");
}

/// Variables in both are those of the program.
#[test]
fn settings_are_the_programs() {
    let help = Command::new(PROGRAM).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let mut found = 0;
    for name in ["Containerfile", "flashdelta-server.service"] {
        let text = fs::read_to_string(folder().join(name)).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        for variable in words.filter(|word| word.len() > "FLASHDELTA_".len()) {
            if variable.starts_with("FLASHDELTA_") {
                assert!(help.contains(&format!("[env: {variable}=")), "{name}: {variable}");
                found += 1;
            }
        }
    }
    assert!(found >= 5, "{found}");
}
