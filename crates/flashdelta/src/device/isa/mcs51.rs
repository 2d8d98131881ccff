//! MCS-51 (8051) code: instructions of 1 to 3 bytes, 16-bit addresses with the high byte first.
//!
//! Calls, jumps and the addresses of variables change from version to version. Short jumps are left
//! out: they hardly ever leave their function, and in data between functions there are too many
//! that are none (without them patches are 6 % smaller, without `ACALL` and `AJMP`, which compilers
//! hardly use, another 7 %).
//!
//! Larger programs live in *banks* of 32 KiB (CC2530 and its like): addresses below `0x8000` are
//! common to all banks, those above belong to the bank that is switched in. Here an address is that
//! in the flash: bank and address in the bank. Code that calls into another bank goes through a
//! relay in the common part: `LCALL dispatcher`, followed by address (low byte first) and bank of
//! the function, as IAR's linker makes it.
//!
//! Sources: Intel, MCS 51 Microcontroller Family User's Manual (1994), chapter 2 "Programmer's
//! Guide and Instruction Set"; Texas Instruments, CC253x User's Guide (SWRU191), 2.2 "Memory".

use super::{Form, Isa, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// `LCALL addr16`.
const CALL: Form = Form(2);
/// `LJMP addr16`.
const JUMP: Form = Form(3);
/// `MOV DPTR, #data16`: mostly the address of a variable or of a constant.
const DATA: Form = Form(4);
/// Address and bank in a relay.
const RELAY: Form = Form(5);

/// [`Unit::class`] of an instruction without reference: 16 plus the high four bits of its first
/// byte.
const CLASS_CODE: u8 = 16;

/// Where variables are in the targets of [`DATA`]: far from all code.
const VARIABLES: u32 = 1 << 22;

/// The state of a walk through MCS-51 code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mcs51 {
    /// Where the last unit was a call: its bytes, first byte lowest, and where it ended.
    call: u32,
    call_end: u32,
    /// The call that relays begin with.
    dispatcher: u32,
}

impl Mcs51 {
    /// Whether the next bytes are address and bank after a call to the dispatcher.
    ///
    /// Before the dispatcher is known: the next relay must follow.
    fn is_relay(&self, at: &Place<'_>, bytes: u32) -> bool {
        let follows = self.call != 0 && self.call_end == at.old_address;
        let is_target = (0x0001_8000..0x0020_0000).contains(&bytes) && bytes & 0x8000 != 0;
        follows && is_target && (self.call == self.dispatcher || three(at, 3) == Some(self.call))
    }
}

impl Isa for Mcs51 {
    fn unit(&mut self, at: &Place<'_>) -> Unit {
        let first = at.old.first().copied().unwrap_or(0);
        let mut unit =
            Unit { len: length(first), class: CLASS_CODE + (first >> 4), ..Unit::default() };
        if usize::from(unit.len) > at.old.len() {
            unit.len = 1;
        }
        let Some(bytes) = three(at, 0) else {
            return unit;
        };
        if self.is_relay(at, bytes) {
            self.dispatcher = self.call;
            unit.form = RELAY;
            unit.len = 3;
        } else {
            unit.form = form(first);
        }
        if unit.form != Form::PLAIN {
            unit.class = unit.form.0;
            unit.target = target(unit.form, at.old_address, bytes);
        }
        unit
    }

    fn encode(&self, unit: &Unit, new_address: u32, to: u32) -> Option<[u8; 4]> {
        let form = unit.form;
        let in_bank = if form == RELAY || form != DATA && to > 0x7fff { 0x8000 } else { 0 };
        let address = if form == DATA { to } else { to & 0x7fff | in_bank };
        let field = match form {
            RELAY => address | to << 1 & 0x00ff_0000,
            _ => (address << 16).swap_bytes() << 8,
        };
        let code = unit.code & !field_mask(form) | field & field_mask(form);
        (target(form, new_address, code) == to).then_some(code.to_le_bytes())
    }

    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32> {
        let to = target(unit.form, new_address, u32::from_le_bytes(bytes));
        (self.encode(unit, new_address, to)? == bytes).then_some(to)
    }

    fn advance(&mut self, unit: &Unit, (old_address, _): (u32, u32), _bytes: [u8; 4]) {
        self.call = if unit.form == CALL { unit.code } else { 0 };
        self.call_end = old_address.wrapping_add(3);
    }

    fn jump(&mut self) {
        *self = Self::default();
    }

    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { call, call_end, dispatcher } = self;
        for number in [call, call_end, dispatcher] {
            port.number(number);
        }
    }

    fn scale(_: Form) -> u8 {
        0
    }

    fn is_exact(_: Form) -> bool {
        true
    }

    fn ends(first: u8, _: u8, len: u8) -> bool {
        len >= length(first)
    }

    fn key(code: u32, _: u8) -> u32 {
        // With this bit the ones below are the register.
        if code & 8 != 0 {
            code & !7
        } else {
            code
        }
    }

    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4] {
        (u32::from_le_bytes(bytes) & !field_mask(unit.form)).to_le_bytes()
    }
}

/// The three bytes `from` bytes ahead, first byte lowest.
fn three(at: &Place<'_>, from: usize) -> Option<u32> {
    let bytes = at.old.get(from..)?.first_chunk::<3>()?;
    let [a, b, c] = *bytes;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

/// Length of the instruction that begins with this byte.
fn length(first: u8) -> u8 {
    let packed = LENGTHS.get(usize::from(first >> 2)).copied().unwrap_or(0);
    packed >> (2 * (first & 3)) & 3
}

/// Lengths of all instructions, two bits each.
const LENGTHS: [u8; 64] = {
    // One row for each high half of the first byte; columns for low halves 0 to 5, then 6 and 7,
    // then registers.
    const TABLE: [[u8; 8]; 16] = [
        [1, 2, 3, 1, 1, 2, 1, 1],
        [3, 2, 3, 1, 1, 2, 1, 1],
        [3, 2, 1, 1, 2, 2, 1, 1],
        [3, 2, 1, 1, 2, 2, 1, 1],
        [2, 2, 2, 3, 2, 2, 1, 1],
        [2, 2, 2, 3, 2, 2, 1, 1],
        [2, 2, 2, 3, 2, 2, 1, 1],
        [2, 2, 2, 1, 2, 3, 2, 2],
        [2, 2, 2, 1, 1, 3, 2, 2],
        [3, 2, 2, 1, 2, 2, 1, 1],
        [2, 2, 2, 1, 1, 1, 2, 2],
        [2, 2, 2, 1, 3, 3, 3, 3],
        [2, 2, 2, 1, 1, 2, 1, 1],
        [2, 2, 2, 1, 1, 3, 1, 2],
        [1, 2, 1, 1, 1, 2, 1, 1],
        [1, 2, 1, 1, 1, 2, 1, 1],
    ];
    let mut packed = [0; 64];
    let mut i = 0;
    while i < 256 {
        let column = match i & 15 {
            low @ 0..=5 => low,
            6 | 7 => 6,
            _ => 7,
        };
        packed[i / 4] |= TABLE[i / 16][column] << (2 * (i & 3));
        i += 1;
    }
    packed
};

/// The form of the instruction that begins with this byte.
fn form(first: u8) -> Form {
    match first {
        0x12 => CALL,
        0x02 => JUMP,
        0x90 => DATA,
        _ => Form::PLAIN,
    }
}

/// The bits that hold the reference.
fn field_mask(form: Form) -> u32 {
    match form {
        CALL | JUMP | DATA => 0x00ff_ff00,
        RELAY => 0x00ff_ffff,
        _ => 0,
    }
}

/// What the three bytes at `here` refer to.
fn target(form: Form, here: u32, code: u32) -> u32 {
    let address = code.swap_bytes() >> 8 & 0xffff;
    match form {
        RELAY => code >> 1 & !0x7fff | code & 0x7fff,
        CALL | JUMP if address < 0x8000 => address,
        // The common part calls into the first bank, if into any without a relay.
        CALL | JUMP => (here & !0x7fff).max(0x8000) | address & 0x7fff,
        // Constants may be in the common part, above all variables of most chips and below all
        // registers.
        _ if (0x2000..0x6000).contains(&address) => address,
        _ => VARIABLES | address,
    }
}

#[cfg(test)]
mod tests;
