//! Telink TC32 code (TLSR82xx): 16-bit instructions much like those of ARMv4T Thumb under other
//! numbers, little endian.
//!
//! Only the call is longer, two halfwords. As in Thumb, each function is followed by its literal
//! pool, words that its instructions load relative to their own address; the walk notes them.
//!
//! Telink does not publish the encodings. Sources: "TC32 Machine And Toolchain Specification",
//! chapter 12 (github.com/modern-tc32/tc32-architecture), checked against real images: 5 calls in 6
//! lead to a `tpush`, 9 literals in 10 are addresses of RAM, of registers or of flash.

use super::literals::Literals;
use super::{Form, Isa, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// `tjl`: a call. The first halfword holds the high 11 bits of the offset, the second one the low
/// ones.
const CALL: Form = Form(2);
/// `tloadr Rt, [pc, #imm]`: a word of the literal pool.
const LOAD: Form = Form(3);
/// `tj`, which seldom leaves its function. Still it is worth it: an insertion changes all that
/// cross it.
const JUMP: Form = Form(4);
/// `tj<cc>`.
const BRANCH: Form = Form(5);

/// [`Unit::class`] of a literal that is no address. References have their form's number as class,
/// other instructions 16 plus their top four bits.
const CLASS_LITERAL: u8 = 15;
const CLASS_CODE: u8 = 16;

/// How many words after a likely pointer are looked at.
const NEIGHBOURS: usize = 8;

/// The state of a walk through TC32 code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tc32 {
    literals: Literals,
    /// Where the last data word ended.
    data_end: u32,
}

impl Tc32 {
    /// The word at this place, if it is data: a literal, or what looks like a pointer rather than
    /// like code.
    fn data(&self, at: &Place<'_>) -> Option<u32> {
        let word = at.word().filter(|_| at.old_address & 3 == 0)?;
        let is_data = self.literals.has(at.old_address)
            || is_pointer_ahead(at, 0)
                && (self.data_end == at.old_address
                    || (1..=NEIGHBOURS).any(|further| is_pointer_ahead(at, 4 * further)));
        is_data.then_some(word)
    }
}

impl Isa for Tc32 {
    fn unit(&mut self, at: &Place<'_>) -> Unit {
        let mut unit = Unit { len: at.old.len().min(2) as u8, ..Unit::default() };
        let Some(first) = at.half().filter(|_| at.old_address & 1 == 0) else {
            unit.len = 1;
            return unit;
        };
        if let Some(word) = self.data(at) {
            unit.len = 4;
            unit.class = CLASS_LITERAL;
            if is_pointer_ahead(at, 0) {
                unit.form = Form::WORD;
                unit.target = word;
            }
        } else {
            let code = at.word().unwrap_or(u32::from(first));
            unit.class = CLASS_CODE + (first >> 12) as u8;
            unit.form = form(code);
            if unit.form != Form::PLAIN {
                unit.target = base(unit.form, at.old_address).wrapping_add(offset(unit.form, code));
            }
            if unit.form == CALL {
                unit.len = 4;
            }
        }
        if unit.form != Form::PLAIN {
            unit.class = unit.form.0;
        }
        unit
    }

    fn encode(&self, unit: &Unit, new_address: u32, target: u32) -> Option<[u8; 4]> {
        let form = unit.form;
        if form == Form::WORD {
            return Some(target.to_le_bytes());
        }
        let distance = target.wrapping_sub(base(form, new_address));
        let code = unit.code & !field_mask(form) | field(form, distance);
        (offset(form, code) == distance).then_some(code.to_le_bytes())
    }

    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32> {
        let code = u32::from_le_bytes(bytes);
        let target = match unit.form {
            Form::WORD => code,
            form => base(form, new_address).wrapping_add(offset(form, code)),
        };
        (self.encode(unit, new_address, target)? == bytes).then_some(target)
    }

    fn advance(&mut self, unit: &Unit, (old_address, _): (u32, u32), _bytes: [u8; 4]) {
        let end = old_address.wrapping_add(u32::from(unit.len));
        if unit.form == Form::WORD || unit.class == CLASS_LITERAL {
            self.data_end = end;
        }
        self.literals.pass(end);
        if unit.form == LOAD {
            self.literals.add(old_address, unit.target);
        }
    }

    fn jump(&mut self) {
        *self = Self::default();
    }

    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { literals, data_end } = self;
        literals.port(port);
        port.number(data_end);
    }

    fn scale(form: Form) -> u8 {
        match form {
            Form::PLAIN | Form::WORD => 0,
            LOAD => 2,
            _ => 1,
        }
    }

    fn is_exact(_: Form) -> bool {
        true
    }

    fn ends(_: u8, _: u8, len: u8) -> bool {
        len > 1
    }

    fn key(word: u32, _: u8) -> u32 {
        let registers = match word >> 11 & 31 {
            // Moves, comparisons, additions and subtractions with 8 bits; loads and stores relative
            // to pc or sp.
            1 | 6 | 7 | 15 | 0x14..=0x17 => 0x0700,
            0 | 2..=5 | 8..=11 | 0x1c..=0x1f => 0x003f,
            _ => 0,
        };
        word & !registers
    }

    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4] {
        (u32::from_le_bytes(bytes) & !field_mask(unit.form)).to_le_bytes()
    }
}

/// Whether the word `from` bytes ahead is an address of the image, or in the 64 KiB of RAM that the
/// family has at most.
///
/// The image mostly is at address 0. Masks and single bits are hardly ever addresses then, and
/// 0 would be `tand r0, r0`, which no compiler writes.
#[inline(never)] // One copy in the device's flash.
fn is_pointer_ahead(at: &Place<'_>, from: usize) -> bool {
    let bytes = at.old.get(from..).and_then(|bytes| bytes.first_chunk());
    let word = bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let is_mask = word & word.wrapping_add(1) == 0 || word & word.wrapping_sub(1) == 0;
    !is_mask && (word >> 16 == 0x84 || at.is_address(word))
}

/// The form of an instruction.
fn form(code: u32) -> Form {
    match code >> 11 & 31 {
        0x01 => LOAD,
        0x10 => JUMP,
        0x12 if code >> 27 == 0x13 => CALL,
        // The conditions 14 and 15 do not exist.
        0x18 | 0x19 if code & 0x0e00 != 0x0e00 => BRANCH,
        _ => Form::PLAIN,
    }
}

/// What the offset in an instruction is relative to.
fn base(form: Form, address: u32) -> u32 {
    let next = address.wrapping_add(4);
    if form == LOAD {
        next & !3
    } else {
        next
    }
}

/// The bits of the code that hold the reference.
fn field_mask(form: Form) -> u32 {
    match form {
        CALL => 0x07ff_07ff,
        JUMP => 0x07ff,
        LOAD | BRANCH => 0x00ff,
        Form::WORD => !0,
        _ => 0,
    }
}

/// Reads the offset out of an instruction.
#[inline(never)] // One copy in the device's flash.
fn offset(form: Form, code: u32) -> u32 {
    let field = code & field_mask(form);
    match form {
        LOAD => field << 2,
        BRANCH => sign_extend(field << 1, 9),
        JUMP => sign_extend(field << 1, 12),
        _ => sign_extend(field << 12 | field >> 15, 23),
    }
}

/// Writes the offset, as far as it fits: the field's bits in the code.
fn field(form: Form, offset: u32) -> u32 {
    let field = match form {
        LOAD => offset >> 2,
        CALL => offset >> 12 & 0x07ff | offset << 15,
        _ => offset >> 1,
    };
    field & field_mask(form)
}

/// Takes the lowest `bits` bits for a number with a sign.
fn sign_extend(value: u32, bits: u32) -> u32 {
    let shift = bits.wrapping_neg() & 31;
    ((value << shift) as i32 >> shift) as u32
}

#[cfg(test)]
mod tests;
