//! The front door: any two inputs, and what is said of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::testdata;
use flashdelta::diff::{DeviceProfile, DiffOptions};
use flashdelta::door::{
    self, ApplyRequest, DoorError, MadeKind, MakeRequest, PatchError, Side, Warning,
};
use flashdelta::file::{MemoryOptions, Output};
use flashdelta::image::{Check, ReadOptions};
use flashdelta::{Input, InstructionSet};

fn request() -> MakeRequest {
    MakeRequest::new().diff(DiffOptions::new().effort(1))
}

fn input(name: &str) -> Input<'static> {
    Input::from_bytes(testdata(name)).named(name.rsplit('/').next().unwrap())
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("door").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Made, applied in memory and from file to file: always the new file.
#[track_caller]
fn round_trip(old: &Input<'_>, new: &Input<'_>) -> door::Made {
    let made = door::make(old, new, &request()).unwrap();
    assert!(made.verified);
    let applied = door::apply(old, &made.bytes, ApplyRequest::new()).unwrap();
    assert!(applied.bytes == new.bytes());
    assert_eq!(applied.len, new.bytes().len() as u64);
    made
}

#[test]
fn every_kind_of_input() {
    let made = round_trip(&input("firmware/riscv-1.0.bin"), &input("firmware/riscv-1.1.bin"));
    assert!(matches!(made.kind, MadeKind::Patch { .. }));
    let made = round_trip(&input("firmware/cortex-m-1.0.s19"), &input("firmware/cortex-m-1.1.hex"));
    assert!(matches!(made.kind, MadeKind::Patch { header, .. } if header.host_len > 0));
    let made = round_trip(&input("archives/heron-1.0.zip"), &input("archives/heron-1.1.zip"));
    assert!(matches!(made.kind, MadeKind::Bundle { .. }));
    let made = round_trip(
        &Input::verbatim(testdata("archives/heron-1.0.zip")),
        &Input::verbatim(testdata("archives/heron-1.1.zip")),
    );
    assert!(matches!(made.kind, MadeKind::Patch { .. }));
}

#[test]
fn from_file_to_file() {
    let folder = folder("files");
    let path = |name: &str| folder.join(name);
    for (old, new) in [
        ("firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"),
        ("firmware/cortex-m-1.0.s19", "firmware/cortex-m-1.1.hex"),
        ("archives/heron-1.0.zip", "archives/heron-1.1.zip"),
    ] {
        let patch = door::make(&input(old), &input(new), &request()).unwrap().bytes;
        fs::write(path("old"), testdata(old)).unwrap();
        let done = door::apply_file(&path("old"), &patch, &path("new"), ApplyRequest::new());
        assert_eq!(done.unwrap().len, testdata(new).len() as u64);
        assert!(fs::read(path("new")).unwrap() == testdata(new), "{new}");
        // The old file is up to date already.
        let again = door::apply_file(&path("new"), &patch, &path("again"), ApplyRequest::new());
        assert!(matches!(again, Err(PatchError::AlreadyNew)), "{new}: {again:?}");
        assert!(!path("again").exists());
    }
}

/// A pipe gives its bytes once, to whoever opens it first.
#[cfg(unix)]
#[test]
fn an_old_file_is_opened_once() {
    let folder = folder("pipe");
    let (pipe, new) = (folder.join("old"), folder.join("new"));
    for (old_name, new_name) in [
        ("firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"),
        ("firmware/cortex-m-1.0.s19", "firmware/cortex-m-1.1.hex"),
    ] {
        let patch = door::make(&input(old_name), &input(new_name), &request()).unwrap().bytes;
        let _ = fs::remove_file(&pipe);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (given, old) = (pipe.clone(), testdata(old_name));
        let writer = std::thread::spawn(move || fs::write(given, old));
        let done = door::apply_file(&pipe, &patch, &new, ApplyRequest::new());
        done.unwrap();
        writer.join().unwrap().unwrap();
        assert!(fs::read(&new).unwrap() == testdata(new_name), "{new_name}");
    }
}

/// A release with a manifest that is itself large beside a part that hardly changes: whichever form
/// wins, the path of the manifest applies.
#[test]
fn a_manifest_patch_applies_to_the_manifest() {
    for changed in [0, 10, 4000] {
        let releases = ["1.0", "1.1"].map(|version| {
            let folder = folder(&format!("manifest-{changed}-{version}"));
            let mut part = testdata("firmware/esp32-1.0.bin");
            if version == "1.1" {
                let end = part.len();
                part[end - changed..].iter_mut().for_each(|byte| *byte ^= 0x5a);
            }
            fs::write(folder.join("app.bin"), part).unwrap();
            let text = format!(
                r#"{{"name":"heron","version":"{version}","builds":[{{"chipFamily":"ESP32",
                "parts":[{{"path":"app.bin","offset":65536}}]}}]}}"#
            );
            fs::write(folder.join("manifest.json"), text).unwrap();
            folder.join("manifest.json")
        });
        let [old, new] = releases.each_ref().map(|path| Input::open(path).unwrap());
        assert!(old.is_packed() && new.is_packed());
        let made = round_trip(&old, &new);
        let target = folder("manifest-out").join("release");
        door::apply_file(&releases[0], &made.bytes, &target, ApplyRequest::new()).unwrap();
        for name in ["app.bin", "manifest.json"] {
            let expected = fs::read(releases[1].with_file_name(name)).unwrap();
            assert!(fs::read(target.join(name)).unwrap() == expected, "{changed} {name}");
        }
    }
}

#[test]
fn what_is_dubious_is_said() {
    let [zip, bin] = ["archives/heron-1.0.zip", "firmware/riscv-1.0.bin"].map(testdata);
    let warnings = |old: &Input<'_>, new: &Input<'_>, request: &MakeRequest| {
        door::make(old, new, request).unwrap().warnings
    };
    let named = Input::from_bytes(&bin[..]).named("release.zip");
    let found = warnings(&input("firmware/riscv-1.1.bin"), &named, &request());
    assert!(found.iter().any(|w| w.side == Side::New && w.what == Warning::NotAnArchive));
    let found = warnings(&named, &named, &request());
    assert!(found.iter().any(|w| w.what == Warning::Same));
    let random: Vec<u8> = zip.iter().rev().copied().collect();
    let found = warnings(&input("firmware/riscv-1.1.bin"), &Input::verbatim(random), &request());
    assert!(found.iter().any(|w| matches!(w.what, Warning::Packed { .. })), "{found:?}");
    assert!(warnings(&Input::from_bytes(&bin[..]), &input("firmware/riscv-1.1.bin"), &request())
        .is_empty());
}

#[test]
fn what_contradicts_the_files_is_said() {
    let esp = ["firmware/esp32-1.0.bin", "firmware/esp32-1.1.bin"].map(input);
    let found = |request: MakeRequest| {
        let made = door::make(&esp[0], &esp[1], &request).unwrap();
        made.warnings.into_iter().map(|warning| warning.what).collect::<Vec<_>>()
    };
    let options = || DiffOptions::new().effort(1);
    let based = found(MakeRequest::new().diff(options().base(0x0802_0000)));
    assert!(matches!(based[..], [Warning::BaseGiven { .. }, Warning::BaseGiven { .. }]));
    let mut profile = DeviceProfile::esp32();
    profile.isas = vec![InstructionSet::Thumb];
    let other = found(MakeRequest::new().diff(options().profile(profile)));
    assert!(matches!(other[..], [Warning::NotPredicted { .. }]), "{other:?}");
    let given = options().isa(Some(InstructionSet::Thumb));
    assert!(matches!(found(MakeRequest::new().diff(given))[..], [Warning::OtherIsa { .. }]));
    let mixed = door::make(&esp[0], &input("firmware/esp8266-1.1.bin"), &request()).unwrap();
    assert!(matches!(mixed.warnings[0].what, Warning::OtherChip { .. }));
}

#[test]
fn what_cannot_be_is_refused() {
    let bin = input("firmware/riscv-1.0.bin");
    let empty = Input::from_bytes(Vec::new());
    assert!(matches!(door::make(&bin, &empty, &request()), Err(DoorError::EmptyNew)));
    assert!(door::make(&bin, &empty, &request().allow_empty(true)).is_ok());
    let zip = input("archives/heron-1.0.zip");
    let elf = request().old_elf(testdata("firmware/riscv-1.0.elf"));
    let one_slot = request().diff(DiffOptions::new().in_place(true));
    for request in [elf, one_slot] {
        let refused = door::make(&zip, &zip, &request);
        assert!(matches!(refused, Err(DoorError::NotForArchives { .. })), "{refused:?}");
    }
    let no_elf = request().new_elf(b"no ELF file".to_vec());
    assert!(matches!(
        door::make(&bin, &input("firmware/riscv-1.1.bin"), &no_elf),
        Err(DoorError::NoElf { side: Side::New })
    ));
    // The content of plain binaries tells what they are for.
    let arm = input("firmware/cortex-m-1.1.bin");
    let mixed = door::make(&bin, &arm, &request()).unwrap();
    assert!(mixed.warnings.iter().any(|it| matches!(it.what, Warning::OtherChip { .. })));
    let arm_before = input("firmware/cortex-m-1.0.bin");
    let isa = DiffOptions::new().isa(InstructionSet::Mcs51);
    let odd = door::make(&arm_before, &arm, &request().diff(isa)).unwrap();
    assert!(odd.warnings.iter().any(|it| matches!(it.what, Warning::OtherIsa { .. })));
    // What a build leaves that has failed, in other formats.
    let records = [&b":00000001FF\r\n"[..], b"S0030000FC\nS9030000FC\n"].map(<[u8]>::to_vec);
    let zip_of_nothing = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    for nothing in [records[0].clone(), records[1].clone(), zip_of_nothing] {
        let empty = Input::from_bytes(nothing);
        let made = door::make(&bin, &empty, &request());
        assert!(matches!(made, Err(DoorError::EmptyNew)), "{made:?}");
        let made = door::make(&bin, &empty, &request().allow_empty(true)).unwrap();
        let binary = ApplyRequest::new().output(Output::Binary);
        assert!(door::apply(&bin, &made.bytes, binary).is_err(), "text in place of memory");
    }
    let hex = Input::from_bytes(b"no records".to_vec()).named("app.hex");
    assert!(door::make(&bin, &hex, &request()).is_err());
}

#[test]
fn patches_are_held_to_what_was_asked_for() {
    let (old, new) = (input("firmware/riscv-1.0.bin"), input("firmware/riscv-1.1.bin"));
    let patch = door::make(&old, &new, &request()).unwrap().bytes;
    let apply = |request| door::apply(&old, &patch, request);
    assert!(matches!(
        apply(ApplyRequest::new().ram(1024)),
        Err(PatchError::Ram { found: 1024, .. })
    ));
    assert!(matches!(apply(ApplyRequest::new().limit(1000)), Err(PatchError::Apply(_))));
    let mut watch = |_| core::ops::ControlFlow::Break(());
    let ended = apply(ApplyRequest::new().watch(&mut watch));
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    let mixed = door::apply(&Input::from_bytes(&patch[..]), old.bytes(), ApplyRequest::new());
    assert!(matches!(mixed, Err(PatchError::WrongWayRound)));
    let zips = ["archives/heron-1.0.zip", "archives/heron-1.1.zip"].map(input);
    let bundle = door::make(&zips[0], &zips[1], &request()).unwrap().bytes;
    let refused = door::apply(&zips[0], &bundle, ApplyRequest::new().output(Output::Binary));
    assert!(matches!(refused, Err(PatchError::BundleForDevice)));
}

/// The memory in a file of records may be longer than the file: gaps are filled.
#[test]
fn memory_longer_than_its_file() {
    let records = |last: &str| {
        let text = format!(":0400000001020304F2\n:0410000005060708{last}\n:00000001FF\n");
        Input::from_bytes(text.into_bytes()).named("app.hex")
    };
    let (old, new) = (
        records("D2"),
        Input::from_bytes(&b":0410000005060709D1\n:0400000001020304F2\n:00000001FF\n"[..])
            .named("app.hex"),
    );
    assert!(matches!(
        round_trip(&old, &new).kind,
        MadeKind::Patch { header, .. } if header.new_size > 4000
    ));
}

/// The central directory of a zip archive says another CRC than the first member has; a gzip file
/// another one at its end.
#[test]
fn damage_inside_archives_is_said_and_strict_refuses_it() {
    let mut zip = testdata("archives/heron-1.1.zip");
    assert_eq!(door::findings(&zip), []);
    let entry = zip.windows(4).position(|word| word == b"PK\x01\x02").unwrap();
    zip[entry + 16] ^= 1;
    let [finding] = &door::findings(&zip)[..] else { panic!("one finding") };
    assert_eq!((finding.check, finding.offset), (Check::ZipCrc, entry + 16));
    assert!(!finding.member.is_empty() && finding.to_string().starts_with(&finding.member));
    let (old, new) = (input("archives/heron-1.0.zip"), Input::from_bytes(zip));
    let made = round_trip(&old, &new);
    let damaged = |w: &door::FileWarning| w.what == Warning::Damaged(finding.clone());
    assert!(made.warnings.iter().any(|w| w.side == Side::New && damaged(w)));
    let memory = MemoryOptions::new().read(ReadOptions::new().strict(true));
    let refused = door::make(&old, &new, &request().memory(memory.clone())).unwrap_err();
    assert_eq!((refused.code(), refused.class().exit_code()), ("check-failed", 8));
    // To be strict is no other way of reading.
    assert!(door::make(&old, &old, &request().memory(memory)).is_ok());
    // "hello" by gzip, then with another CRC.
    let mut gzip =
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0".to_vec();
    assert_eq!(door::findings(&gzip), []);
    let at = gzip.len() - 8;
    gzip[at] ^= 1;
    assert!(
        matches!(&door::findings(&gzip)[..], [f] if f.check == Check::GzipCrc && f.offset == at)
    );
}

/// What a device holds of an ELF file is not that file, whatever the old one was.
#[test]
fn the_memory_of_a_container_is_written_also_from_file_to_file() {
    let folder = folder("memory");
    let path = |name: &str| folder.join(name);
    let (old, new) = (input("firmware/riscv-1.0.bin"), input("firmware/riscv-1.1.elf"));
    let patch = door::make(&old, &new, &request()).unwrap().bytes;
    fs::write(path("old"), old.bytes()).unwrap();
    let device = ApplyRequest::new().output(Output::Binary);
    let made = door::apply(&old, &patch, device).unwrap().bytes;
    let device = ApplyRequest::new().output(Output::Binary);
    door::apply_file(&path("old"), &patch, &path("new"), device).unwrap();
    assert!(fs::read(path("new")).unwrap() == made);
    assert!(!made.starts_with(b"\x7fELF") && made.len() < new.bytes().len());
}
