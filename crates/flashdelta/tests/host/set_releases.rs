//! Sets made of releases and of descriptions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::archives::zip;
use crate::common::sets::{images, quick};
use crate::records::hex;
use flashdelta::archive::folder;
use flashdelta::diff::DiffOptions;
use flashdelta::set::{self, ComponentName, ReleaseComponent, SetOptions, SetSourceError};
use flashdelta::sign::PrivateKey;
use flashdelta::update::set::{Index, Kind, Precondition};
use flashdelta::verify::{Algorithm, NoKeys};
use flashdelta::{door, Input, PatchHeader};
use sha2::{Digest as _, Sha256};

fn parts(input: &Input<'_>) -> Vec<ReleaseComponent> {
    set::read_release(input, None).unwrap()
}

fn told(parts: &[ReleaseComponent]) -> Vec<(Kind, String, &str)> {
    parts.iter().map(|part| (part.kind, part.name.to_string(), &*part.path)).collect()
}

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("flashdelta-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An image as ESP chips have it, as far as that is looked at.
fn esp(seed: u32, len: usize) -> [Vec<u8>; 2] {
    let (old, new) = images(seed, len);
    [old, new].map(|image| [&[0xE9][..], &image].concat())
}

#[test]
fn packages_for_mcuboot_and_of_the_nrf5_sdk() {
    let [(app, app_new), (net, _)] = [images(1, 900), images(2, 300)];
    let manifest = br#"{ "format-version": 1, "time": 1, "name": "lamp", "files": [
        { "type": "application", "board": "nrf5340dk_nrf5340_cpuapp", "load_address": 49664,
          "image_index": "0", "slot_index_primary": "1", "version_MCUBOOT": "1.0.0+0",
          "size": 900, "file": "app_update.bin", "modtime": 1 },
        { "type": "application", "board": "nrf5340dk_nrf5340_cpunet", "image_index": "1",
          "file": "net_core_app_update.bin" } ] }"#;
    let package = |app: &[u8]| {
        zip(&[
            ("app_update.bin", app),
            ("net_core_app_update.bin", &net),
            ("manifest.json", manifest),
        ])
    };
    let [old, new] = [&app, &app_new].map(|app| parts(&Input::from_bytes(package(app))));
    let expected = [
        (Kind::Application, "image-0".to_owned(), "app_update.bin"),
        (Kind::Radio, "image-1".to_owned(), "net_core_app_update.bin"),
    ];
    assert_eq!(told(&old), expected);
    let difference = set::between(old.clone(), new).unwrap();
    assert_eq!(difference.unchanged, [ComponentName::Name("image-1".into())]);
    let [component] = &difference.components[..] else { panic!("one component") };
    assert_eq!(component.name(), &ComponentName::Name("image-0".into()));
    assert!(matches!(set::between(old.clone(), old), Err(SetSourceError::Unchanged)));

    let manifest = br#"{ "manifest": {
        "application": { "bin_file": "app.bin", "dat_file": "app.dat" },
        "softdevice": { "bin_file": "sd.bin", "dat_file": "sd.dat" } } }"#;
    let file = zip(&[
        ("app.bin", &app),
        ("app.dat", b"init packet"),
        ("sd.bin", &net),
        ("sd.dat", b"another"),
        ("manifest.json", manifest),
    ]);
    let expected = [
        (Kind::Application, "application".to_owned(), "app.bin"),
        (Kind::Data, "application.dat".to_owned(), "app.dat"),
        (Kind::Radio, "softdevice".to_owned(), "sd.bin"),
        (Kind::Data, "softdevice.dat".to_owned(), "sd.dat"),
    ];
    assert_eq!(told(&parts(&Input::from_bytes(file))), expected);
}

#[test]
fn manifests_and_build_folders_for_esp_chips() {
    let [app, app_new] = esp(3, 2000);
    let [boot, _] = esp(4, 700);
    let [_, wifi] = esp(6, 10);
    let manifest = br#"{ "name": "lamp", "builds": [
        { "chipFamily": "ESP32-C3", "parts": [
            { "path": "boot.bin", "offset": 0 }, { "path": "table.bin", "offset": 32768 },
            { "path": "boot_app0.bin", "offset": 57344 },
            { "path": "app.bin", "offset": 65536 },
            { "path": "littlefs.bin", "offset": 2097152 } ] },
        { "chipFamily": "ESP32", "parts": [ { "path": "esp32.bin", "offset": 65536 } ] } ] }"#;
    let table = [&[0xAA, 0x50][..], &[1; 60]].concat();
    let release = |app: &[u8], files: &[u8]| {
        let files = [
            ("app.bin", app),
            ("boot.bin", &boot),
            ("boot_app0.bin", &[0xFF; 99]),
            ("esp32.bin", &wifi),
            ("littlefs.bin", files),
            ("manifest.json", manifest),
            ("table.bin", &table),
        ];
        let files = files.map(|(path, bytes)| (path.to_owned(), bytes.to_vec()));
        folder::pack(files.to_vec()).unwrap()
    };
    let [old, new] = [release(&app, b"files"), release(&app_new, b"filed")];
    let [old, new] = [&old[..], &new].map(Input::from_bytes);
    let error = set::read_release(&old, None).unwrap_err();
    assert!(matches!(&error, SetSourceError::Builds { chips, .. } if chips.len() == 2), "{error}");
    assert!(set::read_release(&old, Some("ESP8266")).is_err());
    let [before, after] =
        [&old, &new].map(|input| set::read_release(input, Some("esp32-c3")).unwrap());
    let expected = [
        (Kind::Bootloader, "address 0x0".to_owned(), "boot.bin"),
        (Kind::PartitionTable, "address 0x8000".to_owned(), "table.bin"),
        (Kind::Application, "address 0x10000".to_owned(), "app.bin"),
        (Kind::FileSystem, "address 0x200000".to_owned(), "littlefs.bin"),
    ];
    assert_eq!(told(&before), expected);
    let difference = set::between(before, after).unwrap();
    let made = set::make(&difference.components, &quick()).unwrap();
    // The application is the last one.
    let kinds = Index::parse(&made).unwrap().unwrap().entries().map(|entry| entry.kind);
    assert!(kinds.eq([Kind::FileSystem, Kind::Application]));

    // As folders on a disk, by the paths that flasher_args.json names.
    let disk = temporary("set-builds");
    for (version, app) in [("1", &app), ("2", &app_new)] {
        let build = disk.join(version);
        fs::create_dir_all(build.join("bootloader")).unwrap();
        fs::write(build.join("lamp.bin"), app).unwrap();
        fs::write(build.join("bootloader/bootloader.bin"), &boot).unwrap();
        let text = r#"{
            "flash_files": { "0x0": "bootloader/bootloader.bin", "0x10000": "lamp.bin" },
            "app": { "offset": "0x10000", "file": "lamp.bin" } }"#;
        fs::write(build.join("flasher_args.json"), text).unwrap();
    }
    let [old, new] = ["1", "2"].map(|version| Input::open(&disk.join(version)).unwrap());
    let difference = set::between(parts(&old), parts(&new)).unwrap();
    assert_eq!(difference.unchanged, [ComponentName::Address(0)]);
    let made = set::make(&difference.components, &quick()).unwrap();
    let applied = set::apply_to_folder(&made, &old, None, None::<NoKeys>).unwrap();
    assert_eq!(applied.packed, new.bytes());
    assert_eq!(applied.written, [(ComponentName::Address(0x1_0000), "lamp.bin".to_owned())]);
    fs::remove_file(disk.join("2/lamp.bin")).unwrap();
    let input = Input::open(&disk.join("2")).unwrap();
    let error = set::read_release(&input, None).unwrap_err();
    assert!(
        matches!(&error, SetSourceError::Missing { path, .. } if path == "lamp.bin"),
        "{error}"
    );
    let input = Input::from_bytes(&b"no archive"[..]);
    assert!(matches!(set::read_release(&input, None), Err(SetSourceError::NoManifest { .. })));
    fs::remove_dir_all(disk).unwrap();
}

/// Reads a description with these lines; the files that it names are there.
fn described(disk: &Path, text: &str) -> Result<Vec<u8>, String> {
    let path = disk.join("set.toml");
    fs::write(&path, text).unwrap();
    let options = DiffOptions::new().effort(1).ram(16 << 10);
    let read = set::read_description(&path, options);
    let described = read.map_err(|error| error.to_string())?;
    assert_eq!(described.sources.first(), Some(&path));
    set::make(&described.components, &described.options).map_err(|error| error.to_string())
}

#[test]
fn descriptions() {
    let disk = temporary("set-description");
    let (old, new) = images(8, 1000);
    fs::write(disk.join("old.bin"), &old).unwrap();
    fs::write(disk.join("new.bin"), &new).unwrap();
    let set = described(
        &disk,
        "product = 7\nhardware = [1, 4]\nsecurity-counter = 9\nprofile = 'tiny'\n\
         [[component]]\nkind = 'radio'\nchild = 2\nold = 'old.bin'\nnew = 'new.bin'\n\
         [[component]]\nkind = 'data'\nname = 'logo'\nabsent = true\nnew = 'new.bin'\n\
         [[component]]\nkind = 'bootloader'\naddress = '0x1000'\nrequire = 'new.bin'\n\
         [[component]]\nkind = 'application'\npartition = 'a'\nnew = 'new.bin'\n\
         hardware = [2, 3]\n",
    )
    .unwrap();
    let index = set::check(&set).unwrap();
    assert!(index.ram() <= 4 << 10, "{}", index.ram());
    let identity = index.identity().unwrap();
    assert_eq!((identity.product, identity.hardware_to, identity.security_counter), (7, 4, 9));
    let entries: Vec<_> = index.entries().collect();
    let names = entries.iter().map(|e| ComponentName::from(e.target).to_string());
    assert!(names.eq(["child 2", "logo", "address 0x1000", "partition a"]));
    assert!(matches!(entries[0].precondition, Precondition::Image { size: 1000, .. }));
    assert_eq!(entries[1].precondition, Precondition::Absent);
    assert_eq!(entries[2].payload, None);
    assert_eq!(entries[3].hardware, Some((2, 3)));

    let component = "[[component]]\nkind = 'data'\nname = 'x'\nnew = 'new.bin'\n";
    for (text, expected) in [
        ("", "1 to 32 components"),
        ("produkt = 1", "unknown field `produkt`"),
        (&format!("hardware = [1, 2]\n{component}"), "need a product"),
        (&format!("product = 1\nhardware = [3, 2]\n{component}"), "before the first"),
        (&component.replace("data", "date"), "expected one of application, "),
        (&component.replace("name = 'x'", ""), "expected one of partition, "),
        (&format!("{component}address = 1"), "expected one of partition, "),
        (&format!("{component}absent = true\nold = 'old.bin'"), "exclude each other"),
        (&component.replace("new = 'new.bin'", ""), "expected new"),
        (&component.replace("new.bin", "none.bin"), "none.bin"),
        (&format!("{component}{component}"), "twice"),
        (&format!("{component}base = 'here'"), "base: expected a size"),
    ] {
        let error = described(&disk, text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    fs::remove_dir_all(disk).unwrap();
}

#[test]
fn patches_that_were_made_go_into_a_set() {
    let ((app, app_new), (radio, _)) = (images(1, 3000), images(2, 900));
    let name = |name: &str| ComponentName::Name(name.to_owned());
    let hex = |bytes: &[u8]| {
        let records = (0..).step_by(16).zip(bytes.chunks(16));
        let mut text: String = records.map(|(at, data)| hex(0, 0x800 + at, data) + "\n").collect();
        text.push_str(":00000001FF\n");
        text.into_bytes()
    };
    let (old, new) = (Input::from_bytes(hex(&app)), Input::from_bytes(hex(&app_new)));
    let request = door::MakeRequest::new().diff(DiffOptions::new().effort(1));
    let patch = door::make(&old, &new, &request).unwrap().bytes;
    assert!(PatchHeader::parse(&patch).unwrap().unwrap().host_len > 0);
    let by_patch = |patch: &[u8], sha256| {
        let held = set::Component::require_digest(Kind::Radio, name("radio"), 900, sha256);
        let app = set::Component::patch(Kind::Application, name("app"), patch);
        set::make(&[held, app], &SetOptions::new())
    };
    let sha256 = Sha256::digest(&radio).into();
    let made = by_patch(&patch, sha256).unwrap();
    // The same as from the files.
    let from_files = set::make(
        &[
            set::Component::require(Kind::Radio, name("radio"), radio.clone()),
            set::Component::update(Kind::Application, name("app"), &*app, &*app_new),
        ],
        &quick(),
    );
    let entries = |set: &[u8]| {
        let index = Index::parse(set).unwrap().unwrap();
        index.entries().map(|entry| (entry.precondition, entry.sha256)).collect::<Vec<_>>()
    };
    assert_eq!(entries(&made), entries(&from_files.unwrap()));
    let holds = |app: &[u8], radio: &[u8]| {
        [(name("app"), app.to_vec()), (name("radio"), radio.to_vec())].into()
    };
    assert_eq!(set::apply(&made, &holds(&app, &radio), None).unwrap(), holds(&app_new, &radio));
    // What is required has to be there.
    assert!(set::apply(&made, &holds(&app, &app), None).is_err());
    // A signature of the patch is not in the set: that of the set vouches for all of it.
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let signed = flashdelta::sign::sign(&patch, &key).unwrap();
    let whole = by_patch(&signed, sha256).unwrap();
    assert_eq!(set::apply(&whole, &holds(&app, &radio), None).unwrap(), holds(&app_new, &radio));
    assert!(!whole.windows(8).any(|bytes| bytes == key.public().key_id()));
    // A damaged one, and none.
    let mut damaged = patch.clone();
    damaged.truncate(patch.len() - 1);
    for wrong in [&damaged[..], b"", b"no patch"] {
        let error = by_patch(wrong, sha256).unwrap_err();
        assert!(error.to_string().contains("component 1"), "{error}");
    }
}
