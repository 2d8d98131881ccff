//! The test vectors and tables of `docs/format.md`.

use std::collections::BTreeMap;

use crate::common::apply_in_pieces;
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::file::Output;
use flashdelta::image::AddressMap;
use flashdelta::update::set::Kind;
use flashdelta::{bundle, file, set, Codec, DeviceIdentity, Identity, InstructionSet};

/// The specification.
fn text() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md");
    std::fs::read_to_string(path).unwrap()
}

/// The blocks of a kind.
fn blocks<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|block| block.split("\n```").next().unwrap()).collect()
}

/// The bytes of a field: from its label to the next one.
fn field(vector: &str, label: &str) -> Vec<u8> {
    let (_, rest) = vector.split_once(label).unwrap_or_else(|| panic!("no {label} in {vector}"));
    let digits = rest.split("\npatch:").next().unwrap().split("\nnew:").next().unwrap();
    let digits: Vec<u32> = digits
        .split_whitespace()
        .collect::<String>()
        .chars()
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// How a vector says that it was made.
fn options(vector: &str, old: &[u8], new: &[u8]) -> Option<DiffOptions> {
    let (_, made) = vector.split_once("make:")?;
    let words: Vec<&str> = made.lines().next()?.split_whitespace().collect();
    let isa = match words[0] {
        "none" => InstructionSet::None,
        "thumb" => InstructionSet::Thumb,
        "riscv" => InstructionSet::RiscV,
        "xtensa" => InstructionSet::Xtensa,
        "halves" => InstructionSet::Halves,
        "bytes" => InstructionSet::Bytes,
        other => panic!("no such instruction set: {other}"),
    };
    let options = DiffOptions::new().profile(DeviceProfile::tiny()).codec(Codec::Model).isa(isa);
    Some(match words[1..] {
        [] => options,
        [from, to] => {
            let at = |word, image: &[u8]| {
                AddressMap::at(u32::from_str_radix(word, 16).unwrap(), image.len())
            };
            options.address_maps(at(from, old), at(to, new))
        }
        _ => panic!("{vector}"),
    })
}

/// The old and the new file of a vector of text files.
fn files(vector: &str) -> (&str, &str) {
    let (old, rest) = vector.strip_prefix("old:\n").unwrap().split_once("new:\n").unwrap();
    (old, rest.split_once("patch:").unwrap().0)
}

/// How the vectors of text files are made.
fn raw() -> DiffOptions {
    DiffOptions::new().profile(DeviceProfile::tiny()).codec(Codec::Raw)
}

/// The numbers in a text, which is between these words.
fn numbers(text: &str, from: &str, to: &str) -> Vec<i32> {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from}"));
    let (numbers, _) = rest.split_once(to).unwrap();
    numbers
        .split(|c: char| !c.is_ascii_digit() && c != '-')
        .filter(|n| !n.is_empty())
        .map(|n| n.parse().unwrap())
        .collect()
}

#[test]
fn the_specification_and_the_applier_agree() {
    let text = text();
    let vectors = blocks(&text, "```vector\n");
    assert!(vectors.len() >= 14);
    for vector in vectors {
        let (old, new, patch) =
            (field(vector, "old:"), field(vector, "new:"), field(vector, "patch:"));
        for piece in [1, 5, patch.len()] {
            assert_eq!(apply_in_pieces(&old, &patch, piece).as_ref(), Ok(&new), "{vector}");
        }
    }
}

#[test]
fn the_specification_and_bundles_agree() {
    use flashdelta::bundle;
    let text = text();
    let vectors = blocks(&text, "```bundle\n");
    assert!(!vectors.is_empty());
    for vector in vectors {
        let (old, new, patch) =
            (field(vector, "old:"), field(vector, "new:"), field(vector, "patch:"));
        assert!(bundle::apply(&old, &patch).as_ref() == Ok(&new), "{vector}");
        assert!(bundle::plain_patch(&patch).is_none());
        let ours = bundle::diff(&old, &new, &DiffOptions::new()).unwrap().bytes;
        assert!(ours.len() <= patch.len(), "{} bytes", ours.len());
    }
}

#[test]
fn the_specification_and_the_host_agree() {
    let text = text();
    let vectors = blocks(&text, "```files\n");
    assert!(!vectors.is_empty());
    for vector in vectors {
        let (old, new) = files(vector);
        let patch = field(vector, "patch:");
        let made = file::apply(old.as_bytes(), &patch, Output::Same).unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), new);
        let ours = file::diff(old.as_bytes(), new.as_bytes(), &raw()).unwrap();
        assert!(ours.bytes.len() <= patch.len(), "{} bytes for {vector}", ours.bytes.len());
        // A device makes the memory, whether it is given the host section or not.
        let files = file::Files::of(old.as_bytes(), &patch).unwrap();
        let image = file::apply(old.as_bytes(), &patch, Output::Binary).unwrap();
        let alone = &patch[..patch.len() - ours.header.host_len as usize];
        for patch in [&patch[..], alone] {
            assert_eq!(apply_in_pieces(files.old_image(), patch, 1).as_ref(), Ok(&image));
        }
    }
}

#[test]
fn the_maker_is_at_least_as_good_as_the_vectors() {
    let text = text();
    let mut made = 0;
    for vector in blocks(&text, "```vector\n") {
        let (old, new, patch) =
            (field(vector, "old:"), field(vector, "new:"), field(vector, "patch:"));
        let Some(options) = options(vector, &old, &new) else { continue };
        let ours = diff(&old, &new, &options).unwrap().bytes;
        assert_eq!(apply_in_pieces(&old, &ours, 7).as_ref(), Ok(&new), "{vector}");
        assert!(ours.len() <= patch.len(), "{} bytes for {vector}", ours.len());
        made += 1;
    }
    assert!(made >= 7);
}

/// The set of the specification: what each component holds before and after, and the bytes.
fn the_set() -> (Vec<set::Component>, set::SetOptions) {
    let (motor, motor_new) = (b"speed=10;torque=4;mode=a", b"speed=12;torque=4;mode=b");
    let child = set::ComponentName::Child { id: 7, name: "motor".into() };
    let logo = set::ComponentName::Name("logo".into());
    let app = set::ComponentName::Partition("ota_0".into());
    let identity = Identity { product: 1, hardware_from: 0, hardware_to: 9, security_counter: 3 };
    let components = vec![
        set::Component::update(Kind::Child, child, motor, motor_new),
        set::Component::add(Kind::Data, logo, *b"LOGOLOGOLOGO!").hardware(2, 5),
        set::Component::require(Kind::Application, app, *b"application"),
    ];
    (components, set::SetOptions::new().diff(raw()).identity(identity))
}

#[test]
fn the_specification_and_sets_agree() {
    let text = text();
    let [block] = blocks(&text, "```set\n")[..] else { panic!("one vector") };
    let (components, options) = the_set();
    assert_eq!(set::make(&components, &options).unwrap(), field(block, "set:"));
    let [child, logo, app] = [0, 1, 2].map(|i| components[i].name().clone());
    let old = BTreeMap::from([
        (child.clone(), b"speed=10;torque=4;mode=a".to_vec()),
        (app, b"application".to_vec()),
    ]);
    let device = DeviceIdentity { product: 1, hardware: 4, security_counter: 3 };
    let new = set::apply(&field(block, "set:"), &old, Some(device)).unwrap();
    assert_eq!(new[&child], b"speed=12;torque=4;mode=b");
    assert_eq!(new[&logo], b"LOGOLOGOLOGO!");
    let other = DeviceIdentity { hardware: 6, ..device };
    let new = set::apply(&field(block, "set:"), &old, Some(other)).unwrap();
    assert_eq!(new.get(&logo), None);
}

/// Run this after a change of the model codec:
/// `cargo test -p flashdelta --test format vectors -- --ignored`.
#[test]
#[ignore = "rewrites the patches of the model codec in docs/format.md"]
fn rewrite_the_vectors() {
    let mut text = text();
    let mut rewrite = |vector: &str, patch: &[u8]| {
        let digits: String = patch.iter().map(|b| format!("{b:02x}")).collect();
        let lines: Vec<&str> =
            digits.as_bytes().chunks(64).map(|line| core::str::from_utf8(line).unwrap()).collect();
        let (front, _) = vector.split_once("\npatch: ").unwrap();
        text = text.replace(vector, &format!("{front}\npatch: {}", lines.join("\n       ")));
    };
    let before = self::text();
    for vector in blocks(&before, "```vector\n") {
        let (old, new) = (field(vector, "old:"), field(vector, "new:"));
        let Some(options) = options(vector, &old, &new) else { continue };
        rewrite(vector, &diff(&old, &new, &options).unwrap().bytes);
    }
    for vector in blocks(&before, "```bundle\n") {
        let (old, new) = (field(vector, "old:"), field(vector, "new:"));
        rewrite(vector, &bundle::diff(&old, &new, &DiffOptions::new()).unwrap().bytes);
    }
    for vector in blocks(&before, "```files\n") {
        let (old, new) = files(vector);
        rewrite(vector, &file::diff(old.as_bytes(), new.as_bytes(), &raw()).unwrap().bytes);
    }
    let (components, options) = the_set();
    let set = set::make(&components, &options).unwrap();
    let digits: String = set.iter().map(|b| format!("{b:02x}")).collect();
    let lines = digits.as_bytes().chunks(64).map(|line| core::str::from_utf8(line).unwrap());
    let lines = lines.collect::<Vec<_>>().join("\n     ");
    for block in blocks(&before, "```set\n") {
        text = text.replace(block, &format!("set: {lines}"));
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md"), text).unwrap();
}

#[test]
fn the_tables_are_those_of_the_source() {
    let (text, source) = (text(), include_str!("../../src/device/coding/logistic.rs"));
    let start = include_str!("../../src/device/codec/model/start.rs");
    // After the "u16" and the lengths.
    for (name, source, first) in [
        ("SQUASH", source, 2),
        ("SOFTPLUS", source, 2),
        ("RATES", source, 3),
        ("LOG_ODDS", start, 2),
        ("WEIGHTS", start, 2),
    ] {
        let specified = numbers(&text, &format!("```table {name}\n"), "```");
        let used = numbers(source, &format!("const {name}: "), "];\n");
        assert_eq!(specified, used[first..], "{name}");
    }
}
