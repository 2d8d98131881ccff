//! The C functions in any order, with flashes that are described wrongly, callbacks that fail, and
//! patches that are edited: no call harms memory, what cannot be is refused, and what is committed
//! is right.
#![no_main]

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use flashdelta::diff::diff;
use flashdelta::{DiffOptions, PatchHeader};
use flashdelta_c_abi::{
    flashdelta_applier, flashdelta_applier_abort, flashdelta_applier_feed,
    flashdelta_applier_finish, flashdelta_applier_init, flashdelta_device, flashdelta_flash,
    flashdelta_status, FLASHDELTA_APPLIER_WORDS, FLASHDELTA_IGNORE_TRAILING,
};
use flashdelta_fuzz::{seal, sha256};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    old: Vec<u8>,
    new: Vec<u8>,
    edits: Vec<(u16, u8)>,
    trailing: u8,
    write_log2: u8,
    write_odd: bool,
    sectors: bool,
    buffer: u16,
    workspace_less: Option<u8>,
    device: Option<(u32, u16)>,
    ignore_trailing: bool,
    missing: u8,
    fails_at: Option<u8>,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Feed(u8),
    FeedNothing,
    Finish,
    Abort,
    Init,
}

/// Both slots, and how many callbacks are left until one fails.
struct Slots {
    old: Vec<u8>,
    new: Vec<u8>,
    left: u32,
    committed: bool,
}

impl Slots {
    /// # Safety
    ///
    /// `user` is a `Slots` that nobody else uses.
    unsafe fn of<'a>(user: *mut c_void) -> Result<&'a mut Self, i32> {
        // SAFETY: as the caller promises.
        let slots = unsafe { &mut *user.cast::<Self>() };
        slots.left = slots.left.checked_sub(1).ok_or(-5)?;
        Ok(slots)
    }
}

/// # Safety
///
/// Called by the library: `user` is a `Slots`, `to` has room for `len` bytes.
unsafe extern "C" fn read_old(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: see above.
    let slots = match unsafe { Slots::of(user) } {
        Ok(slots) => slots,
        Err(error) => return error,
    };
    let from = &slots.old[offset as usize..][..len];
    // SAFETY: see above.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), len) };
    0
}

/// # Safety
///
/// As [`read_old`].
unsafe extern "C" fn read_new(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: see above.
    let slots = match unsafe { Slots::of(user) } {
        Ok(slots) => slots,
        Err(error) => return error,
    };
    let from = &slots.new[offset as usize..][..len];
    // SAFETY: see above.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), len) };
    0
}

/// # Safety
///
/// As [`read_old`]; `from` has `len` bytes.
unsafe extern "C" fn write_new(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32 {
    // SAFETY: see above.
    let slots = match unsafe { Slots::of(user) } {
        Ok(slots) => slots,
        Err(error) => return error,
    };
    let to = &mut slots.new[offset as usize..][..len];
    // SAFETY: see above.
    unsafe { to.as_mut_ptr().copy_from_nonoverlapping(from, len) };
    0
}

/// # Safety
///
/// As [`read_old`].
unsafe extern "C" fn erase_new(user: *mut c_void, offset: u32) -> i32 {
    // SAFETY: see above.
    match unsafe { Slots::of(user) } {
        Ok(slots) => slots.new[offset as usize..][..SECTOR as usize].fill(0xFF),
        Err(error) => return error,
    }
    0
}

/// # Safety
///
/// As [`read_old`].
unsafe extern "C" fn commit_new(user: *mut c_void) -> i32 {
    // SAFETY: see above.
    match unsafe { Slots::of(user) } {
        Ok(slots) => slots.committed = true,
        Err(error) => return error,
    }
    0
}

const SECTOR: u32 = 1024;
const LEN: u32 = 16 * SECTOR;

fuzz_target!(|case: Case| {
    if case.old.len() > LEN as usize || case.new.len() > LEN as usize / 2 {
        return;
    }
    let options = DiffOptions::new().ram(16 << 10).effort(1).threads(1);
    let mut patch = diff(&case.old, &case.new, &options).expect("16 KiB suffice").bytes;
    for (at, value) in &case.edits {
        let at = usize::from(*at) % patch.len();
        patch[at] ^= value;
    }
    seal(&mut patch);
    patch.extend(vec![0xFF; case.trailing.into()]);
    let mut slots = Slots {
        old: [&case.old[..], &vec![0; LEN as usize - case.old.len()]].concat(),
        new: vec![0xA5; LEN as usize],
        left: case.fails_at.map_or(u32::MAX, u32::from),
        committed: false,
    };
    let mut buffer = vec![0u8; case.buffer.into()];
    let has = |bit: u8| case.missing & bit == 0;
    let flash = flashdelta_flash {
        user: (&raw mut slots).cast(),
        old_size: LEN,
        new_size: LEN,
        write_size: (1 << (case.write_log2 % 9)) + u32::from(case.write_odd),
        sector_size: if case.sectors { SECTOR } else { 0 },
        flags: if case.ignore_trailing { FLASHDELTA_IGNORE_TRAILING } else { 0 },
        read_old: has(1).then_some(read_old as _),
        read_new: has(2).then_some(read_new as _),
        write_new: has(4).then_some(write_new as _),
        erase_new: case.sectors.then_some(erase_new as _),
        flush_new: None,
        commit_new: has(8).then_some(commit_new as _),
        buffer: if buffer.is_empty() { null_mut() } else { buffer.as_mut_ptr() },
        buffer_len: buffer.len(),
        counters: null_mut(),
        values: null(),
        values_len: 0,
    };
    let device = case.device.map(|(product, hardware)| flashdelta_device {
        product,
        hardware,
        reserved: 0,
        security_counter: 0,
    });
    let device = device.as_ref().map_or(null(), |device| device as *const _);
    let header = PatchHeader::parse(&patch).ok().flatten();
    let need = header.map_or(2048, |header| header.workspace_len().min(1 << 18));
    let mut workspace = vec![0u8; need.saturating_sub(case.workspace_less.unwrap_or(0).into())];
    let mut applier = Box::new(flashdelta_applier { opaque: [0; FLASHDELTA_APPLIER_WORDS] });
    let applier: *mut flashdelta_applier = &raw mut *applier;
    let (mut at, mut finished) = (0, false);
    // SAFETY: all that is pointed to lives until the end, and is what its type says.
    unsafe {
        let init = || {
            flashdelta_applier_init(
                applier,
                &flash,
                device,
                workspace.as_mut_ptr(),
                workspace.len(),
            )
        };
        let mut init = init;
        let mut ready = init() == flashdelta_status::FLASHDELTA_OK;
        for call in &case.calls {
            match call {
                Call::Feed(len) => {
                    let piece = &patch[at..patch.len().min(at + usize::from(*len) * 8)];
                    let fed =
                        flashdelta_applier_feed(applier, piece.as_ptr(), piece.len(), null_mut());
                    if fed == flashdelta_status::FLASHDELTA_OK {
                        at += piece.len();
                    }
                }
                Call::FeedNothing => {
                    flashdelta_applier_feed(applier, null(), 0, null_mut());
                }
                Call::Finish => {
                    let done = flashdelta_applier_finish(applier);
                    finished |= done == flashdelta_status::FLASHDELTA_OK;
                    ready = false;
                }
                Call::Abort => {
                    flashdelta_applier_abort(applier);
                    ready = false;
                }
                Call::Init if !ready => {
                    at = 0;
                    ready = init() == flashdelta_status::FLASHDELTA_OK;
                }
                Call::Init => {}
            }
        }
        flashdelta_applier_abort(applier);
    }
    assert!(finished || !slots.committed || !has(8) || slots.left == 0);
    if slots.committed || finished {
        let header = header.expect("what is committed has a header");
        // The digest of an image with holes is that of the image with fills in them.
        let digest = sha256(&slots.new[..header.new_size as usize]);
        assert!(header.has_holes() || digest == header.new_digest);
    }
});
