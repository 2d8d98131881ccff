//! Options: how patches are applied.

use flashdelta::file::Output;
use flashdelta::DeviceIdentity;
use flashdelta_c_abi::flashdelta_device;
use flashdelta_c_abi::flashdelta_status::{self, *};

use super::{flashdelta_options, set, FLASHDELTA_AUTO};
use crate::format::flashdelta_format;

/// Applies as this device would do it: patches for others are refused, and those that do not say
/// for whom they are.
///
/// @param options to be changed
/// @param device copied; NULL: nothing is checked (the default)
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if
///     misaligned
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

/// What applying a patch gives back.
///
/// @param options to be changed
/// @param format #FLASHDELTA_AUTO (the default): the very file that the patch was made for;
///     #FLASHDELTA_FORMAT_RAW: what a device holds in its slot afterwards, a plain binary;
///     #FLASHDELTA_FORMAT_INTEL_HEX, #FLASHDELTA_FORMAT_SREC, #FLASHDELTA_FORMAT_TI_TXT or
///     #FLASHDELTA_FORMAT_UF2: the same in that format. Patches between archives only give back the
///     very file
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if
///     nothing is written in that format
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_output(
    options: *mut flashdelta_options,
    format: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.output = if format == FLASHDELTA_AUTO {
                Output::Same
            } else {
                flashdelta_format::output(format)?
            };
            Ok(())
        })
    }
}

/// The largest new file.
///
/// @param options to be changed
/// @param bytes its size; #FLASHDELTA_AUTO (the default): what no honest patch exceeds, 64 MiB and
///     16 times the old file and the patch
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_limit(
    options: *mut flashdelta_options,
    bytes: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.limit = (bytes != FLASHDELTA_AUTO).then_some(bytes);
            Ok(())
        })
    }
}

/// Refuses patches that need more RAM than a device has, and bundles.
///
/// @param options to be changed
/// @param bytes of RAM; #FLASHDELTA_AUTO (the default): it is not looked at
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_device_ram(
    options: *mut flashdelta_options,
    bytes: u32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.device_ram = (bytes != FLASHDELTA_AUTO).then_some(bytes);
            Ok(())
        })
    }
}
