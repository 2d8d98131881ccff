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
        make(&folder, [from, to, to], "--sector 1024 --scratch 1");
    }
    folder
}

/// Makes a patch in that folder. `names`: of the old image, the new one and the patch.
fn make(folder: &Path, names: [&str; 3], layout: &str) {
    let [from, to, patch] = names;
    let files = [format!("{from}.bin"), format!("{to}.bin"), format!("{patch}.fdp")];
    let mut made = flashdelta(folder, &["diff", &files[0], &files[1]]);
    let made = made
        .args("--profile small --in-place --slot 64KiB".split(' '))
        .args(layout.split(' '))
        .args(["-q", "-o", &files[2]])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Runs a command that is to end with an exit code, and to say something.
fn ends(folder: &Path, arguments: &[&str], code: i32, message: &str) {
    let ended = flashdelta(folder, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(code), "{said}");
    assert!(said.contains(message), "{said}");
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
    let new = fs::read(folder.join("new.bin")).unwrap();
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
        } else if fs::read(folder.join("slot.bin")).unwrap() == new {
            // It was killed when all was done.
            break;
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
    fs::copy(folder.join("new.bin"), folder.join("slot.bin")).unwrap();
    ends(&folder, &APPLY, 4, "old image does not match this patch");
    let diff = ["diff", "old.bin", "new.bin", "-o", "plain.fdp"];
    assert!(flashdelta(&folder, &diff).status().unwrap().success());
    ends(&folder, &["apply", "--in-place", "slot.bin", "plain.fdp"], 6, "made for two slots");
    ends(
        &folder,
        &["diff", "old.bin", "new.bin", "-o", "p", "--in-place"],
        6,
        "a slot of 61440 bytes",
    );
    assert!(
        fs::read(folder.join("slot.bin")).unwrap() == fs::read(folder.join("new.bin")).unwrap()
    );
    assert!(!folder.join("slot.bin.journal").exists());
}

#[test]
fn no_file_but_a_journal_is_taken_for_one() {
    let folder = folder("no-journal");
    fs::copy(folder.join("old.bin"), folder.join("slot.bin")).unwrap();
    fs::write(folder.join("data"), "mine").unwrap();
    fs::hard_link(folder.join("slot.bin"), folder.join("link.bin")).unwrap();
    let kept = ["slot.bin", "new.fdp", "data"];
    let before = kept.map(|name| fs::read(folder.join(name)).unwrap());
    for (journal, message) in [
        ("slot.bin", "same file"),
        ("./slot.bin", "same file"),
        ("link.bin", "same file"),
        ("new.fdp", "is read and cannot be written"),
        ("data", "no journal"),
    ] {
        ends(&folder, &[&APPLY[..], &["--journal", journal]].concat(), 2, message);
        assert!(kept.map(|name| fs::read(folder.join(name)).unwrap()) == before, "{journal}");
    }
    // One that was cut off in its first bytes is one; so is a file that is empty. It is left where
    // it is if the update does not begin.
    let apply = [&APPLY[..], &["--journal", "data"]].concat();
    fs::write(folder.join("data"), "").unwrap();
    ends(&folder, &["apply", "--in-place", "slot.bin", "old.fdp", "--journal", "data"], 4, "");
    assert_eq!(fs::read(folder.join("data")).unwrap(), b"");
    fs::write(folder.join("data"), "FDslo").unwrap();
    ends(&folder, &apply, 0, "");
    assert!(!folder.join("data").exists());
}

/// Kills an update in the middle, whose journal stays.
fn kill_in_the_middle(folder: &Path) {
    for wait in (1..).map(|step| Duration::from_micros(500 * step)) {
        fs::copy(folder.join("old.bin"), folder.join("slot.bin")).unwrap();
        let _ = fs::remove_file(folder.join("slot.bin.journal"));
        let mut child = flashdelta(folder, &APPLY).spawn().unwrap();
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let slot = fs::read(folder.join("slot.bin")).unwrap();
        let is_mixed = ["old", "new"]
            .iter()
            .all(|name| !slot.starts_with(&fs::read(folder.join(format!("{name}.bin"))).unwrap()));
        if is_mixed && folder.join("slot.bin.journal").exists() {
            return;
        }
        assert!(wait < Duration::from_secs(5), "it never was in the middle");
    }
}

#[test]
fn a_patch_with_another_layout_does_not_take_over_an_unfinished_update() {
    let folder = folder("other-layout");
    make(&folder, ["old", "new", "sectors"], "--sector 4096 --scratch 1");
    make(&folder, ["old", "new", "scratch"], "--sector 1024 --scratch 3");
    make(&folder, ["old", "new", "ram"], "--sector 1024 --scratch 1 --ram 12KiB");
    kill_in_the_middle(&folder);
    let files =
        || ["slot.bin", "slot.bin.journal"].map(|name| fs::read(folder.join(name)).unwrap());
    let before = files();
    for patch in ["sectors.fdp", "scratch.fdp", "ram.fdp", "old.fdp"] {
        assert!(fs::read(folder.join(patch)).unwrap() != fs::read(folder.join("new.fdp")).unwrap());
        ends(&folder, &["apply", "--in-place", "slot.bin", patch], 3, "another patch");
        assert!(files() == before, "{patch}");
    }
    ends(&folder, &APPLY, 0, "");
    assert!(
        fs::read(folder.join("slot.bin")).unwrap() == fs::read(folder.join("new.bin")).unwrap()
    );
}

#[test]
fn a_damaged_patch_leaves_the_slot_as_it_is() {
    let folder = folder("damaged");
    fs::copy(folder.join("old.bin"), folder.join("slot.bin")).unwrap();
    let mut patch = fs::read(folder.join("new.fdp")).unwrap();
    // Far in the body.
    let at = patch.len() - 200;
    patch[at] ^= 1;
    fs::write(folder.join("new.fdp"), patch).unwrap();
    ends(&folder, &APPLY, 3, "");
    assert!(
        fs::read(folder.join("slot.bin")).unwrap() == fs::read(folder.join("old.bin")).unwrap()
    );
    assert!(!folder.join("slot.bin.journal").exists());
}
