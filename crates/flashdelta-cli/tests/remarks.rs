//! What is said of odd files, odd options and full disks.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/shell.rs"]
mod shell;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::testdata;
use flashdelta::image::{Format, Image, Segment, WriteOptions};
use shell::shell;

/// A folder with an old and a new image.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("remarks-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    folder
}

/// Whether this may change owners; else the test is skipped, aloud.
fn is_root(folder: &Path, what: &str) -> bool {
    let is_root = fs::metadata(folder).unwrap().uid() == 0
        && Command::new("setpriv").arg("--version").output().is_ok();
    if !is_root {
        eprintln!("SKIPPED: {what}: not root, or no setpriv");
    }
    is_root
}

#[test]
fn an_empty_old_file_is_remarked() {
    let folder = folder("empty");
    fs::write(folder.join("empty.bin"), b"").unwrap();
    fs::create_dir_all(folder.join("empty/sub")).unwrap();
    fs::create_dir(folder.join("full")).unwrap();
    fs::copy(folder.join("new.bin"), folder.join("full/new.bin")).unwrap();
    for call in [
        "diff empty.bin new.bin -o x.fdp --json",
        "diff - new.bin -o x.fdp --json </dev/null",
        "diff - new.bin -o x.fdp --json <&-",
        "diff empty full -o x.fdp --json",
    ] {
        let (code, said, told) = shell(&folder, &format!("$F {call}"));
        assert_eq!(code, Some(0), "{call}: {told}");
        assert!(told.contains("it is empty: the patch holds the whole new file"), "{call}: {told}");
        assert!(said.contains("\"code\": \"empty-old\""), "{call}: {said}");
    }
    let (_, said, told) = shell(&folder, "$F diff old.bin new.bin -o x.fdp --json");
    assert!(!said.contains("empty-old") && !told.contains("warning"), "{told}");
}

/// A binary has no addresses: that parts follow each other in it is said.
#[test]
fn parts_that_are_far_apart_are_told() {
    let folder = folder("apart");
    let file = |seed: u8| {
        let data = |len: u32| (0..len).map(|n| (n * 7) as u8 ^ seed).collect::<Vec<u8>>();
        let segments = vec![
            Segment { address: 0x0800_0000, data: data(4000) },
            Segment { address: 0x1fff_0000, data: data(16) },
        ];
        let image = Image { format: Format::IntelHex, segments, entry: None, header: None };
        image.write(Format::IntelHex, &WriteOptions::default()).unwrap()
    };
    fs::write(folder.join("old.hex"), file(1)).unwrap();
    fs::write(folder.join("new.hex"), file(2)).unwrap();
    let made = shell(&folder, "$F diff old.hex new.hex -o p.fdp");
    assert_eq!(made.0, Some(0), "{}", made.2);
    let (code, said, told) = shell(&folder, "$F apply old.hex p.fdp -o slot --as bin --json");
    assert_eq!(code, Some(0), "{told}");
    for part in ["0x08000000..0x08000fa0, 0x1fff0000..0x1fff0010", "they follow each other"] {
        assert!(told.contains(part) && said.contains(part), "{part}: {told}{said}");
    }
    assert_eq!(fs::metadata(folder.join("slot")).unwrap().len(), 4016);
    // One part is as a device has it.
    let near = "$F diff old.hex new.hex -o q.fdp --range 0x08000000-0x09000000 -q && \
                $F apply old.hex q.fdp -o slot --as bin";
    let (code, _, told) = shell(&folder, near);
    assert_eq!(code, Some(0), "{told}");
    assert!(!told.contains("warning"), "{told}");
}

#[test]
fn control_characters_of_contents_do_not_reach_the_terminal() {
    let folder = folder("control");
    let manifest = "{\"name\": \"a\\u001b[31mb\", \"version\": \"1\\u001b[2J\", \"builds\": \
        [{\"chipFamily\": \"ESP32\", \"parts\": [{\"path\": \"x\\u001b[0m\", \"offset\": 0}]}]}";
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    fs::write(folder.join("bad.toml"), "like = \"a\\u001b[31mb\"\n").unwrap();
    fs::write(folder.join("worse.toml"), "r\u{1b}[31m = 1\n").unwrap();
    for call in [
        "$F info manifest.json",
        "$F diff old.bin new.bin -o x --profile \"$(printf '\\033[31m')\"",
        "$F diff old.bin new.bin -o x --profile bad.toml",
        "$F diff old.bin new.bin -o x --profile worse.toml",
        "$F \"--$(printf '\\033[2J')\"",
        "$F verify old.bin old.bin \"$(printf 'a\\nerror: \\033[2J')\"",
        "$F diff old.bin new.bin -o x --json --ram \"$(printf '1\\033[31m')\"",
    ] {
        let (_, said, told) = shell(&folder, call);
        assert!(!said.contains('\u{1b}') && !told.contains('\u{1b}'), "{call}: {said:?} {told:?}");
        assert!((said + &told).contains("\\u{1b}"), "{call}");
    }
}

#[test]
fn wrong_lines_of_descriptions_are_shown_in_lines() {
    let folder = folder("lines");
    fs::write(folder.join("wrong.toml"), "# A description.\ncomponents = ]\n").unwrap();
    for call in [
        "$F diff old.bin new.bin -o x --profile wrong.toml",
        "$F set create wrong.toml -o x",
        "$F release build wrong.toml -o public",
    ] {
        let (code, _, told) = shell(&folder, call);
        assert_eq!(code, Some(2), "{call}: {told}");
        assert!(told.contains("\n2 | components = ]\n"), "{call}: {told}");
        assert!(!told.contains("\\n"), "{call}: {told}");
    }
}

#[test]
fn hints_fit_what_is_wrong() {
    let folder = folder("hints");
    fs::write(folder.join("overlap.hex"), ":0100000001FE\n:0100000002FD\n:00000001FF\n").unwrap();
    fs::write(folder.join("beyond.hex"), ":02000004FFFFFC\n:02FFFF000102FD\n:00000001FF\n")
        .unwrap();
    let (code, _, told) = shell(&folder, "$F info overlap.hex");
    assert_eq!(code, Some(8), "{told}");
    assert!(told.contains("hint: of `diff` and `convert`: --accept overlap"), "{told}");
    let (code, _, told) = shell(&folder, "$F convert beyond.hex -o x.bin");
    assert_eq!(code, Some(8), "{told}");
    assert!(told.contains("addresses have 32 bits"), "{told}");
    for accept in ["overlap,overlap-first", "overlap-same,overlap", "after-end,after-end-read"] {
        for call in ["diff overlap.hex old.bin -o x", "convert overlap.hex -o x.bin"] {
            let (code, _, told) = shell(&folder, &format!("$F {call} --accept {accept}"));
            assert_eq!(code, Some(2), "{call} {accept}: {told}");
            assert!(told.contains("contradict each other"), "{call} {accept}: {told}");
        }
    }
}

/// In a file system of a few hundred KiB, which only root can mount.
#[test]
fn a_full_disk_is_told() {
    let folder = folder("disk");
    if !is_root(&folder, "a full disk") {
        return;
    }
    fs::create_dir(folder.join("disk")).unwrap();
    let inside = "mount -t tmpfs -o size=128k none disk || exit 99; \
        head -c 100000 /dev/zero >disk/fill; ";
    let made = shell(
        &folder,
        "$F diff old.bin new.bin -o p.fdp -q && \
         $F diff old.bin new.bin -o in.fdp -q --in-place --slot 256KiB --scratch 1",
    );
    assert_eq!(made.0, Some(0), "{}", made.2);
    fs::create_dir(folder.join("a")).unwrap();
    fs::create_dir(folder.join("b")).unwrap();
    fs::copy(folder.join("old.bin"), folder.join("a/x")).unwrap();
    fs::copy(folder.join("new.bin"), folder.join("b/x")).unwrap();
    assert_eq!(shell(&folder, "$F diff a b -o ab.fdp -q").0, Some(0));
    for call in [
        "apply old.bin p.fdp -o disk/new",
        "apply a ab.fdp -o disk/new",
        "convert old.bin -o disk/new --to hex",
        "apply --in-place old.bin in.fdp --journal disk/journal",
    ] {
        let script = format!("unshare -m sh -c '{inside} $F {call}'");
        let (code, _, told) = shell(&folder, &script);
        if code == Some(99) || told.contains("unshare") {
            eprintln!("SKIPPED: a full disk: nothing can be mounted: {told}");
            return;
        }
        assert_eq!(code, Some(7), "{call}: {told}");
        assert!(told.contains("hint: make room on that disk"), "{call}: {told}");
        assert!(
            told.contains("No space left on device") && !told.contains("Os {"),
            "{call}: {told}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder("read-only");
    if !is_root(&folder, "a folder that cannot be written") {
        return;
    }
    fs::create_dir(folder.join("closed")).unwrap();
    fs::write(folder.join("closed/out"), "before").unwrap();
    fs::set_permissions(folder.join("closed/out"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let (code, _, told) = shell(&folder, &format!("{as_nobody} $F --version"));
    if code != Some(0) {
        eprintln!("SKIPPED: the program cannot be run by others: {told}");
        return;
    }
    let call = format!("{as_nobody} $F diff old.bin new.bin -o closed/out");
    let (code, _, told) = shell(&folder, &call);
    assert_eq!(code, Some(7), "{told}");
    assert!(told.contains("nothing can be put into closed"), "{told}");
    assert_eq!(fs::read(folder.join("closed/out")).unwrap(), b"before");
}

/// Else a file of root's would run with root's rights, for whoever could be replaced.
#[test]
fn the_rights_of_an_owner_stay_with_the_owner() {
    let folder = folder("owner");
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o7777;
    let made = shell(&folder, "touch own other; chmod 6755 own; $F diff old.bin new.bin -o own");
    assert_eq!(made.0, Some(0), "{}", made.2);
    assert_eq!(mode("own"), 0o6755);
    if !is_root(&folder, "files of others") {
        return;
    }
    let call = "chown 65534:65534 other; chmod 6755 other; $F diff old.bin new.bin -o other";
    let made = shell(&folder, call);
    assert_eq!(made.0, Some(0), "{}", made.2);
    assert_eq!(mode("other"), 0o755);
}

#[test]
fn a_key_goes_to_standard_output() {
    let folder = folder("keygen");
    let (code, said, told) = shell(&folder, "$F keygen -o - | tee key.pem");
    assert_eq!(code, Some(0), "{told}");
    assert!(said.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{said}");
    assert!(told.contains("key id"), "{told}");
    assert!(!folder.join("-").exists() && !folder.join("-.pub.pem").exists());
    assert_eq!(shell(&folder, "$F keygen -o - --json").0, Some(2));
    let sign = "$F diff old.bin new.bin -o p.fdp -q && $F sign p.fdp --key key.pem -o s.fdp";
    let (code, _, told) = shell(&folder, sign);
    assert_eq!(code, Some(0), "{told}");
}
