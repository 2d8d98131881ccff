//! The digest of an image, piece by piece.

use super::budget::Budget;
use crate::device::format::DIGEST_LEN;
use crate::device::sha256::Sha256Engine;

/// A SHA-256.
pub(crate) type Sha256 = [u8; DIGEST_LEN as usize];

/// The digest of an image, on its way.
pub(crate) struct Digest<M> {
    message: M,
    /// Bytes that are in it.
    at: u32,
    /// Bytes of the image that are there.
    pub(crate) end: u32,
}

impl<M> Digest<M> {
    /// Nothing of an image, of which `end` bytes are there.
    pub(crate) fn new(message: M, end: u32) -> Self {
        Self { message, at: 0, end }
    }
}

/// What is asked of an image.
pub(crate) enum Access<'a> {
    /// To read a piece.
    Read(&'a mut [u8]),
    /// To append its digest so far.
    Append(&'a Sha256),
}

/// Has an image at an offset; false if that fails. Closures do. A trait of its own: the tables of
/// [`FnMut`] have another copy of each, for closures that are used up.
pub(crate) trait Accessor {
    fn access(&mut self, offset: u32, access: Access<'_>) -> bool;
}

impl<F: FnMut(u32, Access<'_>) -> bool> Accessor for F {
    fn access(&mut self, offset: u32, access: Access<'_>) -> bool {
        self(offset, access)
    }
}

/// Whole blocks need no copying inside the hash, and flash likes to be read in words.
const BLOCK: usize = 64;

/// Goes on with the digest of an image of `len` bytes, read through `buffer`, as far as the budget
/// allows. True if `digest` is complete; `None` if the image cannot be read. If only a part of it
/// is there, the digest of that is appended first: by a call that does nothing else but go on from
/// there, as this flushes the image.
#[inline(never)] // One copy in the device's flash.
pub(crate) fn hash<H: Sha256Engine>(
    engine: &mut H,
    work: &mut Digest<H::Message>,
    buffer: &mut [u8],
    budget: &mut Budget,
    len: u32,
    digest: &mut Sha256,
    image: &mut dyn Accessor,
) -> Option<bool> {
    // The smallest buffer mostly holds a block.
    let piece = if buffer.len() < BLOCK { buffer.len() } else { buffer.len() & !(BLOCK - 1) };
    loop {
        while work.at < work.end {
            let room = (budget.left() as usize & !(BLOCK - 1)).max(BLOCK);
            let len = piece.min(room).min(work.end.wrapping_sub(work.at) as usize).max(1);
            if !budget.allows(len as u32) {
                return Some(false);
            }
            let bytes = buffer.get_mut(..len)?;
            if !image.access(work.at, Access::Read(bytes)) {
                return None;
            }
            budget.spend(len as u32);
            engine.update(&mut work.message, bytes);
            work.at = work.at.wrapping_add(len as u32);
        }
        let is_all = !cfg!(feature = "model") || work.end == len;
        if !is_all && !budget.allows(u32::MAX) {
            return Some(false);
        }
        let goes_on = engine.digest(&mut work.message, digest);
        if is_all {
            return Some(true);
        }
        if !image.access(work.end, Access::Append(digest)) {
            return None;
        }
        budget.spend(u32::MAX);
        work.end = len;
        if !goes_on {
            (work.message, work.at) = (engine.start(), 0);
        }
    }
}
