//! JSON files that name the parts of a firmware; folders.

use std::fs;
use std::path::PathBuf;

use flashdelta::archive::folder::{self, FolderError};
use flashdelta::archive::ContainerError;
use flashdelta::manifest::esp_idf::FlasherArgs;
use flashdelta::manifest::esp_web_tools::{ChipFamily, Manifest};
use flashdelta::manifest::{read_parts, JsonError, PartsError};

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
            matches!(offset(text), Err(JsonError::OutOfRange { path: found, .. }) if found == path()),
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
            {"chipFamily": "ESP64", "parts": [{"path": "https://example.org/a.bin", "offset": 0, "md5": "x"}, {"path": "b", "offset": 4096}]}
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
    let twice = r#"{"path": "b", "offset": 16}, {"path": "a", "offset": 16}"#;
    assert!(matches!(manifest(twice), Err(JsonError::Overlap { offset: 16, .. })));
}

#[test]
fn flasher_args_of_esp_idf() {
    let text = br#"{
        "write_flash_args": ["--flash_mode", "dio"],
        "flash_settings": {"flash_mode": "dio", "flash_size": "4MB", "flash_freq": "80m"},
        "flash_files": {"0x10000": "lamp.bin", "0x0": "bootloader/bootloader.bin", "32768": "partition_table/partition-table.bin"},
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
            r#"{{"builds": [{{"chipFamily": "ESP32", "parts": [{{"path": "{path}", "offset": 0}}, {{"path": "b.bin", "offset": 4}}]}}]}}"#
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
    for elsewhere in
        ["../a.bin", "/etc/passwd", "https://example.org/a.bin", "", "manifest.json", "sub//c.bin"]
    {
        assert!(matches!(with_part(elsewhere), Err(PartsError::Elsewhere { .. })), "{elsewhere}");
    }
    let error = with_part("missing.bin").unwrap_err();
    assert!(error.to_string().contains("missing.bin"), "{error}");
    // Without any part the manifest stands for itself, if it is right.
    fs::remove_file(folder.join("b.bin")).unwrap();
    for elsewhere in ["missing.bin", "../a.bin", "https://example.org/a.bin"] {
        let alone = with_part(elsewhere).unwrap();
        assert!(
            !folder::is(&alone) && alone == fs::read(folder.join("manifest.json")).unwrap(),
            "{elsewhere}"
        );
    }
    write(
        "manifest.json",
        br#"{"builds": [{"chipFamily": "ESP32", "parts": [{"path": "no.bin", "offset": 32.768}]}]}"#,
    );
    let error = read_parts(&folder.join("manifest.json")).unwrap_err();
    assert!(
        matches!(error, PartsError::Json { error: JsonError::NotAnInteger { .. }, .. }),
        "{error}"
    );
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
}

#[test]
fn paths_that_lead_out_are_refused() {
    let folder = scratch("unsafe");
    for path in ["../x", "/x", "a/../../x", "a//x", "./x", "a\\x", "C:x", "x\n", ""] {
        let packed = folder::pack(vec![(path.to_owned(), Vec::new())]);
        assert_eq!(packed, Err(ContainerError::UnsafePath { path: path.to_owned() }));
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
