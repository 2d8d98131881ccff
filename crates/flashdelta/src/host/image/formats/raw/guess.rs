//! The instruction set of a plain binary.

use super::mcs51;
use crate::host::image::bytes::u32_le;
use crate::host::image::isa_hint::IsaHint;

/// No more than this is looked at to tell the instruction set.
const SAMPLE: usize = 1 << 20;

/// Guesses the instruction set from the frequency of returns and prologues; `None` where nothing
/// stands out.
pub fn guess_isa(binary: &[u8]) -> Option<IsaHint> {
    let binary = binary.get(..SAMPLE).unwrap_or(binary);
    let (mut thumb, mut riscv, mut arm, mut aarch64) = (0usize, 0usize, 0usize, 0usize);
    for (index, half) in binary.chunks_exact(2).enumerate() {
        let half = u16::from_le_bytes([half[0], half[1]]);
        match half {
            // bx lr; push/pop with the usual registers; push.w, pop.w
            0x4770 | 0xb508 | 0xb510 | 0xb538 | 0xb570 | 0xb5f0 | 0xb5f8 | 0xbd08 | 0xbd10
            | 0xbd38 | 0xbd70 | 0xbdf0 | 0xbdf8 | 0xe92d | 0xe8bd => {
                thumb += 1;
            }
            // c.jr ra; c.addi sp, -16 and -32
            0x8082 | 0x1141 | 0x1101 => riscv += 1,
            _ => {}
        }
        if index % 2 == 0 {
            match u32_le(binary, index * 2) {
                Some(0x0000_8067) => riscv += 1,
                Some(0xd65f_03c0) => aarch64 += 1,
                Some(word) if word == 0xe12f_ff1e || word & 0xffff_8000 == 0xe8bd_8000 => arm += 1,
                _ => {}
            }
        }
    }
    let mut found = [
        (thumb, IsaHint::Thumb),
        (riscv, IsaHint::RiscV32),
        (arm, IsaHint::Arm),
        (aarch64, IsaHint::AArch64),
    ];
    found.sort_by_key(|(count, _)| core::cmp::Reverse(*count));
    let [(best, isa), (second, _), ..] = found;
    // Random bytes hold each of these halfwords once in 128 KiB.
    if best < 8 || best < binary.len() / 1024 || best < second * 3 {
        return mcs51::is(binary).then_some(IsaHint::Mcs51);
    }
    // c.ld/c.sd exist only in 64 bits: `c.ldsp ra` (epilogue) against `c.lwsp ra`.
    if isa == IsaHint::RiscV32 {
        let count = |code: u16| {
            binary
                .chunks_exact(2)
                .filter(|h| (u16::from_le_bytes([h[0], h[1]]) & 0xef83) == code)
                .count()
        };
        if count(0x6082) > count(0x4082) {
            return Some(IsaHint::RiscV64);
        }
    }
    Some(isa)
}
