//! The digest of what is in a component, taken in pieces.

use core::fmt;

use crate::device::apply::{OldImage, Sha256Engine};

/// How much of a digest was taken.
pub(super) enum Taken {
    /// There is more to read.
    #[cfg(feature = "bounded")]
    Some,
    /// It is complete.
    All([u8; 32]),
    /// There are fewer bytes.
    TooShort,
}

/// A digest under way.
pub(super) struct Digest<H: Sha256Engine> {
    #[cfg(feature = "bounded")]
    message: Option<H::Message>,
    /// Bytes of it so far.
    #[cfg(feature = "bounded")]
    taken: u32,
    #[cfg(not(feature = "bounded"))]
    engine: core::marker::PhantomData<H>,
}

impl<H: Sha256Engine> fmt::Debug for Digest<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(feature = "bounded")]
impl<H: Sha256Engine> Digest<H> {
    pub(super) fn none() -> Self {
        Self { message: None, taken: 0 }
    }

    /// Takes the SHA-256 of the first `size` bytes, or goes on with it.
    #[inline(never)] // One copy in the device's flash.
    pub(super) fn take<O: OldImage>(
        &mut self,
        sha: &mut H,
        old: &mut O,
        size: u32,
        left: &mut u32,
    ) -> Result<Taken, O::Error> {
        let under_way = self.message.take();
        if old.len() < size {
            return Ok(Taken::TooShort);
        }
        if under_way.is_none() {
            self.taken = 0;
        }
        let mut message = under_way.unwrap_or_else(|| sha.start());
        while self.taken < size {
            if *left == 0 {
                self.message = Some(message);
                return Ok(Taken::Some);
            }
            let len = take_piece(sha, &mut message, old, (self.taken, size))?;
            self.taken = self.taken.wrapping_add(len);
            *left = if *left == u32::MAX { *left } else { left.saturating_sub(len) };
        }
        Ok(Taken::All(end(sha, &mut message)))
    }
}

#[cfg(not(feature = "bounded"))]
impl<H: Sha256Engine> Digest<H> {
    pub(super) fn none() -> Self {
        Self { engine: core::marker::PhantomData }
    }

    /// Takes the SHA-256 of the first `size` bytes.
    #[inline(never)] // One copy in the device's flash.
    #[allow(clippy::unused_self)] // As above.
    pub(super) fn take<O: OldImage>(
        &mut self,
        sha: &mut H,
        old: &mut O,
        size: u32,
        _: &mut u32,
    ) -> Result<Taken, O::Error> {
        if old.len() < size {
            return Ok(Taken::TooShort);
        }
        let (mut message, mut taken) = (sha.start(), 0u32);
        while taken < size {
            taken = taken.wrapping_add(take_piece(sha, &mut message, old, (taken, size))?);
        }
        Ok(Taken::All(end(sha, &mut message)))
    }
}

/// Takes some bytes of an image, from here to there; gives how many.
fn take_piece<O: OldImage, H: Sha256Engine>(
    sha: &mut H,
    message: &mut H::Message,
    old: &mut O,
    (at, to): (u32, u32),
) -> Result<u32, O::Error> {
    let mut piece = [0; 128];
    let len = piece.len().min(to.wrapping_sub(at) as usize);
    let part = piece.get_mut(..len).unwrap_or_default();
    old.read(at, part)?;
    sha.update(message, part);
    Ok(len as u32)
}

fn end<H: Sha256Engine>(sha: &mut H, message: &mut H::Message) -> [u8; 32] {
    let mut digest = [0; 32];
    sha.digest(message, &mut digest);
    digest
}
