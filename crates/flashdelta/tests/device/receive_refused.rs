//! What a store refuses, and what that costs the flash.

use super::receive::*;
use crate::common::pieces::{self, Patch, Toy};
use flashdelta::nor::Slot;
use flashdelta::receive::{Offered, Status, Store, StoreError};
use flashdelta::verify::VerifyError;
use flashdelta::{DeviceIdentity, Identity};
use flashdelta_sim::{NorSim, SimError};

#[test]
fn another_patch_takes_the_place_only_if_it_is_signed() {
    let (first, second) = (Patch::new(3000, 8, 1, Some(KEY)), Patch::new(2500, 8, 2, Some(KEY)));
    let mut flash = flash::<1, 4, 1024>(&first, 1);
    receive_with_cuts(&mut flash, &first, [].into_iter(), &mut Dice(1));
    for stranger in [None, Some(KEY + 1)] {
        let before = flash.operations();
        let (mut memory, mut key) = (memory(&first), Toy(KEY));
        let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
        let other = Patch::new(2500, 8, 9, stranger);
        let error = store.offer(other.front()).unwrap_err();
        assert!(matches!(error, StoreError::Verify(_)), "{error}");
        let mut front = second.front().to_vec();
        *front.last_mut().unwrap() ^= 1;
        let error = store.offer(&front).unwrap_err();
        assert_eq!(error, StoreError::Verify(VerifyError::WrongSignature { key_id: [KEY; 8] }));
        assert_eq!(store.offer(&second.front()[..100]), Err(StoreError::CutShort));
        assert!(store.is_complete());
        assert_eq!(flash.operations(), before, "nothing was written");
    }
    // A signed one that does not fit leaves the first one alone, too.
    let large = Patch::new(9000, 8, 3, Some(KEY));
    let (mut memory, mut key) = (memory(&first), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert!(matches!(store.offer(large.front()), Err(StoreError::TooSmall { .. })));
    assert!(store.is_complete());
    drop(store);
    receive_with_cuts(&mut flash, &second, [].into_iter(), &mut Dice(2));
}

/// Keys change: what one has vouched for that is not trusted any more is not there.
#[test]
fn what_a_revoked_key_has_vouched_for_is_not_there() {
    let patch = Patch::new(3000, 8, 1, Some(KEY));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    receive_with_cuts(&mut flash, &patch, [].into_iter(), &mut Dice(1));
    let before = flash.operations();
    let (mut memory, mut key) = (memory(&patch), Toy(KEY + 1));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert!(!store.is_complete() && store.pieces() == 0 && store.patch() == [0; 8]);
    assert_eq!(store.put(5, patch.piece(5)), Err(StoreError::Empty));
    let fed = store.feed(0, |_| -> Result<(), StoreError<SimError>> { panic!("nothing is there") });
    assert_eq!(fed, Err(StoreError::Missing { piece: 0 }));
    let error = store.offer(patch.front());
    assert_eq!(error, Err(StoreError::Verify(VerifyError::UnknownKey { key_id: [KEY; 8] })));
    drop(store);
    assert_eq!(flash.operations(), before, "nothing was written");
    let mut key = Toy(KEY);
    assert!(open(&mut flash, &mut memory, &mut key).unwrap().is_complete());

    // And what nobody has vouched for, as no key was asked for then.
    let patch = Patch::new(3000, 8, 1, None);
    let mut flash = self::flash::<1, 4, 1024>(&patch, 1);
    let region = Slot::new(0, 1024 * sectors::<1, 4, 1024>(&patch) as u32);
    let mut store = Store::open(&mut flash, region, &mut memory, None).unwrap();
    store.offer(patch.front()).unwrap();
    (0..patch.pieces()).for_each(|piece| _ = store.put(piece, patch.piece(piece)).unwrap());
    assert!(store.is_complete());
    assert!(!open(&mut flash, &mut memory, &mut key).unwrap().is_complete());
    assert!(Store::open(&mut flash, region, &mut memory, None).unwrap().is_complete());
}

/// A patch for others is refused before anything is erased for it, signed or not.
#[test]
fn a_patch_for_other_devices_costs_the_flash_nothing() {
    let identity = Identity { product: 7, hardware_from: 2, hardware_to: 3, security_counter: 4 };
    let device = DeviceIdentity { product: 7, hardware: 2, security_counter: 4 };
    for key in [None, Some(KEY)] {
        let patch = Patch::for_devices(3000, 8, 1, key, identity);
        assert_eq!(patch.header.identity, Some(identity));
        let mut flash = flash::<1, 4, 1024>(&patch, 1);
        let mut memory = memory(&patch);
        let region = Slot::new(0, 1024 * sectors::<1, 4, 1024>(&patch) as u32);
        let offer = |flash: &mut NorSim<1, 4, 1024>, memory: &mut [u8], patch: &Patch, device| {
            let mut toy = Toy(KEY);
            let verifier = key.map(|_| &mut toy as &mut dyn flashdelta::verify::Verifier);
            Store::open(flash, region, memory, verifier)
                .unwrap()
                .device(device)
                .offer(patch.front())
        };
        let mut refused = Vec::new();
        for (product, hardware, security_counter) in [(8, 2, 4), (7, 1, 4), (7, 4, 4), (7, 2, 5)] {
            let device = DeviceIdentity { product, hardware, security_counter };
            let error = offer(&mut flash, &mut memory, &patch, device).unwrap_err();
            assert_eq!(error, StoreError::WrongDevice { patch: Some(identity), device });
            refused.push(error.code());
        }
        assert_eq!(refused, ["wrong-product", "wrong-hardware", "wrong-hardware", "rollback"]);
        let nobody = Patch::new(3000, 8, 1, key);
        let error = offer(&mut flash, &mut memory, &nobody, device).unwrap_err();
        assert_eq!((error.code(), flash.operations()), ("no-identity", 0));
        assert_eq!(offer(&mut flash, &mut memory, &patch, device), Ok(Offered::Begun));
    }
}

#[test]
fn what_is_forged_costs_the_flash_nothing() {
    // Its table is one piece.
    let patch = Patch::new(4000, 8, 1, Some(KEY));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert_eq!((patch.table_pieces(), store.table_pieces()), (1, 0));
    store.offer(patch.front()).unwrap();
    let forged = |piece| {
        let mut bytes = patch.piece(piece).to_vec();
        bytes[17] ^= 1;
        bytes
    };
    let before = store.into_inner().0.operations();
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.offer(patch.front()).unwrap();
    let error = store.put(0, &forged(0));
    assert_eq!(error, Err(StoreError::Verify(VerifyError::WrongTable)));
    store.put(0, patch.piece(0)).unwrap();
    for piece in 1..patch.pieces() {
        let error = store.put(piece, &forged(piece)).unwrap_err();
        assert!(matches!(error, StoreError::Verify(VerifyError::WrongChunk { .. })), "{error}");
    }
    let all = store.into_inner().0.operations() - before;
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.clear().unwrap();
    let before = store.into_inner().0.operations();
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.offer(patch.front()).unwrap();
    store.put(0, patch.piece(0)).unwrap();
    assert_eq!(store.into_inner().0.operations() - before, all, "the same without forgeries");
}

#[test]
fn without_a_verifier_the_first_one_stays_until_it_is_cleared() {
    let (first, second) = (Patch::new(3000, 8, 1, None), Patch::new(2500, 8, 2, None));
    let mut flash = flash::<1, 4, 1024>(&first, 1);
    let mut memory = memory(&first);
    let region = Slot::new(0, 1024 * sectors::<1, 4, 1024>(&first) as u32);
    let mut store = Store::open(&mut flash, region, &mut memory, None).unwrap();
    assert_eq!(store.put(0, &[1; 256]), Err(StoreError::Empty));
    assert_eq!(store.offer(first.front()), Ok(Offered::Begun));
    assert_eq!(store.offer(second.front()), Err(StoreError::Occupied));
    assert_eq!(store.put(7, first.piece(7)), Err(StoreError::Missing { piece: 0 }));
    assert_eq!(store.put(99, &[1]), Err(StoreError::NoSuchPiece { piece: 99, pieces: 13 }));
    store.clear().unwrap();
    assert_eq!(store.offer(second.front()), Ok(Offered::Begun));
    let mut plain = first.bytes.clone();
    plain[5] = 0;
    assert!(matches!(store.offer(&plain), Err(StoreError::Header(_))));
}

#[test]
fn a_status_says_what_is_there() {
    let patch = Patch::new(9000, 8, 1, Some(KEY));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    let mut out = [0; 64];
    let mut status = |store: &Held<'_, 1, 4, 1024>| {
        let len = store.status(9, &mut out);
        let status = Status::parse(&out[..len]).expect("it is one");
        assert_eq!((status.question, status.pieces), (9, store.pieces()));
        assert_eq!(status.patch, store.patch());
        let mut missing = Vec::new();
        status.for_each(|piece, held| missing.extend((!held).then_some(piece)));
        assert_eq!(missing, store.missing().flatten().collect::<Vec<_>>());
        missing.len()
    };
    assert_eq!(status(&store), 0);
    store.offer(patch.front()).unwrap();
    assert_eq!(
        store.patch(),
        pieces::sha256(&patch.bytes[..patch.header.header_len as usize])[..8]
    );
    assert_eq!(status(&store), 39);
    for piece in [2, 0, 1, 17, 38, 20] {
        store.put(piece, patch.piece(piece)).unwrap();
    }
    assert_eq!(status(&store), 33);
}

#[test]
fn flash_that_does_not_fit_is_refused() {
    let patch = Patch::new(3000, 8, 1, Some(KEY));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    let len = 1024 * sectors::<1, 4, 1024>(&patch) as u32;
    let mut memory = [0; 1];
    for region in [Slot::new(0, len + 1024), Slot::new(4, 2048), Slot::new(0, 1000)] {
        let error = Store::open(&mut flash, region, &mut memory, None).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Slot(_)), "{error}");
    }
    let error = Store::open(&mut flash, Slot::new(0, 1024), &mut memory, None).map(|_| ());
    assert_eq!(error, Err(StoreError::TooSmall { needed: 2048, found: 1024 }));
    let mut key = Toy(KEY);
    let mut store =
        Store::open(&mut flash, Slot::new(0, len), &mut memory, Some(&mut key)).unwrap();
    assert_eq!(store.offer(patch.front()), Err(StoreError::MemoryTooSmall { needed: 2, found: 1 }));
    let mut flash = NorSim::<1, 512, 1024>::new(20).rules(rules());
    let (mut memory, mut key) = ([0; 8], Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    let error = store.offer(patch.front());
    assert_eq!(error, Err(StoreError::Granularity { chunk: 256, unit: 512 }));
}

/// What the guide says about flash: no sector is erased twice but those of the records, and what is
/// written beyond the patch is little.
#[test]
fn a_patch_costs_the_flash_little_more_than_itself() {
    let patch = Patch::new(100_000, 10, 1, Some(KEY));
    let len = 4096 * sectors::<1, 4, 4096>(&patch);
    let mut flash = flash::<1, 4, 4096>(&patch, 1);
    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.offer(patch.front()).unwrap();
    let mut order: Vec<u32> = (patch.table_pieces()..patch.pieces()).collect();
    let mut dice = Dice(3);
    (1..order.len()).rev().for_each(|at| order.swap(at, dice.below(at + 1)));
    order.splice(0..0, 0..patch.table_pieces());
    order.iter().for_each(|piece| _ = store.put(*piece, patch.piece(*piece)).unwrap());
    assert!(store.is_complete());
    drop(store);
    let counters = flash.counters();
    let (all, written) = (patch.bytes.len() as u64, counters.bytes_written);
    println!("{all} bytes in {len} of flash: {written} written, {} erases", counters.erases);
    assert!(written * 100 < all * 102, "{written} bytes for {all}");
    assert!(counters.erases <= len as u64 / 4096, "{}", counters.erases);
    assert!(flash.wear().iter().all(|erases| *erases <= 1), "{:?}", flash.wear());
}
