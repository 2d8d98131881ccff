//! Files that hold several others: archives and folders.
//!
//! A release is often a zip archive with an application, a bootloader, a partition table and a
//! manifest. A *bundle* turns such a file into the next one, byte by byte, and treats each of its
//! members as it deserves: what did not change costs nothing, a firmware becomes a core patch, and
//! compressed members are compared as what they hold.
//!
//! ```
//! use flashdelta::archive::folder;
//! use flashdelta::bundle;
//! use flashdelta::DiffOptions;
//!
//! let old = folder::pack(vec![("app.bin".into(), vec![7; 9000]), ("version.txt".into(), b"1.4.1".to_vec())])?;
//! let new = folder::pack(vec![("app.bin".into(), vec![7; 9100]), ("version.txt".into(), b"1.4.2".to_vec())])?;
//! let patch = bundle::diff(&old, &new, &DiffOptions::new())?;
//! assert!(patch.bytes.len() < 400);
//! assert_eq!(bundle::apply(&old, &patch.bytes)?, new);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - `check`: what must not be used, and what is patched otherwise than it seems to be meant.
//! - `pairing`: which old member a new one is made from; [`manifest`](crate::manifest) says what a
//!   file is for.
//! - `make`, `format`, `apply`: the patch, which `docs/format.md` specifies.
//!
//! Bundles are for computers: making and applying them needs all of both files in memory. The
//! patches in them are core patches; each of those keeps to the device profile.

mod apply;
mod check;
mod error;
mod format;
mod make;
mod pairing;

pub use apply::{apply, apply_with, apply_with_limit};
pub use check::{check, check_manifest, Warning};
pub use error::BundleError;
pub use format::{info, is_bundle, plain_patch, BundleInfo, MemberInfo, Method};
pub use make::{diff, diff_with, BundleOptions, BundlePatch};

use core::ops::ControlFlow;

use crate::device::apply::{ApplyError, Progress};
use crate::device::format::PatchHeader;
use crate::host::apply::apply_watched;
use crate::host::diff::DiffOptions;
use crate::host::file::{self, FileError, Files, MakeError, Output};

/// Members up to this length, in bytes, are not worth a patch of their own: they go into the common
/// one.
const SMALL: usize = 4096;

/// Bundles in bundles: a member that is a container itself.
const MOST_LEVELS: usize = 3;

/// Why the patch of a member does not apply.
pub type MemberError = FileError;

/// Makes the patch of a member. Text files that cannot be read are patched as they are.
fn member_diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<Vec<u8>, MakeError> {
    let patch = match file::diff(old, new, options) {
        Err(MakeError::OldFile(_) | MakeError::NewFile(_)) => {
            crate::host::diff::diff(old, new, options).map_err(MakeError::from)
        }
        patch => patch,
    };
    patch.map(|patch| patch.bytes)
}

/// Applies the patch of a member, which has to lead to `len` bytes: where the file is its own
/// image, this is checked before anything is made. `None` if `watch` gives up.
fn member_apply(
    old: &[u8],
    patch: &[u8],
    len: usize,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Vec<u8>>, MemberError> {
    let header = PatchHeader::parse(patch).map_err(ApplyError::Header)?;
    let is_plain = |header: &PatchHeader| header.host_len == 0;
    if let Some(header) =
        header.filter(|header| is_plain(header) && header.new_size as usize != len)
    {
        return Err(ApplyError::NewTooLong { needed: header.new_size, capacity: len as u32 }.into());
    }
    let files = Files::of(old, patch)?;
    let new = apply_watched(files.old_image(), patch, watch)?;
    new.map(|new| files.finish(new, Output::Same)).transpose()
}
