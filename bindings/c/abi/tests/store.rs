//! A store through its C functions, small enough for Miri.
#![allow(missing_docs)]
#![cfg(feature = "receive")]

mod common;

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use common::{device_of, erase, images, read, write, SECTOR};

use flashdelta::diff::{self, ChunkSize};
use flashdelta::{Codec, DiffOptions, InstructionSet, PatchHeader};
use flashdelta_c_abi::flashdelta_status::*;
use flashdelta_c_abi::*;

/// No key is trusted.
unsafe extern "C" fn nobody(
    _: *mut c_void,
    _: u8,
    _: *const u8,
    _: *const u8,
    _: *const u8,
) -> i32 {
    1
}

fn start(user: &mut Vec<u8>) -> flashdelta_store_flash {
    flashdelta_store_flash {
        size: user.len() as u32,
        user: core::ptr::from_mut(user).cast(),
        write_size: 4,
        sector_size: SECTOR as u32,
        read: Some(read),
        write: Some(write),
        erase: Some(erase),
        verify: None,
        buffer: null_mut(),
        buffer_len: 0,
        device: null(),
    }
}

#[test]
fn a_patch_comes_in_any_order_and_is_applied() {
    let [old, new] = images();
    let options = DiffOptions::new().codec(Codec::Raw).isa(InstructionSet::None);
    let patch = diff::diff(&old, &new, &options.chunks(ChunkSize::Bytes(256))).unwrap().bytes;
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (mut size, mut memory_len) = (0, 0);
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let status = flashdelta_store_needs(
            patch.as_ptr(),
            patch.len(),
            SECTOR as u32,
            4,
            &mut size,
            &mut memory_len,
        );
        assert_eq!(status, FLASHDELTA_OK);
        let mut flash = vec![0x5A; size as usize];
        let lent = start(&mut flash);
        let mut memory = vec![0xA5; memory_len];
        let mut store = MaybeUninit::<flashdelta_store>::zeroed();
        let store = store.as_mut_ptr();
        let mut info = flashdelta_store_info::default();
        assert_eq!(flashdelta_store_read_info(store, &mut info), FLASHDELTA_ERR_NOT_INITIALISED);
        assert_eq!(
            flashdelta_store_open(null_mut(), &lent, null_mut(), 0),
            FLASHDELTA_ERR_NULL_POINTER
        );
        let status = flashdelta_store_open(store, &lent, memory.as_mut_ptr(), memory_len);
        assert_eq!(status, FLASHDELTA_OK);
        assert_eq!(flashdelta_store_put(store, 0, patch.as_ptr(), 16), FLASHDELTA_ERR_STORE_EMPTY);
        let front = header.header_len as usize;
        assert_eq!(flashdelta_store_offer(store, patch.as_ptr(), 20), FLASHDELTA_ERR_BAD_PATCH);
        assert_eq!(flashdelta_store_offer(store, patch.as_ptr(), front), FLASHDELTA_OK);

        let table = header.chunk_table_len() as usize;
        let chunk = |index: u32| {
            let range = header.chunk_range(index).unwrap();
            &patch[range.start as usize..range.end as usize]
        };
        let first = chunk(0);
        let status = flashdelta_store_put(store, 1, first.as_ptr(), first.len());
        assert_eq!(status, FLASHDELTA_ERR_PIECE_MISSING);
        assert_eq!(flashdelta_store_put(store, 0, patch[front..].as_ptr(), table), FLASHDELTA_OK);
        let mut forged = first.to_vec();
        forged[3] ^= 1;
        let status = flashdelta_store_put(store, 1, forged.as_ptr(), forged.len());
        assert_eq!(status, FLASHDELTA_ERR_WRONG_CHUNK);
        assert_eq!(flashdelta_store_put(store, 1, first.as_ptr(), 9), FLASHDELTA_ERR_NO_PIECE);
        // The last one, and then all but the first two.
        let count = header.chunk_count();
        for index in (2..count).rev() {
            let chunk = chunk(index);
            let status = flashdelta_store_put(store, 1 + index, chunk.as_ptr(), chunk.len());
            assert_eq!(status, FLASHDELTA_OK);
        }
        let (mut from, mut to) = (0, 0);
        assert_eq!(flashdelta_store_missing(store, 0, &mut from, &mut to), FLASHDELTA_OK);
        assert_eq!((from, to), (1, 3));

        // After a reset it goes on.
        memory.fill(0);
        let status = flashdelta_store_open(store, &lent, memory.as_mut_ptr(), memory_len);
        assert_eq!(status, FLASHDELTA_OK);
        let (mut said, mut len) = ([0; 64], 0);
        let status = flashdelta_store_status(store, 7, said.as_mut_ptr(), said.len(), &mut len);
        assert_eq!(status, FLASHDELTA_OK);
        assert!(flashdelta::receive::Status::parse(&said[..len]).is_some());

        let mut sum: Vec<u8> = first.iter().zip(chunk(2)).map(|(a, b)| a ^ b).collect();
        let pieces = [1, 3];
        let status =
            flashdelta_store_put_combined(store, pieces.as_ptr(), 2, sum.as_mut_ptr(), 256);
        assert_eq!(status, FLASHDELTA_OK);

        // The applier takes what there is, and the rest when it has come.
        let mut slots = [old.clone(), vec![0; 2000]];
        let device = device_of(&mut slots);
        let mut applier = MaybeUninit::<flashdelta_applier>::zeroed();
        let applier = applier.as_mut_ptr();
        let mut workspace = vec![0; 64 << 10];
        let status = flashdelta_applier_init(
            applier,
            &device,
            null(),
            workspace.as_mut_ptr(),
            workspace.len(),
        );
        assert_eq!(status, FLASHDELTA_OK);
        let mut at = 0;
        let status = flashdelta_store_feed(store, &mut at, applier, null_mut());
        assert_eq!(status, FLASHDELTA_ERR_PIECE_MISSING);
        assert_eq!(at, header.chunk_range(1).unwrap().start);
        let second = chunk(1);
        assert_eq!(flashdelta_store_put(store, 2, second.as_ptr(), second.len()), FLASHDELTA_OK);
        assert_eq!(flashdelta_store_read_info(store, &mut info), FLASHDELTA_OK);
        assert_eq!((info.pieces, info.table_pieces, info.complete), (1 + count, 1, 1));
        let mut progress =
            flashdelta_progress { done: 0, written: 0, total: 0, taken: 0, pending: 0 };
        assert_eq!(flashdelta_store_feed(store, &mut at, applier, &mut progress), FLASHDELTA_OK);
        assert_eq!(progress.done, 1);
        assert_eq!(flashdelta_applier_finish(applier), FLASHDELTA_OK);
        assert_eq!(slots[1], new);
        feed_within(store, &old, &new);

        let mut read = vec![0; front];
        assert_eq!(flashdelta_store_read(store, 0, read.as_mut_ptr(), front), FLASHDELTA_OK);
        assert_eq!(read, patch[..front]);
        let (mut head, mut head_len) = ([0; 1024], 0);
        let status = flashdelta_store_header(store, head.as_mut_ptr(), 1024, &mut head_len);
        assert_eq!((status, &head[..head_len]), (FLASHDELTA_OK, &patch[..front]));
        let status = flashdelta_store_header(store, head.as_mut_ptr(), 10, &mut head_len);
        assert_eq!(status, FLASHDELTA_ERR_STORE_TOO_SMALL);
        assert_eq!(flashdelta_store_clear(store), FLASHDELTA_OK);
        assert_eq!(flashdelta_store_read_info(store, &mut info), FLASHDELTA_OK);
        assert_eq!(info, flashdelta_store_info::default());

        // Whoever demands a signature takes no patch without.
        let lent = flashdelta_store_flash { verify: Some(nobody), ..lent };
        let status = flashdelta_store_open(store, &lent, memory.as_mut_ptr(), memory_len);
        assert_eq!(status, FLASHDELTA_OK);
        assert_eq!(flashdelta_store_offer(store, patch.as_ptr(), front), FLASHDELTA_ERR_UNSIGNED);
    }
}

/// The same from a store that holds all, in calls of bounded length.
///
/// # Safety
///
/// The store is open.
#[cfg(feature = "bounded")]
unsafe fn feed_within(store: *mut flashdelta_store, old: &[u8], new: &[u8]) {
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let mut slots = [old.to_vec(), vec![0; 2000]];
        let device = device_of(&mut slots);
        let mut applier = MaybeUninit::<flashdelta_applier>::zeroed();
        let applier = applier.as_mut_ptr();
        let mut workspace = vec![0; 64 << 10];
        let (memory, len) = (workspace.as_mut_ptr(), workspace.len());
        assert_eq!(flashdelta_applier_init(applier, &device, null(), memory, len), FLASHDELTA_OK);
        let mut progress =
            flashdelta_progress { done: 0, written: 0, total: 0, taken: 0, pending: 0 };
        let (mut at, mut calls) = (0, 0);
        while progress.done == 0 {
            let status = flashdelta_store_feed_within(store, &mut at, applier, 300, &mut progress);
            assert_eq!(status, FLASHDELTA_OK);
            assert_eq!(at, progress.taken);
            calls += 1;
        }
        assert!(calls > 20, "{calls} calls");
        let status = flashdelta_store_feed_within(store, &mut at, applier, 300, null_mut());
        assert_eq!(status, FLASHDELTA_ERR_NULL_POINTER);
        assert_eq!(flashdelta_applier_finish(applier), FLASHDELTA_OK);
        assert_eq!(slots[1], new);
    }
}

#[cfg(not(feature = "bounded"))]
unsafe fn feed_within(_: *mut flashdelta_store, _: &[u8], _: &[u8]) {}

/// A callback that cannot read.
unsafe extern "C" fn no_read(_: *mut c_void, _: u32, _: *mut u8, _: usize) -> i32 {
    7
}

/// What cannot be read is an error of the callback, and no wrong or missing piece.
#[test]
fn flash_that_cannot_be_read_is_not_a_wrong_piece() {
    let [old, new] = images();
    let options = DiffOptions::new().codec(Codec::Raw).isa(InstructionSet::None);
    let patch = diff::diff(&old, &new, &options.chunks(ChunkSize::Bytes(256))).unwrap().bytes;
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let (front, table) = (header.header_len as usize, header.chunk_table_len() as usize);
    let mut flash = vec![0x5A; 32 * SECTOR];
    // It can be told later that nothing can be read.
    static FAILS: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);
    unsafe extern "C" fn fails(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
        let fails = FAILS.load(core::sync::atomic::Ordering::Relaxed);
        // SAFETY: as for `read`.
        unsafe {
            if fails {
                no_read(user, offset, to, len)
            } else {
                read(user, offset, to, len)
            }
        }
    }
    let lent = flashdelta_store_flash { read: Some(fails), ..start(&mut flash) };
    let mut memory = [0; 16];
    let mut store = MaybeUninit::<flashdelta_store>::zeroed();
    let store = store.as_mut_ptr();
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let status = flashdelta_store_open(store, &lent, memory.as_mut_ptr(), memory.len());
        assert_eq!(status, FLASHDELTA_OK);
        assert_eq!(flashdelta_store_offer(store, patch.as_ptr(), front), FLASHDELTA_OK);
        assert_eq!(flashdelta_store_put(store, 0, patch[front..].as_ptr(), table), FLASHDELTA_OK);
        FAILS.store(true, core::sync::atomic::Ordering::Relaxed);
        let chunk = &patch[front + table..][..256];
        let status = flashdelta_store_put(store, 1, chunk.as_ptr(), chunk.len());
        assert_eq!(status, FLASHDELTA_ERR_READ_NEW);
        let mut at = 0;
        let status = flashdelta_store_feed(store, &mut at, null_mut(), null_mut());
        assert_eq!((status, at), (FLASHDELTA_ERR_READ_NEW, 0));
        FAILS.store(false, core::sync::atomic::Ordering::Relaxed);
        let status = flashdelta_store_put(store, 1, chunk.as_ptr(), chunk.len());
        assert_eq!(status, FLASHDELTA_OK);
    }
}
