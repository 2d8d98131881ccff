//! Options: data of one device in an image of all.

use core::ffi::c_char;

use flashdelta::file;
use flashdelta::holes::HoleRequest;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};

use super::{flashdelta_options, set};
use crate::buffer::flashdelta_buffer;
use crate::error::guard;
use crate::paths;

/// A range of the image that each device has for itself: one patch serves devices with different
/// values in it. Of both images the values do not count.
///
/// @param options to be changed: one hole more, of at most 16
/// @param hole as `flashdelta diff --hole` takes it: "serial=0x400-0x420",
///     "serial=marker:@@SERIAL@@,old=none", or by a symbol of flashdelta_options_set_elfs(),
///     "serial=symbol:serial_number"; UTF-8
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT. Whether
///     the images can have it says flashdelta_make()
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_add_hole(
    options: *mut flashdelta_options,
    hole: *const c_char,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.holes.push(paths::text(hole)?.parse::<HoleRequest>()?);
            Ok(())
        })
    }
}

/// The value of a hole, for flashdelta_apply() and flashdelta_personalize().
///
/// @param options to be changed: a value more, or another one in place of that of the same name
/// @param name of the hole
/// @param value its bytes, copied; zeros follow if it is shorter than the hole. May be NULL if
///     `len` is 0
/// @param len number of bytes
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_value(
    options: *mut flashdelta_options,
    name: *const c_char,
    value: *const u8,
    len: usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            let (name, value) = (paths::text(name)?, bytes(value, len)?);
            options.values.set(name, value);
            Ok(())
        })
    }
}

/// Fills the holes of an image with the values of a device, for flashing. Checksums and digests of
/// ESP images are corrected, and those of the records of a file of such (Intel HEX, S-records,
/// TI-TXT, UF2).
///
/// @param image the image as it was built; of an ESP chip also a whole flash
/// @param len its size in bytes
/// @param options the holes, a value for each, and the ELF file of the new image
/// @param[out] filled written only on success; give it back with flashdelta_buffer_free()
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if a hole
///     has no value, or none that fits; another error if the image cannot have these holes
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_personalize(
    image: *const u8,
    len: usize,
    options: *const flashdelta_options,
    filled: *mut flashdelta_buffer,
) -> flashdelta_status {
    guard(|| {
        if filled.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: the caller's promise.
        let (image, options) = unsafe { (bytes(image, len)?, options.as_ref()) };
        let options = options.ok_or(FLASHDELTA_ERR_NULL_POINTER)?;
        let elf = options.new_elf.as_deref();
        let made = file::personalize(image, elf, &options.holes, &options.values);
        // SAFETY: the caller's promise.
        Ok(unsafe { put(filled, made?.into()) }?)
    })
}
