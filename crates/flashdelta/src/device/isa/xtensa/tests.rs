//! Tests of the Xtensa references, against vectors from binutils and LLVM.

use super::*;
use crate::device::isa::testing::At;
use crate::device::isa::{AddressRange, LOOKAHEAD};

/// From binutils and LLVM, see make_xtensa.py beside it.
const VECTORS: &str = include_str!("../../../../../../testdata/isa/xtensa.txt");

const RANGES: [AddressRange; 2] = [
    AddressRange { start: 0x3f40_0020, end: 0x3f44_0000 },
    AddressRange { start: 0x400d_0018, end: 0x401b_0000 },
];

fn place(old: &[u8], address: u32) -> At<'_> {
    At { old, old_address: address, new_address: address, ranges: &RANGES }
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
        let unit = place(old, address.wrapping_add(at as u32)).unit(isa);
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
                let [address, target] =
                    [address, target].map(|n| u32::from_str_radix(n, 16).unwrap());
                let (at, mut isa) = (place(&bytes, address), Xtensa::default());
                let unit = at.unit(&mut isa);
                let form = if bytes[0] & 0xf == 5 { CALL } else { L32R };
                assert_eq!((unit.len, unit.form, unit.target), (3, form, target), "{line}");
                assert_eq!(isa.encode(&unit, at.new_address, target), Some(four(&bytes)), "{line}");
                assert_eq!(isa.decode(&unit, at.new_address, four(&bytes)), Some(target), "{line}");
                for bit in 0..32 {
                    // A bit of the reference changes the target, any other makes it another
                    // instruction; the mask says which.
                    let changed = (u32::from_le_bytes(four(&bytes)) ^ 1 << bit).to_le_bytes();
                    let is_reference =
                        bit < 24 && Xtensa::mask(&unit, (1u32 << bit).to_le_bytes()) == [0; 4];
                    assert_eq!(
                        is_reference,
                        (if form == CALL { 6..24 } else { 8..24 }).contains(&bit)
                    );
                    let target = isa.decode(&unit, at.new_address, changed);
                    assert_eq!(target.is_some(), is_reference, "{line}");
                    assert!(
                        target
                            .is_none_or(|t| isa.encode(&unit, at.new_address, t) == Some(changed)),
                        "{line}"
                    );
                }
                refs += 1;
            }
            ["code", bytes] => {
                let bytes = bytes_of(bytes);
                let unit = place(&[&bytes[..], &[0x3d; 8]].concat(), 0x400d_0020)
                    .unit(&mut Xtensa::default());
                assert_eq!(
                    (usize::from(unit.len), unit.form),
                    (bytes.len(), Form::PLAIN),
                    "{line}"
                );
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
            let at = At { new_address, ..place(&code, 0x400e_0000) };
            let unit = at.unit(&mut isa);
            for target in [lowest, highest] {
                let bytes = isa.encode(&unit, at.new_address, target).unwrap();
                assert_eq!(isa.decode(&unit, at.new_address, bytes), Some(target));
                for off in 1..4 {
                    assert_eq!(isa.encode(&unit, at.new_address, target + off), None);
                }
            }
            assert_eq!(isa.encode(&unit, at.new_address, lowest - 4), None);
            assert_eq!(isa.encode(&unit, at.new_address, highest + 4), None);
        }
    }
}

#[test]
fn falls_into_step_at_a_function() {
    // RETW.N, 1 to 3 bytes that look like the start of a longer instruction, ENTRY a1, 32 or ADDI
    // a1, a1, -16, NOP.N.
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
    let forms =
        |units: &[(u32, Unit)]| units.iter().map(|(o, u)| (*o, u.len, u.form)).collect::<Vec<_>>();
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
    let units = walk(
        &mut Xtensa::default(),
        &[&[0x3d, 0xf0, 0x3d, 0xf0], &pool[..8]].concat(),
        0x400d_0020,
    );
    assert!(units.iter().all(|(_, u)| u.form == Form::PLAIN && u.class != CLASS_WORD));
}

#[test]
fn key_forgets_registers_alone() {
    // MOVI a2, -2048; L32I a2, a3, 1020; L32I.N a2, a3, 60; MOV.N a2, a3; BEQZ a2; J; NOP.N; a
    // word.
    for (bytes, len, registers) in [
        ([0x22, 0xa8, 0x00, 0], 3, 0xf0),
        ([0x22, 0x23, 0xff, 0], 3, 0xff0),
        ([0x28, 0xf3, 0, 0], 2, 0xff0),
        ([0x2d, 0x03, 0, 0], 2, 0xff0),
        ([0x16, 0x22, 0x00, 0], 3, 0xf00),
        ([0x86, 0x12, 0x34, 0], 3, 0),
        ([0x3d, 0xf0, 0, 0], 2, 0),
        ([0x22, 0x23, 0xff, 0x3f], 4, 0),
    ] {
        assert_eq!(
            Xtensa::key(u32::from_le_bytes(bytes), len),
            u32::from_le_bytes(bytes) & !registers
        );
    }
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
        let address = [0, 0x400d_0018, 0x3f40_0020, u32::MAX - 40][round as usize % 4]
            .wrapping_add(random() % 4);
        if round % 7 == 0 {
            isa.jump();
        }
        for (offset, unit) in walk(&mut isa, &code, address) {
            let old = &code[offset as usize..];
            let new_address = address.wrapping_add(offset).wrapping_add(random() % 64);
            let at = At {
                new_address,
                ..place(&old[..old.len().min(LOOKAHEAD)], address.wrapping_add(offset))
            };
            if unit.form == Form::PLAIN {
                assert_eq!(unit.target, 0);
                continue;
            }
            let target = new_address.wrapping_sub(random() % 0x5_0000);
            if let Some(bytes) = isa.encode(&unit, at.new_address, target) {
                assert_eq!(isa.decode(&unit, at.new_address, bytes), Some(target));
                assert_eq!(
                    Xtensa::mask(&unit, bytes),
                    Xtensa::mask(&unit, four(&old[..usize::from(unit.len)]))
                );
            }
            let bytes = [old[0], random() as u8, random() as u8, 0];
            if let Some(target) = isa.decode(&unit, at.new_address, bytes) {
                assert_eq!(isa.encode(&unit, at.new_address, target), Some(bytes));
            }
            isa.advance(&unit, (at.old_address, at.new_address), bytes);
        }
    }
}
