//! The program that QEMU runs: it applies patches that lie in memory, and tells what came of it.
//!
//! The host puts one block into memory: what is to be done ([`Task`]), the old image, the patches.
//! Results go to files by semihosting: `report.bin`, one [`Report`] per patch, and `new.bin`, the
//! last image.

use core::mem::size_of;

use flashdelta::apply::{ApplyError, ApplyOptions};
use flashdelta::PatchHeader;

use crate::board;
use crate::update::{update, Device, FlashError, Storage};

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
    reserved: u32,
}

/// How the program ends if the host made a mistake.
const BAD_TASK: u32 = 98;

/// Called with the stack set up.
///
/// # Safety
///
/// The host has put a task where the linker script says.
#[no_mangle]
#[inline(never)]
#[link_section = ".text.guest.main"]
unsafe extern "C" fn guest_main() -> ! {
    extern "C" {
        #[link_name = "task"]
        static TASK: Task;
    }
    let task = unsafe { &TASK };
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
    let outcome = match update(device, storage, workspace, patch) {
        Ok(true) => 0,
        Ok(false) => INCOMPLETE,
        Err(error) => number(&error),
    };
    let ticks = board::ticks().wrapping_sub(before);
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
        reserved: 0,
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
    true
}

#[inline(never)]
#[link_section = ".text.guest.write"]
extern "C" fn copy_to_flash(at: *mut u8, from: *const u8, len: usize) -> bool {
    unsafe { core::ptr::copy_nonoverlapping(from, at, len) };
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
