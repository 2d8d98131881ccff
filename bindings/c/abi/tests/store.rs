//! A store through its C functions, small enough for Miri.
#![allow(missing_docs)]
#![cfg(feature = "receive")]

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use flashdelta::diff::{self, ChunkSize};
use flashdelta::{Codec, DiffOptions, InstructionSet, PatchHeader};
use flashdelta_c_abi::flashdelta_status::*;
use flashdelta_c_abi::*;

const SECTOR: usize = 512;

unsafe extern "C" fn read(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: `user` is the flash of the test, `to` has room for `len` bytes.
    unsafe {
        let flash = &(&*user.cast::<Vec<u8>>())[offset as usize..][..len];
        to.copy_from_nonoverlapping(flash.as_ptr(), len);
    }
    0
}

unsafe extern "C" fn write(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32 {
    assert!(len > 0 && len.is_multiple_of(4) && offset.is_multiple_of(4));
    // SAFETY: as above, for reading.
    unsafe {
        let flash = &mut (&mut *user.cast::<Vec<u8>>())[offset as usize..][..len];
        assert!(flash.iter().all(|byte| *byte == 0xFF), "written twice");
        flash.copy_from_slice(core::slice::from_raw_parts(from, len));
    }
    0
}

unsafe extern "C" fn erase(user: *mut c_void, offset: u32) -> i32 {
    // SAFETY: as above.
    unsafe { (&mut *user.cast::<Vec<u8>>())[offset as usize..][..SECTOR].fill(0xFF) };
    0
}

unsafe extern "C" fn read_image(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: `user` are the images of the test.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        to.copy_from_nonoverlapping((&(*images)[0])[offset as usize..][..len].as_ptr(), len);
    }
    0
}

unsafe extern "C" fn read_new(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: as above.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        to.copy_from_nonoverlapping((&(*images)[1])[offset as usize..][..len].as_ptr(), len);
    }
    0
}

unsafe extern "C" fn write_new(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32 {
    // SAFETY: as above.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        (&mut (*images)[1])[offset as usize..][..len]
            .copy_from_slice(core::slice::from_raw_parts(from, len));
    }
    0
}

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
    }
}

fn images() -> [Vec<u8>; 2] {
    let old: Vec<u8> = (0..2000_u32).map(|at| (at * at / 7) as u8).collect();
    let new = (0..2000_u32).map(|at| (at * at / 5 + at / 3) as u8).collect();
    [old, new]
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
        let device = flashdelta_flash {
            user: core::ptr::from_mut(&mut slots).cast(),
            old_size: 2000,
            new_size: 2000,
            write_size: 1,
            sector_size: 0,
            flags: 0,
            read_old: Some(read_image),
            read_new: Some(read_new),
            write_new: Some(write_new),
            erase_new: None,
            flush_new: None,
            commit_new: None,
            buffer: null_mut(),
            buffer_len: 0,
            counters: null_mut(),
        };
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

        let mut read = vec![0; front];
        assert_eq!(flashdelta_store_read(store, 0, read.as_mut_ptr(), front), FLASHDELTA_OK);
        assert_eq!(read, patch[..front]);
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
