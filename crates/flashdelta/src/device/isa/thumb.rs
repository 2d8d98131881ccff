//! Thumb and Thumb-2 code of Cortex-M (ARMv6-M, ARMv7-M, ARMv8-M), little endian.
//!
//! Instructions are 2 or 4 bytes long, always on even addresses. Each function is followed by its
//! *literal pool*: 4-aligned words that its instructions load relative to their own address. The
//! walk notes which words the loads it has passed refer to, so that it takes a pool for what it is,
//! and is in phase again after it.
//!
//! Section numbers are those of the Armv7-M Architecture Reference Manual (DDI 0403).

use super::literals::Literals;
use super::{Form, Isa, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// `BL`, A7.7.18: a call.
const CALL: Form = Form(2);
/// `B.W`, A7.7.12 T4: mostly a tail call.
const JUMP: Form = Form(3);
/// `B<c>.W`, A7.7.12 T3.
const BRANCH: Form = Form(4);
/// `LDR Rt, label`, A7.7.44 T1: a word of the literal pool.
const LOAD: Form = Form(5);
/// `ADR Rd, label`, A7.7.7 T1.
const ADDRESS: Form = Form(6);
/// `LDR.W Rt, label`, A7.7.44 T2. `LDRB`, `LDRH`, `LDRSB`, `LDRSH` (A7.7.47, 56, 60, 64) and `PLD`
/// (A7.7.95) have the same field.
const LOAD_WIDE: Form = Form(7);
/// `LDRD Rt, Rt2, label`, A7.7.51, and `VLDR Vd, label`, A7.7.236.
const LOAD_PAIR: Form = Form(8);
/// `ADR.W Rd, label`, A7.7.7 T2 and T3.
const ADDRESS_WIDE: Form = Form(9);
/// `MOVW Rd, #low`, A7.7.76 T3, with a `MOVT` for the same register a little further on.
const MOVE_LOW: Form = Form(10);
/// `MOVT Rd, #high`, A7.7.79, after its `MOVW`.
const MOVE_HIGH: Form = Form(11);

/// `B label`, A7.7.12 T2.
///
/// Short branches seldom leave their function. Still they are worth it: an insertion changes all
/// that cross it.
const SHORT_JUMP: Form = Form(12);
/// `B<c> label`, A7.7.12 T1.
const SHORT_BRANCH: Form = Form(13);
/// `CBZ Rn, label` and `CBNZ`, A7.7.21.
const ZERO_BRANCH: Form = Form(14);

/// [`Unit::class`] of a literal that is no address. References have their form's number as class;
/// other 2-byte instructions 16 plus their top four bits, other 4-byte instructions their top five
/// bits: 29, 30 or 31.
const CLASS_LITERAL: u8 = 15;
const CLASS_NARROW: u8 = 16;

/// How many words after a likely pointer are looked at.
const NEIGHBOURS: usize = 4;
/// How far ahead of a `MOVW` its `MOVT` is looked for, in instructions.
const PAIR_DISTANCE: usize = 6;

/// The state of a walk through Thumb code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thumb {
    literals: Literals,
    /// The last `MOVW` by register modulo 4.
    halves: [Half; 4],
    /// Where the last data word ended.
    data_end: u32,
}

/// What a `MOVW` has put into a register.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// As [`register`] gives it; 0 at first.
    register: u16,
    old: u16,
    new: u16,
}

impl Thumb {
    /// The aligned word `from` bytes after the start of the unit, if it is data: a literal, or
    /// what looks like a pointer rather than like code.
    ///
    /// No code looks like an address in some ranges: `0x0800_xxxx` would be `lsrs r0, r0, #32`. But
    /// `0x2000_xxxx` is `movs r0, #0`, `0x0003_xxxx` is `movs r3, r0`. These must come after data
    /// or near other addresses.
    fn data_ahead(&self, at: &Place<'_>, from: usize) -> Option<u32> {
        let here = at.old_address.wrapping_add(from as u32);
        let word = word_ahead(at, from)?;
        let is_data = self.literals.has(here)
            || is_address_ahead(at, from)
                && (matches!(word >> 24, 0x08 | 0x10 | 0x1f)
                    || self.data_end == here
                    || (1..=NEIGHBOURS)
                        .any(|further| is_address_ahead(at, from.wrapping_add(4 * further))));
        is_data.then_some(word)
    }

    fn half(&self, register: u16) -> Option<&Half> {
        self.halves.iter().find(|half| half.register == register)
    }

    /// How a 4-byte instruction holds its reference, and the old target.
    fn wide_reference(&self, at: &Place<'_>, code: u32) -> (Form, u32) {
        let form = wide_form(code);
        let target = match form {
            Form::PLAIN => return (form, 0),
            MOVE_LOW => high_ahead(at, register(code)).map(|high| high | offset(form, code)),
            MOVE_HIGH => {
                self.half(register(code)).map(|half| offset(form, code) | u32::from(half.old))
            }
            _ => return (form, old_target(form, at, code)),
        };
        match target {
            Some(value) if at.is_address(value) => (form, value),
            _ => (Form::PLAIN, 0),
        }
    }
}

impl Isa for Thumb {
    fn unit(&mut self, at: &Place<'_>) -> Unit {
        let left = at.old.len().min(4) as u8;
        let mut unit = Unit { len: left, ..Unit::default() };
        let first = match at.half() {
            Some(first) if at.old_address & 1 == 0 => first,
            _ => {
                unit.len = 1;
                return unit;
            }
        };
        let kind = (first >> 11) as u8;
        let is_wide = kind >= 0b11101;
        // Data is here, or in the second half of what would be an instruction of 4 bytes.
        let ahead = at.old_address as usize & 2;
        let data = if ahead == 0 || is_wide { self.data_ahead(at, ahead) } else { None };
        match data {
            Some(word) if ahead == 0 => {
                unit.class = CLASS_LITERAL;
                if is_ram(word) || at.is_address(word) {
                    unit.form = Form::WORD;
                    unit.target = word;
                }
            }
            None if is_wide => {
                unit.class = kind;
                if let Some(code) = at.word().map(|word| word.rotate_left(16)) {
                    (unit.form, unit.target) = self.wide_reference(at, code);
                }
            }
            _ => {
                unit.len = left.min(2);
                unit.class = if is_wide { kind } else { CLASS_NARROW + (kind >> 1) };
                unit.form = narrow_form(first);
                if unit.form != Form::PLAIN {
                    unit.target = old_target(unit.form, at, u32::from(first) << 16);
                }
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
        // The first halfword on top.
        let mut code = unit.code.rotate_left(16);
        // An offset of 0 has two encodings, +0 and -0: keep the old one.
        if offset(form, code) != distance {
            code = code & !field_mask(form) | field(form, distance);
            if offset(form, code) != distance && form != MOVE_LOW && form != MOVE_HIGH {
                return None;
            }
        }
        Some(code.rotate_left(16).to_le_bytes())
    }

    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32> {
        let word = u32::from_le_bytes(bytes);
        let code = word.rotate_left(16);
        let target = match unit.form {
            Form::WORD => word,
            MOVE_LOW => unit.target & !0xffff | offset(MOVE_LOW, code),
            MOVE_HIGH => {
                offset(MOVE_HIGH, code)
                    | self.half(register(code)).map_or(0, |half| u32::from(half.new))
            }
            form => base(form, new_address).wrapping_add(offset(form, code)),
        };
        (self.encode(unit, new_address, target)? == bytes).then_some(target)
    }

    fn advance(&mut self, unit: &Unit, (old_address, _): (u32, u32), bytes: [u8; 4]) {
        let end = old_address.wrapping_add(u32::from(unit.len));
        if unit.form == Form::WORD || unit.class == CLASS_LITERAL {
            self.data_end = end;
        }
        self.literals.pass(end);
        let code = unit.code.rotate_left(16);
        let words = match unit.form {
            LOAD | LOAD_WIDE => 1,
            // VLDR of a single register loads one word.
            LOAD_PAIR => 2 - u32::from(code & 0x0600_0100 == 0x0400_0000),
            MOVE_LOW => {
                let new = offset(MOVE_LOW, u32::from_le_bytes(bytes).rotate_left(16)) as u16;
                let register = register(code);
                if let Some(half) = self.halves.get_mut(usize::from(register & 3)) {
                    *half = Half { register, old: offset(MOVE_LOW, code) as u16, new };
                }
                0
            }
            _ => 0,
        };
        for word in 0..words {
            self.literals.add(old_address, unit.target.wrapping_add(4 * word));
        }
    }

    fn jump(&mut self) {
        *self = Self::default();
    }

    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { literals, halves, data_end } = self;
        literals.port(port);
        for Half { register, old, new } in halves {
            port.half(register);
            port.half(old);
            port.half(new);
        }
        port.number(data_end);
    }

    fn scale(form: Form) -> u8 {
        match form {
            CALL | JUMP | BRANCH | SHORT_JUMP | SHORT_BRANCH | ZERO_BRANCH => 1,
            LOAD | ADDRESS | LOAD_PAIR => 2,
            MOVE_HIGH => 16,
            _ => 0,
        }
    }

    fn is_exact(form: Form) -> bool {
        form != MOVE_LOW
    }

    fn ends(_: u8, last: u8, len: u8) -> bool {
        // 32-bit encodings: Armv7-M ARM (DDI 0403E), A5.1.
        len > 3 || len == 2 && last < 0xE8
    }

    fn key(word: u32, len: u8) -> u32 {
        let registers = match (len, word >> 13 & 7) {
            // Wide: Rn in the first halfword, Rt or Rd in the second.
            (4, _) => 0xF000_000F,
            // MOV, CMP, ADD, SUB with an 8-bit immediate: Rd; literal loads as well.
            (_, 1) => 0x0700,
            // Shifts, and loads and stores with a 5-bit offset: two low registers.
            (_, 0 | 3 | 4) => 0x003F,
            _ => 0,
        };
        word & !registers
    }

    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4] {
        (u32::from_le_bytes(bytes) & !field_mask(unit.form).rotate_left(16)).to_le_bytes()
    }
}

/// Whether this is in the region that the architecture gives to RAM (B3.1), or just below.
///
/// For a literal that is enough to be an address, so that a range that the caller does not know
/// costs little.
fn is_ram(word: u32) -> bool {
    (0x1ff0_0000..0x3900_0000).contains(&word)
}

/// The word `from` bytes after the start of the unit.
fn word_ahead(at: &Place<'_>, from: usize) -> Option<u32> {
    at.old.get(from..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// Whether the word there is an address.
#[inline(never)] // One copy in the device's flash.
fn is_address_ahead(at: &Place<'_>, from: usize) -> bool {
    word_ahead(at, from).is_some_and(|word| at.is_address(word))
}

/// The old target of an instruction with an offset.
fn old_target(form: Form, at: &Place<'_>, code: u32) -> u32 {
    base(form, at.old_address).wrapping_add(offset(form, code))
}

/// The form of a 2-byte instruction.
fn narrow_form(code: u16) -> Form {
    match code >> 11 {
        0b01001 => LOAD,
        0b10100 => ADDRESS,
        0b11100 => SHORT_JUMP,
        // The condition 111x is another instruction.
        0b11010 | 0b11011 if code & 0x0e00 != 0x0e00 => SHORT_BRANCH,
        0b10110 | 0b10111 if code & 0x0500 == 0x0100 => ZERO_BRANCH,
        _ => Form::PLAIN,
    }
}

/// The form of a 4-byte instruction.
#[inline(never)] // One copy in the device's flash.
fn wide_form(code: u32) -> Form {
    const TABLE: [(u32, u32, Form); 11] = [
        (0xf800_d000, 0xf000_d000, CALL),
        (0xf800_d000, 0xf000_9000, JUMP),
        (0xfe1f_0000, 0xf81f_0000, LOAD_WIDE),
        (0xfbf0_8000, 0xf240_0000, MOVE_LOW),
        (0xfbf0_8000, 0xf2c0_0000, MOVE_HIGH),
        (0xff3f_0e00, 0xed1f_0a00, LOAD_PAIR),
        (0xff7f_0000, 0xe95f_0000, LOAD_PAIR),
        (0xfbff_8000, 0xf20f_0000, ADDRESS_WIDE),
        (0xfbff_8000, 0xf2af_0000, ADDRESS_WIDE),
        // The condition 111x is another instruction.
        (0xfb80_d000, 0xf380_8000, Form::PLAIN),
        (0xf800_d000, 0xf000_8000, BRANCH),
    ];
    let row = TABLE.iter().find(|(mask, value, _)| code & mask == *value);
    row.map_or(Form::PLAIN, |(_, _, form)| *form)
}

/// What the offset in an instruction is relative to.
fn base(form: Form, address: u32) -> u32 {
    match form {
        CALL | JUMP | BRANCH | SHORT_JUMP | SHORT_BRANCH | ZERO_BRANCH => address.wrapping_add(4),
        MOVE_LOW | MOVE_HIGH => 0,
        _ => address.wrapping_add(4) & !3, // Align(PC, 4)
    }
}

/// Some bits that are together: 5 bits each for where they begin in the code, where in the
/// offset, and their number.
const fn part(code: u16, offset: u16, width: u16) -> u16 {
    code << 10 | offset << 5 | width
}

/// Where the offset of each form from [`CALL`] on is: how many bits its sign is repeated for, then
/// its [parts](part).
#[rustfmt::skip]
const LAYOUTS: [[u16; 6]; 13] = {
    const CALL: [u16; 6] = [
        7,
        part(0, 1, 11),
        part(16, 12, 10),
        part(11, 22, 1),
        part(13, 23, 1),
        part(26, 24, 1),
    ];
    const LOAD: [u16; 6] = [0, part(16, 2, 8), 0, 0, 0, 0];
    [
        CALL,
        CALL, // JUMP
        // BRANCH
        [11, part(0, 1, 11), part(16, 12, 6), part(13, 18, 1), part(11, 19, 1), part(26, 20, 1)],
        LOAD,
        LOAD, // ADDRESS
        /* LOAD_WIDE */ [0, part(0, 0, 12), 0, 0, 0, 0],
        /* LOAD_PAIR */ [0, part(0, 2, 8), 0, 0, 0, 0],
        /* ADDRESS_WIDE */ [0, part(0, 0, 8), part(12, 8, 3), part(26, 11, 1), 0, 0],
        /* MOVE_LOW */ [0, part(0, 0, 8), part(12, 8, 3), part(26, 11, 1), part(16, 12, 4), 0],
        /* MOVE_HIGH */ [0, part(0, 16, 8), part(12, 24, 3), part(26, 27, 1), part(16, 28, 4), 0],
        /* SHORT_JUMP */ [20, part(16, 1, 11), 0, 0, 0, 0],
        /* SHORT_BRANCH */ [23, part(16, 1, 8), 0, 0, 0, 0],
        /* ZERO_BRANCH */ [0, part(19, 1, 5), part(25, 6, 1), 0, 0, 0],
    ]
};

/// How many bits the sign of this form's offset is repeated for, and the offset's [parts](part).
fn layout(form: Form) -> (u16, &'static [u16]) {
    match LAYOUTS.get(usize::from(form.0.wrapping_sub(CALL.0))) {
        Some([shift, parts @ ..]) => (*shift, parts),
        None => (0, &[]),
    }
}

/// Moves the bits of the offset from their places in the code to those in the offset, or back.
#[inline(never)] // One copy in the device's flash.
fn carry(form: Form, from: u32, to_code: bool) -> u32 {
    let mut to = 0;
    for part in layout(form).1 {
        let (code, offset) = (part >> 10 & 31, part >> 5 & 31);
        let ones = !(!0 << (part & 31));
        to |=
            if to_code { (from >> offset & ones) << code } else { (from >> code & ones) << offset };
    }
    to
}

/// Where the offset has a magnitude and a sign: the sign's bits, and which of them are set when the
/// offset is added.
fn sign(form: Form) -> (u32, u32) {
    match form {
        LOAD_WIDE | LOAD_PAIR => (0x0080_0000, 0x0080_0000),
        ADDRESS_WIDE => (0x00a0_0000, 0),
        _ => (0, 0),
    }
}

/// The bits of the code that hold the reference.
fn field_mask(form: Form) -> u32 {
    match form {
        Form::PLAIN => 0,
        Form::WORD => !0,
        _ => carry(form, !0, true) | sign(form).0,
    }
}

/// Reads the offset out of an instruction (of `MOVW` and `MOVT`: the half in its place).
fn offset(form: Form, code: u32) -> u32 {
    let shift = layout(form).0 & 31;
    let value = ((carry(form, code, false) << shift) as i32 >> shift) as u32;
    let (mask, add) = sign(form);
    if code & mask == add {
        swap_signs(form, value)
    } else {
        value.wrapping_neg()
    }
}

/// Writes the offset, as far as it fits: the field's bits in the code.
fn field(form: Form, offset: u32) -> u32 {
    let (mask, add) = sign(form);
    let (offset, bits) = if mask != 0 && (offset as i32).is_negative() {
        (offset.wrapping_neg(), mask ^ add)
    } else {
        (swap_signs(form, offset), add)
    };
    carry(form, offset, true) | bits
}

/// `BL` and `B.W` hold bits 22 and 23 of an offset that is not negative inverted (J1 and J2).
fn swap_signs(form: Form, offset: u32) -> u32 {
    let invert = form.0 <= JUMP.0 && !(offset as i32).is_negative();
    if invert {
        offset ^ 0x00c0_0000
    } else {
        offset
    }
}

/// The destination of `MOVW` and `MOVT`, plus 16.
fn register(code: u32) -> u16 {
    (code >> 8 & 15 | 16) as u16
}

/// The high half that the `MOVT` puts in that completes the `MOVW` at this place.
fn high_ahead(at: &Place<'_>, to: u16) -> Option<u32> {
    let mut rest = at.old.get(4..)?;
    for _ in 0..PAIR_DISTANCE {
        let word = u32::from_le_bytes(*rest.first_chunk::<4>()?);
        let code = word.rotate_left(16);
        match wide_form(code) {
            MOVE_HIGH if register(code) == to => return Some(offset(MOVE_HIGH, code)),
            MOVE_LOW if register(code) == to => return None,
            _ => {}
        }
        let wide = code >> 27 >= 0b11101;
        rest = rest.get(if wide { 4 } else { 2 }..)?;
    }
    None
}

#[cfg(test)]
mod tests;
