//! Options: what patches are to be like, and how hard to try.

use core::ffi::c_char;

use flashdelta::Identity;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::put;

use super::{codec, flashdelta_options, isa, set, FLASHDELTA_AUTO};
use crate::error::{guard, Failure};
use crate::paths;

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
            let codec =
                if codec_number == FLASHDELTA_AUTO { None } else { Some(codec(codec_number)?) };
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

/// The address at which both images run, where they are plain binaries and do not tell; also that
/// of a plain binary for flashdelta_convert().
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
            options.base = Some(address);
            options.diff = options.diff.clone().base(address);
            Ok(())
        })
    }
}

/// Which devices the patch is for: others refuse it, if they say what they are (flashdelta_device).
/// It catches mistakes, not malice, as patches are not signed.
///
/// @param options to be changed
/// @param product a number of your choosing, for example that of flashdelta_product_id()
/// @param hardware_from first hardware revision that the new image runs on
/// @param hardware_to last hardware revision that the new image runs on, not below `hardware_from`
/// @param security_counter of the new image: devices refuse a patch whose counter is below their
///     own (anti-rollback)
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
                let message =
                    format!("hardware revisions {hardware_from} to {hardware_to} are none at all");
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

/// Whether files are taken byte by byte.
///
/// @param options to be changed
/// @param verbatim 0 (the default): of files of records (Intel HEX, S-records, TI-TXT, UF2) the
///     memory in them is patched, which is what a device holds, and archives (zip, tar, gzip) are
///     taken apart; anything else: all bytes as they are, for damaged files, or if no device
///     applies the patch
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_verbatim(
    options: *mut flashdelta_options,
    verbatim: i32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.verbatim = verbatim != 0;
            Ok(())
        })
    }
}

/// Whether the new file may be empty.
///
/// @param options to be changed
/// @param allow 0 (the default): an empty new file is refused, since mostly a build has failed;
///     anything else: it is permitted
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_allow_empty(
    options: *mut flashdelta_options,
    allow: i32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.allow_empty = allow != 0;
            Ok(())
        })
    }
}

/// Whether a patch is applied once it is made, to see that it works.
///
/// @param options to be changed
/// @param verify anything but 0 (the default): it is; 0: it is not, which takes less time
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_set_verify(
    options: *mut flashdelta_options,
    verify: i32,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(options, |options| {
            options.no_verify = verify == 0;
            Ok(())
        })
    }
}

/// A product number made from a name: the first four bytes of its SHA-256, big-endian.
/// `flashdelta diff --product NAME` means the same number.
///
/// @param name UTF-8
/// @param[out] product written only on success
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER; #FLASHDELTA_ERR_INVALID_ARGUMENT if it is
///     not UTF-8
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_product_id(
    name: *const c_char,
    product: *mut u32,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { paths::text(name)? };
        // SAFETY: the caller's promise.
        Ok(unsafe { put(product, Identity::product_id(name)) }?)
    })
}
