//! Bundles that are cut short, damaged, or made to do harm: none may panic, or end in success with
//! wrong bytes.

mod common;

use common::archives::{tar, zip};
use common::{code_like, edited, seal, testdata, Random};
use flashdelta::archive::folder;
use flashdelta::bundle::{self, BundleError};
use flashdelta::diff::DiffOptions;

/// Old file, new file, bundle: one with all methods.
fn sample() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut random = Random(7);
    let code = code_like(&mut random, 9000);
    let changed = edited(&mut random, &code, 5);
    let (inner, inner_changed) = (tar(&[("x.bin", &code)]), tar(&[("x.bin", &changed)]));
    let (fresh, text) = (random.bytes(5000), b"a text that is new and long, ".repeat(300));
    let deflated = testdata("archives/heron-1.0.zip");
    let old = zip(&[
        ("same.bin", &code[..5000]),
        ("app.bin", &code),
        ("inner.tar", &inner),
        ("heron.zip", &deflated),
    ]);
    let deflated = testdata("archives/heron-1.1.zip");
    let new = zip(&[
        ("same.bin", &code[..5000]),
        ("app.bin", &changed),
        ("inner.tar", &inner_changed),
        ("fresh.dat", &fresh),
        ("text.txt", &text),
        ("small.txt", b"small"),
        ("heron.zip", &deflated),
    ]);
    let patch = bundle::diff(&old, &new, &DiffOptions::new().effort(1)).unwrap();
    let mut methods: Vec<&str> =
        patch.info.members.iter().map(|member| member.method.name()).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["bundle", "bundle", "common", "full", "patch", "same", "verbatim"]);
    (old, new, patch.bytes)
}

#[test]
fn damage_ends_in_an_error() {
    let (old, new, patch) = sample();
    assert!(bundle::apply(&old, &patch).unwrap() == new);
    let mut random = Random(8);
    for _ in 0..400 {
        let mut damaged = patch.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        let error = bundle::apply(&old, &damaged).expect_err("a flipped bit");
        assert!(!error.to_string().is_empty());
    }
    for len in (0..patch.len()).step_by(97).chain(0..300) {
        assert!(bundle::apply(&old, &patch[..len]).is_err(), "{len} bytes");
    }
    let longer = [&patch[..], b"x"].concat();
    assert!(matches!(bundle::apply(&old, &longer), Err(BundleError::Trailing { .. })));
}

#[test]
fn headers_made_to_do_harm_end_in_an_error_or_in_the_right_file() {
    let (old, new, patch) = sample();
    let header_len = bundle::info(&patch).unwrap().header_len as usize;
    let mut random = Random(9);
    for _ in 0..1000 {
        let mut hostile = patch.clone();
        for _ in 0..1 + random.below(3) {
            let at = 6 + random.below(header_len - 10);
            hostile[at] = random.next() as u8;
        }
        seal(&mut hostile);
        if let Ok(made) = bundle::apply(&old, &hostile) {
            assert!(made == new, "success with wrong bytes");
        }
    }
}

#[test]
fn the_wrong_old_file_is_refused() {
    let (old, new, patch) = sample();
    for wrong in [&new[..], &old[1..], b"", &[&old[..], b"\0"].concat()] {
        assert!(matches!(bundle::apply(wrong, &patch), Err(BundleError::OldMismatch { .. })));
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let (old, _, patch) = sample();
    let with = |at: usize, value: u8| {
        let mut changed = patch.clone();
        changed[at] = value;
        seal(&mut changed);
        bundle::apply(&old, &changed)
    };
    assert_eq!(with(2, b'P'), Err(BundleError::NotABundle { offset: 2 }));
    assert_eq!(with(3, 9), Err(BundleError::UnsupportedVersion { found: 9 }));
    assert_eq!(with(6, 8), Err(BundleError::UnknownFeature { bit: 3 }));
    assert!(matches!(with(7, 0xF1), Err(BundleError::BadField { field: "containers", .. })));
    assert!(matches!(
        bundle::apply(&old, b"FD"),
        Err(BundleError::Truncated { expected: None, .. })
    ));
}

#[test]
fn a_file_out_of_proportion_is_refused_before_it_is_made() {
    let old = zip(&[("a.bin", &[7; 5000])]);
    let large = folder::pack(vec![("zeros.bin".to_owned(), vec![0; 1 << 20])]).unwrap();
    let patch = bundle::diff(&old, &large, &DiffOptions::new().effort(1)).unwrap().bytes;
    let made = bundle::info(&patch).unwrap().new_size;
    assert!(bundle::apply_with_limit(&old, &patch, made).unwrap() == large);
    let error = bundle::apply_with_limit(&old, &patch, made - 1).unwrap_err();
    assert_eq!(error, BundleError::NewTooLong { needed: made, limit: made - 1 });
    // The same claim in a small bundle, which could not even be kept.
    let (old, _, small) = sample();
    let hostile = with_new_size(&small, [0xFF, 0xFF, 0xFF, 0x7F]);
    let limit = (64 << 20) + 16 * (old.len() + hostile.len()) as u32;
    assert_eq!(
        bundle::apply(&old, &hostile),
        Err(BundleError::NewTooLong { needed: 0x0FFF_FFFF, limit })
    );
}

/// The bundle with another new size in its header.
fn with_new_size(bundle: &[u8], size: [u8; 4]) -> Vec<u8> {
    let end_of_varint =
        |at: usize| at + 1 + bundle[at..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    let len_end = end_of_varint(4);
    // Required features and containers have a byte each.
    let size_start = end_of_varint(len_end + 2);
    let size_end = end_of_varint(size_start);
    let len = bundle::info(bundle).unwrap().header_len as usize + 4 - (size_end - size_start);
    let len = [0x80 | len as u8, (len >> 7) as u8];
    assert_eq!(len_end, 6);
    let mut changed =
        [&bundle[..4], &len, &bundle[len_end..size_start], &size, &bundle[size_end..]].concat();
    seal(&mut changed);
    changed
}
