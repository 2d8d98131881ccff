//! Bundles that are cut short, damaged, or made to do harm: none may panic, or end in success with
//! wrong bytes.

use std::time::Instant;

use crate::common::archives::{tar, zip};
use crate::common::handmade::{self, Member};
use crate::common::{code_like, edited, seal, testdata, Random};
use flashdelta::archive::folder;
use flashdelta::bundle::{self, BundleError};
use flashdelta::diff::{self, DiffOptions};
use flashdelta::file;

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

/// A member without an old one.
fn member<'a>(method: u8, size: u32, part: Option<&'a [u8]>) -> Member<'a> {
    Member { method, size, deflated: None, old: false, part, name: "x" }
}

const FULL: u8 = 3;
const VERBATIM: u8 = 4;
const BUNDLE: u8 = 5;

#[test]
fn a_member_that_is_inflated_to_gigabytes_is_refused_before_it_is_made() {
    // One GiB that is deflated to one MiB.
    let part = handmade::bomb(1 << 30, 16);
    let size = (1 << 30) / 1032 + 1;
    let deflated = Member { deflated: Some((1 << 30, 0)), ..member(FULL, size, Some(&part)) };
    let hostile = handmade::bundle(b"old", size, b"", &[deflated]);
    assert!(hostile.len() < 250);
    let started = Instant::now();
    let over = |bundle: &[u8]| match bundle::apply(b"old", bundle) {
        Err(BundleError::TooMuchWork { needed, limit }) => {
            assert!(needed > 1 << 30);
            assert_eq!(limit, 2 * ((64 << 20) + 16 * (3 + bundle.len() as u64)));
        }
        other => panic!("{other:?}"),
    };
    over(&hostile);
    // The same in a bundle in a bundle, which has what is left of the outer one's.
    let nested = Member { old: true, ..member(BUNDLE, size, Some(&hostile)) };
    over(&handmade::bundle(b"old", size, b"", &[nested]));
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn a_member_with_a_host_section_makes_no_more_than_it_states() {
    let hex = |version| testdata(&format!("firmware/cortex-m-{version}"));
    let (old, new) = (hex("1.0.s19"), hex("1.1.hex"));
    let part = file::diff(&old, &new, &DiffOptions::new().effort(1)).unwrap().bytes;
    let of_size = |size: u32| {
        let member = Member { old: true, ..member(1, size, Some(&part)) };
        bundle::apply(&old, &handmade::bundle(&old, size, b"", &[member])).unwrap_err()
    };
    // Only the digest of the whole is wrong.
    assert!(matches!(of_size(new.len() as u32), BundleError::NewMismatch { .. }));
    for size in [1, new.len() as u32 - 1, new.len() as u32 + 1] {
        let (name, expected, found) = ("x".to_owned(), size.into(), new.len() as u64);
        assert_eq!(of_size(size), BundleError::Length { name, expected, found });
    }
}

#[test]
fn a_bundle_that_makes_fewer_bytes_than_it_states_fails() {
    let verbatim = handmade::bundle(b"old", 5, b"", &[member(VERBATIM, 5, Some(b"1234"))]);
    let length = |name: &str, expected, found| BundleError::Length {
        name: name.to_owned(),
        expected,
        found,
    };
    assert_eq!(bundle::apply(b"old", &verbatim), Err(length("x", 5, 4)));
    // The template: 5 bytes are stated, the common patch makes 4.
    let common = diff::diff(b"", b"1234", &DiffOptions::new().effort(1)).unwrap().bytes;
    let template = handmade::bundle(b"old", 5, &common, &[]);
    assert_eq!(bundle::apply(b"old", &template), Err(length("", 5, 4)));
    let nothing = handmade::bundle(b"old", 5, b"", &[]);
    assert!(bundle::apply(b"old", &nothing).is_err());
}

#[test]
fn numbers_of_members_and_lengths_of_names_are_bounded() {
    let empty = |count: usize| -> Vec<Member<'_>> {
        (0..count).map(|_| Member { name: "", ..member(VERBATIM, 0, Some(b"")) }).collect()
    };
    let info = |members: &[Member<'_>]| bundle::info(&handmade::bundle(b"", 0, b"", members));
    assert_eq!(info(&empty(1 << 16)).unwrap().members.len(), 1 << 16);
    let bad = |field| {
        move |error: &BundleError| match error {
            BundleError::BadField { field: found, .. } => *found == field,
            _ => false,
        }
    };
    assert!(info(&empty((1 << 16) + 1)).is_err_and(|error| bad("number of members")(&error)));
    let name = "n".repeat(1025);
    let named = |len| [Member { name: &name[..len], ..member(VERBATIM, 0, Some(b"")) }];
    assert!(info(&named(1024)).is_ok());
    assert!(info(&named(1025)).is_err_and(|error| bad("length of a name")(&error)));
}
