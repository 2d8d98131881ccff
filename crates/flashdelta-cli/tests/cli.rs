//! The program as it is used: the sessions in `tests/cmd/*.trycmd`. They run in a folder with the
//! files that [`samples`] makes.
//!
//! After a change of what the program says,
//! `TRYCMD=overwrite cargo test -p flashdelta-cli --test cli` writes the sessions again; put back
//! `[..]` for sizes of patches, which change with every improvement of the models.

mod common;

use std::fs;
use std::path::Path;

use flashdelta::diff::{diff, DiffOptions};
use flashdelta::image::{Format, Image, ReadOptions, WriteOptions};
use flashdelta::{Codec, Identity};

/// Files for the sessions.
fn samples(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let [old, new] = ["riscv-1.0.bin", "riscv-1.1.bin"]
        .map(|name| common::testdata(&format!("firmware/{name}")));
    let identity = Identity {
        product: Identity::product_id("heron"),
        hardware_from: 2,
        hardware_to: 4,
        security_counter: 7,
    };
    let make = |options: DiffOptions| diff(&old, &new, &options).unwrap().bytes;
    let update = make(DiffOptions::new());
    let heron = make(DiffOptions::new().codec(Codec::Raw).identity(identity));
    let key = String::from_utf8(common::testdata("signed/ed25519.pem")).unwrap();
    let key = flashdelta::sign::PrivateKey::from_pem(&key).unwrap();
    let signed = flashdelta::sign::sign(&update, &key).unwrap();
    let changed = |at: usize| {
        let mut bytes = update.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    fs::create_dir_all(folder.join("a-folder")).unwrap();
    releases(folder, &old, &new);
    sets(folder, &old, &new);
    static_release(folder);
    vec![
        ("padded.bin", [&old[..], &[0xFF; 5000]].concat()),
        ("short.bin", old[..1000].to_vec()),
        ("other.bin", common::testdata("firmware/cortex-m-1.0.bin")),
        ("app.hex", common::testdata("firmware/cortex-m-1.1.hex")),
        ("app-1.0.s19", common::testdata("firmware/cortex-m-1.0.s19")),
        ("app-1.0.bin", common::testdata("firmware/cortex-m-1.0.bin")),
        ("app-1.1.bin", common::testdata("firmware/cortex-m-1.1.bin")),
        ("app-1.1.elf", common::testdata("firmware/cortex-m-1.1.elf")),
        ("two.hex", b":0400000001020304F2\r\n:020002000909EA\r\n:00000001FF\r\n".to_vec()),
        ("checksum.hex", b":0400000001020304F2\n:0400040001020305F3\n:00000001FF\n".to_vec()),
        ("joined.hex", b":0400000001020304F2\n:00000001FF\n:0400040001020305ED\n".to_vec()),
        ("short.hex", b":04\n".to_vec()),
        ("damaged.uf2", {
            let mut file = uf2(&old[..2560]);
            file[3 * 512] ^= 1;
            file
        }),
        ("missing.uf2", {
            let mut file = uf2(&old[..2560]);
            file.drain(3 * 512..4 * 512);
            file
        }),
        ("good.uf2", uf2(&old[..2560])),
        ("cut.zip", {
            let file = common::testdata("archives/heron-1.1.zip");
            file[..file.len() - 30].to_vec()
        }),
        ("other-cut.zip", {
            let mut file = common::testdata("archives/heron-1.1.zip");
            file.truncate(file.len() - 31);
            file
        }),
        ("named.zip", random(8192)),
        ("packed.bin", random(8192)),
        ("zeros.bin", common::testdata("edge/zeros-4k.bin")),
        ("app.elf", common::testdata("firmware/cortex-m-1.0.elf")),
        ("truncated.fdp", update[..update.len() / 2].to_vec()),
        ("stub.fdp", update[..20].to_vec()),
        ("trailing.fdp", [&update[..], b"more"].concat()),
        ("version.fdp", changed(3)),
        ("header.fdp", changed(30)),
        ("body.fdp", changed(update.len() - 100)),
        ("heron.fdp", heron),
        ("signed.fdp", signed),
        ("update.fdp", update),
        (
            "board.toml",
            b"like = \"small\"\nram = \"12KiB\"\npage = 8\n\
              codecs = [\"raw\", \"lz4\"]\nisas = [\"riscv\"]\n"
                .to_vec(),
        ),
        ("devices.csv", b"serial\nA-1\n\"A-2\"\n".to_vec()),
        ("typo.toml", b"like = \"small\"\nrum = \"12KiB\"\n".to_vec()),
        ("release.pem", common::testdata("signed/ed25519.pem")),
        ("release.pub.pem", common::testdata("signed/ed25519.pub.pem")),
        ("chip.pem", common::testdata("signed/p256.pem")),
        ("chip.pub.pem", common::testdata("signed/p256.pub.pem")),
        ("old.bin", old),
        ("new.bin", new),
    ]
}

/// The image as UF2.
fn uf2(image: &[u8]) -> Vec<u8> {
    Image::parse(image, &ReadOptions::new().base(0x1000_0000))
        .and_then(|image| image.write(Format::Uf2, &WriteOptions::default()))
        .unwrap()
}

/// Two releases with a manifest, one as a folder each; `heron-1.0.zip` and `heron-1.1.zip`.
fn releases(folder: &Path, old: &[u8], new: &[u8]) {
    for (version, image) in [("1.0", old), ("1.1", new)] {
        let release = folder.join(format!("release-{version}"));
        let _ = fs::remove_dir_all(&release);
        fs::create_dir_all(release.join("notes")).unwrap();
        let manifest = |offset: &str| {
            format!(
                r#"{{"name": "Heron", "builds": [{{"chipFamily": "ESP32-C3", "parts": [
    {{"path": "boot.bin", "offset": 0}},
    {{"path": "app.bin", "offset": {offset}}}]}}]}}"#
            )
        };
        fs::write(release.join("app.bin"), image).unwrap();
        fs::write(release.join("boot.bin"), &old[..9000]).unwrap();
        fs::write(release.join("manifest.json"), manifest("65536")).unwrap();
        fs::write(release.join("thousands.json"), manifest("65.536")).unwrap();
        let wrong = folder.join(format!("wrong-{version}"));
        fs::create_dir_all(&wrong).unwrap();
        fs::write(
            wrong.join("manifest.json"),
            if version == "1.0" { manifest("65.536") } else { "{".to_owned() },
        )
        .unwrap();
        // A manifest without its parts, and one with some of them.
        for part in ["alone", "half"] {
            fs::create_dir_all(folder.join(part)).unwrap();
            let text = manifest("65536").replace("Heron", &format!("Heron {version}"));
            fs::write(folder.join(format!("{part}/manifest-{version}.json")), text).unwrap();
        }
        fs::write(folder.join("half/app.bin"), image).unwrap();
        fs::write(release.join("notes/changes.txt"), format!("Changes in {version}")).unwrap();
        for extension in ["zip", "tar.gz"] {
            let name = format!("heron-{version}.{extension}");
            fs::write(folder.join(&name), common::testdata(&format!("archives/{name}"))).unwrap();
        }
    }
    for left in ["restored", "restored-parts"] {
        let _ = fs::remove_dir_all(folder.join(left));
    }
}

/// The description of a static release of `old.bin` and `new.bin`.
fn static_release(folder: &Path) {
    let description = r#"
product = "heron"
effort = 1
sign-key = "../release.pem"
[[release]]
version = "1.0"
file = "../old.bin"
[[release]]
version = "1.1"
file = "../new.bin"
"#;
    fs::create_dir_all(folder.join("heron-release")).unwrap();
    fs::write(folder.join("heron-release/RELEASE.toml"), description).unwrap();
    let _ = fs::remove_dir_all(folder.join("public"));
}

/// What sets are made of: a description with its files, and two build folders of ESP-IDF.
fn sets(folder: &Path, old: &[u8], new: &[u8]) {
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let description = r#"
product = "heron"
hardware = [2, 4]
security-counter = 7
profile = "small"

[[component]]
kind = "child"
child = 3
name = "motor"
old = "device/motor"
new = "motor-1.1.bin"

[[component]]
kind = "data"
name = "logo"
absent = true
new = "logo.bin"
hardware = [3, 4]

[[component]]
kind = "application"
partition = "ota"
old = "device/ota"
new = "ota-1.1.bin"
base = 0x42000020
"#;
    write("heron/update.toml", description.as_bytes());
    write("heron/wrong.toml", description.replace("\"child\"", "\"engine\"").as_bytes());
    write("heron/logo.bin", &b"a logo ".repeat(50));
    write("heron/ota-1.1.bin", new);
    write("heron/device/ota", old);
    write("heron/device/motor", &common::testdata("firmware/cortex-m-1.0.bin")[..8000]);
    write("heron/motor-1.1.bin", &common::testdata("firmware/cortex-m-1.1.bin")[..8192]);
    write("heron/device/notes.txt", b"left as it is");
    for (version, image) in [("1.0", old), ("1.1", new)] {
        let args = r#"{ "flash_files": {
    "0x0": "bootloader/bootloader.bin", "0x10000": "heron.bin",
    "0x8000": "partition_table/partition-table.bin", "0xd000": "ota_data_initial.bin"
  },
  "app": { "offset": "0x10000", "file": "heron.bin", "encrypted": "false" } }"#;
        let build = |file: &str| format!("build-{version}/{file}");
        write(&build("flasher_args.json"), args.as_bytes());
        write(&build("heron.bin"), image);
        write(&build("bootloader/bootloader.bin"), &[&[0xE9], &old[..5000]].concat());
        let table = [&[0xAA, 0x50], version.as_bytes(), &[0xFF; 3000]].concat();
        write(&build("partition_table/partition-table.bin"), &table);
        write(&build("ota_data_initial.bin"), &[0xFF; 8192]);
    }
    for left in ["set-out", "set-build"] {
        let _ = fs::remove_dir_all(folder.join(left));
    }
}

/// Bytes without any pattern (Marsaglia's xorshift).
fn random(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    core::iter::repeat_with(next).take(count).collect()
}

#[test]
fn sessions() {
    let folder = common::folder("cli");
    for (name, bytes) in samples(&folder) {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/*.trycmd");
    std::env::set_current_dir(folder).unwrap();
    trycmd::TestCases::new().case(sessions).run();
}
