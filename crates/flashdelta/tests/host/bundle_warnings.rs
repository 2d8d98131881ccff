//! Archives and members that are not what they seem to be.

use super::bundle::*;
use crate::common::archives::{tar, tar_header, zip};
use crate::common::testdata;
use flashdelta::archive::{folder, Container, ContainerError, DamagedArchive};
use flashdelta::bundle::{self, check, BundleOptions, MemberWarning};
use flashdelta::file::MakeError;
use flashdelta::image::ImageError;

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
        let (member, container) = (String::new(), Container::Zip);
        let whole = MemberWarning::Whole(DamagedArchive { member, container, error });
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
    matches!(
        &warnings[..],
        [MemberWarning::Whole(DamagedArchive { member, container, .. })]
            if member.is_empty() && *container == expected
    )
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
        matches!(&warnings[1][..], [
            MemberWarning::Whole(DamagedArchive { member, .. }),
            MemberWarning::Records { member: hex, error: ImageError::BadDigit { .. }, .. },
        ]
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
    let b = format!(r#"{{"path": "b.bin", "offset": {offset}}}"#);
    let parts = format!(r#"{{"path": "a.bin", "offset": 0}}, {b}"#);
    format!(r#"{{"builds": [{{"chipFamily": "ESP32", "parts": [{parts}]}}]}}"#)
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
        assert!(matches!(&patch.warnings[1][..], [MemberWarning::Manifest(_)]));
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
    assert!(matches!(
        check(&args("32.768"), &lenient),
        Err(error) if error.member == "flasher_args.json"
    ));
}
