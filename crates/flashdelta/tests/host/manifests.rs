//! JSON files that name the parts of a firmware; folders.

use std::fs;
use std::path::PathBuf;

use crate::common::Random;
use flashdelta::archive::folder::{self, FolderError};
use flashdelta::archive::names::NameProblem;
use flashdelta::archive::{Container, ContainerError};
use flashdelta::bundle::{self, BundleError, BundleOptions, MemberWarning};
use flashdelta::diff::DiffOptions;
use flashdelta::manifest::esp_idf::FlasherArgs;
use flashdelta::manifest::esp_web_tools::{ChipFamily, Manifest};
use flashdelta::manifest::{read_parts, read_release, JsonError, PartsError, PartsWarning};

/// A manifest with these parts.
fn manifest(parts: &str) -> Result<Manifest, JsonError> {
    let text =
        format!(r#"{{"name": "x", "builds": [{{"chipFamily": "ESP32", "parts": [{parts}]}}]}}"#);
    Manifest::parse(text.as_bytes())
}

fn offset(offset: &str) -> Result<u32, JsonError> {
    manifest(&format!(r#"{{"path": "a.bin", "offset": {offset}}}"#))
        .map(|manifest| manifest.builds[0].parts[0].offset)
}

#[test]
fn offsets_are_whole_numbers_below_4_gib() {
    assert_eq!(offset("0"), Ok(0));
    assert_eq!(offset("4294967295"), Ok(u32::MAX));
    let path = || "builds[0].parts[0].offset".to_owned();
    for (text, shown) in [
        ("32.768", "32.768"),
        ("57.344", "57.344"),
        ("65536.0", "65536.0"),
        ("6.5536e4", "65536.0"),
        ("-0.0", "-0.0"),
    ] {
        assert_eq!(
            offset(text),
            Err(JsonError::NotAnInteger { path: path(), found: shown.to_owned() }),
            "{text}"
        );
    }
    for text in ["-1", "4294967296", "18446744073709551615", "100000000000000000000", "1e300"] {
        assert!(
            matches!(
                offset(text),
                Err(JsonError::OutOfRange { path: found, .. }) if found == path()
            ),
            "{text}"
        );
    }
    for text in ["null", "\"65536\"", "true", "[1]", "{}"] {
        let error = offset(text).unwrap_err();
        assert!(
            matches!(error, JsonError::WrongType { .. } | JsonError::Missing { .. }),
            "{text}: {error}"
        );
    }
    assert!(matches!(offset("065536"), Err(JsonError::Syntax { line: 1, .. })));
}

#[test]
fn manifests_may_hold_more_than_is_known() {
    let text = br#"{
        "name": "lamp", "version": "1.4.2", "home_assistant_domain": "lamp", "funding_url": null,
        "new_install_prompt_erase": true, "new_install_improv_wait_time": 10.5,
        "builds": [
            {"chipFamily": "ESP32-S3", "ota": {"path": "a.ota.bin", "md5": "x"}},
            {"chipFamily": "ESP32-C61", "improv": false, "serialType": "cdc", "parts": []},
            {"chipFamily": "ESP64", "parts": [
                {"path": "https://example.org/a.bin", "offset": 0, "md5": "x"},
                {"path": "b", "offset": 4096}]}
        ]
    }"#;
    let with_mark = [b"\xEF\xBB\xBF", &text[..]].concat();
    let read = Manifest::parse(&with_mark).unwrap();
    assert_eq!((read.name.as_str(), read.version.as_deref()), ("lamp", Some("1.4.2")));
    assert!(read.builds[0].parts.is_empty());
    assert_eq!(read.builds[1].chip_family, ChipFamily::Esp32C61);
    assert_eq!(read.builds[2].chip_family, ChipFamily::Other("ESP64".to_owned()));
    assert_eq!(read.builds[2].parts.len(), 2);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("{}"), "builds is missing");
    assert_eq!(error("[]"), "the file should be an object, but is a list");
    assert_eq!(error(r#"{"builds": {}}"#), "builds should be a list, but is an object");
    assert_eq!(error(r#"{"builds": [{"parts": []}]}"#), "builds[0].chipFamily is missing");
    assert_eq!(
        error(r#"{"builds": [], "builds": []}"#),
        "builds is there twice: it is not clear which one counts"
    );
    assert_eq!(error("{\n  \"builds\": [}\n"), "line 2, column 14: expected value");
    assert!(error("").starts_with("line 1, column 0: EOF"));
    let parts = r#"{"path": "a", "offset": 4096}, {"path": "b", "offset": 0, "offset": 1}"#;
    assert_eq!(
        manifest(parts),
        Err(JsonError::DuplicateKey { path: "builds[0].parts[1].offset".to_owned() })
    );
    // Deep nesting is no stack overflow.
    assert!(error(&"[".repeat(100_000)).contains("recursion limit"));
}

#[test]
fn parts_may_not_overlap() {
    let parts = r#"{"path": "b", "offset": 8192}, {"path": "a", "offset": 0}"#;
    let read = manifest(parts).unwrap();
    assert_eq!(read.check(|_| 8192), Ok(()));
    let (path, other) = ("builds[0].parts[0]".to_owned(), "builds[0].parts[1]".to_owned());
    assert_eq!(read.check(|_| 8193), Err(JsonError::Overlap { path, other, offset: 8192 }));
    assert!(matches!(read.check(|_| 1 << 32), Err(JsonError::OutOfRange { .. })));
    assert!(matches!(read.check(|_| u64::MAX), Err(JsonError::OutOfRange { .. })));
    let twice = r#"{"path": "b", "offset": 16}, {"path": "a", "offset": 16}"#;
    assert!(matches!(manifest(twice), Err(JsonError::Overlap { offset: 16, .. })));
}

#[test]
fn flasher_args_of_esp_idf() {
    let text = br#"{
        "write_flash_args": ["--flash_mode", "dio"],
        "flash_settings": {"flash_mode": "dio", "flash_size": "4MB", "flash_freq": "80m"},
        "flash_files": {"0x10000": "lamp.bin", "0x0": "bootloader/bootloader.bin",
                        "32768": "partition_table/partition-table.bin"},
        "bootloader": {"offset": "0x0", "file": "bootloader/bootloader.bin", "encrypted": "false"},
        "app": {"offset": "0x10000", "file": "lamp.bin", "encrypted": "true"},
        "extra_esptool_args": {"after": "hard_reset", "stub": true, "chip": "esp32c3"}
    }"#;
    let args = FlasherArgs::parse(text).unwrap();
    let files: Vec<_> =
        args.files.iter().map(|f| (f.offset, f.role.as_deref(), f.is_encrypted)).collect();
    assert_eq!(
        files,
        [(0, Some("bootloader"), false), (0x8000, None, false), (0x10000, Some("app"), true)]
    );
    assert_eq!(args.chip.as_deref(), Some("esp32c3"));
    assert!(args.check(|_| 0x8000).is_ok());
    assert!(matches!(args.check(|_| 0x8001), Err(JsonError::Overlap { offset: 0x8000, .. })));
    assert!(matches!(args.check(|_| u64::MAX), Err(JsonError::OutOfRange { .. })));
    let error = |files: &str| {
        FlasherArgs::parse(format!(r#"{{"flash_files": {files}}}"#).as_bytes()).unwrap_err()
    };
    for bad in ["32.768", "0x", "", "ten", "0x1.0", "+1", " 1"] {
        let error = error(&format!(r#"{{"{bad}": "a.bin"}}"#));
        assert!(matches!(error, JsonError::NotAnInteger { .. }), "{bad}: {error}");
    }
    for bad in ["-1", "-0x10", "0x100000000", "4294967296"] {
        assert!(
            matches!(error(&format!(r#"{{"{bad}": "a.bin"}}"#)), JsonError::OutOfRange { .. }),
            "{bad}"
        );
    }
    assert!(matches!(error(r#"{"0x10": "a", "0x10": "b"}"#), JsonError::DuplicateKey { .. }));
    assert!(matches!(error(r#"{"0x10": "a", "16": "b"}"#), JsonError::Overlap { .. }));
}

/// A fresh folder.
fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn parts_are_read_from_beside_the_manifest() {
    let folder = scratch("parts");
    let write = |name: &str, data: &[u8]| fs::write(folder.join(name), data).unwrap();
    let with_part = |path: &str| {
        let text = format!(
            r#"{{"builds": [{{"chipFamily": "ESP32", "parts": [
                {{"path": "{path}", "offset": 0}}, {{"path": "b.bin", "offset": 4}}]}}]}}"#
        );
        write("manifest.json", text.as_bytes());
        read_parts(&folder.join("manifest.json"))
    };
    write("a.bin", b"1234");
    write("b.bin", b"5678");
    write("not-named.bin", b"9");
    fs::create_dir(folder.join("sub")).unwrap();
    write("sub/c.bin", b"12345");
    let packed = with_part("a.bin").unwrap();
    let target = folder.join("restored");
    folder::write(&packed, &target).unwrap();
    assert_eq!(fs::read(target.join("a.bin")).unwrap(), b"1234");
    assert!(!target.join("not-named.bin").exists());
    assert!(matches!(
        with_part("sub/c.bin"),
        Err(PartsError::Json { error: JsonError::Overlap { .. }, .. })
    ));
    for bad in ["", "sub//c.bin", "sub/", "a%2fb", "a\\u0000b", "?v=1"] {
        assert!(matches!(with_part(bad), Err(PartsError::Reference { .. })), "{bad}");
    }
    for outside in ["../../a.bin", "manifest.json", "./x/../manifest.json"] {
        assert!(matches!(with_part(outside), Err(PartsError::Outside { .. })), "{outside}");
    }
    for missing in ["missing.bin", "../missing.bin", "/etc/passwd", "sub", "a.bin/b.bin"] {
        let error = with_part(missing).unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
    }
    // What is on another host is no part of the release; without any part it is none.
    let release = |path: &str| {
        with_part(path).map(drop)?;
        read_release(&folder.join("manifest.json"))
    };
    let elsewhere = "https://example.org/a.bin";
    let found = release(elsewhere).unwrap();
    assert!(matches!(&found.warnings[..], [PartsWarning::Elsewhere { named_at, reference }]
            if named_at == "builds[0].parts[0].path" && reference == elsewhere));
    fs::remove_file(folder.join("b.bin")).unwrap();
    for missing in ["missing.bin", "../missing.bin", elsewhere] {
        assert!(matches!(release(missing), Err(PartsError::NoParts { .. })), "{missing}");
    }
    write(
        "manifest.json",
        br#"{"builds": [{"chipFamily": "ESP32",
                         "parts": [{"path": "no.bin", "offset": 32.768}]}]}"#,
    );
    let error = read_parts(&folder.join("manifest.json")).unwrap_err();
    assert!(
        matches!(error, PartsError::Json { error: JsonError::NotAnInteger { .. }, .. }),
        "{error}"
    );
}

#[test]
fn parts_are_found_where_urls_lead() {
    let folder = scratch("urls");
    let site = folder.join("site");
    for (path, data) in [
        ("manifests/fw.bin", "beside"),
        ("manifests/my fw.bin", "with a space"),
        ("firmware/fw.bin", "in another folder"),
        ("root.bin", "at the root"),
    ] {
        let path = site.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }
    fs::write(folder.join("secret.bin"), "of somebody else").unwrap();
    let manifest = site.join("manifests/manifest.json");
    let named = |path: &str| {
        let text = format!(
            r#"{{"builds": [{{"chipFamily": "ESP32",
                              "parts": [{{"path": "{path}", "offset": 0}}]}}]}}"#
        );
        fs::write(&manifest, text).unwrap();
        let release = read_release(&manifest)?;
        let members = Container::Folder.members(&release.bytes).unwrap();
        let part = members.iter().find(|member| member.name == release.parts[0].path).unwrap();
        let data = String::from_utf8(release.bytes[part.data.clone()].to_vec()).unwrap();
        let names: Vec<String> = members.into_iter().map(|member| member.name).collect();
        Ok((names, data))
    };
    let here = ["fw.bin", "manifest.json"];
    for path in ["fw.bin", "./fw.bin", "x/../fw.bin", "fw.bin?v=1#top", "/fw.bin", "%66w.bin"] {
        let (names, data) =
            named(path).unwrap_or_else(|error: PartsError| panic!("{path}: {error}"));
        assert_eq!((names, &*data), (here.map(str::to_owned).to_vec(), "beside"), "{path}");
    }
    assert_eq!(named("my%20fw.bin").unwrap().1, "with a space");
    assert_eq!(named("my fw.bin").unwrap().1, "with a space");
    let above = ["firmware/fw.bin", "manifests/manifest.json"].map(str::to_owned).to_vec();
    for path in ["../firmware/fw.bin", "/firmware/fw.bin"] {
        assert_eq!(named(path).unwrap(), (above.clone(), "in another folder".to_owned()), "{path}");
    }
    assert_eq!(named("/root.bin").unwrap().1, "at the root");
    for path in ["../../secret.bin", "x/../../../secret.bin", "%2e%2e/%2e./secret.bin"] {
        assert!(matches!(named(path), Err(PartsError::Outside { .. })), "{path}");
    }
    assert!(matches!(named("/../../secret.bin"), Err(PartsError::NoParts { .. })));
}

#[test]
fn what_devices_fetch_and_what_unknown_keys_name_is_taken_along() {
    let folder = scratch("ota");
    let text = |version: &str| {
        format!(
            r#"{{"name": "x", "version": "{version}",
                "notes": {{"url": "changes.txt", "icon": "gone.png"}}, "builds": [
                {{"chipFamily": "ESP32", "ota": {{"path": "fw.ota.bin", "md5": "x"}},
                  "parts": [{{"path": "fw.factory.bin", "offset": 0}}]}}]}}"#
        )
    };
    for name in ["fw.ota.bin", "fw.factory.bin", "changes.txt", "not-named.bin"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let manifest = folder.join("manifest.json");
    fs::write(&manifest, text("1")).unwrap();
    let release = read_release(&manifest).unwrap();
    let parts: Vec<_> =
        release.parts.iter().map(|part| (&*part.named_at, &*part.path, part.offset)).collect();
    assert_eq!(
        parts,
        [
            ("builds[0].parts[0].path", "fw.factory.bin", Some(0)),
            ("builds[0].ota.path", "fw.ota.bin", None),
            ("notes.url", "changes.txt", None),
        ]
    );
    assert_eq!(Container::Folder.members(&release.bytes).unwrap().len(), 4);
    assert!(release.warnings.is_empty());
    fs::remove_file(folder.join("fw.ota.bin")).unwrap();
    assert!(matches!(
        &read_release(&manifest).unwrap().warnings[..],
        [PartsWarning::Missing { reference, .. }] if reference == "fw.ota.bin"
    ));
    // Only for devices that are up already.
    let text = r#"{"builds": [{"chipFamily": "ESP32", "ota": {"path": "./changes.txt"}}]}"#;
    fs::write(&manifest, text).unwrap();
    assert_eq!(read_release(&manifest).unwrap().parts[0].path, "changes.txt");
}

#[test]
fn a_release_that_is_patched_as_one_piece_says_so() {
    // Two parts with much in common: the patch of the whole folder is the smallest.
    let mut random = Random(11);
    let image = random.bytes(4096);
    let folder = scratch("whole");
    let mut bytes = Vec::new();
    for version in ["1", "2"] {
        let release = folder.join(version);
        fs::create_dir_all(&release).unwrap();
        let mut image = image.clone();
        image[100] ^= version.as_bytes()[0];
        fs::write(release.join("app.bin"), &image).unwrap();
        fs::write(release.join("factory.bin"), [&[0xff; 512][..], &image].concat()).unwrap();
        let text = format!(
            r#"{{"version": "{version}", "builds": [
                {{"chipFamily": "ESP32", "parts": [{{"path": "factory.bin", "offset": 0}}]}},
                {{"chipFamily": "ESP32-S2", "parts": [{{"path": "app.bin", "offset": 0}}]}}]}}"#
        );
        fs::write(release.join("manifest.json"), text).unwrap();
        bytes.push(read_parts(&release.join("manifest.json")).unwrap());
    }
    let [old, new] = &bytes[..] else { panic!() };
    let options = DiffOptions::new().effort(1);
    let patch = bundle::diff(old, new, &options).unwrap().bytes;
    let info = bundle::info(&patch).unwrap();
    assert_eq!(
        (info.old_container, info.new_container),
        (Container::WholeFolder, Container::WholeFolder)
    );
    assert!(info.old_container.is_folder());
    assert_eq!(bundle::plain_patch(&patch), None, "it could not say what it was made from");
    // As a user does: the old input is read again, as the bundle says.
    let again = read_parts(&folder.join("1/manifest.json")).unwrap();
    assert!(bundle::apply(&again, &patch).unwrap() == *new);
    assert!(matches!(
        bundle::apply(&fs::read(folder.join("1/manifest.json")).unwrap(), &patch),
        Err(BundleError::OldMismatch { .. })
    ));
    // The folder itself is the same, as it holds nothing else.
    assert!(folder::read(&folder.join("1")).unwrap() == *old);
    // A file that only begins like a packed folder is a file.
    let patch = bundle::diff(b"FDT\0\xff", b"FDT\0\xfe", &options).unwrap().bytes;
    assert!(
        bundle::plain_patch(&patch).is_some()
            || bundle::info(&patch).unwrap().old_container == Container::Whole
    );
    assert_eq!(bundle::apply(b"FDT\0\xff", &patch).unwrap(), b"FDT\0\xfe");
}

#[test]
fn folders_come_back() {
    let folder = scratch("folders");
    let (from, to) = (folder.join("from"), folder.join("to"));
    fs::create_dir_all(from.join("b/c")).unwrap();
    for (name, data) in [("b/c/deep.bin", &b"deep"[..]), ("a.bin", b""), ("b.bin", b"beside")] {
        fs::write(from.join(name), data).unwrap();
    }
    let packed = folder::read(&from).unwrap();
    folder::write(&packed, &to).unwrap();
    assert!(folder::read(&to).unwrap() == packed);
    assert!(
        matches!(folder::write(&packed, &to), Err(FolderError::Exists { .. })),
        "what is there is not replaced"
    );
    let left: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 2, "temporary folders are left");
}

#[cfg(unix)]
#[test]
fn links_are_refused() {
    let folder = scratch("links");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    let error = folder::read(&folder).unwrap_err();
    assert!(error.to_string().contains("link is a symbolic link"), "{error}");
    // The same for parts: the link itself, and a folder on the way.
    std::os::unix::fs::symlink("/etc", folder.join("etc")).unwrap();
    for path in ["link", "etc/passwd"] {
        let text = format!(
            r#"{{"builds": [{{"chipFamily": "ESP32",
                              "parts": [{{"path": "{path}", "offset": 0}}]}}]}}"#
        );
        fs::write(folder.join("manifest.json"), text).unwrap();
        let error = read_parts(&folder.join("manifest.json")).unwrap_err();
        assert!(error.to_string().contains(" is a symbolic link"), "{error}");
    }
    // The one that the user names is followed.
    let release = scratch("linked");
    fs::write(release.join("a.bin"), b"a").unwrap();
    fs::remove_file(folder.join("etc")).unwrap();
    std::os::unix::fs::symlink(&release, folder.join("etc")).unwrap();
    assert!(folder::read(&folder.join("etc")).is_ok());
}

#[test]
fn names_that_not_every_system_holds_are_warned_of() {
    let files = ["CON", "a*b?", "dot.", "A/x.bin", "a/y.bin"];
    let pack = |files: &[&str]| {
        folder::pack(files.iter().map(|name| ((*name).to_owned(), b"x".to_vec())).collect())
    };
    let packed = pack(&files).unwrap();
    let warnings = bundle::check(&packed, &BundleOptions::default()).unwrap();
    let mut found: Vec<(&str, NameProblem)> = warnings
        .iter()
        .map(|warning| match warning {
            MemberWarning::Name { member, problem } => (&**member, *problem),
            other => panic!("{other}"),
        })
        .collect();
    found.sort_by_key(|(name, _)| *name);
    assert_eq!(
        found,
        [
            ("CON", NameProblem::Device),
            ("a*b?", NameProblem::NotOnWindows { found: '*' }),
            ("a/y.bin", NameProblem::Twin),
            ("dot.", NameProblem::LostEnd),
        ]
    );
    let good = pack(&["console.bin", "a/x", "b"]).unwrap();
    assert!(bundle::check(&good, &BundleOptions::default()).unwrap().is_empty());
}

#[test]
fn paths_beyond_the_limits_are_refused_when_they_are_packed_and_when_they_are_read() {
    let deep = vec!["d"; 100_000].join("/");
    let started = std::time::Instant::now();
    for path in [deep, "x".repeat(300), vec!["x"; 65].join("/")] {
        let packed = folder::pack(vec![(path.clone(), Vec::new())]);
        assert!(matches!(packed, Err(ContainerError::UnsafePath { .. })));
        let mut stream = b"FDT\0".to_vec();
        let mut len = path.len();
        while len >= 0x80 {
            stream.push(len as u8 | 0x80);
            len >>= 7;
        }
        stream.push(len as u8);
        stream.extend(path.as_bytes());
        stream.extend(b"\x01x");
        let error = Container::Folder.members(&stream).unwrap_err();
        assert!(matches!(error, ContainerError::UnsafePath { .. }));
        assert!(error.to_string().len() < 400, "the path is cut in the message");
        let to = scratch("deep").join("target");
        assert!(matches!(folder::write(&stream, &to), Err(FolderError::Container(_))));
    }
    assert!(started.elapsed().as_secs() < 5);
    let many = (0..=1 << 16).map(|i| (format!("{i:06}"), vec![0])).collect();
    assert!(matches!(folder::pack(many), Err(ContainerError::TooManyMembers { .. })));
}

#[test]
fn paths_that_lead_out_are_refused() {
    let folder = scratch("unsafe");
    for path in ["../x", "/x", "a/../../x", "a//x", "./x", "a\\x", "C:x", "x\n", ""] {
        let packed = folder::pack(vec![(path.to_owned(), Vec::new())]);
        assert!(matches!(packed, Err(ContainerError::UnsafePath { .. })), "{path}");
        // By hand, as an attacker would.
        let stream = [b"FDT\0", &[path.len() as u8][..], path.as_bytes(), &[1, b'x']].concat();
        let error = folder::write(&stream, &folder.join("target")).unwrap_err();
        assert!(
            matches!(error, FolderError::Container(ContainerError::UnsafePath { .. })),
            "{error}"
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{path} left something");
    }
    let twice = b"FDT\0\x01a\0\x01a\0";
    assert!(matches!(
        folder::write(twice, &folder.join("t")),
        Err(FolderError::Container(ContainerError::Order { .. }))
    ));
}
