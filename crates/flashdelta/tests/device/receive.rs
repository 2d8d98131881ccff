//! A store: whatever comes, in whatever order, and wherever the power is cut.

use std::collections::BTreeSet;

use crate::common::pieces::{Patch, Toy};
use flashdelta::nor::Slot;
use flashdelta::receive::{Offered, Store, StoreError, Taken};
use flashdelta::verify::VerifyError;
use flashdelta_sim::{Cut, NorSim, Rules, SimError, POSITIONS};

pub(super) const KEY: u8 = 5;

/// Numbers that look random.
#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0.rotate_right(16)) * end as u128) >> 64) as usize
    }
}

/// Pieces may be written in any order: chunks share sectors.
pub(super) fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.ascending = false;
    rules
}

pub(super) fn flash<const R: usize, const W: usize, const E: usize>(
    patch: &Patch,
    seed: u64,
) -> NorSim<R, W, E> {
    NorSim::used(sectors::<R, W, E>(patch), seed).rules(rules())
}

pub(super) fn sectors<const R: usize, const W: usize, const E: usize>(patch: &Patch) -> usize {
    type Any<'m> = Store<'m, NorSim<1, 1, 256>>;
    let len = Any::len_needed(&patch.header, E as u32, W as u32).expect("it has chunks");
    len as usize / E
}

pub(super) fn memory(patch: &Patch) -> Vec<u8> {
    vec![0xA5; patch.pieces().div_ceil(8) as usize]
}

pub(super) type Held<'m, const R: usize, const W: usize, const E: usize> =
    Store<'m, &'m mut NorSim<R, W, E>, Vec<u8>>;

pub(super) fn open<'m, const R: usize, const W: usize, const E: usize>(
    flash: &'m mut NorSim<R, W, E>,
    memory: &'m mut [u8],
    key: &'m mut Toy,
) -> Result<Held<'m, R, W, E>, StoreError<SimError>> {
    use embedded_storage::nor_flash::ReadNorFlash as _;
    let region = Slot::new(0, flash.capacity() as u32);
    let buffer = if W > 64 { vec![0; W] } else { Vec::new() };
    let sha = flashdelta::apply::SoftwareSha256;
    Store::open_with(flash, region, memory, Some(key), buffer, sha)
}

pub(super) fn missing<const R: usize, const W: usize, const E: usize>(
    store: &Held<'_, R, W, E>,
) -> Vec<u32> {
    store.missing().flatten().collect()
}

/// What is in the store, is what is in the patch: each chunk, and the table once it is complete.
/// Pieces of the table that are there before may be forged, and nothing is taken by them.
pub(super) fn check<const R: usize, const W: usize, const E: usize>(
    store: &mut Held<'_, R, W, E>,
    patch: &Patch,
) {
    if store.patch() != patch.id() {
        return;
    }
    let missing: BTreeSet<_> = missing(store).into_iter().collect();
    let body = patch.header.body_offset();
    if missing.first().is_none_or(|first| *first >= patch.table_pieces()) {
        let table = patch.header.header_len + patch.header.signatures_len();
        let mut found = vec![0; (body - table) as usize];
        store.read(table, &mut found).expect("it is there");
        assert_eq!(found, patch.bytes[table as usize..body as usize], "a forged table");
    } else {
        let first_chunk = patch.piece(patch.table_pieces());
        let taken = store.put(patch.table_pieces(), first_chunk);
        assert!(matches!(taken, Err(StoreError::Missing { .. })), "{taken:?} without a table");
    }
    for piece in (patch.table_pieces()..patch.pieces()).filter(|piece| !missing.contains(piece)) {
        let index = piece - patch.table_pieces();
        let range = patch.header.chunk_range(index).unwrap();
        assert!(range.start >= body);
        let mut found = vec![0; range.len()];
        store.read(range.start, &mut found).expect("it is there");
        assert_eq!(found, patch.piece(piece), "piece {piece} is a forged one");
    }
}

/// Receives until all is there, or the power goes. Every other event is a duplicate, a forged
/// piece, several pieces as one, or another header.
pub(super) fn receive<const R: usize, const W: usize, const E: usize>(
    store: &mut Held<'_, R, W, E>,
    patch: &Patch,
    dice: &mut Dice,
) -> Result<(), StoreError<SimError>> {
    let stranger = Patch::new(700, 8, 77, Some(KEY + 1));
    for _ in 0..100_000 {
        let is_this = store.patch() == patch.id();
        if is_this && store.is_complete() {
            return Ok(());
        }
        let piece = dice.below(patch.pieces() as usize) as u32;
        let result = match dice.below(8) {
            0 if !is_this => store.offer(patch.front()).map(|offered| {
                assert_eq!(offered, Offered::Begun);
                Taken::Stored
            }),
            0 => store.offer(patch.front()).map(|offered| {
                assert_eq!(offered, Offered::Known);
                Taken::Known
            }),
            1 => {
                let error = store.offer(stranger.front()).expect_err("it is not signed by us");
                if let StoreError::Verify(VerifyError::UnknownKey { key_id }) = error {
                    assert_eq!(key_id, [KEY + 1; 8]);
                    continue;
                }
                Err(error)
            }
            // Forged pieces of the table are found out at its end only.
            2 if piece >= patch.table_pieces() || dice.below(10) == 0 => {
                let mut forged = patch.piece(piece).to_vec();
                let at = dice.below(forged.len());
                forged[at] ^= 1 << dice.below(8);
                match store.put(piece, &forged) {
                    Ok(Taken::Stored) if piece < patch.table_pieces() => Ok(Taken::Stored),
                    Ok(Taken::Stored) => panic!("piece {piece} was forged"),
                    other => other,
                }
            }
            3 => {
                let len = patch.piece(piece).len() - 1;
                store.put(piece, &patch.piece(piece)[..len])
            }
            4 => {
                let other = dice.below(patch.pieces() as usize) as u32;
                let several = BTreeSet::from([piece, other, (piece + other) / 2]);
                let several: Vec<_> = several.into_iter().collect();
                store.put_combined(&several, &mut patch.sum(&several))
            }
            _ => store.put(piece, patch.piece(piece)),
        };
        match result {
            Ok(Taken::Stored | Taken::Known) => {}
            Err(
                error @ (StoreError::Slot(_)
                | StoreError::Poisoned
                | StoreError::Header(_)
                | StoreError::TooSmall { .. }),
            ) => return Err(error),
            Err(_) => {}
        }
    }
    panic!("it does not end: {:?} are missing", missing(store));
}

/// Receives with cuts, opening the store again after each, until all is there.
pub(super) fn receive_with_cuts<const R: usize, const W: usize, const E: usize>(
    flash: &mut NorSim<R, W, E>,
    patch: &Patch,
    mut cuts: impl Iterator<Item = Cut>,
    dice: &mut Dice,
) {
    loop {
        if let Some(cut) = cuts.next() {
            flash.cut_at(cut);
        }
        let (mut memory, mut key) = (memory(patch), Toy(KEY));
        let result = open(flash, &mut memory, &mut key).and_then(|mut store| {
            check(&mut store, patch);
            receive(&mut store, patch, dice)?;
            check(&mut store, patch);
            Ok(())
        });
        match result {
            Ok(()) => break,
            Err(error) => assert!(flash.is_off(), "{error}"),
        }
        flash.power_on();
    }
    flash.power_on();
    assert_eq!(flash.violations(), []);
    let (mut memory, mut key) = (memory(patch), Toy(KEY));
    let mut store = open(flash, &mut memory, &mut key).expect("it opens");
    assert!(store.is_complete() && store.patch() == patch.id(), "what was there has gone");
    let mut out = Vec::new();
    let feed = store.feed(0, |bytes| {
        out.extend_from_slice(bytes);
        Ok::<(), StoreError<SimError>>(())
    });
    feed.expect("all is there");
    assert_eq!(out, patch.bytes);
}

/// A cut at every operation of a run, at these positions of it.
pub(super) fn cut_everywhere<const R: usize, const W: usize, const E: usize>(
    patch: &Patch,
    positions: &[u8],
) -> u64 {
    let mut cuts = 0;
    for position in positions {
        for operation in 0.. {
            let mut flash = flash::<R, W, E>(patch, operation);
            let cut = Cut { operation, position: *position };
            receive_with_cuts(&mut flash, patch, [cut].into_iter(), &mut Dice(operation));
            if flash.operations() <= operation {
                break;
            }
            cuts += 1;
        }
    }
    cuts
}

#[test]
fn a_cut_at_any_operation_does_no_harm() {
    // Chunks that share sectors, chunks of some sectors, chunks of a sector.
    let positions = [0, 5, 9, POSITIONS];
    let mut cuts = cut_everywhere::<1, 4, 1024>(&Patch::new(3000, 8, 1, Some(KEY)), &positions);
    cuts += cut_everywhere::<4, 8, 128>(&Patch::new(1100, 9, 2, Some(KEY)), &positions);
    cuts += cut_everywhere::<1, 1, 256>(&Patch::new(1000, 8, 3, Some(KEY)), &positions);
    assert!(cuts > 600, "{cuts}");
}

/// The proof in full: `cargo test --release -p flashdelta --test device receive -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn a_cut_at_any_place_of_any_operation_does_no_harm() {
    let all: Vec<u8> = (0..=POSITIONS).collect();
    let mut cuts = cut_everywhere::<1, 4, 1024>(&Patch::new(9000, 8, 1, Some(KEY)), &all);
    cuts += cut_everywhere::<4, 8, 128>(&Patch::new(5000, 9, 2, Some(KEY)), &all);
    cuts += cut_everywhere::<1, 1, 4096>(&Patch::new(20_000, 10, 3, Some(KEY)), &all);
    cuts += cut_everywhere::<16, 16, 512>(&Patch::new(4000, 9, 4, Some(KEY)), &all);
    cuts += cut_everywhere::<1, 256, 4096>(&Patch::new(9000, 10, 5, Some(KEY)), &all);
    println!("{cuts} cuts");
}

#[test]
fn a_cut_while_another_patch_takes_the_place_leaves_one_of_them_or_none() {
    let (first, second) = (Patch::new(3000, 8, 1, Some(KEY)), Patch::new(2500, 8, 2, Some(KEY)));
    let mut start = flash::<1, 4, 1024>(&first, 1);
    receive_with_cuts(&mut start, &first, [].into_iter(), &mut Dice(1));
    let done = start.operations();
    for position in [0, 5, 9, POSITIONS] {
        for operation in done.. {
            let mut flash = start.clone();
            let cut = Cut { operation, position };
            receive_with_cuts(&mut flash, &second, [cut].into_iter(), &mut Dice(operation));
            if flash.operations() <= operation {
                break;
            }
        }
    }
}

#[test]
fn many_cuts_one_after_the_other_do_no_harm() {
    let patch = Patch::new(6000, 8, 1, Some(KEY));
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let mut flash = flash::<1, 8, 2048>(&patch, seed);
        let mut at = 0;
        let cuts = core::iter::from_fn(|| {
            at += 1 + dice.below(40) as u64;
            let position = dice.below(17) as u8;
            (at < 600).then_some(Cut { operation: at, position })
        });
        let cuts: Vec<_> = cuts.collect();
        receive_with_cuts(&mut flash, &patch, cuts.into_iter(), &mut Dice(!seed));
    }
}

#[test]
fn torn_units_that_cannot_be_read_are_not_there() {
    let patch = Patch::new(3000, 8, 1, Some(KEY));
    let mut rules = rules();
    rules.torn_units_unreadable = true;
    for operation in 0..150 {
        let mut flash = NorSim::<8, 8, 1024>::used(sectors::<8, 8, 1024>(&patch), 3).rules(rules);
        let cut = Cut { operation, position: 7 };
        receive_with_cuts(&mut flash, &patch, [cut].into_iter(), &mut Dice(operation));
    }
}

#[test]
fn flash_that_rots_is_noticed_and_repaired() {
    let patch = Patch::new(3000, 8, 1, Some(KEY));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    receive_with_cuts(&mut flash, &patch, [].into_iter(), &mut Dice(1));
    let place = patch.piece(5);
    let at = (0..).find(|at| flash.holds(*at, place)).unwrap();
    let wrong: Vec<u8> = place[..4].iter().map(|byte| byte ^ 16).collect();
    flash.load(at + 8, &wrong).unwrap();

    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert!(store.is_complete(), "nobody has looked");
    let mut out = Vec::new();
    let feed = |store: &mut Held<'_, 1, 4, 1024>, out: &mut Vec<u8>| {
        store.feed(out.len() as u32, |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        })
    };
    assert_eq!(feed(&mut store, &mut out), Err(StoreError::Missing { piece: 5 }));
    let range = patch.header.chunk_range(5 - patch.table_pieces()).unwrap();
    assert_eq!(out, patch.bytes[..range.start as usize], "nothing of it was handed out");
    // Those in its sector are lost with it.
    let lost = missing(&store);
    assert!(lost.contains(&5) && lost.len() == 4, "{lost:?}");
    lost.iter()
        .for_each(|piece| assert_eq!(store.put(*piece, patch.piece(*piece)), Ok(Taken::Stored)));
    feed(&mut store, &mut out).unwrap();
    assert_eq!(out, patch.bytes);

    // Header and table have no one who would vouch for them any more.
    drop(store);
    let at = (0..).find(|at| flash.holds(*at, patch.front())).unwrap();
    flash.load(at + 12, &[0x5A; 4]).unwrap();
    let (mut memory, mut key) = (self::memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert_eq!(feed(&mut store, &mut Vec::new()), Err(StoreError::Rotted));
    store.clear().unwrap();
    assert_eq!((store.pieces(), store.is_complete()), (0, false));
    assert_eq!(store.offer(patch.front()), Ok(Offered::Begun));
}
