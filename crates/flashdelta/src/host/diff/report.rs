//! What came out, and where the bytes went.

use core::time::Duration;

use super::options::Phase;
use crate::device::format::{Codec, PatchHeader};
use crate::device::isa::InstructionSet;
use crate::host::apply::PartBytes;

/// A patch and how it came about.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Patch {
    /// The patch: what the device gets.
    pub bytes: Vec<u8>,
    /// Its header.
    pub header: PatchHeader,
    /// How it came about. Only [`Report::phases`] differs from run to run.
    pub report: Report,
}

/// How a patch came about.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Report {
    /// The codec chosen.
    pub codec: Codec,
    /// The instruction set chosen.
    pub isa: InstructionSet,
    /// Bytes of the header.
    pub header_len: u32,
    /// Bytes of the address maps in the header.
    pub address_map_len: u32,
    /// Bytes of the body.
    pub body_len: u32,
    /// Bytes of the host section.
    pub host_len: u32,
    /// What the body spends its bytes on; empty for the byte codecs.
    pub parts: Vec<PartBytes>,
    /// Copies from the old image.
    pub copies_from_old: u32,
    /// Copies from the new image.
    pub copies_from_new: u32,
    /// Bytes of the new image that are copied from the old one.
    pub bytes_from_old: u32,
    /// Bytes of the new image that are copied from the new one.
    pub bytes_from_new: u32,
    /// Bytes of the new image that are spelled out.
    pub literals: u32,
    /// Time spent in each phase, all threads and attempts together.
    pub phases: Vec<(Phase, Duration)>,
    /// Everything that was tried, and the bytes of the patch that it led to (`None`: given up
    /// because it was larger).
    pub tried: Vec<Tried>,
}

/// One attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tried {
    /// The codec.
    pub codec: Codec,
    /// The instruction set.
    pub isa: InstructionSet,
    /// Bytes of the patch, if it was finished.
    pub bytes: Option<u64>,
}
