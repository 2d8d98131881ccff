//! Damaged and hostile patches, on the device: typed errors are all that may come of them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{bail, Result};

use super::qemu::{self, outcome_name, Task};
use super::recipe::Language;
use super::samples::{Pair, Patch};
use super::toolchain::Target;

/// Patches in one run of a guest.
const BATCH: usize = 100;

/// Applies damaged versions of a patch. A trap, a hang, a byte written outside of the workspace or
/// a wrong image that passes is an error. Returned: how often each outcome was seen.
pub(crate) fn run(
    target: &Target,
    language: Language,
    program: &Path,
    (pair, patch): (&Pair, &Patch),
    count: usize,
    limit: Duration,
) -> Result<String> {
    let mut random = Random(0x5EED);
    let patches: Vec<Vec<u8>> =
        (0..count).map(|number| mutated(&patch.bytes, number, &mut random)).collect();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for batch in patches.chunks(BATCH) {
        let task = Task {
            old: &pair.old,
            expected: &pair.new,
            patches: batch,
            workspace: patch.workspace,
            suspended: None,
        };
        for (report, patch) in
            qemu::run(&target.board, program, &task, limit, &[])?.reports.iter().zip(batch)
        {
            if report.outcome == 0 && !report.same {
                let file = super::recipe::folder().join("accepted.fdp");
                std::fs::write(&file, patch)?;
                bail!(
                    "{}: a damaged patch leads to a wrong image: {}",
                    target.name,
                    file.display()
                );
            }
            if !qemu::is_typed(language, report.outcome) {
                bail!("{}: {}", target.name, outcome_name(language, report.outcome));
            }
            *outcomes.entry(outcome_name(language, report.outcome)).or_default() += 1;
        }
    }
    let outcomes: Vec<String> =
        outcomes.iter().map(|(name, times)| format!("{times} {name}")).collect();
    Ok(outcomes.join(", "))
}

/// Numbers that are the same in every run: splitmix64 (Steele, Lea, Flood, "Fast splittable
/// pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

/// A damaged version of a patch.
fn mutated(patch: &[u8], number: usize, random: &mut Random) -> Vec<u8> {
    let mut patch = patch.to_vec();
    // The header's length is one byte or two, after "FDP" and the version.
    let header = match (patch[4], patch[5]) {
        (low @ 0..0x80, _) => usize::from(low),
        (low, high) => usize::from(low & 0x7F) | usize::from(high) << 7,
    };
    let body = |random: &mut Random, len: usize| header + random.below(len - header);
    match number % 6 {
        // A field of the header, with the checksum made right: what an attacker would do.
        0 | 1 => {
            for _ in 0..=random.below(2) {
                let at = 5 + random.below(header - 9);
                patch[at] = random.below(256) as u8;
            }
            let checksum = crc32fast::hash(&patch[..header - 4]);
            patch[header - 4..header].copy_from_slice(&checksum.to_le_bytes());
        }
        2 => {
            let at = body(random, patch.len());
            patch[at] ^= 1 << random.below(8);
        }
        3 => {
            for _ in 0..8 {
                let at = body(random, patch.len());
                patch[at] = random.below(256) as u8;
            }
        }
        4 => patch.truncate(random.below(patch.len())),
        _ => {
            let from = body(random, patch.len());
            patch[from..].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        }
    }
    patch
}
