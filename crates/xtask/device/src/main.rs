//! The applier as a device links it: `no_std`, no heap, and no way to panic.
//!
//! The panic handler calls a function that does not exist. Optimised, and linked with `--gc-sections`, this program is complete only
//! if no reachable code can panic; if some can, the linker says "undefined reference to `a_panic_path_is_left`".
#![no_std]
#![no_main]

use flashdelta::apply::{Applier, ApplyOptions, NewImage, OldImage};

/// What a device brings. Function pointers, so that the optimiser cannot look into them.
#[repr(C)]
struct Device {
    read: extern "C" fn(slot: u32, offset: u32, to: *mut u8, len: usize) -> bool,
    write: extern "C" fn(slot: u32, offset: u32, from: *const u8, len: usize) -> bool,
    receive: extern "C" fn(to: *mut u8, len: usize) -> usize,
    slot_len: u32,
}

struct Slot<'a> {
    device: &'a Device,
    number: u32,
}

struct FlashError;

fn checked(done: bool) -> Result<(), FlashError> {
    if done {
        Ok(())
    } else {
        Err(FlashError)
    }
}

impl OldImage for Slot<'_> {
    type Error = FlashError;

    fn len(&self) -> u32 {
        self.device.slot_len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), FlashError> {
        checked((self.device.read)(self.number, offset, buf.as_mut_ptr(), buf.len()))
    }
}

impl NewImage for Slot<'_> {
    type Error = FlashError;

    fn capacity(&self) -> u32 {
        self.device.slot_len
    }

    fn granularity(&self) -> u32 {
        16
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
        checked((self.device.write)(self.number, offset, data.as_ptr(), data.len()))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), FlashError> {
        checked((self.device.read)(self.number, offset, buf.as_mut_ptr(), buf.len()))
    }
}

/// The entry point, and the only root that the linker keeps.
///
/// # Safety
///
/// `workspace` points to `len` bytes that nobody else uses.
#[no_mangle]
unsafe extern "C" fn _start(device: &Device, workspace: *mut u8, len: usize) -> bool {
    let workspace = unsafe { core::slice::from_raw_parts_mut(workspace, len) };
    let (old, new) = (Slot { device, number: 0 }, Slot { device, number: 1 });
    let mut applier = Applier::new(workspace, old, new, ApplyOptions::default());
    let mut buffer = [0; 64];
    loop {
        let received = (device.receive)(buffer.as_mut_ptr(), buffer.len());
        #[cfg(feature = "a-panic")]
        assert!(received <= buffer.len());
        let Some(piece) = buffer.get(..received) else { return false };
        match applier.feed(piece) {
            Ok(progress) if progress.done => return applier.finish().is_ok(),
            Ok(_) if received > 0 => {}
            _ => return false,
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    extern "C" {
        fn a_panic_path_is_left() -> !;
    }
    unsafe { a_panic_path_is_left() }
}
