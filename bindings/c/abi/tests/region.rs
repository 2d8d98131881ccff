//! Updates that are kept in a region of flash, through the C functions, small enough for Miri.
#![allow(missing_docs)]
#![cfg(feature = "suspend")]

mod common;

use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use common::{device_of, erase, images, read, write, SECTOR};
use flashdelta::diff::{self, ChunkSize};
use flashdelta::{Codec, DiffOptions, InstructionSet, PatchHeader};
use flashdelta_c_abi::flashdelta_status::*;
use flashdelta_c_abi::*;

fn region_of(user: &mut Vec<u8>) -> flashdelta_region {
    flashdelta_region {
        size: user.len() as u32,
        user: core::ptr::from_mut(user).cast(),
        write_size: 4,
        sector_size: SECTOR as u32,
        read: Some(read),
        write: Some(write),
        erase: Some(erase),
        buffer: null_mut(),
        buffer_len: 0,
    }
}

const NOTHING: flashdelta_progress =
    flashdelta_progress { done: 0, written: 0, total: 0, taken: 0, pending: 0 };

/// Applies a patch with a reset after each 150 bytes, each time with new memory.
///
/// # Safety
///
/// Miri says whether it is sound.
unsafe fn apply_with_resets(chunks: bool) {
    let [old, new] = images();
    let mut options = DiffOptions::new().codec(Codec::Raw).isa(InstructionSet::None);
    if chunks {
        options = options.chunks(ChunkSize::Bytes(256));
    }
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    let header = PatchHeader::parse(&patch).unwrap().unwrap();
    let half = (header.suspension_len() + header.chunk_ram() + 16).next_multiple_of(SECTOR as u32);
    let mut flash = vec![0x5A; 2 * half as usize];
    let region = region_of(&mut flash);
    let (mut needed, mut guard) = (0, 0);
    let mut slots = [old, vec![0; new.len()]];
    let device = device_of(&mut slots);
    let (mut progress, mut resets) = (NOTHING, 0);
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let status = flashdelta_region_needs(&region, &mut needed, &mut guard);
        assert_eq!(status, FLASHDELTA_ERR_NO_SUSPENSION);
        assert_eq!(flashdelta_region_clear(&region), FLASHDELTA_OK);
        assert!(flash.iter().all(|byte| *byte == 0x5A), "nothing is erased if nothing is there");
        let region = region_of(&mut flash);
        loop {
            let mut applier = MaybeUninit::<flashdelta_applier>::zeroed();
            let applier = applier.as_mut_ptr();
            if resets > 0 {
                let status = flashdelta_region_needs(&region, &mut needed, &mut guard);
                assert_eq!(status, FLASHDELTA_OK);
                assert_eq!(flashdelta_region_needs(&region, &mut needed, null_mut()), status);
                assert_eq!((needed, guard > 0), (header.workspace_len(), chunks));
            } else {
                (needed, guard) = (header.workspace_len(), header.chunk_ram() as usize);
            }
            let (mut workspace, mut buffer) = (vec![0xA5; needed], vec![0xA5; guard]);
            let status =
                flashdelta_applier_init(applier, &device, null(), workspace.as_mut_ptr(), needed);
            assert_eq!(status, FLASHDELTA_OK);
            if chunks {
                let buffer = buffer.as_mut_ptr();
                let status = flashdelta_applier_guard(applier, null(), buffer, guard);
                assert_eq!(status, FLASHDELTA_OK);
            }
            let taken = progress.taken;
            let mut resume = |region| {
                let budget = u32::MAX;
                flashdelta_applier_resume_from(applier, region, null(), 0, budget, &mut progress)
            };
            match resets {
                0 => assert_eq!(resume(&region), FLASHDELTA_ERR_NO_SUSPENSION),
                _ => assert_eq!(resume(&region), FLASHDELTA_OK),
            }
            assert_eq!(progress.taken, taken);
            let rest = &patch[taken as usize..];
            let piece = if resets == 0 { 300 } else { 150.min(rest.len()) };
            let status = flashdelta_applier_feed(applier, rest.as_ptr(), piece, &mut progress);
            assert_eq!(status, FLASHDELTA_OK);
            if piece == rest.len() {
                assert_eq!(flashdelta_applier_finish(applier), FLASHDELTA_OK);
                break;
            }
            assert_eq!(flashdelta_applier_suspend_to(applier, &region), FLASHDELTA_OK);
            resets += 1;
        }
        assert!(resets > 3);
        assert_eq!(slots[1], new);
        assert_eq!(flashdelta_region_clear(&region), FLASHDELTA_OK);
        let status = flashdelta_region_needs(&region, &mut needed, &mut guard);
        assert_eq!(status, FLASHDELTA_ERR_NO_SUSPENSION);
    }
}

#[test]
fn an_update_goes_on_from_a_region() {
    // SAFETY: see there.
    unsafe { apply_with_resets(false) };
}

#[test]
fn a_guarded_update_goes_on_from_a_region() {
    // SAFETY: see there.
    unsafe { apply_with_resets(true) };
}

#[test]
fn what_does_not_fit_is_refused() {
    let [old, new] = images();
    let options = DiffOptions::new().codec(Codec::Raw).isa(InstructionSet::None);
    let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    let len = PatchHeader::parse(&patch).unwrap().unwrap().workspace_len();
    let mut flash = vec![0xFF; 256];
    let region = flashdelta_region { sector_size: 128, ..region_of(&mut flash) };
    let mut slots = [old, vec![0; 2000]];
    let device = device_of(&mut slots);
    let mut applier = MaybeUninit::<flashdelta_applier>::zeroed();
    let applier = applier.as_mut_ptr();
    let mut workspace = vec![0; len];
    let (mut needed, mut progress) = (0, NOTHING);
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let status = flashdelta_applier_init(applier, &device, null(), workspace.as_mut_ptr(), len);
        assert_eq!(status, FLASHDELTA_OK);
        let status = flashdelta_applier_feed(applier, patch.as_ptr(), 300, &mut progress);
        assert_eq!(status, FLASHDELTA_OK);
        let suspend = |region: &flashdelta_region| flashdelta_applier_suspend_to(applier, region);
        assert_eq!(suspend(&region), FLASHDELTA_ERR_STORE_TOO_SMALL);
        let odd = flashdelta_region { sector_size: 256, ..region };
        assert_eq!(suspend(&odd), FLASHDELTA_ERR_INVALID_ARGUMENT);
        assert_eq!(flashdelta_region_clear(&odd), FLASHDELTA_ERR_INVALID_ARGUMENT);
        let mute = flashdelta_region { erase: None, ..region };
        assert_eq!(suspend(&mute), FLASHDELTA_ERR_NULL_POINTER);
        assert_eq!(flashdelta_region_clear(null()), FLASHDELTA_ERR_NULL_POINTER);
        let status = flashdelta_region_needs(null(), &mut needed, null_mut());
        assert_eq!(status, FLASHDELTA_ERR_NULL_POINTER);
        // The update can go on.
        let rest = &patch[300..];
        let status = flashdelta_applier_feed(applier, rest.as_ptr(), rest.len(), &mut progress);
        assert_eq!((status, progress.done), (FLASHDELTA_OK, 1));
        assert_eq!(flashdelta_applier_abort(applier), FLASHDELTA_OK);
    }
}
