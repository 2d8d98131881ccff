//! What every instruction set implements.

use super::{Form, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// What the model needs to know about an instruction set. State (registers, known literals) lives
/// in `self`, is small and depends only on what was walked since the last [`jump`](Isa::jump).
pub(crate) trait Isa {
    /// Finds the unit at this place, but for its [code](Unit::code). May look ahead in `at.old`.
    fn unit(&mut self, at: &Place<'_>) -> Unit;

    /// Writes the unit anew so that it refers to `target`, an address of the *new* image, from
    /// `new_address`. `None` when the target cannot be encoded in this form (out of range,
    /// misaligned). For forms that hold a part of the address (the high 20 bits) the nearest
    /// encoding of that part. Bytes after `unit.len` are 0. Never called with [`Form::PLAIN`].
    fn encode(&self, unit: &Unit, new_address: u32, target: u32) -> Option<[u8; 4]>;

    /// Reads the new target out of `bytes`, if they are the same unit but for the reference (same
    /// operation, same registers): exactly then
    /// `encode(unit, new_address, decode(unit, new_address, bytes)) == bytes`. Never called with
    /// [`Form::PLAIN`].
    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32>;

    /// The unit was written as `bytes`, `addresses` being its old and its new one: update
    /// registers, known literals and the like.
    fn advance(&mut self, unit: &Unit, addresses: (u32, u32), bytes: [u8; 4]);

    /// The walk goes on somewhere else: forget what depends on the way.
    fn jump(&mut self);

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>);

    /// Number of low bits of a target that this form cannot express (1 for Thumb BL, 2 for Xtensa
    /// CALL, 12 for RISC-V LUI).
    fn scale(form: Form) -> u8;

    /// Whether this form holds the whole target, so that the shift map may learn from it. (Not so
    /// for the high 20 bits alone.)
    fn is_exact(form: Form) -> bool;

    /// Whether a unit that begins with the byte `first` ends with its `len`-th byte, `last`. For
    /// new content, which nothing predicts: it only has to be right most of the time, and true
    /// from 4 on.
    fn ends(first: u8, last: u8, len: u8) -> bool;

    /// What is left of a unit's [code](Unit::code) without its registers: operation and immediate
    /// value. Units of one key tend to change in the same way (the offset of a field that has
    /// moved, say, whatever register holds its structure).
    fn key(code: u32, len: u8) -> u32;

    /// The unit's bytes with the reference field zeroed, for matching images whose code has moved.
    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4];
}
