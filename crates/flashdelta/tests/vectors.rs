//! The test vectors of `docs/format.md`.

mod common;

use common::apply_in_pieces;

/// The bytes of a field: from its label to the next one.
fn field(vector: &str, label: &str) -> Vec<u8> {
    let (_, rest) = vector.split_once(label).unwrap_or_else(|| panic!("no {label} in {vector}"));
    let digits = rest.split("\npatch:").next().unwrap().split("\nnew:").next().unwrap();
    let digits: Vec<u32> =
        digits.split_whitespace().collect::<String>().chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

#[test]
fn the_specification_and_the_applier_agree() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md");
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vec<&str> = text.split("```vector\n").skip(1).map(|v| v.split("\n```").next().unwrap()).collect();
    assert!(vectors.len() >= 7);
    for vector in vectors {
        let (old, new, patch) = (field(vector, "old:"), field(vector, "new:"), field(vector, "patch:"));
        for piece in [1, 5, patch.len()] {
            assert_eq!(apply_in_pieces(&old, &patch, piece).as_ref(), Ok(&new), "{vector}");
        }
    }
}
