//! RISC-V: RV32IMC with or without A and F, little endian.
//!
//! Jumps and calls are relative to their own address. Other addresses are put together from two
//! instructions: LUI or AUIPC set the high 20 bits of a register, and an ADDI, load, store or JALR
//! adds the low 12. So the registers are tracked, in the old and in the new image: the instruction
//! that adds the low bits then knows its full target.
//!
//! Section numbers are those of "The RISC-V Instruction Set Manual, Volume I: Unprivileged ISA",
//! version 20191213.

use super::{Form, Isa, Place, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// JAL (2.5): 20 bits, in units of 2 bytes, relative to the instruction.
const JAL: Form = Form(2);
/// C.J and C.JAL (16.4): 11 bits, in units of 2 bytes, relative to the instruction.
const C_J: Form = Form(3);
/// BEQ, BNE, BLT, BGE, BLTU, BGEU (2.5): 12 bits, in units of 2 bytes, relative to the instruction.
const BRANCH: Form = Form(4);
/// C.BEQZ and C.BNEZ (16.4): 8 bits, in units of 2 bytes, relative to the instruction.
const C_BRANCH: Form = Form(5);
/// LUI (2.4): the high 20 bits.
const LUI: Form = Form(6);
/// AUIPC (2.4): the high 20 bits, relative to the instruction.
const AUIPC: Form = Form(7);
/// ADDI, JALR and loads (2.4 to 2.6, 11.5): the low 12 bits, relative to register rs1, whose value
/// is known.
const LOW_I: Form = Form(8);
/// Stores (2.6, 11.5): the low 12 bits, relative to register rs1, whose value is known.
const LOW_S: Form = Form(9);

/// What x3, the global pointer, is taken to hold. Its value is not known, but is the same
/// throughout an image: so small data get an address range of their own, where nothing else is: the
/// last 4 KiB.
const GP: u32 = 0xffff_f800;

/// Where the bits of a reference are: (lowest bit in the value, number of bits, lowest bit in the
/// instruction).
type Piece = (u8, u8, u8);

/// How an instruction holds a reference.
struct Field {
    pieces: &'static [Piece],
    /// Bits of the value; the highest of them is its sign.
    bits: u32,
    /// Low bits of the value that are always 0.
    scale: u32,
    /// Bits of the instruction.
    mask: u32,
}

fn field(form: Form) -> &'static Field {
    const fn field(pieces: &'static [Piece], bits: u32, scale: u32, mask: u32) -> Field {
        Field { pieces, bits, scale, mask }
    }
    const BRANCHES: Field =
        field(&[(12, 1, 31), (5, 6, 25), (1, 4, 8), (11, 1, 7)], 13, 1, 0xfe00_0f80);
    const C_JUMPS: &[Piece] = &[
        (11, 1, 12),
        (4, 1, 11),
        (8, 2, 9),
        (10, 1, 8),
        (6, 1, 7),
        (7, 1, 6),
        (1, 3, 3),
        (5, 1, 2),
    ];
    const C_BRANCHES: &[Piece] = &[(8, 1, 12), (3, 2, 10), (6, 2, 5), (1, 2, 3), (5, 1, 2)];
    match form {
        JAL => {
            const PARTS: [(u8, u8, u8); 4] = [(20, 1, 31), (1, 10, 21), (11, 1, 20), (12, 8, 12)];
            const { &field(&PARTS, 21, 1, 0xffff_f000) }
        }
        C_J => const { &field(C_JUMPS, 12, 1, 0x1ffc) },
        BRANCH => const { &BRANCHES },
        C_BRANCH => const { &field(C_BRANCHES, 9, 1, 0x1c7c) },
        LUI | AUIPC => const { &field(&[(12, 20, 12)], 32, 12, 0xffff_f000) },
        LOW_I => const { &field(&[(0, 12, 20)], 12, 0, 0xfff0_0000) },
        LOW_S => const { &field(&[(5, 7, 25), (0, 5, 7)], 12, 0, 0xfe00_0f80) },
        _ => const { &field(&[], 32, 0, 0) },
    }
}

impl Field {
    /// Spreads the bits of a value over the instruction.
    fn spread(&self, value: u32) -> u32 {
        self.pieces.iter().fold(0, |word, &(low, width, at)| {
            word | (value.wrapping_shr(low.into()) & ones(width)).wrapping_shl(at.into())
        })
    }

    /// Gathers the value from the instruction and extends its sign.
    fn gather(&self, word: u32) -> u32 {
        self.extend(self.pieces.iter().fold(0, |value, &(low, width, at)| {
            value | (word.wrapping_shr(at.into()) & ones(width)).wrapping_shl(low.into())
        }))
    }

    fn extend(&self, value: u32) -> u32 {
        let unused = 32u32.wrapping_sub(self.bits);
        (value.wrapping_shl(unused) as i32).wrapping_shr(unused) as u32
    }

    /// Whether the value can be held.
    fn fits(&self, value: u32) -> bool {
        self.extend(value) == value && value & ones(self.scale as u8) == 0
    }
}

/// `width` low bits set.
fn ones(width: u8) -> u32 {
    !u32::MAX.wrapping_shl(width.into())
}

/// The length of the instruction that begins with this word (1.5).
fn length(word: u32) -> u8 {
    if word & 3 == 3 {
        4
    } else {
        2
    }
}

/// Class, and the form that the instruction has if what it refers to is an address.
#[inline(always)]
fn kind(word: u32) -> (u8, Form) {
    /// Compressed instructions by quadrant and funct3 (16.8), then the others by major opcode (24,
    /// table 24.1): the form, and the class of the latter less 24 in the high half.
    const KINDS: [u8; 56] = {
        let mut kinds = [0; 56];
        // C.JAL and C.J; C.BEQZ and C.BNEZ.
        (kinds[9], kinds[13]) = (C_J.0, C_J.0);
        (kinds[14], kinds[15]) = (C_BRANCH.0, C_BRANCH.0);
        let mut opcode = 0;
        while opcode < 32 {
            kinds[24 + opcode] = match opcode << 2 | 3 {
                0x03 | 0x07 => LOW_I.0,
                0x13 => 1 << 4 | LOW_I.0,
                0x17 => 2 << 4 | AUIPC.0,
                0x37 => 2 << 4 | LUI.0,
                0x23 | 0x27 => 3 << 4 | LOW_S.0,
                0x63 => 4 << 4 | BRANCH.0,
                0x67 => 5 << 4 | LOW_I.0,
                0x6f => 6 << 4 | JAL.0,
                _ => 7 << 4,
            };
            opcode += 1;
        }
        kinds
    };
    let is_long = word & 3 == 3;
    let index = if is_long { 24 + (word >> 2 & 31) } else { quadrant(word).into() };
    let kind = KINDS.get(index as usize).copied().unwrap_or(0);
    let class = if is_long { 24 + (kind >> 4) } else { index as u8 };
    // Of the operations with an immediate value only ADDI.
    let is_other = word & 0x7f == 0x13 && word & 0x7000 != 0;
    (class, if is_other { Form::PLAIN } else { Form(kind & 15) })
}

/// Register at bit `at` of the instruction.
fn register(word: u32, at: u32) -> u32 {
    word.wrapping_shr(at) & 31
}

/// The set (a bit each) of the registers whose values are no longer known after this instruction.
///
/// The walk follows memory, not control. Code after a jump or a return is mostly reached from
/// before it, so a jump forgets nothing, a return only what a call does, and C.LWSP does not count
/// for registers that a call preserves: it restores them at the end of a function, while the walk
/// may still be in the middle. (Measured; all better so.)
fn forgets(word: u32) -> u32 {
    /// Not preserved by a call: x1, x5 to x7, x10 to x17, x28 to x31 (25, table 25.1). Taken for a
    /// return as well.
    const CALL: u32 = 0xf003_fce2;
    let rd = register(word, 7);
    let set = 1u32.wrapping_shl(rd);
    match word & 0x7f {
        // Stores, branches, loads of floating-point registers, JAL x0.
        0x23 | 0x27 | 0x63 | 0x07 => 0,
        0x6f if rd == 0 => 0,
        0x6f | 0x67 => CALL,
        opcode if opcode & 3 == 3 => set,
        // Compressed instructions by quadrant and funct3 (16.8).
        _ => match quadrant(word) {
            // C.ADDI4SPN, C.LW, and C.LBU and the like of Zcb.
            0 | 2 | 4 => 0x100u32.wrapping_shl(word >> 2 & 7),
            // C.JAL.
            9 => CALL,
            // C.SRLI to C.AND.
            12 => 0x100u32.wrapping_shl(word >> 7 & 7),
            // C.ADDI, C.LI, C.LUI and C.ADDI16SP, C.SLLI.
            8 | 10 | 11 | 16 => set,
            // C.LWSP.
            18 => set & CALL,
            // C.JR and C.JALR; C.MV and C.ADD.
            20 if register(word, 2) == 0 => CALL,
            20 => set,
            _ => 0,
        },
    }
}

/// Quadrant (the low two bits) and funct3 of a compressed instruction.
fn quadrant(word: u32) -> u8 {
    ((word & 3) << 3 | word >> 13 & 7) as u8
}

/// The registers of the walk.
#[derive(Clone, Default)]
pub(crate) struct Riscv {
    /// Bit set of the registers whose values are known: LUI or AUIPC left the high bits of an
    /// address there.
    known: u32,
    old: [u32; 32],
    new: [u32; 32],
}

/// What the reference is relative to.
fn base(form: Form, word: u32, address: u32, registers: &[u32; 32]) -> u32 {
    match form {
        LUI => 0,
        LOW_I | LOW_S if register(word, 15) == 3 => GP,
        LOW_I | LOW_S => registers.get(register(word, 15) as usize).copied().unwrap_or(0),
        _ => address,
    }
}

/// The low 12 bits of the address whose high bits an instruction puts into register `rd`; 0 when
/// nothing in the code after it adds them.
fn low_part(rd: u32, code: &[u8]) -> u32 {
    let mut rest = code;
    while let Some(front) = rest.first_chunk() {
        let word = u32::from_le_bytes(*front);
        let (_, form) = kind(word);
        if matches!(form, LOW_I | LOW_S) && register(word, 15) == rd {
            return field(form).gather(word);
        }
        if forgets(word).wrapping_shr(rd) & 1 != 0 {
            break;
        }
        rest = rest.get(length(word).into()..).unwrap_or(&[]);
    }
    0
}

impl Riscv {
    /// Whether the high part of an address is in this register.
    fn knows(&self, number: u32) -> bool {
        self.known.wrapping_shr(number) & 1 != 0
    }
}

impl Isa for Riscv {
    fn unit(&mut self, at: &Place<'_>) -> Unit {
        let (word, len) = (at.front, length(at.front));
        if at.old_address & 1 != 0 || usize::from(len) > at.old.len() {
            // A copy may start inside an instruction: get back in phase.
            return Unit { len: 1, ..Unit::default() };
        }
        let (class, form) = kind(word);
        let plain = Unit { len, class, ..Unit::default() };
        // Most instructions are no references: they should not take long.
        let may_refer = match form {
            Form::PLAIN => false,
            LOW_I | LOW_S => register(word, 15) == 3 || self.knows(register(word, 15)),
            LUI | AUIPC => register(word, 7) != 0,
            _ => true,
        };
        if !may_refer {
            return plain;
        }
        let mut target =
            base(form, word, at.old_address, &self.old).wrapping_add(field(form).gather(word));
        if !Self::is_exact(form) {
            target =
                target.wrapping_add(low_part(register(word, 7), at.old.get(4..).unwrap_or(&[])));
        }
        if form == LUI && !at.is_address(target) {
            return plain;
        }
        Unit { form, target, ..plain }
    }

    fn encode(&self, unit: &Unit, new_address: u32, target: u32) -> Option<[u8; 4]> {
        let (word, form) = (unit.code, unit.form);
        let mut value = target.wrapping_sub(base(form, word, new_address, &self.new));
        if !Self::is_exact(form) {
            value = value.wrapping_add(0x800) & !0xfff;
        }
        let field = field(form);
        field.fits(value).then(|| (word & !field.mask | field.spread(value)).to_le_bytes())
    }

    fn decode(&self, unit: &Unit, new_address: u32, bytes: [u8; 4]) -> Option<u32> {
        let word = unit.code;
        let new = u32::from_le_bytes(bytes);
        let field = field(unit.form);
        let same = (word ^ new) & !field.mask == 0;
        same.then(|| base(unit.form, word, new_address, &self.new).wrapping_add(field.gather(new)))
    }

    fn advance(&mut self, unit: &Unit, (old_address, new_address): (u32, u32), bytes: [u8; 4]) {
        if self.known == 0 && Self::is_exact(unit.form) {
            // Nothing to forget, and nothing to remember.
            return;
        }
        let (word, new) = (unit.code, u32::from_le_bytes(bytes));
        self.known &= !forgets(word);
        if (word ^ new) & 0xffff != 0 {
            // An instruction that replaced the old one may set another register.
            self.known &= !forgets(new);
        }
        if Self::is_exact(unit.form) {
            return;
        }
        let Some(value) = self.decode(unit, new_address, bytes) else { return };
        let rd = register(word, 7);
        if let (Some(old), Some(new)) =
            (self.old.get_mut(rd as usize), self.new.get_mut(rd as usize))
        {
            let base = if unit.form == AUIPC { old_address } else { 0 };
            *old = base.wrapping_add(word & 0xffff_f000);
            *new = value;
            self.known |= 1u32.wrapping_shl(rd);
        }
    }

    fn jump(&mut self) {
        self.known = 0;
    }

    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { known, old, new } = self;
        port.number(known);
        port.words(Some(old));
        port.words(Some(new));
    }

    fn scale(form: Form) -> u8 {
        field(form).scale as u8
    }

    fn is_exact(form: Form) -> bool {
        !matches!(form, LUI | AUIPC)
    }

    fn ends(first: u8, _: u8, len: u8) -> bool {
        // The two low bits tell 16-bit encodings: RISC-V ISA manual, volume I, 1.5.
        len > 3 || len == 2 && first & 3 != 3
    }

    fn key(word: u32, len: u8) -> u32 {
        let registers = match (len, word & 3) {
            (4, _) => match word >> 2 & 0x1F {
                // Stores and branches: rs1, rs2.
                0x08 | 0x09 | 0x18 => 0x01FF_8000,
                // Operations between registers: rd, rs1, rs2.
                0x0C => 0x01FF_8F80,
                // LUI, AUIPC, JAL: rd.
                0x05 | 0x0D | 0x1B => 0x0F80,
                // Loads, ADDI and the like: rd, rs1.
                _ => 0x000F_8F80,
            },
            // C.LW, C.SW: both short registers.
            (_, 0) => 0x039C,
            // C.ADDI, C.LI, C.LUI; the others have a short register in the same place.
            (_, 1) => {
                if word >> 13 & 7 < 4 {
                    0x0F80
                } else {
                    0x0380
                }
            }
            // C.SWSP: rs2; C.LWSP and C.SLLI: rd.
            _ => {
                if word >> 13 & 7 >= 5 {
                    0x007C
                } else {
                    0x0F80
                }
            }
        };
        word & !registers
    }

    fn mask(unit: &Unit, bytes: [u8; 4]) -> [u8; 4] {
        (u32::from_le_bytes(bytes) & !field(unit.form).mask).to_le_bytes()
    }
}

#[cfg(test)]
mod tests;
