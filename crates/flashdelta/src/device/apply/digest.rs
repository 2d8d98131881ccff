//! The digest of an image, piece by piece.

use super::budget::CallBudget;
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
    /// With holes.
    filled: Filled,
}

/// What is known of the image in which fills stand for values, as far as it is digested.
#[derive(Clone, Copy, Default)]
struct Filled {
    /// What its checksum differs by from that of the image that is there.
    #[cfg(feature = "holes")]
    sum: u8,
    /// The digest that it ends with, once it is known.
    #[cfg(feature = "holes")]
    own: Option<Sha256>,
}

/// How the digest of an image sees it.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// There are holes: fills stand for values, and this is where the digest starts that the image
    /// ends with, or its end.
    #[cfg(feature = "holes")]
    pub(crate) own: Option<u32>,
}

#[cfg(feature = "holes")]
impl View {
    /// What bytes count: values are read besides.
    fn cost(self) -> u32 {
        1 + u32::from(self.own.is_some())
    }

    /// Whether fills stand for values. What an image itself has is what it ends with the digest of.
    fn is_filled(self, end: u32, len: u32) -> bool {
        self.own.is_some() && end == len
    }
}

#[cfg(not(feature = "holes"))]
impl View {
    fn cost(self) -> u32 {
        1
    }

    fn is_filled(self, _: u32, _: u32) -> bool {
        false
    }
}

impl<M> Digest<M> {
    /// Nothing of an image, of which `end` bytes are there.
    pub(crate) fn new(message: M, end: u32) -> Self {
        Self { message, at: 0, end, filled: Filled::default() }
    }

    /// As far as the next bytes go: to the end of what is there, or to where the digest starts that
    /// the image ends with.
    fn stop(&self, view: View, len: u32) -> u32 {
        #[cfg(feature = "holes")]
        if let (Some(own), None, true) = (view.own, self.filled.own, view.is_filled(self.end, len))
        {
            return own.min(self.end);
        }
        let _ = (view, len);
        self.end
    }

    /// Gives the bytes of the digest that the image ends with, if they are next.
    fn own(&self, view: View, len: u32, bytes: &mut [u8]) -> bool {
        #[cfg(feature = "holes")]
        if let (Some(start), Some(own), true) =
            (view.own, &self.filled.own, view.is_filled(self.end, len))
        {
            if let Some(into) = self.at.checked_sub(start) {
                let rest = own.get(into as usize..).unwrap_or_default();
                for (to, from) in bytes.iter_mut().zip(rest) {
                    *to = *from;
                }
                return true;
            }
        }
        let _ = (view, len, bytes);
        false
    }

    /// Goes on from the beginning.
    fn restart(&mut self, message: M) {
        (self.message, self.at) = (message, 0);
        #[cfg(feature = "holes")]
        {
            self.filled.sum = 0;
        }
    }
}

/// What is asked of an image.
pub(crate) enum Access<'a> {
    /// To read a piece.
    Read(&'a mut [u8]),
    /// To put fills in place of the values in a piece that was read, which go into a sum.
    #[cfg(feature = "holes")]
    Fill(&'a mut [u8], &'a mut u8),
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
    budget: &mut CallBudget,
    (len, view): (u32, View),
    digest: &mut Sha256,
    image: &mut dyn Accessor,
) -> Option<bool> {
    // The smallest buffer mostly holds a block.
    let piece = if buffer.len() < BLOCK { buffer.len() } else { buffer.len() & !(BLOCK - 1) };
    loop {
        let stop = work.stop(view, len);
        while work.at < stop {
            let room = ((budget.left() / view.cost()) as usize & !(BLOCK - 1)).max(BLOCK);
            let count = piece.min(room).min(stop.wrapping_sub(work.at) as usize).max(1);
            let cost = (count as u32).wrapping_mul(view.cost());
            if !budget.allows(cost) {
                return Some(false);
            }
            let bytes = buffer.get_mut(..count)?;
            if !work.own(view, len, bytes) {
                if !image.access(work.at, Access::Read(bytes)) {
                    return None;
                }
                budget.spend(cost);
                #[cfg(feature = "holes")]
                if view.is_filled(work.end, len)
                    && !image.access(work.at, Access::Fill(bytes, &mut work.filled.sum))
                {
                    return None;
                }
            }
            engine.update(&mut work.message, bytes);
            work.at = work.at.wrapping_add(count as u32);
        }
        #[cfg(feature = "holes")]
        if stop != work.end {
            // The digest that the image would end with.
            let goes_on = engine.digest(&mut work.message, digest);
            work.filled.own = Some(*digest);
            if !goes_on {
                work.restart(engine.start());
            }
            continue;
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
        if !goes_on || view.is_filled(len, len) {
            work.restart(engine.start());
        }
    }
}
