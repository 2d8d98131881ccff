//! Against the encodings of GNU as, ld and objdump.

use super::*;
use crate::device::isa::testing::At;
use crate::device::isa::{AddressRange, LOOKAHEAD};

/// Made by GNU as, ld and objdump: see `make_riscv.py` beside it.
const VECTORS: &str = include_str!("../../../../../../testdata/isa/riscv.txt");
const EVERYWHERE: &[AddressRange] = &[AddressRange { start: 0, end: !0 }];

fn place(old: &[u8], old_address: u32, new_address: u32) -> At<'_> {
    At { old, old_address, new_address, ranges: EVERYWHERE }
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text, 16).unwrap()
}

fn code(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn four(bytes: &[u8]) -> [u8; 4] {
    core::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0))
}

/// Kind and lines (split at spaces) of each group of the vectors.
fn groups() -> impl Iterator<Item = (&'static str, Vec<Vec<&'static str>>)> {
    VECTORS.split("\n> ").skip(1).map(|group| {
        let mut lines = group.lines();
        (lines.next().unwrap(), lines.map(|line| line.split(' ').collect()).collect())
    })
}

/// Register s1 holds 0x3fc9a000 in the old image and 0x3fc9b000 in the new one.
fn s1_known() -> Riscv {
    let mut isa = Riscv::default();
    let lui = 0x3fc9_a4b7u32.to_le_bytes();
    let at = place(&lui, 0, 0);
    let unit = at.unit(&mut isa);
    isa.advance(&unit, (at.old_address, at.new_address), 0x3fc9_b4b7u32.to_le_bytes());
    assert!(isa.knows(9));
    isa
}

#[test]
fn instructions_are_those_of_the_assembler() {
    for (kind, lines) in groups() {
        let (form, shift) = match kind {
            "jal" => (JAL, 0),
            "c_j" => (C_J, 0),
            "branch" => (BRANCH, 0),
            "c_branch" => (C_BRANCH, 0),
            "lui" => (LUI, 0),
            "auipc" => (AUIPC, 0),
            "low_i" => (LOW_I, 0x3fc9_a000),
            "low_s" => (LOW_S, 0x3fc9_a000),
            "plain" => (Form::PLAIN, 0),
            _ => continue,
        };
        let moved = if shift == 0 { 0 } else { 0x1000 };
        let all: Vec<_> =
            lines.iter().map(|l| (hex(l[0]), code(l[1]), hex(l[2]).wrapping_add(shift))).collect();
        let varies = all.iter().fold(0, |bits, l| {
            bits | u32::from_le_bytes(four(&l.1)) ^ u32::from_le_bytes(four(&all[0].1))
        });
        let mut isa = s1_known();
        for (address, bytes, target) in &all {
            let at = place(bytes, *address, *address);
            let unit = at.unit(&mut isa);
            assert_eq!(
                unit,
                Unit { len: bytes.len() as u8, form, target: *target, ..unit },
                "{kind} {bytes:x?}"
            );
            assert!(unit.class < 32);
            if form == Form::PLAIN {
                continue;
            }
            let masked = u32::from_le_bytes(four(bytes)) & !varies;
            assert_eq!(Riscv::mask(&unit, four(bytes)), masked.to_le_bytes());
            // Each of the group can be made from each other.
            for (address, other, target) in &all {
                let at = place(bytes, !0, *address);
                let target = target.wrapping_add(moved);
                assert_eq!(
                    isa.encode(&unit, at.new_address, target),
                    Some(four(other)),
                    "{kind} {bytes:x?}"
                );
                assert_eq!(isa.decode(&unit, at.new_address, four(other)), Some(target));
            }
            for bit in (0..32).filter(|bit| varies >> bit & 1 == 0) {
                let different = u32::from_le_bytes(four(bytes)) ^ 1 << bit;
                assert_eq!(isa.decode(&unit, at.new_address, different.to_le_bytes()), None);
            }
            if !Riscv::is_exact(form) {
                assert_eq!(
                    isa.encode(&unit, at.new_address, target.wrapping_add(0x7ff)),
                    Some(four(bytes))
                );
                assert_eq!(
                    isa.encode(&unit, at.new_address, target.wrapping_sub(0x800)),
                    Some(four(bytes))
                );
                continue;
            }
            let step = 1 << Riscv::scale(form);
            let distance = |l: &(u32, Vec<u8>, u32)| {
                l.2.wrapping_sub(if shift == 0 { l.0 } else { shift }) as i32
            };
            let base = if shift == 0 { *address } else { shift + moved };
            for far in [
                all.iter().map(distance).min().unwrap() - step,
                all.iter().map(distance).max().unwrap() + step,
                if step == 1 { i32::MIN } else { 1 },
            ] {
                assert_eq!(
                    isa.encode(&unit, at.new_address, base.wrapping_add(far as u32)),
                    None,
                    "{kind} {far:x}"
                );
            }
        }
    }
}

#[test]
fn registers_are_forgotten_when_they_are_set() {
    for (kind, lines) in groups().filter(|g| g.0 == "sets" || g.0 == "keeps") {
        for line in lines {
            let (bytes, mut isa) = (code(line[1]), s1_known());
            let at = At { ranges: &[], ..place(&bytes, 0, 0) };
            let unit = Unit { form: Form::PLAIN, ..at.unit(&mut isa) };
            isa.advance(&unit, (at.old_address, at.new_address), four(&bytes));
            assert_eq!(isa.knows(9), kind == "keeps", "{kind} {bytes:x?}");
            let (mut isa, nop) = (s1_known(), [0x13, 0, 0, 0]);
            isa.advance(
                &Unit { code: u32::from_le_bytes(nop), ..Unit::default() },
                (0, 0),
                four(&bytes),
            );
            assert_eq!(isa.knows(9), kind == "keeps", "{kind} {bytes:x?} in the new image");
        }
    }
}

#[test]
fn pairs_are_predicted() {
    for (kind, lines) in groups().filter(|g| g.0.starts_with("pair")) {
        for line in lines {
            let (old, new, mut isa) = (code(line[1]), code(line[4]), Riscv::default());
            for i in [0, 4] {
                let at = place(&old[i..], hex(line[0]) + i as u32, hex(line[3]) + i as u32);
                let unit = at.unit(&mut isa);
                assert_eq!(unit.target, hex(line[2]), "{kind} {line:?}");
                let predicted = isa.encode(&unit, at.new_address, hex(line[5]));
                assert_eq!(predicted, Some(four(&new[i..i + 4])), "{kind} {line:?}");
                isa.advance(&unit, (at.old_address, at.new_address), four(&new[i..i + 4]));
            }
        }
    }
}

#[test]
fn constants_are_no_references() {
    let lui = 0x1234_54b7u32.to_le_bytes();
    for ranges in [&[][..], &[AddressRange { start: 0x3fc8_0000, end: 0x3fce_0000 }]] {
        let mut isa = Riscv::default();
        let at = At { ranges, ..place(&lui, 0, 0) };
        let unit = at.unit(&mut isa);
        assert_eq!(unit.form, Form::PLAIN);
        isa.advance(&unit, (at.old_address, at.new_address), lui);
        assert!(!isa.knows(9));
    }
}

#[test]
fn small_data_is_relative_to_gp() {
    // lw a5, -1884(gp)
    let lw = 0x8a41_a783u32.to_le_bytes();
    let (mut isa, at) = (Riscv::default(), place(&lw, 0x4200_0000, 0x4200_1000));
    let unit = at.unit(&mut isa);
    assert_eq!((unit.form, unit.target), (LOW_I, GP.wrapping_sub(1884)));
    assert_eq!(
        isa.encode(&unit, at.new_address, unit.target + 32),
        Some(0x8c41_a783u32.to_le_bytes())
    );
}

#[test]
fn any_bytes_will_do() {
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut isa = Riscv::default();
    for _ in 0..200_000 {
        let bytes: [u8; LOOKAHEAD] = core::array::from_fn(|_| random() as u8);
        let left = random() as usize % LOOKAHEAD + 1;
        let at =
            place(&bytes[..if random() & 3 == 0 { left.min(5) } else { left }], random(), random());
        let unit = at.unit(&mut isa);
        let len = usize::from(unit.len);
        assert!((1..=4).contains(&len) && len <= at.old.len() && unit.class < 32);
        let mut written = [0; 4];
        written[..len].copy_from_slice(&at.old[..len]);
        if unit.form != Form::PLAIN {
            let close = at.new_address.wrapping_add(random() as i8 as u32);
            for target in [random(), close, isa.decode(&unit, at.new_address, written).unwrap()] {
                if let Some(other) = isa.encode(&unit, at.new_address, target) {
                    assert!(other[len..].iter().all(|&b| b == 0));
                    let back = isa.decode(&unit, at.new_address, other).unwrap();
                    assert!(back == target || !Riscv::is_exact(unit.form));
                    assert_eq!(isa.encode(&unit, at.new_address, back), Some(other));
                    written = other;
                }
            }
        }
        isa.advance(&unit, (at.old_address, at.new_address), written);
        if random() & 63 == 0 {
            isa.jump();
        }
    }
}
