//! No result goes where something was read: not to a file, to a part of it, or into a folder.
#![cfg(unix)]

mod common;
#[path = "common/shell.rs"]
mod shell;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::testdata;
use shell::shell;

/// A folder with whatever the program reads.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("overwriting-{name}"));
    let images = ["old", "new"].map(|name| {
        let version = if name == "old" { "1.0" } else { "1.1" };
        (name, testdata(&format!("firmware/riscv-{version}.bin")))
    });
    for (name, image) in &images {
        fs::write(folder.join(format!("{name}.bin")), image).unwrap();
        let release = folder.join(name);
        fs::create_dir_all(release.join("sub")).unwrap();
        fs::write(release.join("app.bin"), image).unwrap();
        fs::write(release.join("sub/notes.txt"), name).unwrap();
        let flasher = r#"{"flash_files": {"0x10000": "app.bin"}}"#;
        fs::write(release.join("flasher_args.json"), flasher).unwrap();
    }
    for elf in ["old", "new"] {
        let file = testdata("firmware/cortex-m-1.0.elf");
        fs::write(folder.join(format!("{elf}.elf")), file).unwrap();
    }
    fs::write(folder.join("profile.toml"), "ram = \"64KiB\"\n").unwrap();
    fs::write(folder.join("value"), "0123456789abcdef").unwrap();
    fs::write(folder.join("devices.csv"), "serial\nfile:value\n").unwrap();
    fs::write(
        folder.join("set.toml"),
        "profile = \"profile.toml\"\n[[component]]\nkind = \"data\"\nname = \"logo\"\nold = \
         \"old.bin\"\nnew = \"new.bin\"\n",
    )
    .unwrap();
    for name in ["ed25519.pem", "ed25519.pub.pem"] {
        fs::write(folder.join(name), testdata(&format!("signed/{name}"))).unwrap();
    }
    let made = shell(
        &folder,
        "set -e; $F diff old.bin new.bin -o p.fdp -q; $F diff old new -o folder.fdp -q; \
         $F diff old/flasher_args.json new.bin -o parts.fdp -q; \
         $F diff old.bin new.bin -o hole.fdp -q --hole key=0x100-0x110,old=none; \
         $F set create old new -o update.fds -q; $F sign p.fdp --key ed25519.pem -o signed.fdp -q; \
         ln -s old/app.bin link; ln -s old/not-yet.bin dangling",
    );
    assert_eq!(made.0, Some(0), "{}", made.2);
    folder
}

/// All files below a folder, and what they hold.
fn contents(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => contents(&path, files),
            false => drop(files.insert(path.clone(), fs::read(&path).unwrap_or_default())),
        }
    }
}

#[test]
fn what_was_read_is_not_replaced() {
    let folder = folder("read");
    let mut before = BTreeMap::new();
    contents(&folder, &mut before);
    let calls = [
        // Parts of manifests, and what is in folders or would be.
        "diff old/flasher_args.json new/flasher_args.json -o old/app.bin",
        "diff old/flasher_args.json new/flasher_args.json -o new/app.bin",
        "diff old/flasher_args.json new.bin -o link",
        "diff old new -o old/app.bin",
        "diff old new -o new/sub/notes.txt",
        "diff old new -o new/p.fdp",
        "diff old new -o old/sub/../p.fdp",
        "diff old new -o dangling",
        "diff old . -o p2.fdp",
        "apply old folder.fdp -o old/applied",
        "apply old folder.fdp -o old/app.bin",
        "apply old/flasher_args.json parts.fdp -o old/app.bin",
        "set apply old update.fds -o old/applied",
        "set create old new -o new/update.fds",
        "set create set.toml -o new.bin",
        "set create set.toml -o profile.toml",
        "set create set.toml -o set.toml",
        // What is not an image.
        "diff old.bin new.bin -o profile.toml --profile profile.toml",
        "diff old.bin new.bin -o old.elf --old-elf old.elf",
        "diff old.bin new.bin -o new.elf --new-elf new.elf",
        "apply old.bin signed.fdp -o ed25519.pub.pem --key ed25519.pub.pem",
        "apply old.bin hole.fdp -o value --set key=file:value",
        "sign p.fdp --key ed25519.pem -o ed25519.pem",
        "personalize old.bin --hole serial=0x400-0x420 --set serial=file:value -o value",
        "personalize old.bin --hole serial=0x400-0x420 --table devices.csv -o value",
        "personalize old.bin --hole serial=0x400-0x420 --table devices.csv -o devices.csv",
        "personalize old.bin --hole serial=0x400-0x420 --set serial=x --elf old.elf -o old.elf",
        "apply --in-place p.fdp p.fdp",
        "apply --in-place old.bin p.fdp --journal p.fdp",
        "convert old.bin -o old.bin --to bin",
    ];
    for call in calls {
        let (code, _, told) = shell(&folder, &format!("$F {call}"));
        assert_eq!(code, Some(2), "{call}: {told}");
        assert!(told.contains("is read and cannot be written, too"), "{call}: {told}");
        let mut after = BTreeMap::new();
        contents(&folder, &mut after);
        assert!(before == after, "{call}");
    }
}

/// A folder that is beside what was read, or around it, is none of that.
#[test]
fn other_places_are_written() {
    let folder = folder("others");
    for call in [
        "diff old new -o old.fdp",
        "apply old folder.fdp -o olds",
        "diff old/flasher_args.json new/flasher_args.json -o old/p.fdp",
        "diff old/app.bin new/app.bin -o new/p.fdp",
        "apply old.bin p.fdp -o old.bin.new",
        "diff old.bin new.bin -o /dev/null",
    ] {
        let (code, _, told) = shell(&folder, &format!("$F {call}"));
        assert_eq!(code, Some(0), "{call}: {told}");
    }
}
