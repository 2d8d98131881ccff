//! What a patch says about itself.

use flashdelta::{PatchHeader, MAX_HEADER_LEN};

use crate::detail::flashdelta_error_detail;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes, check, put};

/// This many first bytes of a patch are always enough for flashdelta_workspace_len() and
/// flashdelta_read_patch_info().
pub const FLASHDELTA_MAX_HEADER_LEN: usize = 1024;

const _: () = assert!(FLASHDELTA_MAX_HEADER_LEN == MAX_HEADER_LEN);

/// How the body of a patch is coded. The numbers are those of the patch format.
#[repr(u32)]
pub enum flashdelta_codec {
    /// Plain operations.
    FLASHDELTA_CODEC_RAW = 0,
    /// LZ4: little code, fast.
    FLASHDELTA_CODEC_LZ4 = 1,
    /// Zstandard: for devices that run an operating system. Not in the library for
    /// microcontrollers.
    FLASHDELTA_CODEC_ZSTD = 2,
    /// Adaptive models: the smallest patches.
    FLASHDELTA_CODEC_MODEL = 3,
}

/// An instruction set that a patch predicts by. The numbers are those of the patch format.
#[repr(u32)]
pub enum flashdelta_isa {
    /// None; units of 4 bytes.
    FLASHDELTA_ISA_NONE = 0,
    /// Arm Thumb and Thumb-2: Cortex-M.
    FLASHDELTA_ISA_THUMB = 1,
    /// RISC-V RV32IMC.
    FLASHDELTA_ISA_RISCV = 2,
    /// Xtensa LX106 to LX7.
    FLASHDELTA_ISA_XTENSA = 3,
    /// Telink TC32.
    FLASHDELTA_ISA_TC32 = 4,
    /// Intel MCS-51 (8051).
    FLASHDELTA_ISA_MCS51 = 5,
    /// None; units of 2 bytes.
    FLASHDELTA_ISA_HALVES = 14,
    /// None; units of 1 byte.
    FLASHDELTA_ISA_BYTES = 15,
}

/// What a patch says about itself. All sizes are in bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct flashdelta_patch_info {
    /// Version of the patch format.
    pub format_version: u32,
    /// How the body is coded: one of flashdelta_codec.
    pub codec: u32,
    /// The instruction set: one of flashdelta_isa.
    pub isa: u32,
    /// The write unit that the patch was made for, a power of two. That of the device may be
    /// another: see flashdelta_flash.
    pub write_size: u32,
    /// RAM that a device needs, everything but the stack included: workspace and
    /// flashdelta_applier.
    pub ram: u32,
    /// The workspace that flashdelta_applier_init() must be lent.
    pub workspace_len: u32,
    /// Size of the old image.
    pub old_size: u32,
    /// Size of the new image.
    pub new_size: u32,
    /// Size of the whole patch.
    pub patch_size: u32,
    /// 1 if the patch says which devices it is for, else 0, and the next four are 0 as well. Nobody
    /// has signed any of it: see flashdelta_device.
    pub has_identity: u32,
    /// The product.
    pub product: u32,
    /// First hardware revision that the new image runs on.
    pub hardware_from: u32,
    /// Last hardware revision that the new image runs on.
    pub hardware_to: u32,
    /// Security counter of the new image.
    pub security_counter: u32,
    /// The first 12 bytes of the SHA-256 of the old image.
    pub old_digest: [u8; 12],
    /// SHA-256 of the new image.
    pub new_digest: [u8; 32],
}

impl From<&PatchHeader> for flashdelta_patch_info {
    fn from(header: &PatchHeader) -> Self {
        let identity = header.identity.unwrap_or_default();
        Self {
            format_version: header.version.into(),
            codec: header.codec as u32,
            isa: header.isa as u32,
            write_size: 1u32.wrapping_shl(header.granularity_log2.into()),
            ram: header.ram,
            workspace_len: header.workspace_len() as u32,
            old_size: header.old_size,
            new_size: header.new_size,
            patch_size: header.body_offset().saturating_add(header.body_len),
            has_identity: header.identity.is_some().into(),
            product: identity.product,
            hardware_from: identity.hardware_from.into(),
            hardware_to: identity.hardware_to.into(),
            security_counter: identity.security_counter,
            old_digest: header.old_digest,
            new_digest: header.new_digest,
        }
    }
}

/// The workspace that a patch needs.
///
/// @param patch the first bytes of the patch, or all of it; may be NULL if `len` is 0
/// @param len number of bytes at `patch`; #FLASHDELTA_MAX_HEADER_LEN are always enough, mostly some
///     100 are
/// @param[out] workspace_len bytes that flashdelta_applier_init() must be lent; written only on
///     success
/// @return #FLASHDELTA_OK; #FLASHDELTA_NEED_MORE if the header is longer than `len` bytes: call
///     again with more of them; #FLASHDELTA_ERR_NULL_POINTER or #FLASHDELTA_ERR_INVALID_ARGUMENT;
///     or the error (3xx, 6xx) of a header that cannot be used
///
/// May be called from any thread. It takes no longer than a CRC-32 of the header does.
///
/// # Safety
///
/// C's usual rules: `len` bytes can be read at `patch`, a size_t can be written to `workspace_len`.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_workspace_len(
    patch: *const u8,
    len: usize,
    workspace_len: *mut usize,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { read(patch, len, workspace_len, |header| header.workspace_len()) }
}

/// What a patch says about itself.
///
/// Nothing but the header is looked at: that it can be read does not mean that the rest is whole.
///
/// @param patch the first bytes of the patch, or all of it; may be NULL if `len` is 0
/// @param len number of bytes at `patch`; #FLASHDELTA_MAX_HEADER_LEN are always enough, mostly some
///     100 are
/// @param[out] info written only on success
/// @return as flashdelta_workspace_len()
///
/// May be called from any thread. It takes no longer than a CRC-32 of the header does.
///
/// # Safety
///
/// C's usual rules: `len` bytes can be read at `patch`, a flashdelta_patch_info can be written to
/// `info`.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_read_patch_info(
    patch: *const u8,
    len: usize,
    info: *mut flashdelta_patch_info,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    unsafe { read(patch, len, info, |header| header.into()) }
}

/// Reads the header, and writes something of it.
///
/// # Safety
///
/// `len` bytes can be read at `patch`, a `T` can be written to `out`.
pub(crate) unsafe fn read<T>(
    patch: *const u8,
    len: usize,
    out: *mut T,
    value: impl FnOnce(&PatchHeader) -> T,
) -> flashdelta_status {
    let outcome = (|| {
        check(out)?;
        // SAFETY: the caller's promise.
        let start = unsafe { bytes(patch, len)? };
        let header = PatchHeader::parse(start)
            .map_err(|error| flashdelta_error_detail::from(&error).status)?;
        let header = header.ok_or(FLASHDELTA_NEED_MORE)?;
        // SAFETY: the caller's promise.
        unsafe { put(out, value(&header)) }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

#[cfg(test)]
mod tests {
    use super::{flashdelta_codec::*, flashdelta_isa::*};
    use flashdelta::{Codec, InstructionSet};

    /// The enumerations are for the header; what is told are the numbers of the library.
    #[test]
    fn codecs_and_instruction_sets_have_the_numbers_of_the_format() {
        let codecs = [
            FLASHDELTA_CODEC_RAW as u32,
            FLASHDELTA_CODEC_LZ4 as u32,
            FLASHDELTA_CODEC_ZSTD as u32,
            FLASHDELTA_CODEC_MODEL as u32,
        ];
        assert_eq!(sorted(Codec::ALL.map(|codec| codec as u32)), sorted(codecs));
        let isas = [
            FLASHDELTA_ISA_NONE as u32,
            FLASHDELTA_ISA_THUMB as u32,
            FLASHDELTA_ISA_RISCV as u32,
            FLASHDELTA_ISA_XTENSA as u32,
            FLASHDELTA_ISA_TC32 as u32,
            FLASHDELTA_ISA_MCS51 as u32,
            FLASHDELTA_ISA_HALVES as u32,
            FLASHDELTA_ISA_BYTES as u32,
        ];
        assert_eq!(sorted(InstructionSet::ALL.map(|isa| isa as u32)), sorted(isas));
    }

    fn sorted<const N: usize>(mut numbers: [u32; N]) -> [u32; N] {
        numbers.sort_unstable();
        numbers
    }
}
