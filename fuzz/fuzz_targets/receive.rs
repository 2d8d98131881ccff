//! A store of chunks: headers and pieces, right, edited and of another patch, in any order; power
//! that is cut anywhere; opened again. No forged byte is ever in it, and in the end it is complete.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::apply::SoftwareSha256;
use flashdelta::nor::Slot;
use flashdelta::receive::{Store, StoreError};
use flashdelta_fuzz::pieces::{Patch, Toy};
use flashdelta_fuzz::seal;
use flashdelta_sim::{Cut, NorSim, Rules, SimError};
use libfuzzer_sys::fuzz_target;

type Flash = NorSim<1, 8, 512>;
type Held<'m> = Store<'m, &'m mut Flash>;

const KEY: u8 = 5;

/// Bytes that are changed: where, and by what.
type Edits = Vec<(u16, u8)>;

#[derive(Arbitrary, Debug)]
enum Step {
    /// The front of one of the patches; whether the checksum of the header is put right.
    Offer(u8, Edits, bool),
    /// A piece of one of them, this many bytes too short.
    Put(u8, u8, Edits, u8),
    /// Several pieces as one.
    Combined(u8, Vec<u8>, Edits),
    /// Any bytes, as a front or as a piece.
    Bytes(Vec<u8>, Option<u16>),
    /// At this operation from now, at this position of it.
    Cut(u8, u8),
    Open,
    Read(u16, u8),
    Status(u16, u8),
    Clear,
}

#[derive(Arbitrary, Debug)]
struct Case {
    len: u16,
    log2: u8,
    seed: u64,
    steps: Vec<Step>,
}

fn edited(bytes: &[u8], edits: &Edits) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, change) in edits.iter().take(8) {
        let at = usize::from(*at) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= change;
        }
    }
    bytes
}

fn open<'m>(
    flash: &'m mut Flash,
    memory: &'m mut [u8],
    key: &'m mut Toy,
) -> Result<Held<'m>, StoreError<SimError>> {
    let region = Slot::new(0, flash.wear().len() as u32 * 512);
    Store::open_with(flash, region, memory, Some(key), [], SoftwareSha256)
}

/// What is in the store is what is in a patch that we have signed.
fn check(store: &mut Held<'_>, patches: &[Patch]) {
    let Some(patch) = patches.iter().find(|patch| patch.id() == store.patch()) else {
        assert_eq!(store.pieces(), 0, "a patch that nobody signed");
        return;
    };
    let missing: Vec<u32> = store.missing().flatten().collect();
    for piece in patch.table_pieces()..patch.pieces() {
        if missing.contains(&piece) {
            continue;
        }
        let range = patch.header.chunk_range(piece - patch.table_pieces()).expect("a chunk");
        let mut found = vec![0; range.len()];
        if store.read(range.start, &mut found).is_ok() {
            assert_eq!(found, patch.piece(piece), "piece {piece} is a forged one");
        }
    }
}

/// One step; whether the store can still be used.
fn take(store: &mut Held<'_>, step: &Step, patches: &[Patch]) -> Result<(), StoreError<SimError>> {
    let patch = |which: &u8| &patches[usize::from(*which) % patches.len()];
    let number = |patch: &Patch, piece: &u8| u32::from(*piece) % patch.pieces();
    match step {
        Step::Offer(which, edits, sealed) => {
            let mut front = edited(patch(which).front(), edits);
            if *sealed {
                seal(&mut front);
            }
            store.offer(&front).map(drop)
        }
        Step::Put(which, piece, edits, less) => {
            let piece = number(patch(which), piece);
            let bytes = edited(patch(which).piece(piece), edits);
            store.put(piece, &bytes[..bytes.len().saturating_sub(usize::from(*less))]).map(drop)
        }
        Step::Combined(which, pieces, edits) => {
            let patch = patch(which);
            let pieces: Vec<u32> = pieces.iter().take(6).map(|it| number(patch, it)).collect();
            store.put_combined(&pieces, &mut edited(&patch.sum(&pieces), edits)).map(drop)
        }
        Step::Bytes(bytes, None) => store.offer(bytes).map(drop),
        Step::Bytes(bytes, Some(piece)) => store.put((*piece).into(), bytes).map(drop),
        Step::Read(offset, len) => store.read((*offset).into(), &mut vec![0; (*len).into()]),
        Step::Status(question, len) => {
            let mut out = vec![0; (*len).into()];
            let written = store.status(*question, &mut out);
            assert!(written <= out.len());
            Ok(())
        }
        Step::Clear => store.clear(),
        Step::Cut(..) | Step::Open => Ok(()),
    }
}

/// All of it, without trouble.
fn complete(store: &mut Held<'_>, patch: &Patch) {
    for _ in 0..3 {
        store.offer(patch.front()).expect("it is signed, and the flash is in order");
        for piece in 0..patch.pieces() {
            // A forged piece of the table is found out when the last one comes.
            let _ = store.put(piece, patch.piece(piece));
        }
        if store.is_complete() {
            break;
        }
    }
    let mut out = Vec::new();
    let fed = store.feed(0, |bytes| {
        out.extend_from_slice(bytes);
        Ok::<(), StoreError<SimError>>(())
    });
    fed.expect("all is there");
    assert!(out == patch.bytes);
}

fuzz_target!(|case: Case| {
    let (len, log2) = (usize::from(case.len) % 3000 + 1, 8 + case.log2 % 3);
    // Two that are signed for this device; the third by somebody else.
    let keys = [KEY, KEY, KEY + 1];
    let patches = [1, 2, 3].map(|seed| Patch::new(len, log2, seed, Some(keys[seed as usize - 1])));
    let needed = Held::len_needed(&patches[0].header, 512, 8).expect("it has chunks");
    let mut flash = Flash::used(needed as usize / 512, case.seed).rules({
        // Chunks share sectors.
        let mut rules = Rules::default();
        rules.ascending = false;
        rules
    });
    let mut steps = case.steps.iter();
    let mut is_over = false;
    while !is_over {
        let (mut memory, mut key) =
            (vec![0xA5; patches[0].pieces().div_ceil(8) as usize], Toy(KEY));
        let mut cut = None;
        if let Ok(mut store) = open(&mut flash, &mut memory, &mut key) {
            check(&mut store, &patches[..2]);
            loop {
                let Some(step) = steps.next() else {
                    is_over = true;
                    break;
                };
                if let Step::Cut(operation, position) = step {
                    cut = Some((*operation, *position));
                    break;
                }
                if matches!(step, Step::Open) {
                    break;
                }
                let taken = take(&mut store, step, &patches);
                if matches!(taken, Err(StoreError::Slot(_) | StoreError::Poisoned)) {
                    break;
                }
                check(&mut store, &patches[..2]);
            }
        } else if !flash.is_off() {
            panic!("it opens whatever is in the flash");
        }
        flash.power_on();
        if let Some((operation, position)) = cut {
            let operation = flash.operations() + u64::from(operation);
            flash.cut_at(Cut { operation, position: position % 16 });
        }
    }
    let (mut memory, mut key) = (vec![0; patches[0].pieces().div_ceil(8) as usize], Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).expect("there is power");
    complete(&mut store, &patches[0]);
    drop(store);
    assert_eq!(flash.violations(), []);
});
