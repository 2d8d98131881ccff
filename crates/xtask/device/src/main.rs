//! The applier as a device links it: `no_std`, no heap, and no way to panic.
//!
//! The panic handler calls a function that does not exist. Optimised, and linked with
//! `--gc-sections`, this program is complete only if no reachable code can panic; if some can, the
//! linker says "undefined reference to `a_panic_path_is_left`".
//!
//! For a microcontroller it is a program that QEMU runs ([`guest`]); for the machine at hand it is
//! only linked.
//!
//! What is the program's own lies in sections named `.guest`, so that everything else is what the
//! applier costs.
#![no_std]
#![no_main]

#[cfg(target_os = "none")]
mod board;
#[cfg(any(
    feature = "receive",
    feature = "signed",
    feature = "guard",
    feature = "set",
    feature = "in-place"
))]
mod chip;
#[cfg(feature = "suspend")]
mod going_on;
#[cfg(target_os = "none")]
mod guest;
#[cfg(feature = "in-place")]
mod in_place;
#[cfg(feature = "receive")]
mod receive;
#[cfg(all(target_os = "none", not(target_arch = "xtensa")))]
mod semihosting;
#[cfg(any(feature = "guard", feature = "set"))]
mod set;
#[cfg(feature = "signed")]
mod signed;
#[cfg(target_arch = "xtensa")]
mod simcall;
mod update;

/// The entry point, and the only root that the linker keeps.
///
/// # Safety
///
/// The pointers are valid for their lengths, and nobody else uses the memory.
#[cfg(not(target_os = "none"))]
#[no_mangle]
unsafe extern "C" fn _start(
    device: &update::Device,
    storage: &mut update::Storage<'_>,
    workspace: *mut u8,
    workspace_len: usize,
    patch: *const u8,
    patch_len: usize,
    #[cfg(feature = "suspend")] (kept, taken): (&mut going_on::Kept<'_>, &mut usize),
) -> bool {
    let workspace = unsafe { core::slice::from_raw_parts_mut(workspace, workspace_len) };
    let patch = unsafe { core::slice::from_raw_parts(patch, patch_len) };
    // SAFETY of the lifetimes: this is never run.
    let (device, storage) =
        unsafe { (&*(device as *const _), &mut *(storage as *mut _ as *mut _)) };
    #[cfg(feature = "signed")]
    if !flashdelta::PatchHeader::parse(patch)
        .is_ok_and(|header| header.is_some_and(|header| signed::is_signed(device, &header, patch)))
    {
        return false;
    }
    #[cfg(feature = "suspend")]
    if !going_on::session(device, storage, workspace, kept, patch, taken).is_ok_and(|done| done) {
        return false;
    }
    #[cfg(not(feature = "suspend"))]
    if update::update(device, storage, workspace, patch).is_err() {
        return false;
    }
    true
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    extern "C" {
        fn a_panic_path_is_left() -> !;
    }
    unsafe { a_panic_path_is_left() }
}
