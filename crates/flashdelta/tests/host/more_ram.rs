//! More RAM never makes a larger patch.

use crate::common::testdata;
use flashdelta::apply;
use flashdelta::diff::{diff, DiffOptions};

#[test]
fn more_ram_makes_no_larger_patch() {
    for pair in ["cortex-m", "riscv", "esp32"] {
        let [old, new] =
            ["1.0", "1.1"].map(|version| testdata(&format!("firmware/{pair}-{version}.bin")));
        let mut before = (0, usize::MAX);
        for kib in [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256] {
            let patch = diff(&old, &new, &DiffOptions::new().ram(kib << 10)).unwrap();
            let (ram, len) = before;
            assert!(
                patch.bytes.len() <= len,
                "{pair}: {len} bytes for {ram} KiB, {} for {kib}",
                patch.bytes.len()
            );
            assert!(patch.header.ram <= kib << 10);
            before = (kib, patch.bytes.len());
            assert_eq!(apply::apply(&old, &patch.bytes).unwrap(), new);
        }
    }
}
