//! Firmware files: what they hold, and the same in another format.

use core::ffi::c_char;

use flashdelta::archive::Container;
use flashdelta::bundle;
use flashdelta::door::{self, ConvertRequest};
use flashdelta::file::{Memory, MemoryOptions};
use flashdelta::image;
use flashdelta::{Input, InstructionSet};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};
use sha2::{Digest as _, Sha256};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::files;
use crate::format::{flashdelta_format, writable};
use crate::options::flashdelta_options;
use crate::paths;

/// What a firmware file holds. All sizes are in bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct flashdelta_firmware_info {
    /// Size of the file.
    pub size: u64,
    /// Size of the image that a device holds, which patches are made of: for files of records the
    /// memory in them, else the file.
    pub image_size: u64,
    /// The lowest address that has a byte, if `segments` is not 0.
    pub address: u64,
    /// One past the highest one, up to 2^32.
    pub end: u64,
    /// One of flashdelta_format.
    pub format: u32,
    /// What the code is written in: one of flashdelta_isa; #FLASHDELTA_ISA_NONE if that is not
    /// known, or none of them.
    pub isa: u32,
    /// Parts of the file that have addresses of their own; 0 if the file does not tell addresses.
    pub segments: u32,
    /// Files in it, if it is an archive.
    pub members: u32,
    /// The share of the image that looks encrypted or compressed, 0 to 1. If it is large, patches
    /// will hardly be smaller than the image; unless it is an archive, whose files are compared as
    /// what they hold.
    pub packed: f32,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
}

/// What a bundle says about itself: a patch between archives, or folders. All sizes are in bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct flashdelta_bundle_info {
    /// Size of the old file.
    pub old_size: u32,
    /// Size of the new file.
    pub new_size: u32,
    /// Files in the new one that have data.
    pub members: u32,
    /// The first 12 bytes of the SHA-256 of the old file.
    pub old_digest: [u8; 12],
    /// SHA-256 of the new file.
    pub new_digest: [u8; 32],
}

/// What a firmware file holds.
///
/// @param file the file, in any format; may be NULL if `len` is 0
/// @param len its size in bytes
/// @param[out] info written only on success
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_FIRMWARE_FILE if it is a damaged file of records or
///     archive; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT;
///     #FLASHDELTA_ERR_PANIC
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_read_firmware_info(
    file: *const u8,
    len: usize,
    info: *mut flashdelta_firmware_info,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let file = unsafe { bytes(file, len)? };
        if info.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        let found = firmware_info(file)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(info, found) }?)
    })
}

fn firmware_info(file: &[u8]) -> Result<flashdelta_firmware_info, Failure> {
    let memory = Memory::read(file, &MemoryOptions::default())?;
    let map = image::address_map(&memory.image);
    let mut parts: Vec<(u64, u64)> = memory
        .parts
        .iter()
        .map(|part| (part.address.into(), u64::from(part.address) + part.len as u64))
        .collect();
    if parts.is_empty() {
        let place =
            |s: &image::MapSegment| (u64::from(s.address), u64::from(s.address) + u64::from(s.len));
        parts = map.segments.iter().map(place).collect();
    }
    let members = match Container::detect(file) {
        Container::Whole => 0,
        container => {
            let found = container.members(file);
            found
                .map_err(|error| Failure::new(FLASHDELTA_ERR_FIRMWARE_FILE, error.to_string()))?
                .len()
        }
    };
    let isa = map.isa.map_or(InstructionSet::None, image::IsaHint::instruction_set);
    Ok(flashdelta_firmware_info {
        size: file.len() as u64,
        image_size: memory.image.len() as u64,
        address: parts.iter().map(|part| part.0).min().unwrap_or(0),
        end: parts.iter().map(|part| part.1).max().unwrap_or(0),
        format: flashdelta_format::of(file) as u32,
        isa: isa as u32,
        segments: parts.len() as u32,
        members: members as u32,
        packed: image::packed(&memory.image),
        digest: Sha256::digest(file).into(),
    })
}

/// What a bundle says about itself.
///
/// @param bundle all of it; may be NULL if `len` is 0
/// @param len its size in bytes
/// @param[out] info written only on success
/// @return #FLASHDELTA_OK; an error (3xx, 6xx) if it is none, damaged, or not complete;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_read_bundle_info(
    bundle: *const u8,
    len: usize,
    info: *mut flashdelta_bundle_info,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let found = bundle::info(unsafe { bytes(bundle, len)? })?;
        let found = flashdelta_bundle_info {
            old_size: found.old_size,
            new_size: found.new_size,
            members: found.members.len() as u32,
            old_digest: found.old_digest,
            new_digest: found.new_digest,
        };
        // SAFETY: the caller's promise.
        Ok(unsafe { put(info, found) }?)
    })
}

/// Writes a firmware file in another format.
///
/// Plain binaries are where flashdelta_options_set_base() says, or where their code says, or at
/// 0. Of an ELF file the stored bytes are taken, as objcopy does. In a plain binary gaps are filled
/// with 0xFF.
///
/// @param file the file, in any format with addresses, or a plain binary
/// @param len its size in bytes
/// @param format #FLASHDELTA_FORMAT_RAW, #FLASHDELTA_FORMAT_INTEL_HEX, #FLASHDELTA_FORMAT_SREC,
///     #FLASHDELTA_FORMAT_TI_TXT or #FLASHDELTA_FORMAT_UF2
/// @param options how it is read, fill, range, family and base count; NULL for the defaults
/// @param[out] converted written only on success; give it back with flashdelta_buffer_free(). What
///     was in it before is not freed
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_FIRMWARE_FILE if the file is damaged or empty;
///     #FLASHDELTA_ERR_CANNOT_CONVERT if the format cannot hold it; #FLASHDELTA_ERR_NULL_POINTER;
///     #FLASHDELTA_ERR_INVALID_ARGUMENT, also if it is an archive or a patch; #FLASHDELTA_ERR_PANIC
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_convert(
    file: *const u8,
    len: usize,
    format: u32,
    options: *const flashdelta_options,
    converted: *mut flashdelta_buffer,
) -> flashdelta_status {
    guard(|| {
        if converted.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: the caller's promise.
        let (file, options) = unsafe { (bytes(file, len)?, options.as_ref()) };
        let made = convert(Input::from_bytes(file), format, options)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { put(converted, made.into()) }?)
    })
}

/// As flashdelta_convert(), from a file to a file.
///
/// The result is written under a temporary name beside the final one, which it gets once it is
/// complete and on the disk. A file that has that name already is replaced.
///
/// @param from_path of the file; any bytes on Unix, UTF-8 on Windows, as all paths
/// @param to_path of the result; not the same file
/// @param format as for flashdelta_convert(); the name of the file does not matter. That of
///     `from_path` does: what it promises and the file is not, is an error
/// @param options as for flashdelta_convert(); NULL for the defaults
/// @return as flashdelta_convert(); #FLASHDELTA_ERR_FILE if a file cannot be read or written, or if
///     both are the same
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_convert_file(
    from_path: *const c_char,
    to_path: *const c_char,
    format: u32,
    options: *const flashdelta_options,
) -> flashdelta_status {
    guard(|| {
        // SAFETY: the caller's promise.
        let (from, to, options) =
            unsafe { (paths::path(from_path)?, paths::path(to_path)?, options.as_ref()) };
        files::check_output(&to, &[&from])?;
        files::write(&to, &convert(Input::open_verbatim(&from)?, format, options)?)
    })
}

fn convert(
    input: Input<'_>,
    format: u32,
    options: Option<&flashdelta_options>,
) -> Result<Vec<u8>, Failure> {
    let mut request = ConvertRequest::new();
    if let Some(options) = options {
        let read = options.reading.read().base(options.base);
        request = request.read(read).write(options.reading.write());
    }
    Ok(door::convert(input, writable(format)?, &request)?.bytes()?)
}
