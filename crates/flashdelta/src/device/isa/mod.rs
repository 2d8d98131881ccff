//! Instruction sets: find the references in old code, say where they point, write them anew.
//!
//! An approximate copy walks the *old* image unit by unit (a unit is an instruction or a data
//! word). For each unit that holds an address, the maker and the applier ask the shift map where
//! the old target has gone and [re-encode](Isa::encode) the unit for it. Both sides run exactly
//! this code, so they cannot drift apart.
//!
//! One file per instruction set, and a row in the [table]; everything here is `no_std`, allocation-free and panic-free (no
//! indexing, no arithmetic that can overflow in debug builds): addresses are `u32` and wrap.

mod literals;
mod mcs51;
mod riscv;
mod rows;
pub(crate) mod set;
pub(crate) mod table;
mod tc32;
#[cfg(test)]
mod testing;
mod thumb;
mod xtensa;

#[cfg(feature = "suspend")]
use crate::device::port::Port;
pub use set::{InstructionSet, UnknownInstructionSet};
pub(crate) use table::{with_isa, State};

/// Bytes of the old image that an instruction set may look at, from the unit on (fewer at the end
/// of the image).
pub(crate) const LOOKAHEAD: usize = 64;

/// How a unit holds its reference. `PLAIN` and `WORD` are common to all instruction sets; numbers
/// from 2 to 15 belong to the instruction set that returned them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Form(pub(crate) u8);

impl Form {
    /// No reference: predicted to stay as it is.
    pub(crate) const PLAIN: Self = Self(0);
    /// A 32-bit little-endian word that is an absolute address.
    pub(crate) const WORD: Self = Self(1);
    /// A 32-bit word that is the distance from itself to an address (DWARF `DW_EH_PE_pcrel`, as in
    /// `.eh_frame`).
    pub(crate) const DISTANCE: Self = Self(16);
    /// A 32-bit word that is the distance from an address to itself (the CIE pointer of an
    /// `.eh_frame` entry).
    pub(crate) const DISTANCE_BACK: Self = Self(17);
    /// All forms.
    pub(crate) const COUNT: usize = 18;

    /// Whether this is one of the forms that every instruction set has.
    pub(crate) fn is_common(self) -> bool {
        self.0 < 2 || self.0 > 15
    }
}

/// One unit of the old image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Unit {
    /// Length in bytes, 1 to 4, never more than the bytes that are left.
    pub(crate) len: u8,
    /// How the reference is held, if there is one.
    pub(crate) form: Form,
    /// What kind of unit it is, 0 to 31, for the models: units of one class tend to change in the
    /// same way.
    pub(crate) class: u8,
    /// The old address that is referred to; 0 for [`Form::PLAIN`].
    pub(crate) target: u32,
    /// Its old bytes, the first one lowest, then zeros. The walk fills it in.
    pub(crate) code: u32,
}

/// A place in the old image.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The old image from the unit on: at least 1 and at most [`LOOKAHEAD`] bytes.
    pub(crate) old: &'a [u8],
    /// The first four of them, the first one lowest; missing ones are 0.
    pub(crate) front: u32,
    /// Address of the unit in the old image.
    pub(crate) old_address: u32,
    /// Which values are addresses of the old image (or of the chip's RAM).
    pub(crate) ranges: &'a [AddressRange],
}

/// A range of addresses `start..end` that pointers may point into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct AddressRange {
    /// First address.
    pub(crate) start: u32,
    /// One past the last address.
    pub(crate) end: u32,
}

impl<'a> Place<'a> {
    /// The place where these bytes are.
    pub(crate) fn new(old: &'a [u8], old_address: u32, ranges: &'a [AddressRange]) -> Self {
        let mut front = [0; 4];
        match old.first_chunk() {
            Some(four) => front = *four,
            None => front.iter_mut().zip(old).for_each(|(to, from)| *to = *from),
        }
        Self { old, front: u32::from_le_bytes(front), old_address, ranges }
    }

    /// The first `len` bytes, 1 to 4: the [code](Unit::code) of a unit.
    pub(crate) fn code(&self, len: u8) -> u32 {
        self.front & u32::MAX.wrapping_shr(32u32.wrapping_sub(u32::from(len) * 8))
    }

    /// Whether this value is an address of the old image or of the chip's RAM.
    pub(crate) fn is_address(&self, value: u32) -> bool {
        self.ranges.iter().any(|r| r.start <= value && value < r.end)
    }

    /// The 32-bit little-endian word at the unit, if 4 bytes are left.
    pub(crate) fn word(&self) -> Option<u32> {
        (self.old.len() >= 4).then_some(self.front)
    }

    /// The 16-bit little-endian value at the unit, if 2 bytes are left.
    pub(crate) fn half(&self) -> Option<u16> {
        (self.old.len() >= 2).then_some(self.front as u16)
    }
}

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
    /// new content, which nothing foretells: it only has to be right most of the time, and true
    /// from 4 on.
    fn ends(first: u8, last: u8, len: u8) -> bool;

    /// What is left of a unit's [code](Unit::code) without its registers: operation and immediate
    /// value. Units of one key tend to change in the same way (the offset of a field that has
    /// moved, say, whatever register holds its structure).
    fn key(code: u32, len: u8) -> u32;

    /// The unit's bytes with the reference field zeroed, for matching images whose code has moved.
    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4];
}
