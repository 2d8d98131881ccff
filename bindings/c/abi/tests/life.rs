//! The life of an applier through its C functions, small enough for Miri, which sees every misuse
//! of memory: `cargo +nightly miri test --package flashdelta-c-abi --all-features`.
#![allow(missing_docs)]

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use flashdelta::{diff, Codec, DiffOptions, InstructionSet};
use flashdelta_c_abi::flashdelta_status::*;
use flashdelta_c_abi::*;

const UNIT: usize = 8;
const SECTOR: usize = 64;

/// What the callbacks are given. They get at it through a raw pointer only, as C does.
struct Device {
    old: Vec<u8>,
    slot: Vec<u8>,
    erased: usize,
    committed: u32,
    /// Is called back from inside a callback.
    applier: *mut flashdelta_applier,
}

unsafe extern "C" fn read_old(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: `user` is the device of the test, `to` has room for `len` bytes.
    unsafe {
        let device = user.cast::<Device>();
        let applier = (*device).applier;
        assert_eq!(flashdelta_applier_feed(applier, null(), 0, null_mut()), FLASHDELTA_ERR_BUSY);
        assert_eq!(flashdelta_applier_abort(applier), FLASHDELTA_ERR_BUSY);
        let old = &(&(*device).old)[offset as usize..][..len];
        to.copy_from_nonoverlapping(old.as_ptr(), len);
    }
    0
}

unsafe extern "C" fn read_new(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: as above.
    unsafe {
        let slot = &(&(*user.cast::<Device>()).slot)[offset as usize..][..len];
        to.copy_from_nonoverlapping(slot.as_ptr(), len);
    }
    0
}

unsafe extern "C" fn write_new(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32 {
    assert!(len > 0 && len.is_multiple_of(UNIT) && (offset as usize).is_multiple_of(UNIT));
    // SAFETY: as above, for reading.
    unsafe {
        let device = &mut *user.cast::<Device>();
        assert!(offset as usize + len <= device.erased);
        device.slot[offset as usize..][..len]
            .copy_from_slice(core::slice::from_raw_parts(from, len));
    }
    0
}

unsafe extern "C" fn erase_new(user: *mut c_void, offset: u32) -> i32 {
    // SAFETY: as above.
    let device = unsafe { &mut *user.cast::<Device>() };
    assert_eq!(offset as usize, device.erased);
    device.erased += SECTOR;
    0
}

unsafe extern "C" fn commit_new(user: *mut c_void) -> i32 {
    // SAFETY: as above.
    unsafe { (*user.cast::<Device>()).committed += 1 };
    0
}

fn images() -> (Vec<u8>, Vec<u8>) {
    let old: Vec<u8> = (0..300u32).map(|i| (i * i / 7) as u8).collect();
    let mut new = old.clone();
    new.splice(100..110, *b"something new");
    (old, new)
}

/// Runs an update in memory that is uninitialised where C programs may leave it so; gives the
/// statuses of feed, finish and abort.
fn update(patch: &[u8], old: Vec<u8>, piece: usize) -> ([flashdelta_status; 3], Vec<u8>, u32) {
    let mut workspace_len = 0;
    let workspace_needed =
        // SAFETY: the patch can be read, the length can be written.
        unsafe { flashdelta_workspace_len(patch.as_ptr(), patch.len(), &mut workspace_len) };
    assert_eq!(workspace_needed, FLASHDELTA_OK);
    let mut workspace = vec![0xA5u8; workspace_len];
    let mut applier = Box::new(MaybeUninit::<flashdelta_applier>::zeroed());
    let applier = applier.as_mut_ptr();
    let mut device = Device { old, slot: vec![0; 6 * SECTOR], erased: 0, committed: 0, applier };
    let device = &raw mut device;
    let mut buffer = [0xA5u8; SECTOR];
    let mut counters = flashdelta_flash_counters { erases: 9, ..Default::default() };
    let flash = flashdelta_flash {
        user: device.cast(),
        // SAFETY: it lives.
        old_size: unsafe { &*device }.old.len() as u32,
        new_size: 6 * SECTOR as u32,
        write_size: UNIT as u32,
        sector_size: SECTOR as u32,
        flags: 0,
        read_old: Some(read_old),
        read_new: Some(read_new),
        write_new: Some(write_new),
        erase_new: Some(erase_new),
        flush_new: None,
        commit_new: Some(commit_new),
        buffer: buffer.as_mut_ptr(),
        buffer_len: buffer.len(),
        counters: &raw mut counters,
        values: null(),
        values_len: 0,
    };
    // SAFETY: all pointers point to what lives to the end of this function.
    let statuses = unsafe {
        let init = flashdelta_applier_init(
            applier,
            &flash,
            null(),
            workspace.as_mut_ptr(),
            workspace.len(),
        );
        assert_eq!(init, FLASHDELTA_OK);
        let mut progress = MaybeUninit::<flashdelta_progress>::uninit();
        let mut feed = FLASHDELTA_OK;
        for piece in patch.chunks(piece) {
            if feed == FLASHDELTA_OK {
                feed = flashdelta_applier_feed(
                    applier,
                    piece.as_ptr(),
                    piece.len(),
                    progress.as_mut_ptr(),
                );
            }
        }
        [feed, flashdelta_applier_finish(applier), flashdelta_applier_abort(applier)]
    };
    // SAFETY: it lives, and nothing else refers to it any more.
    let device = unsafe { &*device };
    assert_eq!(counters.erases as usize * SECTOR, device.erased);
    (statuses, device.slot.clone(), device.committed)
}

#[test]
fn updates_end_well_or_not_at_all() {
    let (old, new) = images();
    // Miri takes its time.
    let codecs =
        if cfg!(miri) { &[Codec::Raw][..] } else { &[Codec::Raw, Codec::Lz4, Codec::Model] };
    for &codec in codecs {
        let options = DiffOptions::new()
            .ram(5000)
            .threads(1)
            .codec(codec)
            .isa(InstructionSet::None)
            .effort(1);
        let mut patch = diff::diff(&old, &new, &options).unwrap().bytes;
        for piece in [1, 50, patch.len()] {
            let (statuses, slot, committed) = update(&patch, old.clone(), piece);
            assert_eq!(statuses, [FLASHDELTA_OK; 3], "{codec}, pieces of {piece}");
            assert_eq!(slot[..new.len()], new);
            assert_eq!(committed, 1);
        }
        let (statuses, _, committed) = update(&patch, new.clone(), 50);
        assert_eq!(
            statuses,
            [FLASHDELTA_ERR_OLD_MISMATCH, FLASHDELTA_ERR_FAILED_BEFORE, FLASHDELTA_OK]
        );
        assert_eq!(committed, 0);
        patch.pop();
        let (statuses, _, committed) = update(&patch, old.clone(), 50);
        assert_eq!(statuses, [FLASHDELTA_OK, FLASHDELTA_ERR_TRUNCATED, FLASHDELTA_OK]);
        assert_eq!(committed, 0);
    }
}
