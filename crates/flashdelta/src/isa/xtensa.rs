//! Xtensa, little endian: LX106 (ESP8266, call0 ABI), LX6 and LX7 (ESP32, S2, S3, windowed ABI, density option).
//!
//! Section numbers are those of the *Xtensa Instruction Set Architecture (ISA) Reference Manual*: chapter 6 has a page
//! per instruction, section 7.1 the formats, section 7.3.1 the opcode maps. References are `CALL0/4/8/12`, `L32R` and the
//! words of literal pools and data. Branches, loops and `J` stay inside a function: treated as references they were
//! mispredicted more often than they change (measured on 18 pairs of real images), so they are plain.
//!
//! # Staying in phase
//! Instructions are 2, 3 or (S3 only) 4 bytes long, and literal pools and padding lie between functions, so a plain
//! linear walk soon reads garbage. This one finds its way back at places of which the address is a multiple of 4: a function's
//! first instruction (`ENTRY a1, n`, or `ADDI a1, a1, -n` with call0), and two words in a row that are addresses, which is a
//! literal pool. A single such word starts a pool when no instruction can reach it from above. A pool lasts until the next
//! function; in the call0 ABI, where not every function has a prologue, until the first word that is no address.

use super::{encode_word, Form, Isa, Place, Unit};

/// `CALL0`, `CALL4`, `CALL8`, `CALL12`: an 18-bit signed number of words (chapter 6, CALL0; format CALL).
const CALL: Form = Form(2);
/// `L32R`: a 16-bit number of words, always negative (chapter 6, L32R; format RI16).
const L32R: Form = Form(3);

/// Units that follow an impossible instruction in which references are not believed. Text and compressed
/// web pages lie amid the code of an ESP8266; one in six of their units is impossible.
const DOUBT: u8 = 8;
/// Words in a row that are no addresses and end a pool nevertheless: it was none. (Pools of 300 words exist.)
const POOL_DOUBT: u8 = 24;

/// Classes of units, for the models. Others: `op0`, and `16 + r` for loads, stores and additions (`op0` = 2).
const CLASS_CUT: u8 = 2;
const CLASS_LONG: u8 = 14;
const CLASS_WORD: u8 = 15;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Code,
    /// Behind an instruction that never goes on to the next one.
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
    /// In a pool: words in a row that are no addresses. In code: units for which references are not believed.
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
            return Unit { len: gap.min(left), form, class: CLASS_WORD, target: pointer.unwrap_or(0) };
        }

        let tail = at.old.get(usize::from(gap)..).unwrap_or(&[]);
        let insn = insn(at.old);
        let op0 = insn as u8 & 0xf;
        let full = match op0 {
            0..=7 => 3,
            8..=13 => 2,
            _ => 4,
        };
        let is_padding =
            self.state == State::End && !is_aligned && at.old.iter().take(usize::from(gap)).all(|b| *b == 0);
        if is_padding || full > gap && (is_prologue(tail) || two_addresses(at, tail)) || full > left {
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
            // No program mixes the ABIs: CALL0 among windowed code, or the reverse, is not an instruction at all.
            5 if self.abi == Abi::Unknown || (self.abi == Abi::Call0) == (insn & 0x30 == 0) => CALL,
            _ => Form::PLAIN,
        };
        if self.count > 0 || form == Form::PLAIN {
            return Unit { len: full, class, ..Unit::default() };
        }
        Unit { len: full, form, class, target: Field::of(form, at.old_address).target(insn) }
    }

    fn encode(&self, unit: &Unit, at: &Place<'_>, target: u32) -> Option<[u8; 4]> {
        if unit.form == Form::WORD {
            return Some(encode_word(target));
        }
        let field = Field::of(unit.form, at.new_address);
        let distance = target.wrapping_sub(field.base);
        (distance & 3 == 0 && distance < field.span).then(|| {
            let bits = (distance << field.shift) ^ field.flip;
            (insn(at.old) & field.keep() | bits).to_le_bytes()
        })
    }

    fn decode(&self, unit: &Unit, at: &Place<'_>, bytes: [u8; 4]) -> Option<u32> {
        let new = u32::from_le_bytes(bytes);
        if unit.form == Form::WORD {
            return Some(new);
        }
        let field = Field::of(unit.form, at.new_address);
        ((new ^ insn(at.old)) & (field.keep() | 0xff00_0000) == 0).then(|| field.target(new))
    }

    fn advance(&mut self, _unit: &Unit, _at: &Place<'_>, _bytes: [u8; 4]) {}

    fn jump(&mut self) {
        *self = Self::default();
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
    /// Learns from an instruction what may come behind it.
    fn note(&mut self, insn: u32, op0: u8) {
        self.state = State::Code;
        let mut is_impossible = false;
        match op0 {
            // RET, RETW, JX, ILL, BREAK 1, 15 (section 7.3.1, tables QRST down to ST0).
            0 if matches!(insn & !0xf00, 0x80 | 0x90 | 0xa0 | 0 | 0x40f0) => self.state = State::End,
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

/// Where an instruction holds its reference: `target = base + 4 * field`, the field being unsigned (its top bit is
/// flipped if it is signed) and reaching to bit 23.
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
            Self { base: (pc & !3).wrapping_add(4).wrapping_sub(1 << 19), span: 1 << 20, shift: 4, flip: 0x80_0000 }
        } else {
            // Chapter 6, L32R: ((pc + 3) & !3) + one-extended offset << 2.
            Self { base: (pc.wrapping_add(3) & !3).wrapping_sub(1 << 18), span: 1 << 18, shift: 6, flip: 0 }
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

/// The first three bytes, little endian; missing ones are 0.
fn insn(bytes: &[u8]) -> u32 {
    let mut it = bytes.iter();
    let mut next = || u32::from(it.next().copied().unwrap_or(0));
    next() | next() << 8 | next() << 16
}

/// `ENTRY a1, n` (chapter 6, ENTRY; format BRI12) with a frame below 2 KiB.
fn is_entry(bytes: &[u8]) -> bool {
    matches!(bytes, [0x36, s, high, ..] if s & 0xf == 1 && *high < 16)
}

/// The first instruction of a function: `ENTRY`, or `ADDI a1, a1, -n` with n a multiple of 16 up to 128 (format RRI8).
fn is_prologue(bytes: &[u8]) -> bool {
    is_entry(bytes) || matches!(bytes, [0x12, 0xc1, imm, ..] if imm & 0x8f == 0x80)
}

/// Two addresses in a row: in code this does not happen by chance.
fn two_addresses(at: &Place<'_>, bytes: &[u8]) -> bool {
    let is_address = |b: Option<&[u8; 4]>| b.is_some_and(|b| at.is_address(u32::from_le_bytes(*b)));
    is_address(bytes.first_chunk()) && is_address(bytes.get(4..).and_then(|b| b.first_chunk()))
}

#[cfg(test)]
mod tests {
    use super::super::{AddressRange, LOOKAHEAD};
    use super::*;

    /// From binutils and LLVM, see make_xtensa.py beside it.
    const VECTORS: &str = include_str!("../../../../testdata/isa/xtensa.txt");

    const RANGES: [AddressRange; 2] =
        [AddressRange { start: 0x3f40_0020, end: 0x3f44_0000 }, AddressRange { start: 0x400d_0018, end: 0x401b_0000 }];

    fn place(old: &[u8], address: u32) -> Place<'_> {
        Place { old, old_address: address, new_address: address, ranges: &RANGES }
    }

    fn four(bytes: &[u8]) -> [u8; 4] {
        core::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0))
    }

    fn bytes_of(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    /// Walks code to its end: offset and unit.
    fn walk(isa: &mut Xtensa, code: &[u8], address: u32) -> Vec<(u32, Unit)> {
        let mut units = Vec::new();
        let mut at = 0;
        while at < code.len() {
            let old = &code[at..code.len().min(at + LOOKAHEAD)];
            let unit = isa.unit(&place(old, address.wrapping_add(at as u32)));
            assert!((1..=old.len().min(4)).contains(&usize::from(unit.len)) && unit.class < 32);
            units.push((at as u32, unit));
            at += usize::from(unit.len);
        }
        units
    }

    #[test]
    fn agrees_with_other_tools() {
        let mut refs = 0;
        for line in VECTORS.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["ref", bytes, address, target] => {
                    let bytes = bytes_of(bytes);
                    let [address, target] = [address, target].map(|n| u32::from_str_radix(n, 16).unwrap());
                    let (at, mut isa) = (place(&bytes, address), Xtensa::default());
                    let unit = isa.unit(&at);
                    let form = if bytes[0] & 0xf == 5 { CALL } else { L32R };
                    assert_eq!((unit.len, unit.form, unit.target), (3, form, target), "{line}");
                    assert_eq!(isa.encode(&unit, &at, target), Some(four(&bytes)), "{line}");
                    assert_eq!(isa.decode(&unit, &at, four(&bytes)), Some(target), "{line}");
                    for bit in 0..32 {
                        // A bit of the reference changes the target, any other makes it another instruction; the mask says which.
                        let changed = (u32::from_le_bytes(four(&bytes)) ^ 1 << bit).to_le_bytes();
                        let is_reference = bit < 24 && Xtensa::mask(&unit, (1u32 << bit).to_le_bytes()) == [0; 4];
                        assert_eq!(is_reference, (if form == CALL { 6..24 } else { 8..24 }).contains(&bit));
                        let target = isa.decode(&unit, &at, changed);
                        assert_eq!(target.is_some(), is_reference, "{line}");
                        assert!(target.is_none_or(|t| isa.encode(&unit, &at, t) == Some(changed)), "{line}");
                    }
                    refs += 1;
                }
                ["code", bytes] => {
                    let bytes = bytes_of(bytes);
                    let unit = Xtensa::default().unit(&place(&[&bytes[..], &[0x3d; 8]].concat(), 0x400d_0020));
                    assert_eq!((usize::from(unit.len), unit.form), (bytes.len(), Form::PLAIN), "{line}");
                }
                _ => assert!(line.starts_with('#')),
            }
        }
        assert!(refs > 2000);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for new_address in 0x400d_0020..0x400d_0024 {
            let aligned = 0x400d_0020;
            let above = (new_address + 3) & !3;
            for (code, lowest, highest) in [
                ([0x25, 0, 0], aligned + 4 - 0x8_0000, aligned + 0x8_0000),
                ([0x21, 0, 0], above - 0x4_0000, above - 4),
            ] {
                let mut isa = Xtensa::default();
                let at = Place { new_address, ..place(&code, 0x400e_0000) };
                let unit = isa.unit(&at);
                for target in [lowest, highest] {
                    let bytes = isa.encode(&unit, &at, target).unwrap();
                    assert_eq!(isa.decode(&unit, &at, bytes), Some(target));
                    for off in 1..4 {
                        assert_eq!(isa.encode(&unit, &at, target + off), None);
                    }
                }
                assert_eq!(isa.encode(&unit, &at, lowest - 4), None);
                assert_eq!(isa.encode(&unit, &at, highest + 4), None);
            }
        }
    }

    #[test]
    fn falls_into_step_at_a_function() {
        // RETW.N, 1 to 3 bytes that look like the start of a longer instruction, ENTRY a1, 32 or ADDI a1, a1, -16, NOP.N.
        for prologue in [[0x36, 0x41, 0x00], [0x12, 0xc1, 0xf0]] {
            for junk in [&[0x22][..], &[0x22, 0x22], &[0x2f, 0x22, 0x22]] {
                let code = [&[0x1d, 0xf0], junk, &prologue, &[0x3d, 0xf0]].concat();
                let start = 0x400d_0020 - 2 - junk.len() as u32;
                let units = walk(&mut Xtensa::default(), &code, start);
                assert!(units.iter().any(|(o, u)| start + o == 0x400d_0020 && u.len == 3), "{units:?}");
                // Elsewhere it is no first instruction.
                let units = walk(&mut Xtensa::default(), &code, start + 1);
                assert!(units.iter().all(|(o, _)| *o != 2 + junk.len() as u32), "{units:?}");
            }
        }
    }

    #[test]
    fn finds_pools() {
        let pool = [0x20, 0, 0x40, 0x3f, 0xff, 0xff, 0, 0, 0x20, 0, 0x0d, 0x40];
        let code = [&[0x1d, 0xf0, 0, 0][..], &pool, &[0x36, 0x41, 0, 0x81, 0xfc, 0xff]].concat();
        let forms = |units: &[(u32, Unit)]| units.iter().map(|(o, u)| (*o, u.len, u.form)).collect::<Vec<_>>();
        let expected = [
            (0, 2, Form::PLAIN),
            (2, 2, Form::PLAIN),
            (4, 4, Form::WORD),
            (8, 4, Form::PLAIN),
            (12, 4, Form::WORD),
            (16, 3, Form::PLAIN),
            (19, 3, L32R),
        ];
        let units = walk(&mut Xtensa::default(), &code, 0x400d_0020);
        assert_eq!(forms(&units), expected);
        assert_eq!(units[2].1.target, 0x3f40_0020);
        assert_eq!(units[6].1.target, 0x400d_0024);
        // Words of data anywhere in a data segment, and at multiples of 4 only.
        let units = walk(&mut Xtensa::default(), &[&[7, 8], &pool[..], &[9]].concat(), 0x3f40_0022);
        assert_eq!(forms(&units)[1], (2, 4, Form::WORD));
        assert_eq!(units.len(), 5);
        // A single word that looks like an address is no pool where code can go on to.
        let units = walk(&mut Xtensa::default(), &[&[0x3d, 0xf0, 0x3d, 0xf0], &pool[..8]].concat(), 0x400d_0020);
        assert!(units.iter().all(|(_, u)| u.form == Form::PLAIN && u.class != CLASS_WORD));
    }

    #[test]
    fn any_bytes_will_do() {
        let mut seed = 1u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let mut isa = Xtensa::default();
        for round in 0..3000u32 {
            let mut code: Vec<u8> = (0..random() % 80 + 1).map(|_| random() as u8).collect();
            if round % 3 == 0 {
                // As many references as may be.
                code.iter_mut().step_by(3).for_each(|b| *b = *b & 0xf0 | 1 | (random() & 4) as u8);
            }
            let address = [0, 0x400d_0018, 0x3f40_0020, u32::MAX - 40][round as usize % 4].wrapping_add(random() % 4);
            if round % 7 == 0 {
                isa.jump();
            }
            for (offset, unit) in walk(&mut isa, &code, address) {
                let old = &code[offset as usize..];
                let new_address = address.wrapping_add(offset).wrapping_add(random() % 64);
                let at = Place { new_address, ..place(&old[..old.len().min(LOOKAHEAD)], address.wrapping_add(offset)) };
                if unit.form == Form::PLAIN {
                    assert_eq!(unit.target, 0);
                    continue;
                }
                let target = new_address.wrapping_sub(random() % 0x5_0000);
                if let Some(bytes) = isa.encode(&unit, &at, target) {
                    assert_eq!(isa.decode(&unit, &at, bytes), Some(target));
                    assert_eq!(Xtensa::mask(&unit, bytes), Xtensa::mask(&unit, four(&old[..usize::from(unit.len)])));
                }
                let bytes = [old[0], random() as u8, random() as u8, 0];
                if let Some(target) = isa.decode(&unit, &at, bytes) {
                    assert_eq!(isa.encode(&unit, &at, target), Some(bytes));
                }
                isa.advance(&unit, &at, bytes);
            }
        }
    }
}
