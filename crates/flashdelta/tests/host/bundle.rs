//! Archives and folders: patched member by member, restored byte by byte.

use core::ops::ControlFlow;

use crate::common::archives::{tar, tar_data, tar_header, zip, File};
use crate::common::{code_like, edited, testdata, Random};
use flashdelta::archive::{folder, Container, ContainerError};
use flashdelta::bundle::{self, check, BundleError, BundleOptions, BundlePatch, Method, Warning};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::file::MakeError;
use flashdelta::image::ImageError;
use proptest::prelude::*;

fn options() -> DiffOptions {
    DiffOptions::new().profile(DeviceProfile::linux()).ram(64 << 10).effort(1)
}

/// Makes a bundle and applies it.
fn round_trip(old: &[u8], new: &[u8]) -> BundlePatch {
    let patch = bundle::diff(old, new, &options()).unwrap();
    assert!(bundle::apply(old, &patch.bytes).unwrap() == new);
    assert_eq!(bundle::info(&patch.bytes).as_ref(), Ok(&patch.info));
    patch
}

fn method(patch: &BundlePatch, name: &str) -> Method {
    patch
        .info
        .members
        .iter()
        .find(|member| member.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
        .method
}

fn names(container: Container, file: &[u8]) -> Vec<String> {
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
fn dfu_package(version: &str, init_packet: &[u8]) -> Vec<u8> {
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

/// Whether it is the error that was expected.
type Expected = fn(&ContainerError) -> bool;

#[test]
fn archives_that_contradict_themselves_are_named_and_taken_as_a_whole() {
    let good = zip(&[("a.bin", &[7; 500]), ("b.bin", &[8; 500])]);
    let directory = good.len() - 22 - 2 * 51;
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    let end = good.len() - 22;
    let cases: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("size beyond the directory", with(directory + 20, &[0, 0, 0, 0x7F]), |e| {
            matches!(e, ContainerError::OutOfBounds { .. })
        }),
        ("offset beyond the directory", with(directory + 42, &[0, 0, 0, 0x7F]), |e| {
            matches!(e, ContainerError::OutOfBounds { .. })
        }),
        ("offset that is no header", with(directory + 42, &[1]), |e| {
            matches!(e, ContainerError::Expected { .. })
        }),
        ("members that overlap", with(directory + 51 + 42, &[0, 0]), |e| {
            matches!(e, ContainerError::Overlap { .. })
        }),
        ("zip64", with(directory + 20, &[0xFF; 4]), |e| {
            matches!(e, ContainerError::Unsupported { what: "zip64", .. })
        }),
        ("several parts", with(end + 4, &[1]), |e| matches!(e, ContainerError::Unsupported { .. })),
        ("more members than listed", with(end + 8, &[3, 0, 3, 0]), |e| {
            matches!(e, ContainerError::Expected { .. } | ContainerError::CutShort { .. })
        }),
        ("fewer members than listed", with(end + 8, &[1, 0, 1, 0]), |e| {
            matches!(e, ContainerError::Contradiction { .. })
        }),
        ("directory larger than the file", with(end + 12, &[0, 0, 0, 0x7F]), |e| {
            matches!(e, ContainerError::OutOfBounds { .. })
        }),
        ("directory behind itself", with(end + 16, &[0xFF, 0xFF, 0, 0]), |e| {
            matches!(e, ContainerError::OutOfBounds { .. })
        }),
        ("name beyond the directory", with(28 - 2, &[0xFF, 0xFF]), |e| {
            matches!(e, ContainerError::CutShort { .. })
        }),
    ];
    for (what, bad, expected) in cases {
        let error = Container::Zip.members(&bad).expect_err(what);
        assert!(expected(&error), "{what}: {error:?}");
        assert!(!error.to_string().is_empty());
        let patch = round_trip(&good, &bad);
        let whole = Warning::Whole { member: String::new(), container: Container::Zip, error };
        assert_eq!(patch.warnings, [vec![], vec![whole]], "{what}");
        round_trip(&bad, &good);
    }
    // The end is missing: it is no archive, but seems to be meant as one.
    assert_eq!(Container::detect(&good[..end]), Container::Whole);
    assert!(is_whole(&good[..end], Container::Zip));
    assert!(is_whole(&[&good[..], b"more"].concat(), Container::Zip));

    let good = tar(&[("a.bin", &[7; 500])]);
    let mut large = good.clone();
    large[..512].copy_from_slice(&tar_header("a.bin", 1 << 30, b'0'));
    assert!(matches!(Container::Tar.members(&large), Err(ContainerError::OutOfBounds { .. })));
    let mut sparse = good.clone();
    sparse[..512].copy_from_slice(&tar_header("a.bin", 500, b'S'));
    assert!(matches!(Container::Tar.members(&sparse), Err(ContainerError::Unsupported { .. })));
    let mut damaged = tar(&[("a.bin", &[7; 500]), ("b.bin", &[7; 500])]);
    damaged[1024] ^= 1;
    assert!(matches!(
        Container::Tar.members(&damaged),
        Err(ContainerError::Expected { offset: 1024, .. })
    ));
    let gzip = testdata("archives/stored.gz");
    assert!(matches!(Container::Gzip.members(&gzip[..200]), Err(ContainerError::Deflate { .. })));
    assert!(matches!(Container::Gzip.members(&gzip[..12]), Err(ContainerError::CutShort { .. })));
    let mut first = good.clone();
    first[0] ^= 1;
    for (bad, container) in [
        (&large, Container::Tar),
        (&sparse, Container::Tar),
        (&damaged, Container::Tar),
        (&first, Container::Tar),
        (&gzip[..200].to_vec(), Container::Gzip),
    ] {
        round_trip(&good, bad);
        assert!(is_whole(bad, container));
    }
    for plain in [&b""[..], b"PK", &testdata("firmware/riscv-1.0.bin"), &good, &gzip] {
        assert_eq!(check(plain, &BundleOptions::default()), Ok(vec![]));
    }
}

/// Whether it is said that this looks like an archive, but is patched as one piece.
fn is_whole(file: &[u8], expected: Container) -> bool {
    let warnings = check(file, &BundleOptions::default()).unwrap();
    matches!(&warnings[..], [Warning::Whole { member, container, .. }] if member.is_empty() && *container == expected)
}

#[test]
fn members_that_are_not_taken_as_they_seem_to_be_meant_are_named() {
    let inner = zip(&[("a.bin", &[7; 5000]), ("b.bin", &[8; 500])]);
    let hex = testdata("firmware/cortex-m-1.1.hex");
    let damaged = [&hex[..2000], b":00zz\r\n", &hex[2000..]].concat();
    let outer = tar(&[
        ("inner.zip", &inner[..inner.len() - 1]),
        ("app.hex", &damaged),
        ("good.zip", &inner),
    ]);
    let warnings = round_trip(&tar(&[("x", b"x")]), &outer).warnings;
    assert!(warnings[0].is_empty());
    assert!(
        matches!(&warnings[1][..], [Warning::Whole { member, .. }, Warning::Records { member: hex, error: ImageError::BadDigit { .. }, .. }]
            if member == "inner.zip" && hex == "app.hex"),
        "{warnings:?}"
    );
    assert!(
        warnings[1][0].to_string().starts_with("inner.zip: it looks like a zip archive"),
        "{}",
        warnings[1][0]
    );
}

/// A zip archive with this manifest and the parts that it may name.
fn with_manifest(manifest: &str) -> Vec<u8> {
    zip(&[("manifest.json", manifest.as_bytes()), ("a.bin", &[7; 5000]), ("b.bin", &[8; 500])])
}

fn parts(offset: &str) -> String {
    format!(
        r#"{{"builds": [{{"chipFamily": "ESP32", "parts": [{{"path": "a.bin", "offset": 0}}, {{"path": "b.bin", "offset": {offset}}}]}}]}}"#
    )
}

#[test]
fn manifests_in_archives_are_checked() {
    let good = with_manifest(&parts("8192"));
    assert!(round_trip(&good, &with_manifest(&parts("12288"))).warnings.concat().is_empty());
    let lenient = BundleOptions::default();
    let accepting = BundleOptions::new().accept_manifests(true);
    for (manifest, said) in [
        (parts("32.768"), ": builds[0].parts[1].offset is 32.768"),
        (parts("4096"), ": builds[0].parts[1] begins at offset 4096"),
        (parts("\"8192\""), ": builds[0].parts[1].offset should be a whole number"),
        (r#"{"builds": {}}"#.to_owned(), ": builds should be a list"),
    ] {
        let bad = with_manifest(&manifest);
        let error = bundle::diff(&good, &bad, &options()).unwrap_err();
        let place = "manifest.json: line 1, column ";
        let is_said = |text: String| text.starts_with(place) && text.contains(said);
        assert!(
            matches!(&error, MakeError::NewManifest(error) if is_said(error.to_string())),
            "{error}"
        );
        assert!(matches!(bundle::diff(&bad, &good, &options()), Err(MakeError::OldManifest(_))));
        // In a folder, in an archive in an archive, and compressed.
        let folder =
            folder::pack(vec![("dist/manifest.json".to_owned(), manifest.into_bytes())]).unwrap();
        let nested = tar(&[("release.zip", &bad)]);
        for (file, member) in
            [(&folder, "dist/manifest.json"), (&nested, "release.zip/manifest.json")]
        {
            // Of what is not beside it the size is not known.
            if !said.contains("begins") || file == &nested {
                assert_eq!(check(file, &lenient).unwrap_err().member, member);
            }
        }
        let patch = bundle::diff_with(&good, &bad, &options(), &accepting).unwrap();
        assert!(matches!(&patch.warnings[1][..], [Warning::Manifest(_)]));
        assert!(bundle::apply(&good, &patch.bytes).unwrap() == bad);
    }
    let no_json = round_trip(&good, &with_manifest("{\n  \"builds\": [}")).warnings;
    let said = no_json[1][0].to_string();
    assert!(
        said.starts_with("manifest.json: it is no manifest") && said.contains("line 2, column 14"),
        "{said}"
    );
    // Other files have this name, too.
    for other in [r#"{"manifest": {}}"#, r#"{"name": "a page", "icons": []}"#, "[]", "1.5"] {
        assert!(round_trip(&good, &with_manifest(other)).warnings.concat().is_empty(), "{other}");
    }
    let args = |offset: &str| {
        zip(&[(
            "flasher_args.json",
            format!(r#"{{"flash_files": {{"{offset}": "a.bin"}}}}"#).as_bytes(),
        )])
    };
    assert!(check(&args("0x8000"), &lenient).unwrap().is_empty());
    assert!(
        matches!(check(&args("32.768"), &lenient), Err(error) if error.member == "flasher_args.json")
    );
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
fn releases(seed: u64, count: usize) -> [Vec<(String, Vec<u8>)>; 2] {
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

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<File<'_>> {
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
