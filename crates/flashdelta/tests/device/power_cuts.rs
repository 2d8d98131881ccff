//! Power cuts at every flash operation of an A/B update, after it and at 16 positions inside it:
//! the update that is started again ends in the right image, keeps the sectors that were finished,
//! and never touches the running slot.

use crate::common::cuts::{Outcome, Proof};
use crate::common::{testdata, with_own_digest};
use flashdelta::diff::{diff, DeviceProfile, DiffOptions};
use flashdelta::{Codec, PatchHeader};
use flashdelta_sim::{Rules, POSITIONS};

struct Pair {
    old: Vec<u8>,
    new: Vec<u8>,
    patch: Vec<u8>,
}

fn pair(old: &str, new: &str, page: u32, codec: Codec) -> Pair {
    pair_of(testdata(old), testdata(new), page, codec)
}

fn pair_of(old: Vec<u8>, new: Vec<u8>, page: u32, codec: Codec) -> Pair {
    let mut profile = DeviceProfile::small();
    profile.page = page;
    let patch = diff(&old, &new, &DiffOptions::new().profile(profile).codec(codec)).unwrap().bytes;
    Pair { old, new, patch }
}

fn prove<const READ: usize, const WRITE: usize, const ERASE: usize>(
    pair: &Pair,
    change: impl FnOnce(&mut Proof<'_>),
) -> Outcome {
    let mut proof = Proof::new(&pair.old, &pair.new, &pair.patch);
    proof.restarts = 4;
    change(&mut proof);
    let outcome = proof.run::<READ, WRITE, ERASE>();
    assert!(
        outcome.failures.is_empty(),
        "{}: {:#?}",
        outcome.failures.len(),
        &outcome.failures[..10.min(outcome.failures.len())]
    );
    assert_eq!(outcome.cuts, outcome.operations as u64 * (u64::from(POSITIONS) + 1));
    assert!(outcome.operations > pair.new.len().div_ceil(ERASE) * 2);
    outcome
}

fn rules(torn_units_unreadable: bool, program_page: usize) -> Rules {
    let mut rules = Rules::default();
    rules.torn_units_unreadable = torn_units_unreadable;
    rules.program_page = program_page;
    rules
}

#[test]
fn cortex_m_flash() {
    let pair = pair("firmware/cortex-m-1.0.bin", "firmware/cortex-m-1.1.bin", 8, Codec::Model);
    // nRF52: words, pages of 4 KiB.
    prove::<4, 4, 4096>(&pair, |_| ());
    // STM32G4, with error-correcting code: double words, pages of 2 KiB.
    prove::<1, 8, 2048>(&pair, |proof| proof.rules = rules(true, 0));
    // STM32H7: 32 bytes; sectors so large that the image has only one.
    prove::<1, 32, 131072>(&pair, |proof| proof.rules = rules(true, 0));
    let outcome = prove::<4, 4, 4096>(&pair, |proof| proof.buffer = 4096);
    assert_eq!(outcome.most_erases, 1);
    // A SAM with pages of 64 bytes, erased in rows of 256; and pages of 512 bytes, which need a
    // buffer.
    prove::<1, 64, 256>(&pair, |_| ());
    prove::<1, 512, 8192>(&pair, |proof| proof.buffer = 1024);
}

#[test]
fn risc_v_spi_flash() {
    let pair = pair("firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin", 16, Codec::Model);
    // ESP32: SPI flash, sectors of 4 KiB, pages of 256 bytes.
    prove::<4, 4, 4096>(&pair, |proof| {
        proof.rules = rules(false, 256);
        proof.rules.memory_alignment = 4;
        proof.comfort = 1024;
    });
    prove::<1, 1, 4096>(&pair, |proof| proof.rules = rules(false, 256));
    prove::<1, 16, 65536>(&pair, |proof| proof.comfort = 2048);
}

/// The applier appends the digest after it has read all before it: more writes, while the last unit
/// may still wait for its rest.
#[test]
fn images_that_end_with_their_own_digest() {
    let [old, new] = ["firmware/riscv-1.0.bin", "firmware/riscv-1.1.bin"].map(|name| {
        let [_, with_digest] = with_own_digest(&testdata(name));
        with_digest
    });
    let pair = pair_of(old, new, 16, Codec::Model);
    assert!(PatchHeader::parse(&pair.patch).unwrap().unwrap().has_own_digest);
    prove::<4, 4, 4096>(&pair, |proof| proof.rules = rules(false, 256));
    prove::<4, 4, 4096>(&pair, |proof| proof.buffer = 4096);
    prove::<1, 64, 1024>(&pair, |_| ());
    prove::<1, 32, 131072>(&pair, |proof| proof.rules = rules(true, 0));
}

#[test]
fn every_codec_and_back() {
    for codec in [Codec::Raw, Codec::Lz4] {
        let pair = pair("firmware/riscv-1.1.bin", "firmware/riscv-1.0.bin", 256, codec);
        let outcome = prove::<4, 16, 4096>(&pair, |_| ());
        assert!(outcome.most_erases <= 2);
    }
}

#[test]
fn content_that_looks_like_erased_flash_or_like_itself() {
    for (old, new) in [
        ("edge/zeros-4k.bin", "edge/erased-4k.bin"),
        ("edge/sorted.bin", "edge/repetitive.bin"),
        ("edge/random-4k.bin", "edge/zeros-4k.bin"),
    ] {
        let pair = pair(old, new, 8, Codec::Raw);
        for seed in 1..4 {
            prove::<1, 8, 512>(&pair, |proof| proof.seed = seed);
            prove::<1, 8, 512>(&pair, |proof| (proof.buffer, proof.seed) = (256, seed));
        }
    }
}
