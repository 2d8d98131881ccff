//! What is under way once the header is complete.

use super::buffers::Buffers;
use super::digest::Digest;
use super::machine::Machine;
use crate::device::format::PatchHeader;

/// The body of a patch, on its way. `M` is a message that SHA-256 is computed of.
pub(crate) struct Body<'w, M> {
    pub(crate) header: PatchHeader,
    pub(crate) work: Work<'w, M>,
    pub(crate) buffers: Buffers<'w>,
    /// Bytes of the body that have not been fed.
    pub(crate) left: u32,
}

/// Either or: the RAM that patches state does not have room for both.
#[allow(clippy::large_enum_variant)] // There is no heap to put the larger one on.
pub(crate) enum Work<'w, M> {
    /// The decoder.
    Machine(Machine<'w>),
    /// The digest of an image: of the old one before the body, of the new one after it.
    Digest(Digest<M>),
}

impl<M> Body<'_, M> {
    /// Before the header is complete.
    pub(crate) fn idle() -> Self {
        Self {
            header: PatchHeader::default(),
            work: Work::Machine(Machine::idle()),
            buffers: Buffers::empty(),
            left: 0,
        }
    }
}
