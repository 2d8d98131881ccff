//! Options: the device that patches are made for.

use core::ffi::c_char;

use flashdelta::profile::{DeviceProfile, ProfileError};
use flashdelta_c_abi::flashdelta_status::{self, *};

use super::{codec, flashdelta_options, isa, set};
use crate::error::Failure;
use crate::paths;

/// The device that has to apply the patch, by name. Replaces what was set of RAM, write unit,
/// codecs and instruction sets.
///
/// @param options to be changed
/// @param name "tiny" (4 KiB of RAM), "small" (16 KiB), "esp32" (64 KiB; the default),
///     "micropython" (32 KiB, LZ4 or raw, write unit 4096) or "linux" (16 MiB, also Zstandard,
///     write unit 1)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if there
///     is no such profile
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
            let unknown = || ProfileError::Unknown { name: name.to_owned() };
            options.profile = DeviceProfile::named(name).ok_or_else(unknown)?;
            Ok(())
        })
    }
}

/// RAM of the device.
///
/// @param options to be changed
/// @param bytes all that the applier may use: the workspace and 1024 for a flashdelta_applier; what
///     is impossible shows when the patch is made
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_ram(
    options: *mut flashdelta_options,
    bytes: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.profile.ram = bytes;
            Ok(())
        })
    }
}

/// The write unit that the patch is made for. What it means to the applier in C is said with
/// `write_size` of flashdelta_flash; an applier of your own in Rust may want one that is no smaller
/// than the flash's.
///
/// @param options to be changed
/// @param bytes a power of two, 1 to 4096; 16 unless set
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
                let message = format!(
                    "the write unit is {bytes} bytes: it must be a power of two, 1 to 4096"
                );
                return Err(Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message));
            }
            options.profile.page = bytes;
            Ok(())
        })
    }
}

/// The codecs that the device's library was built with. Without this: model, and whichever is asked
/// for by flashdelta_options_set_codec().
///
/// @param options to be changed
/// @param codecs numbers of flashdelta_codec; may be NULL if `count` is 0
/// @param count how many
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if a
///     number is none of flashdelta_codec
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
            let codecs = numbers.iter().map(|number| codec(*number)).collect::<Result<_, _>>()?;
            options.profile.set_codecs(codecs);
            Ok(())
        })
    }
}

/// The instruction sets that the device's library was built with. Without this: all.
///
/// @param options to be changed
/// @param isas numbers of flashdelta_isa; may be NULL if `count` is 0
/// @param count how many
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if a
///     number is none of flashdelta_isa
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
            options.profile.isas =
                numbers.iter().map(|number| isa(*number)).collect::<Result<_, _>>()?;
            Ok(())
        })
    }
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
