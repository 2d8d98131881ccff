//! Xtensa, little endian: LX106 (ESP8266, call0 ABI), LX6 and LX7 (ESP32, S2, S3, windowed ABI,
//! density option).
//!
//! Section numbers are those of the *Xtensa Instruction Set Architecture (ISA) Reference Manual*:
//! chapter 6 has a page per instruction, section 7.1 the formats, section 7.3.1 the opcode maps.
//! References are `CALL0/4/8/12`, `L32R` and the words of literal pools and data. Branches, loops
//! and `J` stay inside a function: treated as references they were mispredicted more often than
//! they change (measured on 18 pairs of real images), so they are plain.
//!
//! # Staying in phase
//! Instructions are 2, 3 or (S3 only) 4 bytes long, and literal pools and padding lie between
//! functions, so a plain linear walk soon reads garbage. This one finds its way back at places of
//! which the address is a multiple of 4: a function's first instruction (`ENTRY a1, n`, or
//! `ADDI a1, a1, -n` with call0), and two words in a row that are addresses, which is a literal
//! pool. A single such word starts a pool when no instruction can reach it from above. A pool lasts
//! until the next function; in the call0 ABI, where not every function has a prologue, until the
//! first word that is no address.

use super::{Form, Isa, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// `CALL0`, `CALL4`, `CALL8`, `CALL12`: an 18-bit signed number of words (chapter 6, CALL0; format
/// CALL).
const CALL: Form = Form(2);
/// `L32R`: a 16-bit number of words, always negative (chapter 6, L32R; format RI16).
const L32R: Form = Form(3);

/// Units that follow an impossible instruction in which references are not believed. Text and
/// compressed web pages lie amid the code of an ESP8266; one in six of their units is impossible.
const DOUBT: u8 = 8;
/// Words in a row that are no addresses and end a pool nevertheless: it was none. (Pools of 300
/// words exist.)
const POOL_DOUBT: u8 = 24;

/// Classes of units, for the models. Others: `op0`, and `16 + r` for loads, stores and additions
/// (`op0` = 2).
const CLASS_CUT: u8 = 2;
const CLASS_LONG: u8 = 14;
const CLASS_WORD: u8 = 15;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Code,
    /// After an instruction that never goes on to the next one.
    End,
    /// Among literals (or in a data segment).
    Pool,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Abi {
    #[default]
    Unknown,
    Windowed,
    Call0,
}

/// The walk over Xtensa code.
#[derive(Default)]
pub(crate) struct Xtensa {
    state: State,
    /// As seen since the last jump.
    abi: Abi,
    /// In a pool: words in a row that are no addresses. In code: units for which references are not
    /// believed.
    count: u8,
}

impl Isa for Xtensa {
    fn unit(&mut self, at: &Place<'_>) -> Unit {
        // Bytes to the next multiple of 4; 4 if this is one.
        let gap = (at.old_address ^ 3) & 3;
        let is_aligned = gap == 3;
        let gap = gap.wrapping_add(1) as u8;
        let left = at.old.len().min(4) as u8;
        // 0x3c000000 to 0x3fffffff: flash and RAM on the data bus of all these chips.
        let is_data = at.old_address >> 26 == 0xf;
        let pointer = at.word().filter(|w| is_aligned && at.is_address(*w));
        if is_data {
            self.state = State::Pool;
        } else if is_aligned {
            let is_pool = self.state == State::Pool;
            if is_prologue(at.old) {
                (self.state, self.count) = (State::Code, 0);
                if is_entry(at.old) {
                    self.abi = Abi::Windowed;
                }
            } else if pointer.is_some() {
                if is_pool || self.state == State::End || two_addresses(at, at.old) {
                    (self.state, self.count) = (State::Pool, 0);
                }
            } else if is_pool {
                self.count = self.count.wrapping_add(1);
                if self.abi == Abi::Call0 || self.count > POOL_DOUBT {
                    (self.state, self.count) = (State::Code, 0);
                }
            }
        }
        if self.state == State::Pool {
            let form = if pointer.is_some() { Form::WORD } else { Form::PLAIN };
            return Unit {
                len: gap.min(left),
                form,
                class: CLASS_WORD,
                target: pointer.unwrap_or(0),
                ..Unit::default()
            };
        }

        let tail = at.old.get(usize::from(gap)..).unwrap_or(&[]);
        let insn = at.front & 0xff_ffff;
        let op0 = insn as u8 & 0xf;
        let full = match op0 {
            0..=7 => 3,
            8..=13 => 2,
            _ => 4,
        };
        let is_padding = self.state == State::End
            && !is_aligned
            && at.old.iter().take(usize::from(gap)).all(|b| *b == 0);
        if is_padding || full > gap && (is_prologue(tail) || two_addresses(at, tail)) || full > left
        {
            return Unit {
                len: if is_padding { gap } else { full.min(gap) }.min(left),
                class: CLASS_CUT,
                ..Unit::default()
            };
        }
        self.note(insn, op0);
        let class = match op0 {
            2 => 16 | (insn >> 12) as u8 & 0xf,
            14 | 15 => CLASS_LONG,
            _ => op0,
        };
        let form = match op0 {
            1 => L32R,
            // No program mixes the ABIs: CALL0 among windowed code, or the reverse, is not an
            // instruction at all.
            5 if self.abi == Abi::Unknown || (self.abi == Abi::Call0) == (insn & 0x30 == 0) => CALL,
            _ => Form::PLAIN,
        };
        if self.count > 0 || form == Form::PLAIN {
            return Unit { len: full, class, ..Unit::default() };
        }
        Unit {
            len: full,
            form,
            class,
            code: 0,
            target: Field::of(form, at.old_address).target(insn),
        }
    }

    fn encode(&self, unit: &Unit, new_address: u32, target: u32) -> Option<[u8; 4]> {
        if unit.form == Form::WORD {
            return Some(target.to_le_bytes());
        }
        let field = Field::of(unit.form, new_address);
        let distance = target.wrapping_sub(field.base);
        (distance & 3 == 0 && distance < field.span).then(|| {
            let bits = (distance << field.shift) ^ field.flip;
            (unit.code & field.keep() | bits).to_le_bytes()
        })
    }

    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32> {
        let new = u32::from_le_bytes(bytes);
        if unit.form == Form::WORD {
            return Some(new);
        }
        let field = Field::of(unit.form, new_address);
        ((new ^ unit.code) & (field.keep() | 0xff00_0000) == 0).then(|| field.target(new))
    }

    fn advance(&mut self, _unit: &Unit, _addresses: (u32, u32), _bytes: [u8; 4]) {}

    fn jump(&mut self) {
        *self = Self::default();
    }

    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { state, abi, count } = self;
        port.choice(state, *state as u8, |number| {
            [State::Code, State::End, State::Pool].get(usize::from(number)).copied()
        });
        port.choice(abi, *abi as u8, |number| {
            [Abi::Unknown, Abi::Windowed, Abi::Call0].get(usize::from(number)).copied()
        });
        port.small(count);
    }

    fn scale(form: Form) -> u8 {
        if form == Form::WORD {
            0
        } else {
            2
        }
    }

    fn is_exact(_form: Form) -> bool {
        true
    }

    fn ends(first: u8, _: u8, len: u8) -> bool {
        // Density instructions have op0 8 to 13: Xtensa ISA summary, 3.2 and 7.
        len > 2 || len == 2 && matches!(first & 15, 8..=13)
    }

    fn key(word: u32, len: u8) -> u32 {
        let registers = match word & 0xf {
            _ if len > 3 => 0,
            0 => 0xf0f0,
            1 => 0xf0,
            // MOVI has high bits of its value where the others have a register.
            2 if word & 0xf000 == 0xa000 => 0xf0,
            2 | 3 | 7..=9 => 0xff0,
            // BEQZ and the like (not J); MOVI.N, BEQZ.N.
            6 if word & 0x30 != 0 => 0xf00,
            12 => 0xf00,
            10 => 0xfff0,
            11 => 0xff00,
            13 if word & 0xf000 == 0 => 0xff0,
            _ => 0,
        };
        word & !registers
    }

    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4] {
        let keep = match unit.form {
            Form::PLAIN => return bytes,
            Form::WORD => 0,
            form => Field::of(form, 0).keep(),
        };
        (u32::from_le_bytes(bytes) & keep).to_le_bytes()
    }
}

impl Xtensa {
    /// Learns from an instruction what may come after it.
    fn note(&mut self, insn: u32, op0: u8) {
        self.state = State::Code;
        let mut is_impossible = false;
        match op0 {
            // RET, RETW, JX, ILL, BREAK 1, 15 (section 7.3.1, tables QRST down to ST0).
            0 if matches!(insn & !0xf00, 0x80 | 0x90 | 0xa0 | 0 | 0x40f0) => {
                self.state = State::End
            }
            // LSCI (floating point, but for its loads and stores) and MAC16: not in an LX106.
            3 => is_impossible = insn & 0xb000 != 0,
            4 => is_impossible = true,
            // J.
            6 if insn & 0x30 == 0 => self.state = State::End,
            // RET.N and RETW.N (section 7.3.1, table ST3).
            13 if insn & 0xffef == 0xf00d => {
                self.state = State::End;
                self.abi = if insn & 0x10 == 0 { Abi::Call0 } else { Abi::Windowed };
            }
            14 | 15 => is_impossible = true,
            _ => {}
        }
        if is_impossible && self.abi != Abi::Windowed {
            self.count = DOUBT;
        } else {
            self.count = self.count.saturating_sub(1);
        }
    }
}

/// Where an instruction holds its reference: `target = base + 4 * field`, the field being unsigned
/// (its top bit is flipped if it is signed) and reaching to bit 23.
struct Field {
    base: u32,
    /// Bytes that it can span.
    span: u32,
    /// Bits that the distance is shifted to the left.
    shift: u32,
    flip: u32,
}

impl Field {
    fn of(form: Form, pc: u32) -> Self {
        if form == CALL {
            // Chapter 6, CALL0: ((pc >> 2) + sign-extended offset + 1) << 2.
            Self {
                base: (pc & !3).wrapping_add(4).wrapping_sub(1 << 19),
                span: 1 << 20,
                shift: 4,
                flip: 0x80_0000,
            }
        } else {
            // Chapter 6, L32R: ((pc + 3) & !3) + one-extended offset << 2.
            Self {
                base: (pc.wrapping_add(3) & !3).wrapping_sub(1 << 18),
                span: 1 << 18,
                shift: 6,
                flip: 0,
            }
        }
    }

    /// The bits of the instruction that are not the reference.
    fn keep(&self) -> u32 {
        if self.shift == 4 {
            0x3f
        } else {
            0xff
        }
    }

    fn target(&self, insn: u32) -> u32 {
        self.base.wrapping_add(((insn ^ self.flip) & 0xff_ffff & !self.keep()) >> self.shift)
    }
}

/// `ENTRY a1, n` (chapter 6, ENTRY; format BRI12) with a frame below 2 KiB.
fn is_entry(bytes: &[u8]) -> bool {
    matches!(bytes, [0x36, s, high, ..] if s & 0xf == 1 && *high < 16)
}

/// The first instruction of a function: `ENTRY`, or `ADDI a1, a1, -n` with n a multiple of 16 up to
/// 128 (format RRI8).
fn is_prologue(bytes: &[u8]) -> bool {
    is_entry(bytes) || matches!(bytes, [0x12, 0xc1, imm, ..] if imm & 0x8f == 0x80)
}

/// Two addresses in a row: in code this does not happen by chance.
fn two_addresses(at: &Place<'_>, bytes: &[u8]) -> bool {
    let is_address = |b: Option<&[u8; 4]>| b.is_some_and(|b| at.is_address(u32::from_le_bytes(*b)));
    is_address(bytes.first_chunk()) && is_address(bytes.get(4..).and_then(|b| b.first_chunk()))
}

#[cfg(test)]
mod tests;
