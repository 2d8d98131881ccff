//! What a patch says that it makes: known before anything is made.

use super::apply::{parse, section};
use super::error::FileError;

/// Workspace that no patch has to account for, in bytes.
const USUAL_WORKSPACE: u64 = 1 << 20;

/// What a patch says that applying it makes.
pub(crate) struct Claims {
    /// Length of the new file in bytes.
    pub(crate) file_len: u64,
    /// Bytes of everything that is made on the way, the file included.
    pub(crate) bytes: u64,
}

/// Reads the claims of a patch. [`Files`](super::Files) makes no more than they say.
pub(crate) fn claims(patch: &[u8]) -> Result<Claims, FileError> {
    let header = parse(patch)?;
    let image = u64::from(header.new_size);
    let workspace = (header.workspace_len() as u64).saturating_sub(USUAL_WORKSPACE);
    let (file_len, around) = match section(&header, patch)?.and_then(|section| section.new) {
        None => (image, 0),
        // The data of the records, and the file.
        Some(new) => (new.len() as u64, 2 * new.len() as u64 + new.template_bytes()),
    };
    Ok(Claims { file_len, bytes: image + around + workspace })
}
