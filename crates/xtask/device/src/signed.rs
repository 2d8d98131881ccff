//! A patch that is in memory, with its header and signatures: linked for what the check costs.

use flashdelta::apply::SoftwareSha256;
use flashdelta::verify::{check_signatures, message};
use flashdelta::PatchHeader;

use crate::chip::Key;
use crate::update::Device;

/// Whether the header is signed with the device's key.
#[inline(never)]
pub(crate) fn is_signed(device: &Device, header: &PatchHeader, patch: &[u8]) -> bool {
    let Some((front, rest)) = patch.split_at_checked(header.header_len as usize) else {
        return false;
    };
    let (block, _) =
        rest.split_at_checked(header.signatures_len() as usize).unwrap_or((rest, rest));
    check_signatures(&mut Key(device), &message(&mut SoftwareSha256, front), block).is_ok()
}
