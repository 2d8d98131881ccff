//! The program that QEMU runs: it applies patches that lie in memory, and tells what came of it.
//!
//! The host puts one block into memory: what is to be done ([`Task`]), the old image, the patches.
//! Results go to files by semihosting: `report.bin`, one [`Report`] per patch, and `new.bin`, the
//! last image.

use core::mem::size_of;

use flashdelta::apply::{ApplyError, ApplyOptions};
use flashdelta::PatchHeader;

use crate::board;
#[cfg(not(feature = "suspend"))]
use crate::update::update;
use crate::update::{Device, FlashError, Storage};

/// What the host wants: little-endian words.
#[repr(C)]
struct Task {
    magic: u32,
    old: *const u8,
    old_len: u32,
    new: *mut u8,
    new_len: u32,
    /// Room for the applier itself.
    storage: *mut u8,
    storage_len: u32,
    /// Room for workspaces.
    workspace: *mut u8,
    workspace_len: u32,
    reports: *mut Report,
    /// What the new image should be, of which this many bytes count.
    expected: *const u8,
    expected_len: u32,
    /// The patches: a table of addresses and lengths.
    patches: *const Patch,
    patch_count: u32,
    /// Bytes of the patch that are taken between two resets, and bytes of flash that a call may
    /// read and write: with the feature `suspend` only.
    every: u32,
    budget: u32,
    /// Counted by this program.
    counts: Counts,
}

/// What calls do: 32 bits of each count suffice, as only differences matter.
#[repr(C)]
#[derive(Clone, Copy)]
struct Counts {
    /// Bytes of flash that were read, and written, which counts twice.
    flash: u32,
    /// At the start of the call: of [`flash`](Self::flash), and of the board's counter.
    flash_before: u32,
    ticks_before: u32,
    /// Of all calls of a patch.
    longest_flash: u32,
    longest_ticks: u32,
}

const MAGIC: u32 = u32::from_le_bytes(*b"FDT1");

#[repr(C)]
#[derive(Clone, Copy)]
struct Patch {
    start: *const u8,
    len: u32,
}

/// What came of a patch.
#[repr(C)]
struct Report {
    /// 0: applied. Otherwise an error, see [`number`].
    outcome: u32,
    /// Whether the new image is the expected one.
    same: u32,
    /// What the board's counter says, low word first.
    ticks: [u32; 2],
    /// Bytes of stack below the caller of the update.
    stack: u32,
    workspace: u32,
    /// Size of the applier itself, outside of workspace and stack.
    applier: u32,
    /// Whether the bytes before and after the workspace were left alone.
    fences: u32,
    /// Size of the new image, as the header says.
    new_size: u32,
    /// Resets in the middle of the patch, and bytes of it that were taken in all.
    resets: u32,
    taken: u32,
    /// What the longest call has done: bytes of flash, and what the board's counter says.
    longest_flash: u32,
    longest_ticks: u32,
}

/// How the program ends if the host made a mistake.
const BAD_TASK: u32 = 98;

extern "C" {
    #[link_name = "task"]
    static mut TASK: Task;
}

/// Called with the stack set up.
///
/// # Safety
///
/// The host has put a task where the linker script says.
#[no_mangle]
#[inline(never)]
#[link_section = ".text.guest.main"]
unsafe extern "C" fn guest_main() -> ! {
    let task = unsafe { &*(&raw const TASK) };
    if task.magic != MAGIC || (task.storage_len as usize) < size_of::<Storage<'_>>() {
        board::exit(BAD_TASK);
    }
    let device = Device {
        read: copy_from_flash,
        write: copy_to_flash,
        old: task.old,
        old_len: task.old_len,
        new: task.new,
        new_len: task.new_len,
        options: ApplyOptions::default(),
    };
    let mut written = 0;
    for number in 0..task.patch_count as usize {
        let patch = unsafe { *task.patches.add(number) };
        let patch = unsafe { core::slice::from_raw_parts(patch.start, patch.len as usize) };
        // Beyond this program's own view: what the update reads, the optimiser cannot know.
        let report = unsafe { run(task, core::hint::black_box(&device), patch) };
        written = if report.outcome == 0 { report.new_size } else { 0 };
        unsafe { task.reports.add(number).write(report) };
    }
    let reports = task.patch_count as usize * size_of::<Report>();
    let files = unsafe {
        board::write_file(&REPORT_FILE, task.reports.cast(), reports)
            && board::write_file(&NEW_FILE, task.new, written as usize)
    };
    board::exit(if files { 0 } else { BAD_TASK })
}

#[link_section = ".rodata.guest"]
static REPORT_FILE: [u8; 11] = *b"report.bin\0";
#[link_section = ".rodata.guest"]
static NEW_FILE: [u8; 8] = *b"new.bin\0";

/// Bytes before and after the workspace.
const FENCE: usize = 64;
const FENCE_BYTE: u8 = 0xF3;

/// Applies one patch and measures.
///
/// # Safety
///
/// What the task says is true.
#[inline(never)]
#[link_section = ".text.guest.run"]
unsafe fn run<'a>(task: &'a Task, device: &'a Device, patch: &[u8]) -> Report {
    // As a device would: exactly what the header asks for, and no more than there is.
    let (wanted, new_size) = match PatchHeader::parse(patch) {
        // A device without a workspace for it does without the rest.
        #[cfg(feature = "signed")]
        Ok(Some(header)) if !crate::signed::is_signed(device, &header, patch) => (0, 0),
        Ok(Some(header)) => (header.workspace_len(), header.new_size),
        _ => (task.workspace_len as usize, 0),
    };
    let workspace_len = wanted.min((task.workspace_len as usize).saturating_sub(2 * FENCE));
    let start = task.workspace.wrapping_add(FENCE);
    unsafe {
        fill(task.workspace, FENCE_BYTE, FENCE);
        fill(start, 0xA7, workspace_len);
        fill(start.wrapping_add(workspace_len), FENCE_BYTE, FENCE);
        fill(task.new, 0xFF, task.new_len as usize);
        board::paint_stack();
    }
    let top = board::top_of_stack();
    let workspace = unsafe { core::slice::from_raw_parts_mut(start, workspace_len) };
    let storage = unsafe { &mut *task.storage.cast::<Storage<'a>>() };
    let before = board::ticks();
    let mut went = Went { resets: 0, taken: 0 };
    let done = unsafe { work(task, device, storage, workspace, patch, &mut went) };
    let outcome = match done {
        Ok(true) => 0,
        Ok(false) => INCOMPLETE,
        Err(error) => number(&error),
    };
    let ticks = board::ticks().wrapping_sub(before);
    let counts = unsafe { (&raw const TASK.counts).read_volatile() };
    let stack = board::used_stack(top);
    let fences = unsafe {
        all_are(task.workspace, FENCE_BYTE, FENCE)
            && all_are(start.wrapping_add(workspace_len), FENCE_BYTE, FENCE)
    };
    let len = task.expected_len as usize;
    let same = outcome == 0 && unsafe { equal(task.new, task.expected, len) };
    Report {
        outcome,
        same: u32::from(same),
        ticks: [ticks as u32, (ticks >> 32) as u32],
        stack,
        workspace: workspace_len as u32,
        applier: size_of::<Storage<'_>>() as u32,
        fences: u32::from(fences),
        new_size,
        resets: went.resets,
        taken: went.taken,
        longest_flash: counts.longest_flash,
        longest_ticks: counts.longest_ticks,
    }
}

/// How it went.
struct Went {
    resets: u32,
    taken: u32,
}

/// The update at one go.
///
/// # Safety
///
/// What the task says is true.
#[cfg(not(feature = "suspend"))]
#[inline(always)]
unsafe fn work<'a>(
    _: &Task,
    device: &'a Device,
    storage: &mut Storage<'a>,
    workspace: &'a mut [u8],
    patch: &[u8],
    _: &mut Went,
) -> Result<bool, ApplyError<FlashError, FlashError>> {
    update(device, storage, workspace, patch)
}

/// The update with resets: nothing is left of the memory then but what was suspended.
///
/// # Safety
///
/// What the task says is true; after the workspace there is room for another one and 2 KiB.
#[cfg(feature = "suspend")]
#[inline(always)]
unsafe fn work<'a>(
    task: &Task,
    device: &'a Device,
    storage: &mut Storage<'a>,
    workspace: &'a mut [u8],
    patch: &[u8],
    went: &mut Went,
) -> Result<bool, ApplyError<FlashError, FlashError>> {
    use crate::going_on::{session, Kept};

    unsafe {
        let counts = Counts {
            flash: 0,
            flash_before: 0,
            ticks_before: 0,
            longest_flash: 0,
            longest_ticks: 0,
        };
        (&raw mut TASK.counts).write_volatile(counts);
    }
    // Beyond the workspace's fence.
    let place = workspace.as_mut_ptr().wrapping_add(workspace.len() + FENCE);
    let room = (task.workspace as usize)
        .wrapping_add(task.workspace_len as usize)
        .saturating_sub(place as usize);
    let mut kept = Kept {
        suspension: unsafe { core::slice::from_raw_parts_mut(place, room) },
        len: 0,
        every: task.every as usize,
        budget: task.budget,
        call: count_call,
    };
    // The applier of before the reset is not used any more when the memory is lent again.
    let (start, len) = (workspace.as_mut_ptr(), workspace.len());
    let mut taken = 0;
    loop {
        let (memory, before) = (unsafe { core::slice::from_raw_parts_mut(start, len) }, taken);
        let done = session(device, storage, memory, &mut kept, patch, &mut taken)?;
        went.taken = went.taken.wrapping_add(taken.wrapping_sub(before) as u32);
        if done || taken >= patch.len() {
            return Ok(done);
        }
        went.resets = went.resets.wrapping_add(1);
        unsafe {
            fill(start, 0x5A_u8.wrapping_add(went.resets as u8), len);
            let storage: *mut Storage<'a> = storage;
            fill(storage.cast(), 0xC3, size_of::<Storage<'_>>());
        }
    }
}

/// A call begins or ends.
#[cfg(feature = "suspend")]
#[inline(never)]
#[link_section = ".text.guest.count_call"]
extern "C" fn count_call(is_end: bool) {
    let counts = unsafe { &mut *(&raw mut TASK.counts) };
    let now = board::ticks() as u32;
    if is_end {
        let (flash, ticks) =
            (counts.flash.wrapping_sub(counts.flash_before), now.wrapping_sub(counts.ticks_before));
        counts.longest_flash = counts.longest_flash.max(flash);
        counts.longest_ticks = counts.longest_ticks.max(ticks);
    } else {
        (counts.flash_before, counts.ticks_before) = (counts.flash, now);
    }
}

/// Bytes of flash were read or written.
#[inline(always)]
fn count_flash(bytes: usize) {
    if cfg!(feature = "suspend") {
        let flash = unsafe { &mut *(&raw mut TASK.counts.flash) };
        *flash = flash.wrapping_add(bytes as u32);
    }
}

const INCOMPLETE: u32 = 1;

/// A number for an error; the host has the names.
#[inline(never)]
#[link_section = ".text.guest.number"]
fn number(error: &ApplyError<FlashError, FlashError>) -> u32 {
    match error {
        ApplyError::Truncated { .. } => INCOMPLETE,
        ApplyError::Header(_) => 2,
        ApplyError::CodecNotBuilt { .. } => 3,
        ApplyError::InstructionSetNotBuilt { .. } => 4,
        ApplyError::WorkspaceTooSmall { .. } => 5,
        ApplyError::OldTooShort { .. } => 6,
        ApplyError::NewTooLong { .. } => 7,
        ApplyError::Granularity { .. } => 8,
        ApplyError::NoIdentity => 9,
        ApplyError::WrongProduct { .. } => 10,
        ApplyError::WrongHardware { .. } => 11,
        ApplyError::Rollback { .. } => 12,
        ApplyError::OldMismatch { .. } => 13,
        ApplyError::ReadOld { .. } => 14,
        ApplyError::ReadNew { .. } => 15,
        ApplyError::Write { .. } => 16,
        ApplyError::Finish { .. } => 17,
        ApplyError::Damaged { .. } => 18,
        ApplyError::TrailingInput { .. } => 19,
        ApplyError::NewMismatch { .. } => 20,
        // No constant to the optimiser, or it would make a table of all of them, which would count
        // as the applier's.
        ApplyError::Poisoned => core::hint::black_box(21),
        _ => 255,
    }
}

/// Flash that is mapped into memory, as on most microcontrollers: reading is copying.
#[inline(never)]
#[link_section = ".text.guest.read"]
extern "C" fn copy_from_flash(at: *const u8, to: *mut u8, len: usize) -> bool {
    unsafe { core::ptr::copy_nonoverlapping(at, to, len) };
    count_flash(len);
    true
}

#[inline(never)]
#[link_section = ".text.guest.write"]
extern "C" fn copy_to_flash(at: *mut u8, from: *const u8, len: usize) -> bool {
    unsafe { core::ptr::copy_nonoverlapping(from, at, len) };
    // A slot in flash compares before it writes.
    count_flash(len.wrapping_mul(2));
    true
}

#[inline(never)]
#[link_section = ".text.guest.fill"]
unsafe fn fill(at: *mut u8, byte: u8, len: usize) {
    unsafe { core::ptr::write_bytes(at, byte, len) }
}

#[inline(never)]
#[link_section = ".text.guest.all_are"]
unsafe fn all_are(at: *const u8, byte: u8, len: usize) -> bool {
    (0..len).all(|i| unsafe { *at.add(i) } == byte)
}

#[inline(never)]
#[link_section = ".text.guest.equal"]
unsafe fn equal(a: *const u8, b: *const u8, len: usize) -> bool {
    (0..len).all(|i| unsafe { *a.add(i) == *b.add(i) })
}
