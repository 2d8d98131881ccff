//! TC32 against its documented encodings, and what must hold for any bytes.

use super::*;
use crate::device::isa::testing::At;
use crate::device::isa::{AddressRange, LOOKAHEAD};

const EVERYWHERE: [AddressRange; 1] = [AddressRange { start: 0, end: u32::MAX }];

fn place<'a>(old: &'a [u8], address: u32, ranges: &'a [AddressRange]) -> At<'a> {
    At { old, old_address: address, new_address: address, ranges }
}

fn bytes_of(unit: &Unit, old: &[u8]) -> [u8; 4] {
    let mut bytes = [0; 4];
    bytes[..usize::from(unit.len)].copy_from_slice(&old[..usize::from(unit.len)]);
    bytes
}

/// The halfwords as they lie in memory, followed by `nop`.
fn memory(halves: &[u16]) -> [u8; LOOKAHEAD] {
    let mut old = [0; LOOKAHEAD];
    let padded = halves.iter().copied().chain(core::iter::repeat(0x06c0));
    old.chunks_exact_mut(2)
        .zip(padded)
        .for_each(|(to, half)| to.copy_from_slice(&half.to_le_bytes()));
    old
}

/// By the formulas of the specification; the first `tj` is how every image of the SDK begins.
#[test]
fn finds_targets() {
    let table: [(Form, u32, &[u16], u32); 15] = [
        (JUMP, 0, &[0x8026], 0x50),
        (JUMP, 0x100, &[0x87ff], 0x102),
        (JUMP, 0x1000, &[0x8400], 0x804),
        (BRANCH, 0x200, &[0xc003], 0x20a),
        (BRANCH, 0x200, &[0xcdfe], 0x200),
        (BRANCH, 0x200, &[0xc180], 0x104),
        (CALL, 0, &[0x9001, 0x9918], 0x1234),
        (CALL, 0x4000, &[0x97ff, 0x9ffe], 0x4000),
        (CALL, 0x0010_0000, &[0x93ff, 0x9fff], 0x0050_0002),
        (CALL, 0x0050_0000, &[0x9400, 0x9800], 0x0010_0004),
        (LOAD, 0x100, &[0x0801], 0x108),
        (LOAD, 0x102, &[0x0fff], 0x500),
        // `tmov r0, #3`; `tpush {r4, lr}`; half a call.
        (Form::PLAIN, 0, &[0xa003], 0),
        (Form::PLAIN, 0, &[0x6510], 0),
        (Form::PLAIN, 0, &[0x9001, 0x6500], 0),
    ];
    for (form, address, code, target) in table {
        let old = memory(code);
        let mut at = place(&old, address, &[]);
        let mut isa = Tc32::default();
        let unit = at.unit(&mut isa);
        let len = if form == CALL { 4 } else { 2 };
        assert_eq!((unit.form, unit.len, unit.target), (form, len, target), "{code:04x?}");
        if form != Form::PLAIN {
            let bytes = bytes_of(&unit, &old);
            at.new_address = address.wrapping_add(0x1234);
            let moved = target.wrapping_add(0x1234);
            assert_eq!(isa.encode(&unit, at.new_address, moved), Some(bytes), "{code:04x?}");
            assert_eq!(isa.decode(&unit, at.new_address, bytes), Some(moved), "{code:04x?}");
        }
    }
}

#[test]
fn refuses_targets_out_of_range() {
    let table: [(Form, &[u16], i32, i32, i32); 4] = [
        (CALL, &[0x9000, 0x9800], 2, -0x0040_0000, 0x003f_fffe),
        (JUMP, &[0x8000], 2, -0x800, 0x7fe),
        (BRANCH, &[0xc000], 2, -0x100, 0xfe),
        (LOAD, &[0x0800], 4, 0, 0x3fc),
    ];
    for (form, code, step, lowest, highest) in table {
        let old = memory(code);
        for address in [0, 0x2_0000, 0xffff_fff0] {
            let at = place(&old, address, &[]);
            let mut isa = Tc32::default();
            let unit = at.unit(&mut isa);
            assert_eq!(unit.form, form);
            let encode = |offset: i32| {
                isa.encode(&unit, at.new_address, (address + 4).wrapping_add(offset as u32))
            };
            for offset in [lowest, lowest + step, highest - step, highest] {
                let bytes = encode(offset).expect("in range");
                assert_eq!(
                    isa.decode(&unit, at.new_address, bytes),
                    Some((address + 4).wrapping_add(offset as u32))
                );
            }
            for offset in [lowest - step, highest + step, i32::MIN, i32::MAX & !3, step / 2, 1] {
                assert_eq!(encode(offset), None, "{form:?} {offset:x}");
            }
            assert_eq!(1 << Tc32::scale(form), step);
        }
    }
}

/// A change of any bit outside the reference is another instruction.
#[test]
fn masks_exactly_the_reference() {
    for code in [[0x9234, 0x9abc], [0x8123, 0], [0xc145, 0], [0x0b21, 0]] {
        let old = memory(&code);
        let at = place(&old, 0x8000, &[]);
        let mut isa = Tc32::default();
        let unit = at.unit(&mut isa);
        let bytes = bytes_of(&unit, &old);
        let word = u32::from_le_bytes(bytes);
        let field = !u32::from_le_bytes(Tc32::mask(&unit, [0xff; 4]));
        assert_eq!(u32::from_le_bytes(Tc32::mask(&unit, bytes)), word & !field);
        for bit in (0..32).map(|bit| 1u32 << bit) {
            let is_reference =
                isa.decode(&unit, at.new_address, (word ^ bit).to_le_bytes()).is_some();
            assert_eq!(is_reference, bit & field != 0, "{word:08x} {bit:08x}");
        }
    }
}

/// `tloadr r0, [pc]; tj; .word; tpush`: the literal is a word, whatever it looks like.
#[test]
fn takes_a_literal_pool_for_data() {
    for (literal, form) in [(0x0084_2134u32, Form::WORD), (0x9800_9000, Form::PLAIN)] {
        let old = memory(&[0x0800, 0x8001, literal as u16, (literal >> 16) as u16, 0x6510]);
        let mut isa = Tc32::default();
        let mut found = Vec::new();
        let mut from = 0;
        while from < 10 {
            let at = place(&old[from..], 0x100 + from as u32, &[]);
            let unit = at.unit(&mut isa);
            isa.advance(&unit, (at.old_address, at.new_address), bytes_of(&unit, &old[from..]));
            found.push((unit.len, unit.form));
            from += usize::from(unit.len);
        }
        assert_eq!(found, [(2, LOAD), (2, JUMP), (4, form), (2, Form::PLAIN)]);
    }
}

#[test]
fn takes_likely_pointers_for_words() {
    let ranges = [AddressRange { start: 0, end: 0x2_0000 }];
    let form = |words: [u32; 2], address: u32| {
        let old: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        place(&old, address, &ranges).unit(&mut Tc32::default()).form
    };
    assert_eq!(form([0x0001_2345, 0x0084_0010], 0x100), Form::WORD);
    assert_eq!(form([0x0084_0010, 0x0001_2345], 0x100), Form::WORD);
    assert_eq!(form([0x0001_2345, 0x0084_0010], 0x102), Form::PLAIN, "not aligned");
    assert_eq!(form([0x0001_2345, 0x6510_6510], 0x100), Form::PLAIN, "alone");
    assert_eq!(form([0x0000_ffff, 0x0084_0010], 0x100), Form::PLAIN, "a mask");
    assert_eq!(form([0x0002_2345, 0x0084_0010], 0x100), Form::PLAIN, "not an address");
}

/// Any bytes, any alignment, any length: lengths stay within bounds, and encode and decode agree.
#[test]
fn is_total() {
    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    let mut isa = Tc32::default();
    for round in 0..200_000u32 {
        let mut old = [0; LOOKAHEAD];
        old.chunks_exact_mut(2)
            .for_each(|half| half.copy_from_slice(&(random() as u16).to_le_bytes()));
        let left = 1 + random() as usize % if round & 1 == 0 { 6 } else { LOOKAHEAD };
        let at = At {
            new_address: random() << 9 ^ random(),
            ..place(&old[..left], random() << 10 ^ random(), &EVERYWHERE[round as usize % 2..])
        };
        let unit = at.unit(&mut isa);
        assert!((1..=4).contains(&unit.len) && usize::from(unit.len) <= left && unit.class < 32);
        if unit.form != Form::PLAIN {
            for target in
                [unit.target, random() << 8, at.new_address.wrapping_add(random() & 0xfff)]
            {
                if let Some(new) = isa.encode(&unit, at.new_address, target) {
                    assert_eq!(isa.decode(&unit, at.new_address, new), Some(target));
                }
            }
            let mut any = (random() << 16 ^ random()).to_le_bytes();
            any[usize::from(unit.len)..].fill(0);
            if let Some(target) = isa.decode(&unit, at.new_address, any) {
                assert_eq!(isa.encode(&unit, at.new_address, target), Some(any));
            }
        }
        isa.advance(&unit, (at.old_address, at.new_address), bytes_of(&unit, &old));
        if round % 1000 == 0 {
            isa.jump();
        }
    }
}
