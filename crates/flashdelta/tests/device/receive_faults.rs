//! A store whose flash cannot be read, and one that is fed from within a budget.

use super::receive::*;
use crate::common::pieces::{Patch, Toy};
use flashdelta::nor::SlotError;
use flashdelta::receive::{Store, StoreError, Taken};
use flashdelta_sim::{NorSim, SimError};

type Held = NorSim<1, 4, 1024>;

/// Where in the flash these bytes are, as a range.
fn place(flash: &Held, bytes: &[u8]) -> core::ops::Range<u32> {
    let all = flash.contents(0..u32::MAX);
    let at = all.windows(bytes.len()).position(|window| window == bytes).expect("it is there");
    at as u32..(at + bytes.len()) as u32
}

/// A flash with all of the patch but these pieces.
fn received(patch: &Patch, without: &[u32]) -> Held {
    let mut flash = flash::<1, 4, 1024>(patch, 1);
    let (mut memory, mut key) = (memory(patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.offer(patch.front()).unwrap();
    for piece in (0..patch.pieces()).filter(|piece| !without.contains(piece)) {
        store.put(piece, patch.piece(piece)).unwrap();
    }
    drop(store);
    flash
}

fn feed(flash: &mut Held, patch: &Patch) -> (Result<(), StoreError<SimError>>, Vec<u8>) {
    let (mut memory, mut key, mut out) = (memory(patch), Toy(KEY), Vec::new());
    let mut store = open(flash, &mut memory, &mut key).unwrap();
    let fed = store.feed(0, |bytes| {
        out.extend_from_slice(bytes);
        Ok(())
    });
    (fed, out)
}

fn is_fault<T>(result: &Result<T, StoreError<SimError>>) -> bool {
    matches!(result, Err(StoreError::Slot(SlotError::Flash(SimError::ReadFault { .. }))))
}

/// What cannot be read is an error of the flash, and no wrong, rotted or missing piece; once it can
/// be read again, all is as it was.
#[test]
fn what_cannot_be_read_is_an_error_of_the_flash() {
    // Its table has several pieces.
    let patch = Patch::new(9000, 8, 1, Some(KEY));
    let (table, last) = (patch.table_pieces(), patch.pieces() - 1);
    assert!(table > 1);
    let whole = received(&patch, &[]);
    let header = place(&whole, &patch.bytes[..patch.header.header_len as usize]);
    let first_of_table = place(&whole, patch.piece(0));
    let chunk = place(&whole, patch.piece(table + 3));
    for (range, fed) in [
        (header.start + 5..header.start + 6, 0),
        (first_of_table.start + 7..first_of_table.start + 8, 0),
        (chunk.end - 1..chunk.end, patch.header.chunk_range(3).unwrap().start),
    ] {
        let mut flash = whole.clone();
        flash.fail_reads(range.clone());
        let (result, out) = feed(&mut flash, &patch);
        assert!(is_fault(&result), "{range:?}: {result:?}");
        assert_eq!(out.len(), fed as usize);
        assert_eq!(result.unwrap_err().code(), "flash");
        flash.heal_reads();
        let (result, out) = feed(&mut flash, &patch);
        assert_eq!((result, out), (Ok(()), patch.bytes.clone()));
    }

    // A chunk that stays unreadable can be received again.
    let mut flash = whole.clone();
    flash.fail_reads(chunk);
    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    let fed = store.feed(0, |_| Ok(()));
    assert!(is_fault(&fed), "{fed:?}");
    let lost = missing(&store);
    assert!(lost.contains(&(table + 3)) && lost.len() <= 4, "{lost:?}");

    // A chunk cannot be checked while the table cannot be read: it is not for that a wrong one.
    let mut flash = received(&patch, &[last]);
    flash.fail_reads(first_of_table);
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    let taken = store.put(last, patch.piece(last));
    let expected = patch.header.chunk_count() as usize * 16;
    assert!(expected > 256 && !is_fault(&taken), "its digest is in another piece: {taken:?}");
    let (mut flash, missing) = (received(&patch, &[table]), patch.piece(table));
    flash.fail_reads(place(&whole, patch.piece(0)));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert!(is_fault(&store.put(table, missing)));
    drop(store);
    flash.heal_reads();
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert_eq!(store.put(table, missing), Ok(Taken::Stored));
    assert!(store.is_complete());
}

/// A table that cannot be read back is not wrong for that.
#[test]
fn a_table_that_cannot_be_read_back_is_an_error_of_the_flash() {
    let patch = Patch::new(9000, 8, 1, Some(KEY));
    let at = place(&received(&patch, &[]), patch.piece(0));
    let mut flash = flash::<1, 4, 1024>(&patch, 1);
    flash.fail_reads(at);
    let (mut memory, mut key) = (memory(&patch), Toy(KEY));
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    store.offer(patch.front()).unwrap();
    let results: Vec<_> =
        (0..patch.table_pieces()).map(|piece| store.put(piece, patch.piece(piece))).collect();
    let (last, before) = results.split_last().unwrap();
    assert!(before.iter().all(|result| *result == Ok(Taken::Stored)));
    assert!(is_fault(last), "{last:?}");
}

/// No call reads more than its budget, and the bytes are the same. Header, table and chunks are
/// digested once.
#[test]
fn a_store_is_fed_from_within_a_budget() {
    let patch = Patch::new(9000, 10, 1, Some(KEY));
    let whole = received(&patch, &[]);
    for budget in [0, 64, 100, 1000, 4096, u32::MAX] {
        let mut flash = whole.clone();
        let (mut memory, mut key) = (memory(&patch), Toy(KEY));
        let region = flashdelta::nor::Slot::new(0, flash.contents(0..u32::MAX).len() as u32);
        // It is counted by what lends it.
        let read = core::cell::Cell::new(0);
        let counted = Counted { flash: &mut flash, read: &read };
        let mut store = Store::open(counted, region, &mut memory, Some(&mut key)).unwrap();
        let (mut out, mut all) = (Vec::new(), 0);
        loop {
            read.set(0);
            let from = out.len() as u32;
            let fed = store.feed_within(from, budget, |bytes, left| {
                assert!(bytes.len() <= 64 && u64::from(left) + read.get() <= most(budget));
                out.extend_from_slice(bytes);
                Ok::<_, StoreError<SimError>>(bytes.is_empty())
            });
            assert!(read.get() <= most(budget), "{} with {budget}", read.get());
            all += read.get();
            if fed.unwrap() == Some(true) {
                break;
            }
        }
        assert_eq!(out, patch.bytes);
        // Twice, with a digest for each chunk; what is handed out of header and table is read once
        // more, but for the signatures.
        assert!(all <= 2 * patch.bytes.len() as u64 + 16 * 9, "{all}");
    }
}

/// What may be read within a budget.
fn most(budget: u32) -> u64 {
    u64::from(budget.max(64)) + 16
}

/// Counts the bytes that are read.
struct Counted<'f> {
    flash: &'f mut Held,
    read: &'f core::cell::Cell<u64>,
}

impl flashdelta::nor::ReadFlash for Counted<'_> {
    type Error = SimError;

    fn size(&self) -> usize {
        self.flash.size()
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimError> {
        self.read.set(self.read.get() + bytes.len() as u64);
        self.flash.read_at(offset, bytes)
    }
}

impl flashdelta::nor::Flash for Counted<'_> {
    fn write_unit(&self) -> usize {
        4
    }

    fn sector(&self) -> usize {
        1024
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), SimError> {
        self.flash.erase_at(offset)
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimError> {
        self.flash.write_at(offset, bytes)
    }
}

/// The header that the store gives is the one that was signed.
#[test]
fn the_header_of_a_store_is_checked() {
    let patch = Patch::new(3000, 8, 1, Some(KEY));
    let mut flash = received(&patch, &[]);
    let at = place(&flash, &patch.bytes[..patch.header.header_len as usize]);
    let (mut memory, mut key, mut buffer) = (memory(&patch), Toy(KEY), [0; 1024]);
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert_eq!(store.header(&mut buffer), Ok(patch.header));
    let (needed, found) = (patch.header.header_len + 1, 7);
    let small = store.header(&mut buffer[..7]);
    assert_eq!(small, Err(StoreError::MemoryTooSmall { needed, found }));
    drop(store);
    let mut bytes = flash.contents(at.clone());
    // The digest of the new image, as somebody would change it who can write the flash.
    bytes[20] ^= 1;
    flash.load(at.start, &bytes).unwrap();
    let mut store = open(&mut flash, &mut memory, &mut key).unwrap();
    assert_eq!(store.header(&mut buffer), Err(StoreError::Rotted));
    store.clear().unwrap();
    assert_eq!(store.header(&mut buffer), Err(StoreError::Missing { piece: 0 }));
}
