//! What is under way once the header is complete.

use super::buffers::Buffers;
use super::machine::Machine;
use crate::device::format::PatchHeader;

/// The body of a patch, on its way.
pub(crate) struct Body<'w> {
    pub(crate) header: PatchHeader,
    pub(crate) machine: Machine<'w>,
    pub(crate) buffers: Buffers<'w>,
    /// Bytes of the body that have not been fed.
    pub(crate) left: u32,
}

impl Body<'_> {
    /// Before the header is complete.
    pub(crate) fn idle() -> Self {
        Self {
            header: PatchHeader::default(),
            machine: Machine::idle(),
            buffers: Buffers::empty(),
            left: 0,
        }
    }
}
