//! Archives and folders: patched member by member, restored byte by byte.

use core::ops::ControlFlow;

use crate::common::archives::{tar, tar_data, tar_header, zip, File};
use crate::common::{code_like, edited, testdata, Random};
use flashdelta::archive::{folder, Container};
use flashdelta::bundle::{self, BundleError, BundlePatch, Method};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use proptest::prelude::*;

pub(super) fn options() -> DiffOptions {
    DiffOptions::new().profile(DeviceProfile::linux()).ram(64 << 10).effort(1)
}

/// Makes a bundle and applies it.
pub(super) fn round_trip(old: &[u8], new: &[u8]) -> BundlePatch {
    let patch = bundle::diff(old, new, &options()).unwrap();
    assert!(bundle::apply(old, &patch.bytes).unwrap() == new);
    assert_eq!(bundle::info(&patch.bytes).as_ref(), Ok(&patch.info));
    patch
}

pub(super) fn method(patch: &BundlePatch, name: &str) -> Method {
    patch
        .info
        .members
        .iter()
        .find(|member| member.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
        .method
}

pub(super) fn names(container: Container, file: &[u8]) -> Vec<String> {
    container.members(file).unwrap().into_iter().map(|member| member.name).collect()
}

#[test]
fn a_deflated_zip_costs_hardly_more_than_the_firmware_in_it() {
    let [old, new] =
        ["heron-1.0.zip", "heron-1.1.zip"].map(|name| testdata(&format!("archives/{name}")));
    let patch = round_trip(&old, &new);
    let image = |version| testdata(&format!("firmware/riscv-{version}.bin"));
    let alone = diff(&image("1.0"), &image("1.1"), &options()).unwrap().bytes.len();
    assert!(
        patch.bytes.len() < alone + 500,
        "{} bytes, the firmware alone {alone}",
        patch.bytes.len()
    );
    assert_eq!(method(&patch, "heron-1.1.bin"), Method::Patch);
    assert_eq!(method(&patch, "bootloader.bin"), Method::Same);
    assert_eq!(method(&patch, "manifest.json"), Method::Common);
}

#[test]
fn a_compressed_tar_is_taken_apart_twice() {
    let [old, new] =
        ["heron-1.0.tar.gz", "heron-1.1.tar.gz"].map(|name| testdata(&format!("archives/{name}")));
    let patch = round_trip(&old, &new);
    let image = |version| testdata(&format!("firmware/cortex-m-{version}.bin"));
    let alone = diff(&image("1.0"), &image("1.1"), &options()).unwrap().bytes.len();
    assert!(
        patch.bytes.len() < alone + 500,
        "{} bytes, the firmware alone {alone}",
        patch.bytes.len()
    );
    assert_eq!(patch.info.new_container, Container::Gzip);
    assert_eq!(patch.info.members[0].method, Method::Bundle);
}

#[test]
fn applying_tells_how_far_it_is_and_can_be_given_up() {
    // Several members; one that is a bundle itself.
    for name in ["heron-1.%.zip", "heron-1.%.tar.gz"] {
        let [old, new] =
            ["0", "1"].map(|version| testdata(&format!("archives/{}", name.replace('%', version))));
        let patch = bundle::diff(&old, &new, &options()).unwrap().bytes;
        let mut seen = Vec::new();
        let mut watch = |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        };
        assert!(bundle::apply_with(&old, &patch, None, &mut watch).unwrap() == new);
        assert!(seen.iter().all(|at| at.total as usize == new.len() && at.written <= at.total));
        assert!(seen.windows(2).all(|pair| pair[0].written <= pair[1].written && !pair[0].done));
        assert!(seen.last().is_some_and(|last| last.done && last.written == last.total));
        let inside = seen.iter().filter(|at| 0 < at.written && at.written < at.total).count();
        assert!(inside >= 3, "{name}: {seen:?}");
        for calls in 0..seen.len() {
            let mut left = calls;
            let mut watch = |_| match left {
                0 => ControlFlow::Break(()),
                _ => {
                    left -= 1;
                    ControlFlow::Continue(())
                }
            };
            assert_eq!(
                bundle::apply_with(&old, &patch, None, &mut watch),
                Err(BundleError::Cancelled),
                "{calls} calls"
            );
        }
    }
}

#[test]
fn archives_of_different_kinds_share_what_they_hold() {
    let (zip, tgz) = (testdata("archives/info-zip.zip"), testdata("archives/heron-1.1.tar.gz"));
    let patch = round_trip(&zip, &testdata("archives/heron-1.1.zip"));
    assert_eq!(method(&patch, "bootloader.bin"), Method::Same);
    round_trip(&zip, &tgz);
    round_trip(&tgz, &zip);
    // From an archive to the file in it.
    let image = testdata("firmware/cortex-m-1.1.bin");
    let patch = round_trip(&zip, &image);
    assert!(patch.bytes.len() < 200, "{} bytes", patch.bytes.len());
    round_trip(&testdata("archives/stored.gz"), &testdata("archives/levels.zip"));
}

#[test]
fn files_that_are_no_containers_get_the_patch_they_get_alone() {
    let image = |version| testdata(&format!("firmware/riscv-{version}.bin"));
    let (old, new) = (image("1.0"), image("1.1"));
    let patch = round_trip(&old, &new);
    let alone = diff(&old, &new, &options()).unwrap().bytes;
    assert_eq!(bundle::plain_patch(&patch.bytes), Some(&alone[..]));
    assert!(patch.bytes.len() < alone.len() + 120);
    for (old, new) in [(&b""[..], &b""[..]), (b"", b"x"), (b"x", b""), (b"same", b"same")] {
        round_trip(old, new);
    }
}

/// A Nordic DFU package: stored, with an init packet that is all new.
pub(super) fn dfu_package(version: &str, init_packet: &[u8]) -> Vec<u8> {
    let image = testdata(&format!("firmware/cortex-m-{version}.bin"));
    let (bin, dat) = (format!("heron_{version}.bin"), format!("heron_{version}.dat"));
    let manifest = format!(
        r#"{{"manifest": {{"application": {{"bin_file": "{bin}", "dat_file": "{dat}"}}}}}}"#
    );
    zip(&[(&bin, &image), (&dat, init_packet), ("manifest.json", manifest.as_bytes())])
}

#[test]
fn a_stored_zip_is_no_larger_than_its_patch_as_a_whole() {
    let mut random = Random(1);
    let old = dfu_package("1.0", &random.bytes(140));
    let new = dfu_package("1.1", &random.bytes(140));
    let patch = round_trip(&old, &new);
    let whole = diff(&old, &new, &options()).unwrap().bytes.len();
    assert!(patch.bytes.len() < whole + 120, "{} bytes, as a whole {whole}", patch.bytes.len());
}

#[test]
fn text_files_in_archives_are_patched_as_their_memory() {
    let [s19, hex] =
        ["cortex-m-1.0.s19", "cortex-m-1.1.hex"].map(|name| testdata(&format!("firmware/{name}")));
    let patch = round_trip(&zip(&[("app.s19", &s19)]), &zip(&[("app.hex", &hex)]));
    assert_eq!(method(&patch, "app.hex"), Method::Patch);
    let image = |version| testdata(&format!("firmware/cortex-m-{version}.bin"));
    let alone = diff(&image("1.0"), &image("1.1"), &options()).unwrap().bytes.len();
    assert!(
        patch.bytes.len() < alone + 600,
        "{} bytes, the firmware alone {alone}",
        patch.bytes.len()
    );
    // Text that cannot be read is a file as any other.
    let damaged = [&hex[..2000], b":00zz", &hex[2000..]].concat();
    round_trip(&zip(&[("app.s19", &s19)]), &zip(&[("app.hex", &damaged)]));
}

#[test]
fn what_stands_around_an_archive_comes_back() {
    let mut random = Random(2);
    let code = code_like(&mut random, 9000);
    let changed = edited(&mut random, &code, 3);
    let old = zip(&[("a.bin", &code), ("b/", b""), ("a.bin", b"twice")]);
    // A self-extractor in front, with offsets that count from the archive; a comment after.
    let mut new =
        [b"#!/bin/sh\n", &zip(&[("c.bin", &changed), ("a.bin", b"twice")])[..], b"a comment"]
            .concat();
    let comment_len = new.len() - 11;
    new[comment_len] = 9;
    assert_eq!(Container::detect(&new), Container::Zip);
    assert_eq!(names(Container::Zip, &new), ["c.bin", "a.bin"]);
    round_trip(&old, &new);
    round_trip(&new, &old);
    round_trip(&zip(&[]), &new);
}

#[test]
fn tar_archives_of_all_dialects() {
    let mut random = Random(3);
    let code = code_like(&mut random, 9000);
    let changed = edited(&mut random, &code, 3);
    let long = "a/very/long/path/".repeat(9) + "app.bin";
    let old = tar(&[("app.bin", &code), ("empty", b"")]);
    let new = tar(&[(&long, &changed), ("other.bin", &code[..700])]);
    assert_eq!(names(Container::Tar, &new), [&long, "other.bin"]);
    round_trip(&old, &new);

    // An extended header gives the name and the size, a folder and a link have no data, and there
    // is no end.
    let record = "22 path=pax/ü.bin\n".to_owned() + "13 size=9000\n";
    let record = record.replacen("22", &format!("{}", "NN path=pax/ü.bin\n".len()), 1);
    let pax = [
        tar_header("pax", record.len(), b'x'),
        tar_data(record.as_bytes()),
        tar_header("short", 0, b'0'),
        tar_data(&code),
        tar_header("folder/", 0, b'5'),
        tar_header("link", 700, b'2'),
        tar_header("last", 5, b'0'),
        b"12345".to_vec(),
    ];
    let pax = pax.concat();
    assert_eq!(names(Container::Tar, &pax), ["pax/ü.bin", "last"]);
    round_trip(&old, &pax);
}

#[test]
fn containers_in_containers() {
    let mut random = Random(4);
    let code = code_like(&mut random, 9000);
    let changed = edited(&mut random, &code, 3);
    let archive = |code: &[u8], depth: usize| {
        (0..depth)
            .fold(code.to_vec(), |inner, _| tar(&[("inner", &inner), ("note.txt", b"a note")]))
    };
    for depth in 1..6 {
        let patch = round_trip(&archive(&code, depth), &archive(&changed, depth));
        assert!(patch.bytes.len() < 1500, "{depth} levels: {} bytes", patch.bytes.len());
    }
}

#[test]
fn whoever_watches_is_asked_often() {
    // Stored, deflated, and as an archive in an archive.
    let mut random = Random(21);
    let code = code_like(&mut random, 3 << 20);
    let changed = edited(&mut random, &code, 3);
    let gz = |data: &[u8]| {
        let mut stored = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
        for (index, piece) in data.chunks(0xFFFF).enumerate() {
            let len = piece.len() as u16;
            stored.push(u8::from((index + 1) * 0xFFFF >= data.len()));
            stored.extend(len.to_le_bytes());
            stored.extend((!len).to_le_bytes());
            stored.extend(piece);
        }
        [&stored[..], &[0; 8]].concat()
    };
    for (old, new) in [
        (zip(&[("a.bin", &code)]), zip(&[("a.bin", &changed)])),
        (gz(&code), gz(&changed)),
        (gz(&tar(&[("a.bin", &code)])), gz(&tar(&[("a.bin", &changed)]))),
    ] {
        let patch = bundle::diff(&old, &new, &options()).unwrap().bytes;
        let mut asked = 0;
        let mut watch = |_| {
            asked += 1;
            ControlFlow::Continue(())
        };
        assert!(bundle::apply_with(&old, &patch, None, &mut watch).unwrap() == new);
        // Reading the old file, making the new one and checking it: each 64 KiB.
        assert!(asked > 3 * (3 << 20) / (64 << 10), "{asked} times");
    }
}

#[test]
fn the_bundle_does_not_depend_on_the_number_of_threads() {
    let [old, new] =
        ["heron-1.0.zip", "heron-1.1.zip"].map(|name| testdata(&format!("archives/{name}")));
    let made =
        [1, 3].map(|threads| bundle::diff(&old, &new, &options().threads(threads)).unwrap().bytes);
    assert!(made[0] == made[1]);
}

/// Files with something in common between old and new.
pub(super) fn releases(seed: u64, count: usize) -> [Vec<(String, Vec<u8>)>; 2] {
    let mut random = Random(seed);
    let old: Vec<_> = (0..count)
        .map(|i| {
            let len = random.below(9000);
            (
                format!("part{i}-1.0.bin"),
                if i % 2 == 0 { code_like(&mut random, len) } else { random.bytes(len) },
            )
        })
        .collect();
    let mut new = Vec::new();
    for (i, (name, data)) in old.iter().enumerate() {
        match random.below(5) {
            0 => new.push((name.clone(), data.clone())),
            1 => {}
            2 => new.push((format!("new{i}"), random.bytes(300))),
            _ => new.push((name.replace("1.0", "1.10"), edited(&mut random, data, 4))),
        }
    }
    [old, new]
}

pub(super) fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<File<'_>> {
    files.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_release_comes_back(seed: u64, count in 0usize..6, kinds in 0usize..9) {
        let [old, new] = releases(seed, count);
        let pack = |kind: usize, files: &[(String, Vec<u8>)]| match kind {
            0 => zip(&borrowed(files)),
            1 => tar(&borrowed(files)),
            _ => folder::pack(files.to_vec()).unwrap(),
        };
        round_trip(&pack(kinds % 3, &old), &pack(kinds / 3, &new));
    }

    #[test]
    fn any_damage_to_a_container_is_survived(seed: u64, which in 0usize..4) {
        let name = ["heron-1.0.zip", "heron-1.0.tar.gz", "info-zip.zip", "stored.gz"][which];
        let mut random = Random(seed);
        let good = testdata(&format!("archives/{name}"));
        // The end is where the directory of a zip is.
        let mut bad = good.clone();
        for _ in 0..3 {
            let at = bad.len() - 1 - random.below(600.min(bad.len()));
            bad[at] = random.next() as u8;
        }
        for container in [Container::Zip, Container::Tar, Container::Gzip, Container::Folder] {
            if let Ok(members) = container.members(&bad) {
                prop_assert!(members.iter().all(|member| member.data.end <= bad.len()));
                prop_assert!(members.windows(2).all(|pair| pair[0].data.end <= pair[1].data.start));
            }
        }
    }
}
