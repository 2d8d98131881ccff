//! What a suspension tells about itself.

use super::applier::Phase;
#[cfg(feature = "verify")]
use super::suspend::GUARDED;
use super::suspend::{port_front, Rest, LIBRARY, MAGIC};
use crate::device::format::PatchHeader;
use crate::device::port::Port;

impl PatchHeader {
    /// The header of the patch that was suspended: after a reset it tells how much memory the
    /// update has to be lent, [`workspace_len`](Self::workspace_len) and, with a guard, as much as
    /// its chunks take. `read` fills in the `len` bytes of the suspension from an offset on.
    ///
    /// `None`: no version of this library that could go on with it has written it, or the header
    /// was not accepted yet. Whether the rest is whole is found out when it is gone on with.
    ///
    /// # Errors
    ///
    /// If `read` fails.
    pub fn of_suspension<E>(
        len: u32,
        mut read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<Option<Self>, E> {
        let mut failed = None;
        let mut source = |offset: u32, bytes: &mut [u8]| {
            failed = read(offset, bytes).err();
            failed.is_none()
        };
        let mut rest = Rest { source: &mut source, at: 0, end: len };
        let mut port = Port::new(&mut rest, true);
        let (mut magic, mut phase, mut header) = (0, Phase::Header, Self::default());
        port.number(&mut magic);
        port.same(LIBRARY);
        port_front(&mut port, &mut phase, (&mut 0, &mut 0), &mut header);
        let is_known = port.end().is_ok() && phase != Phase::Header;
        #[cfg(feature = "verify")]
        let is_one = magic == MAGIC || magic == GUARDED;
        #[cfg(not(feature = "verify"))]
        let is_one = magic == MAGIC;
        match failed {
            Some(error) => Err(error),
            None => Ok((is_known && is_one).then_some(header)),
        }
    }
}
