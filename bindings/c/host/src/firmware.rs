//! Firmware files: what they hold, and the same in another format.

use core::ffi::c_char;

use flashdelta::archive::Container;
use flashdelta::bundle::{self};
use flashdelta::file::{Memory, MemoryOptions, Output};
use flashdelta::image::{self, Format, Image, ReadOptions, WriteOptions};
use flashdelta::InstructionSet;
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::{bytes, put};
use sha2::{Digest as _, Sha256};

use crate::buffer::flashdelta_buffer;
use crate::error::{guard, Failure};
use crate::files;
use crate::options::flashdelta_options;
use crate::paths;

/// What a file is. It is told by the content, never by the name.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum flashdelta_format {
    /// A plain binary, or something unknown.
    FLASHDELTA_FORMAT_RAW = 0,
    /// Intel HEX.
    FLASHDELTA_FORMAT_INTEL_HEX = 1,
    /// Motorola S-records.
    FLASHDELTA_FORMAT_SREC = 2,
    /// TI-TXT.
    FLASHDELTA_FORMAT_TI_TXT = 3,
    /// UF2.
    FLASHDELTA_FORMAT_UF2 = 4,
    /// Espressif image, or a flash image merged from some.
    FLASHDELTA_FORMAT_ESP = 5,
    /// ELF.
    FLASHDELTA_FORMAT_ELF = 6,
    /// MCUboot image.
    FLASHDELTA_FORMAT_MCUBOOT = 7,
    /// Zigbee over-the-air upgrade file.
    FLASHDELTA_FORMAT_ZIGBEE_OTA = 8,
    /// Silicon Labs Gecko Bootloader file.
    FLASHDELTA_FORMAT_GBL = 9,
    /// Ember bootloader file.
    FLASHDELTA_FORMAT_EBL = 10,
    /// Telink image.
    FLASHDELTA_FORMAT_TELINK = 11,
    /// ST DfuSe file.
    FLASHDELTA_FORMAT_DFUSE = 12,
    /// Plain binary with a DFU suffix.
    FLASHDELTA_FORMAT_DFU = 13,
    /// RT-Thread over-the-air package.
    FLASHDELTA_FORMAT_RBL = 14,
    /// Verilog memory file (`$readmemh`).
    FLASHDELTA_FORMAT_VMEM = 15,
    /// JSON of ArduPilot or PX4 that holds the image.
    FLASHDELTA_FORMAT_APJ = 16,
    /// Zip archive.
    FLASHDELTA_FORMAT_ZIP = 32,
    /// Tar archive.
    FLASHDELTA_FORMAT_TAR = 33,
    /// A file compressed by gzip.
    FLASHDELTA_FORMAT_GZIP = 34,
    /// Another kind of archive.
    FLASHDELTA_FORMAT_PACKAGE = 35,
    /// A patch for devices: flashdelta_read_patch_info() tells more.
    FLASHDELTA_FORMAT_PATCH = 48,
    /// A bundle, that is, a patch between archives, for hosts: flashdelta_read_bundle_info() tells
    /// more.
    FLASHDELTA_FORMAT_BUNDLE = 49,
}

use flashdelta_format::*;

impl flashdelta_format {
    fn of(file: &[u8]) -> Self {
        match Container::detect(file) {
            _ if bundle::is_bundle(file) => FLASHDELTA_FORMAT_BUNDLE,
            _ if file.starts_with(b"FDP") => FLASHDELTA_FORMAT_PATCH,
            Container::Whole => image::detect(file).into(),
            Container::Zip => FLASHDELTA_FORMAT_ZIP,
            Container::Tar => FLASHDELTA_FORMAT_TAR,
            Container::Gzip => FLASHDELTA_FORMAT_GZIP,
            _ => FLASHDELTA_FORMAT_PACKAGE,
        }
    }

    /// What applying a patch gives back, by number.
    pub(crate) fn output(number: u32) -> Result<Output, Failure> {
        Ok(match writable(number)? {
            Format::IntelHex => Output::IntelHex,
            Format::Srec => Output::Srec,
            Format::TiTxt => Output::TiTxt,
            Format::Uf2 => Output::Uf2,
            _ => Output::Binary,
        })
    }
}

impl From<Format> for flashdelta_format {
    fn from(format: Format) -> Self {
        match format {
            Format::IntelHex => FLASHDELTA_FORMAT_INTEL_HEX,
            Format::Srec => FLASHDELTA_FORMAT_SREC,
            Format::TiTxt => FLASHDELTA_FORMAT_TI_TXT,
            Format::Uf2 => FLASHDELTA_FORMAT_UF2,
            Format::Esp => FLASHDELTA_FORMAT_ESP,
            Format::Elf => FLASHDELTA_FORMAT_ELF,
            Format::Mcuboot => FLASHDELTA_FORMAT_MCUBOOT,
            Format::ZigbeeOta => FLASHDELTA_FORMAT_ZIGBEE_OTA,
            Format::Gbl => FLASHDELTA_FORMAT_GBL,
            Format::Ebl => FLASHDELTA_FORMAT_EBL,
            Format::Telink => FLASHDELTA_FORMAT_TELINK,
            Format::DfuSe => FLASHDELTA_FORMAT_DFUSE,
            Format::Dfu => FLASHDELTA_FORMAT_DFU,
            Format::Rbl => FLASHDELTA_FORMAT_RBL,
            Format::Vmem => FLASHDELTA_FORMAT_VMEM,
            Format::Apj => FLASHDELTA_FORMAT_APJ,
            _ => FLASHDELTA_FORMAT_RAW,
        }
    }
}

/// A format that files are written in, by number.
fn writable(number: u32) -> Result<Format, Failure> {
    let formats = [Format::Raw, Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2];
    let known =
        formats.into_iter().find(|format| flashdelta_format::from(*format) as u32 == number);
    known.ok_or_else(|| {
        let message =
            format!("nothing is written in format {number}: expected plain binary, Intel HEX, S-record, TI-TXT or UF2");
        Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message)
    })
}

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
/// archive; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT;
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
/// #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
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
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_FIRMWARE_FILE if the file is damaged, empty, or an
///     archive; #FLASHDELTA_ERR_CANNOT_CONVERT if the format cannot hold it;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT; #FLASHDELTA_ERR_PANIC
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
        let made = convert(file, format, options)?;
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
/// @param format as for flashdelta_convert(); the name of the file does not matter
/// @param options as for flashdelta_convert(); NULL for the defaults
/// @return as flashdelta_convert(); #FLASHDELTA_ERR_FILE if a file cannot be read or written, or if
/// both are the same
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
        files::write(&to, &convert(&files::read(&from)?, format, options)?)
    })
}

fn convert(
    file: &[u8],
    format: u32,
    options: Option<&flashdelta_options>,
) -> Result<Vec<u8>, Failure> {
    let format = writable(format)?;
    let is = flashdelta_format::of(file) as u32;
    if is >= FLASHDELTA_FORMAT_ZIP as u32 {
        let message = "this is an archive or a patch, not one firmware file: unpack it, and convert its members";
        return Err(Failure::new(FLASHDELTA_ERR_FIRMWARE_FILE, message));
    }
    let (mut read, mut write) = (ReadOptions::new(), WriteOptions::new());
    if let Some(options) = options {
        read = options.reading.read().base(options.base);
        write = options.reading.write();
    }
    let written = Image::parse(file, &read)?.write(format, &write);
    written.map_err(|error| Failure::new(FLASHDELTA_ERR_CANNOT_CONVERT, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_a_number_of_its_own() {
        let mut numbers = Format::ALL.map(|format| flashdelta_format::from(format) as u32);
        numbers.sort_unstable();
        assert!(numbers.iter().zip(0..).all(|(number, expected)| *number == expected));
    }
}
