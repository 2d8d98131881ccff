//! A component set through the C functions, small enough for Miri: the state holds a component that
//! borrows from what is beside it.
#![allow(missing_docs)]
#![cfg(feature = "sets")]

mod common;

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use common::{device_of, erase, images, read, write, SECTOR};

use flashdelta::diff::DiffOptions;
use flashdelta::set::{self, Component, ComponentName, SetOptions};
use flashdelta::update::set::Kind;
use flashdelta::{Codec, InstructionSet};
use flashdelta_c_abi::flashdelta_status::*;
use flashdelta_c_abi::*;

/// A component, and the set that its callbacks call functions of.
struct Part {
    slots: [Vec<u8>; 2],
    /// How to get at them: made once, as a new borrow would end those of before.
    flash: Option<flashdelta_flash>,
    set: *mut flashdelta_set,
    activated: u32,
}

unsafe extern "C" fn find(
    user: *mut c_void,
    component: *const flashdelta_component,
    flash: *mut flashdelta_flash,
) -> i32 {
    // SAFETY: `user` is the part of the test, the others are what their types say.
    unsafe {
        let part = user.cast::<Part>();
        assert_eq!(flashdelta_set_finish((*part).set), FLASHDELTA_ERR_BUSY);
        let name = (*component).name;
        assert_eq!(core::ffi::CStr::from_ptr(name.as_ptr()), c"app");
        *flash = (*part).flash.unwrap();
    }
    0
}

unsafe extern "C" fn activate(user: *mut c_void, _: *const flashdelta_component) -> i32 {
    // SAFETY: as above.
    unsafe { (*user.cast::<Part>()).activated += 1 };
    0
}

#[test]
fn a_set_is_fed_and_finished() {
    let [old, new] = images();
    let (old, new) = (&old[..600], &new[..650]);
    let name = ComponentName::Partition("app".into());
    let component = Component::update(Kind::Application, name, old, new);
    let diff = DiffOptions::new().codec(Codec::Raw).isa(InstructionSet::None).ram(16 << 10);
    let made = set::make(&[component], &SetOptions::new().diff(diff)).unwrap();

    let mut memory = MaybeUninit::<flashdelta_set>::zeroed();
    let set = memory.as_mut_ptr();
    let mut part = Part { slots: [old.to_vec(), vec![0; 800]], flash: None, set, activated: 0 };
    let part = core::ptr::addr_of_mut!(part);
    // SAFETY: it is the part above.
    unsafe { (*part).flash = Some(device_of(&mut (*part).slots)) };
    let components = flashdelta_components {
        user: part.cast(),
        find: Some(find),
        begin: None,
        verify: None,
        activate: Some(activate),
        revert: None,
    };
    let mut flash = vec![0xFF; 4 * SECTOR];
    let record = flashdelta_region {
        size: flash.len() as u32,
        user: core::ptr::from_mut(&mut flash).cast(),
        write_size: 4,
        sector_size: SECTOR as u32,
        read: Some(read),
        write: Some(write),
        erase: Some(erase),
        buffer: null_mut(),
        buffer_len: 0,
    };
    let (mut index, mut workspace, mut chunks) = (vec![0; 400], vec![0; 15 << 10], vec![0; 1024]);
    let mut payload = flashdelta_set_payload { component: 0, offset: 0, len: 0 };
    let mut info = flashdelta_set_info::default();
    let (index, index_len) = (index.as_mut_ptr(), index.len());
    // SAFETY: all pointers are to what they have to be.
    unsafe {
        let status =
            flashdelta_set_init(set, &components, &record, null(), null(), index, index_len);
        assert_eq!(status, FLASHDELTA_OK);
        let mut at = 0;
        while flashdelta_set_is_checked(set) == 0 {
            let mut taken = 0;
            let status = flashdelta_set_feed(set, made[at..].as_ptr(), 50, &mut taken);
            assert_eq!(status, FLASHDELTA_OK);
            at += taken;
        }
        assert_eq!(flashdelta_set_read_info(set, &mut info), FLASHDELTA_OK);
        assert_eq!((info.components, info.updated), (1, 1));
        // Begun, aborted and begun again.
        for round in 0..2 {
            let (workspace, room) = (workspace.as_mut_ptr(), workspace.len());
            let status =
                flashdelta_set_begin(set, workspace, room, chunks.as_mut_ptr(), chunks.len());
            assert_eq!(status, FLASHDELTA_OK);
            assert_eq!(flashdelta_set_next(set, &mut payload), FLASHDELTA_OK);
            let bytes = &made[payload.offset as usize..];
            let len = if round == 0 { 40 } else { bytes.len() };
            let status = flashdelta_set_component_feed(set, bytes.as_ptr(), len, null_mut());
            assert_eq!(status, FLASHDELTA_OK);
            if round == 0 {
                assert_eq!(flashdelta_set_next(set, &mut payload), FLASHDELTA_OK);
                assert_eq!(flashdelta_set_component_abort(set), FLASHDELTA_OK);
            }
        }
        assert_eq!(flashdelta_set_component_finish(set), FLASHDELTA_OK);
        assert_eq!(flashdelta_set_next(set, &mut payload), FLASHDELTA_OK);
        assert_eq!(payload.component, FLASHDELTA_NO_COMPONENT);
        assert_eq!((*part).activated, 0);
        assert_eq!(flashdelta_set_finish(set), FLASHDELTA_OK);
        assert_eq!(((*part).activated, (&(*part).slots)[1].starts_with(new)), (1, true));
        let mut recovered = flashdelta_recovered::FLASHDELTA_RECOVERED_COMPLETED;
        let status = flashdelta_set_recover(
            &components,
            &record,
            index,
            index_len,
            &mut recovered,
            null_mut(),
        );
        assert_eq!(status, FLASHDELTA_OK);
        assert_eq!(recovered, flashdelta_recovered::FLASHDELTA_RECOVERED_NOTHING);
    }
}
