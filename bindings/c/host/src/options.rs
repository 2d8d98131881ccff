//! Options, behind a pointer so that later versions can have more of them.

use core::ffi::{c_char, c_void};
use core::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use flashdelta::apply::ApplyOptions;
use flashdelta::diff::{DeviceProfile, DiffOptions, Phase};
use flashdelta::{Codec, DeviceIdentity, Identity, InstructionSet};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{flashdelta_device, put};

use crate::error::{guard, Failure};
use crate::paths;

/// In place of a codec or an instruction set: the maker tries what the device profile allows, and keeps the smallest patch.
pub const FLASHDELTA_AUTO: u32 = 0xFFFF_FFFF;

/// What the library is doing when it calls a flashdelta_progress_fn.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_phase {
    /// The maker: finding out what is common to both images.
    FLASHDELTA_PHASE_MATCH = 0,
    /// The maker: choosing what to copy.
    FLASHDELTA_PHASE_PARSE = 1,
    /// The maker: coding.
    FLASHDELTA_PHASE_ENCODE = 2,
    /// Applying.
    FLASHDELTA_PHASE_APPLY = 3,
}

/// Tells how far the work has come.
///
/// `user` is what was given to flashdelta_options_set_progress(), `phase` one of flashdelta_phase, `fraction` the part of the whole work that is done, 0 to 1.
/// Returns 0 to go on, anything else to give up: the function at work then returns #FLASHDELTA_ERR_CANCELLED.
///
/// The maker calls it from threads of its own, one call at a time. It must not leave by longjmp() or a C++ exception.
pub type flashdelta_progress_fn = Option<unsafe extern "C" fn(user: *mut c_void, phase: u32, fraction: f32) -> i32>;

/// How to make and apply patches. Everything has a default.
///
/// Functions that take options only read them: several threads may use the same ones at a time, as long as none changes them.
pub struct flashdelta_options {
    pub(crate) diff: DiffOptions,
    profile: DeviceProfile,
    pub(crate) device: Option<DeviceIdentity>,
    progress: Option<Reporter>,
}

/// A progress callback.
#[derive(Clone)]
pub(crate) struct Reporter {
    call: unsafe extern "C" fn(*mut c_void, u32, f32) -> i32,
    /// Locked for each call, so that there is but one at a time.
    user: Arc<Mutex<User>>,
}

struct User(*mut c_void);

// SAFETY: the library never looks behind the pointer; the header says that it is handed to threads of the library, one at a time.
unsafe impl Send for User {}

impl Reporter {
    /// Tells, and asks whether to go on.
    pub(crate) fn report(&self, phase: flashdelta_phase, fraction: f32) -> ControlFlow<()> {
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: who set the callback promised that it can be called so.
        match unsafe { (self.call)(user.0, phase as u32, fraction) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

impl Default for flashdelta_options {
    fn default() -> Self {
        Self { diff: DiffOptions::new(), profile: DeviceProfile::default(), device: None, progress: None }
    }
}

impl flashdelta_options {
    /// As the maker takes them.
    pub(crate) fn for_diff(&self) -> DiffOptions {
        let options = self.diff.clone().profile(self.profile.clone());
        match self.progress.clone() {
            None => options,
            Some(reporter) => options.progress(move |at| {
                let phase = match at.phase {
                    Phase::Match => flashdelta_phase::FLASHDELTA_PHASE_MATCH,
                    Phase::Parse => flashdelta_phase::FLASHDELTA_PHASE_PARSE,
                    _ => flashdelta_phase::FLASHDELTA_PHASE_ENCODE,
                };
                reporter.report(phase, at.fraction)
            }),
        }
    }

    /// As the applier takes them.
    pub(crate) fn for_apply(&self) -> ApplyOptions {
        self.device.map_or_else(ApplyOptions::default, |device| ApplyOptions::default().device(device))
    }

    pub(crate) fn reporter(&self) -> Option<&Reporter> {
        self.progress.as_ref()
    }
}

/// Options with defaults: a device with 64 KiB of RAM to spare (profile "esp32"), everything else found out, effort 6, a thread per processor.
///
/// @param[out] options written only on success; give them back with flashdelta_options_free()
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT if misaligned
///
/// May be called from any thread, as may all functions here; but only one at a time may change the same options.
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_new(options: *mut *mut flashdelta_options) -> flashdelta_status {
    guard(|| {
        if options.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        let new = Box::into_raw(Box::default());
        // SAFETY: the caller's promise.
        unsafe { put(options, new) }.map_err(|status| {
            // SAFETY: it was made two lines above.
            drop(unsafe { Box::from_raw(new) });
            status.into()
        })
    })
}

/// Frees options.
///
/// @param options from flashdelta_options_new(); NULL is ignored. No function may be using them
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_free(options: *mut flashdelta_options) {
    if !options.is_null() {
        // SAFETY: it came from a box, as the caller promises.
        drop(unsafe { Box::from_raw(options) });
    }
}

/// The device that has to apply the patch, by name. Replaces what was set of RAM, write unit, codecs and instruction sets.
///
/// @param options to be changed
/// @param name "tiny" (4 KiB of RAM), "small" (16 KiB), "esp32" (64 KiB; the default) or "linux" (16 MiB, also Zstandard, write unit 1)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if there is no such profile
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_profile(
    options: *mut flashdelta_options,
    name: *const c_char,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let name = paths::text(name)?;
            options.profile = DeviceProfile::named(name).ok_or_else(|| {
                let names = DeviceProfile::NAMES.join(", ");
                Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, format!("no profile \"{name}\": expected one of {names}"))
            })?;
            Ok(())
        })
    }
}

/// RAM of the device.
///
/// @param options to be changed
/// @param bytes all that the applier may use: the workspace and 1024 for a flashdelta_applier; what is impossible shows when the patch is made
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_ram(options: *mut flashdelta_options, bytes: u32) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.profile.ram = bytes;
            Ok(())
        })
    }
}

/// The unit in which the device's flash is written.
///
/// @param options to be changed
/// @param bytes a power of two, 1 to 4096; 16 unless set. Devices with a smaller unit can apply the patch as well
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_write_size(
    options: *mut flashdelta_options,
    bytes: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if !bytes.is_power_of_two() || bytes > 4096 {
                let message = format!("the write unit is {bytes} bytes: it must be a power of two, 1 to 4096");
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            options.profile.page = bytes;
            Ok(())
        })
    }
}

/// The codecs that the device's library was built with. Without this: raw, lz4 and model.
///
/// @param options to be changed
/// @param codecs numbers of flashdelta_codec; may be NULL if `count` is 0
/// @param count how many
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if a number is none of flashdelta_codec
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_device_codecs(
    options: *mut flashdelta_options,
    codecs: *const u32,
    count: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let numbers = numbers(codecs, count)?;
            options.profile.codecs = numbers.iter().map(|number| codec(*number)).collect::<Result<_, _>>()?;
            Ok(())
        })
    }
}

/// The instruction sets that the device's library was built with. Without this: all.
///
/// @param options to be changed
/// @param isas numbers of flashdelta_isa; may be NULL if `count` is 0
/// @param count how many
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if a number is none of flashdelta_isa
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_device_isas(
    options: *mut flashdelta_options,
    isas: *const u32,
    count: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let numbers = numbers(isas, count)?;
            options.profile.isas = numbers.iter().map(|number| isa(*number)).collect::<Result<_, _>>()?;
            Ok(())
        })
    }
}

/// How the patch is to be coded.
///
/// @param options to be changed
/// @param codec_number one of flashdelta_codec, or #FLASHDELTA_AUTO (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_codec(
    options: *mut flashdelta_options,
    codec_number: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let codec = if codec_number == FLASHDELTA_AUTO { None } else { Some(codec(codec_number)?) };
            options.diff = options.diff.clone().codec(codec);
            Ok(())
        })
    }
}

/// The instruction set whose branches and address loads are predicted.
///
/// @param options to be changed
/// @param isa_number one of flashdelta_isa, or #FLASHDELTA_AUTO (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_isa(
    options: *mut flashdelta_options,
    isa_number: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let isa = if isa_number == FLASHDELTA_AUTO { None } else { Some(isa(isa_number)?) };
            options.diff = options.diff.clone().isa(isa);
            Ok(())
        })
    }
}

/// The address at which both images run, where they are raw and do not tell.
///
/// @param options to be changed
/// @param address of their first byte
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_base(
    options: *mut flashdelta_options,
    address: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.diff = options.diff.clone().base(address);
            Ok(())
        })
    }
}

/// Which devices the patch is for: others refuse it, if they say what they are (flashdelta_device).
///
/// @param options to be changed
/// @param product a number of your choosing, for example that of flashdelta_product_id()
/// @param hardware_from first hardware revision that the new image runs on
/// @param hardware_to last hardware revision that the new image runs on, not below `hardware_from`
/// @param security_counter of the new image: devices refuse a patch whose counter is below their own (anti-rollback)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_identity(
    options: *mut flashdelta_options,
    product: u32,
    hardware_from: u16,
    hardware_to: u16,
    security_counter: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if hardware_to < hardware_from {
                let message = format!("hardware revisions {hardware_from} to {hardware_to} are none at all");
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            let identity = Identity { product, hardware_from, hardware_to, security_counter };
            options.diff = options.diff.clone().identity(identity);
            Ok(())
        })
    }
}

/// How hard the maker tries.
///
/// @param options to be changed
/// @param effort 1 (fast) to 9 (thorough); 6 unless set
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_effort(
    options: *mut flashdelta_options,
    effort: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if !(1..=9).contains(&effort) {
                return Err(Failure::new(
                    FLASHDELTA_ERR_INVALID_ARGUMENT,
                    format!("effort {effort}: it must be 1 to 9"),
                ));
            }
            options.diff = options.diff.clone().effort(effort as u8);
            Ok(())
        })
    }
}

/// How many threads the maker uses. The patch does not depend on it.
///
/// @param options to be changed
/// @param threads 0 for one per processor (the default), or up to 1024
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_threads(
    options: *mut flashdelta_options,
    threads: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if threads > 1024 {
                let message = format!("{threads} threads: the limit is 1024");
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            options.diff = options.diff.clone().threads(threads as usize);
            Ok(())
        })
    }
}

/// Applies as this device would do it: patches for others are refused, and those that do not say for whom they are.
///
/// @param options to be changed
/// @param device copied; NULL: nothing is checked (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if misaligned
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_device(
    options: *mut flashdelta_options,
    device: *const flashdelta_device,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            if !device.is_aligned() {
                return Err(FLASHDELTA_ERR_INVALID_ARGUMENT.into());
            }
            options.device = device.as_ref().map(|device| DeviceIdentity {
                product: device.product,
                hardware: device.hardware,
                security_counter: device.security_counter,
            });
            Ok(())
        })
    }
}

/// A function to be told how far the work has come, and to be asked whether to go on.
///
/// @param options to be changed
/// @param progress called every now and then while a patch is made or applied; NULL: none (the default)
/// @param user passed to it; may be NULL. What it points to must live as long as these options are used
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules; the function can be called from other threads, one call at a time.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_progress(
    options: *mut flashdelta_options,
    progress: flashdelta_progress_fn,
    user: *mut c_void,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.progress = progress.map(|call| Reporter { call, user: Arc::new(Mutex::new(User(user))) });
            Ok(())
        })
    }
}

/// A product number made from a name: the first four bytes of its SHA-256, big-endian. `flashdelta diff --product NAME` means the same number.
///
/// @param name UTF-8
/// @param[out] product written only on success
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it is not UTF-8
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_product_id(name: *const c_char, product: *mut u32) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { paths::text(name)? };
        // SAFETY: the caller's promise.
        Ok(unsafe { put(product, Identity::product_id(name)) }?)
    })
}

/// The frame of every setter.
///
/// # Safety
///
/// `options` is NULL, or from [`flashdelta_options_new`] and not in use elsewhere.
unsafe fn set(
    options: *mut flashdelta_options,
    work: impl FnOnce(&mut flashdelta_options) -> Result<(), Failure>,
) -> flashdelta_status {
    guard(|| {
        if options.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: not NULL; the rest is the caller's promise.
        work(unsafe { &mut *options })
    })
}

/// # Safety
///
/// If `numbers` is not NULL, `count` of them can be read there.
unsafe fn numbers<'a>(numbers: *const u32, count: usize) -> Result<&'a [u32], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if numbers.is_null() {
        return Err(FLASHDELTA_ERR_NULL_POINTER.into());
    }
    // More than there are names is a mistake, and keeps the length possible.
    if !numbers.is_aligned() || count > 256 {
        return Err(FLASHDELTA_ERR_INVALID_ARGUMENT.into());
    }
    // SAFETY: not NULL, aligned, the length is possible; the rest is the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts(numbers, count) })
}

fn codec(number: u32) -> Result<Codec, Failure> {
    let known = Codec::ALL.into_iter().find(|codec| *codec as u32 == number);
    known.ok_or_else(|| Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, format!("no codec has the number {number}")))
}

fn isa(number: u32) -> Result<InstructionSet, Failure> {
    let known = InstructionSet::ALL.into_iter().find(|isa| *isa as u32 == number);
    known.ok_or_else(|| {
        Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, format!("no instruction set has the number {number}"))
    })
}
