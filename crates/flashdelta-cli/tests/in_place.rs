//! Updates of a slot in a file: they go on after they were killed.
#![cfg(unix)]

mod common;

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::testdata;

/// A folder with both images, and patches between them for a slot with a sector to spare.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("in-place-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    for (from, to) in [("old", "new"), ("new", "old")] {
        let files = [format!("{from}.bin"), format!("{to}.bin"), format!("{to}.fdp")];
        let arguments = "--profile small --in-place --slot 64KiB --sector 1024 --scratch 1 -q -o";
        let mut made = flashdelta(&folder, &["diff", &files[0], &files[1]]);
        let made = made.args(arguments.split(' ')).arg(&files[2]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    folder
}

fn flashdelta(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    command.current_dir(folder).args(arguments).stderr(Stdio::piped());
    command
}

const APPLY: [&str; 4] = ["apply", "--in-place", "slot.bin", "new.fdp"];

#[test]
fn a_slot_becomes_the_new_image_and_the_old_one_again() {
    let folder = folder("slot");
    let [old, new] = ["old.bin", "new.bin"].map(|name| fs::read(folder.join(name)).unwrap());
    // As long as the image, and as long as a slot.
    for padding in [0, 5000] {
        fs::write(folder.join("slot.bin"), [&old[..], &vec![0x33; padding]].concat()).unwrap();
        assert!(flashdelta(&folder, &APPLY).status().unwrap().success());
        let slot = fs::read(folder.join("slot.bin")).unwrap();
        assert_eq!(slot.len(), if padding == 0 { new.len() } else { old.len() + padding });
        assert!(slot.starts_with(&new));
        assert!(!folder.join("slot.bin.journal").exists());
        let back = ["apply", "--in-place", "slot.bin", "old.fdp", "--journal", "other"];
        assert!(flashdelta(&folder, &back).status().unwrap().success());
        assert!(fs::read(folder.join("slot.bin")).unwrap().starts_with(&old));
        assert!(!folder.join("other").exists());
    }
}

#[test]
fn an_update_that_was_killed_goes_on() {
    let folder = folder("killed");
    fs::copy(folder.join("old.bin"), folder.join("slot.bin")).unwrap();
    let mut unfinished = 0;
    for round in 0.. {
        let mut child = flashdelta(&folder, &APPLY).spawn().unwrap();
        // Longer and longer, so that it comes to its end on any machine.
        std::thread::sleep(Duration::from_micros(1000 + 300 * round));
        if child.try_wait().unwrap().is_some() {
            let ended = child.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if folder.join("slot.bin.journal").exists() {
            unfinished += 1;
        }
    }
    assert!(unfinished > 0);
    assert!(
        fs::read(folder.join("slot.bin")).unwrap() == fs::read(folder.join("new.bin")).unwrap()
    );
    assert!(!folder.join("slot.bin.journal").exists());
}

#[test]
fn what_does_not_fit_leaves_the_slot_as_it_is() {
    let folder = folder("refused");
    let ends = |arguments: &[&str], code: i32, message: &str| {
        let ended = flashdelta(&folder, arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(message), "{said}");
    };
    fs::copy(folder.join("new.bin"), folder.join("slot.bin")).unwrap();
    ends(&APPLY, 4, "old image does not match this patch");
    let diff = ["diff", "old.bin", "new.bin", "-o", "plain.fdp"];
    assert!(flashdelta(&folder, &diff).status().unwrap().success());
    ends(&["apply", "--in-place", "slot.bin", "plain.fdp"], 6, "made for two slots");
    ends(&["diff", "old.bin", "new.bin", "-o", "p", "--in-place"], 6, "a slot of 61440 bytes");
    assert!(
        fs::read(folder.join("slot.bin")).unwrap() == fs::read(folder.join("new.bin")).unwrap()
    );
    assert!(!folder.join("slot.bin.journal").exists());
}
