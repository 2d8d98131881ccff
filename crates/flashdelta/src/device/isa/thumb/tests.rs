//! Thumb against binutils' idea of it, and what must hold for any bytes.

use super::*;
use crate::device::isa::testing::At;
use crate::device::isa::{AddressRange, LOOKAHEAD};

const EVERYWHERE: [AddressRange; 1] = [AddressRange { start: 0, end: u32::MAX }];

/// GNU as and objdump made it: `testdata/isa/make_thumb.py`.
const VECTORS: &str = include_str!("../../../../../../testdata/isa/thumb.txt");

fn form_named(name: &str) -> Form {
    match name {
        "bl" => CALL,
        "b.w" => JUMP,
        "b<c>.w" => BRANCH,
        "b" => SHORT_JUMP,
        "b<c>" => SHORT_BRANCH,
        "cbz" => ZERO_BRANCH,
        "ldr" => LOAD,
        "adr" => ADDRESS,
        "ldr.w" => LOAD_WIDE,
        "ldrd" => LOAD_PAIR,
        "adr.w" => ADDRESS_WIDE,
        "movw" => MOVE_LOW,
        "plain" => Form::PLAIN,
        _ => panic!("unknown form {name}"),
    }
}

/// Calls with (form, address, code followed by NOPs, length of the code, target).
fn for_each_vector(mut check: impl FnMut(Form, u32, &[u8; LOOKAHEAD], usize, u32)) {
    let mut form = Form::PLAIN;
    for line in VECTORS.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            form = form_named(name);
            continue;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |field: usize| u32::from_str_radix(fields[field], 16).unwrap();
        let mut old = [0; LOOKAHEAD];
        old.chunks_exact_mut(2).for_each(|half| half.copy_from_slice(&[0x00, 0xbf]));
        for (at, half) in fields[1].as_bytes().chunks(4).enumerate() {
            let half = u16::from_str_radix(core::str::from_utf8(half).unwrap(), 16).unwrap();
            old[2 * at..2 * at + 2].copy_from_slice(&half.to_le_bytes());
        }
        check(form, number(0), &old, fields[1].len() / 2, number(2));
    }
}

fn place<'a>(old: &'a [u8], address: u32, ranges: &'a [AddressRange]) -> At<'a> {
    At { old, old_address: address, new_address: address, ranges }
}

fn bytes_of(unit: &Unit, old: &[u8]) -> [u8; 4] {
    let mut bytes = [0; 4];
    bytes[..usize::from(unit.len)].copy_from_slice(&old[..usize::from(unit.len)]);
    bytes
}

#[test]
fn agrees_with_binutils() {
    let mut count = 0;
    for_each_vector(|form, address, old, len, target| {
        if form == MOVE_LOW {
            return;
        }
        let mut isa = Thumb::default();
        let mut at = place(old, address, &[]);
        let unit = at.unit(&mut isa);
        let code = &old[..len];
        assert_eq!((unit.form, usize::from(unit.len)), (form, len), "{code:02x?}");
        if form != Form::PLAIN {
            assert_eq!(unit.target, target, "{code:02x?}");
            let bytes = bytes_of(&unit, old);
            // Moved as a whole, nothing changes; decode is the inverse of encode.
            at.new_address = address.wrapping_add(0x1234);
            let moved = target.wrapping_add(0x1234);
            assert_eq!(isa.encode(&unit, at.new_address, moved), Some(bytes), "{code:02x?}");
            assert_eq!(isa.decode(&unit, at.new_address, bytes), Some(moved), "{code:02x?}");
        }
        count += 1;
    });
    assert!(count > 1500);
}

/// A change of any bit outside the reference is another instruction; all of the reference's bits
/// are used.
#[test]
fn masks_exactly_the_reference() {
    let mut seen = [0u32; 16];
    for_each_vector(|form, address, old, _, target| {
        // No range holds the last address.
        if form == Form::PLAIN || form == MOVE_LOW && target == u32::MAX {
            return;
        }
        let mut isa = Thumb::default();
        let ranges = [AddressRange { start: target, end: target.wrapping_add(1) }];
        let at = place(old, address, if form == MOVE_LOW { &ranges } else { &[] });
        let unit = at.unit(&mut isa);
        let bytes = bytes_of(&unit, old);
        let word = u32::from_le_bytes(bytes);
        let masked = u32::from_le_bytes(Thumb::mask(&unit, bytes));
        let field = !u32::from_le_bytes(Thumb::mask(&unit, [0xff; 4]));
        assert_eq!(masked, word & !field);
        for bit in (0..32).map(|bit| 1u32 << bit) {
            let other = (word ^ bit).to_le_bytes();
            let target = isa.decode(&unit, at.new_address, other);
            assert!(target.is_none() || bit & field != 0, "{word:08x} {bit:08x}");
            assert!(target
                .is_none_or(|target| isa.encode(&unit, at.new_address, target) == Some(other)));
        }
        let used = &mut seen[usize::from(form.0)];
        for target in (0..32)
            .map(|bit| unit.target ^ 1 << bit)
            .chain([unit.target.wrapping_sub(8), at.old_address])
        {
            *used |= isa
                .encode(&unit, at.new_address, target)
                .map_or(0, |new| u32::from_le_bytes(new) ^ word);
        }
    });
    for form in 2..=14 {
        if Form(form) != MOVE_HIGH {
            assert_eq!(
                seen[usize::from(form)].rotate_left(16),
                field_mask(Form(form)),
                "form {form}"
            );
        }
    }
}

#[test]
fn refuses_targets_out_of_range() {
    // Form, code, step, lowest and highest offset.
    let table: [(Form, u32, i32, i32, i32); 11] = [
        (CALL, 0xf000_f800, 2, -0x0100_0000, 0x00ff_fffe),
        (JUMP, 0xf000_b800, 2, -0x0100_0000, 0x00ff_fffe),
        (BRANCH, 0xf000_8000, 2, -0x0010_0000, 0x000f_fffe),
        (SHORT_JUMP, 0xe000_bf00, 2, -0x800, 0x7fe),
        (SHORT_BRANCH, 0xd000_bf00, 2, -0x100, 0xfe),
        (ZERO_BRANCH, 0xb100_bf00, 2, 0, 0x7e),
        (LOAD, 0x4800_bf00, 4, 0, 0x3fc),
        (ADDRESS, 0xa000_bf00, 4, 0, 0x3fc),
        (LOAD_WIDE, 0xf8df_0000, 1, -0xfff, 0xfff),
        (LOAD_PAIR, 0xe9df_0100, 4, -0x3fc, 0x3fc),
        (ADDRESS_WIDE, 0xf20f_0000, 1, -0xfff, 0xfff),
    ];
    for (form, code, step, lowest, highest) in table {
        let old = code.rotate_left(16).to_le_bytes();
        for address in [0, 0x0800_0000, 0xffff_fff0] {
            let at = place(&old, address, &[]);
            let mut isa = Thumb::default();
            let unit = at.unit(&mut isa);
            assert_eq!(unit.form, form);
            let encode = |offset: i32| {
                isa.encode(&unit, at.new_address, base(form, address).wrapping_add(offset as u32))
            };
            for offset in [lowest, lowest + step, highest - step, highest] {
                let bytes = encode(offset).expect("in range");
                assert_eq!(
                    isa.decode(&unit, at.new_address, bytes),
                    Some(base(form, address).wrapping_add(offset as u32))
                );
            }
            for offset in [lowest - step, highest + step, i32::MIN, i32::MAX & !3] {
                assert_eq!(encode(offset), None, "{form:?} {offset:x}");
            }
            if step > 1 {
                assert_eq!(encode(step / 2), None, "{form:?}: misaligned");
            }
            assert_eq!(1 << Thumb::scale(form), step);
        }
    }
}

#[test]
fn pairs_of_halves_make_an_address() {
    for_each_vector(|form, address, old, _, target| {
        // No range holds the last address.
        if form != MOVE_LOW || target == u32::MAX {
            return;
        }
        let mut isa = Thumb::default();
        let ranges = [AddressRange { start: target, end: target.wrapping_add(1) }];
        let at = place(old, address, &ranges);
        let low = at.unit(&mut isa);
        let other = place(old, address, &[]);
        assert_eq!(
            (low.form, low.target, other.unit(&mut isa).form),
            (MOVE_LOW, target, Form::PLAIN)
        );
        let moved = 0x1234_5678;
        let new_low = isa.encode(&low, at.new_address, moved).unwrap();
        assert_eq!(isa.decode(&low, at.new_address, new_low), Some(target & !0xffff | 0x5678));
        isa.advance(&low, (at.old_address, at.new_address), new_low);
        let at = place(&old[4..], address + 4, &ranges);
        let high = at.unit(&mut isa);
        assert_eq!((high.form, high.target), (MOVE_HIGH, target));
        let new_high = isa.encode(&high, at.new_address, moved).unwrap();
        assert_eq!(isa.decode(&high, at.new_address, new_high), Some(moved));
        isa.jump();
        assert_eq!(at.unit(&mut isa).form, Form::PLAIN);
    });
}

/// `ldr r0, [pc]; b . + 6; .word 0x20001234; push`: the pool is a word, also where its first half
/// looks like a wide instruction.
#[test]
fn takes_a_literal_pool_for_data() {
    for (literal, form) in [(0x2000_f000u32, Form::WORD), (0x4000_f000, Form::PLAIN)] {
        let mut old = vec![0x00, 0x48, 0x01, 0xe0];
        old.extend(literal.to_le_bytes());
        old.extend([0x10, 0xb5]);
        let mut isa = Thumb::default();
        let mut found = Vec::new();
        let mut from = 0;
        while from < old.len() {
            let at = place(&old[from..], 0x0800_0000 + from as u32, &[]);
            let unit = at.unit(&mut isa);
            isa.advance(&unit, (at.old_address, at.new_address), bytes_of(&unit, &old[from..]));
            found.push((unit.len, unit.form));
            from += usize::from(unit.len);
        }
        assert_eq!(found, [(2, LOAD), (2, SHORT_JUMP), (4, form), (2, Form::PLAIN)]);
    }
}

/// Real images jump through `ldr.w pc, [pc, #-0]`, which GNU ld writes; the assembler's zero is +0.
#[test]
fn keeps_a_negative_zero() {
    let old = [0x5f, 0xf8, 0x00, 0xf0];
    let isa = &mut Thumb::default();
    let at = At { new_address: 0x0800_0020, ..place(&old, 0x0800_0010, &[]) };
    let unit = at.unit(isa);
    assert_eq!((unit.form, unit.target), (LOAD_WIDE, 0x0800_0014));
    assert_eq!(isa.encode(&unit, at.new_address, 0x0800_0024), Some(old));
    assert_eq!(isa.decode(&unit, at.new_address, old), Some(0x0800_0024));
}

#[test]
fn takes_likely_pointers_for_words() {
    let ranges = [
        AddressRange { start: 0x0800_0000, end: 0x0801_0000 },
        AddressRange { start: 0x2000_0000, end: 0x2000_8000 },
    ];
    let form = |words: [u32; 2], skip: u32| {
        let old: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        place(&old[skip as usize..], 0x0800_0100 + skip, &ranges).unit(&mut Thumb::default()).form
    };
    assert_eq!(form([0x0800_1235, 0], 0), Form::WORD);
    assert_eq!(form([0x2000_4618, 0x4770_4770], 0), Form::PLAIN, "mov r0, r3; movs r0, #0");
    assert_eq!(form([0x2000_4618, 0x0800_1235], 0), Form::WORD);
    assert_eq!(form([0x0800_1235, 0], 2), Form::PLAIN, "not aligned");
    assert_eq!(form([0x0802_1235, 0], 0), Form::PLAIN, "not an address");
}

/// Any bytes, any alignment, any length: lengths stay within bounds, and encode and decode agree.
#[test]
fn is_total() {
    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    let mut isa = Thumb::default();
    for round in 0..200_000u32 {
        let mut old = [0; LOOKAHEAD];
        old.chunks_exact_mut(2)
            .for_each(|half| half.copy_from_slice(&(random() as u16).to_le_bytes()));
        let left = 1 + random() as usize % if round & 1 == 0 { 6 } else { LOOKAHEAD };
        let address = random() << 10 ^ random();
        let at = At {
            new_address: random() << 9 ^ random(),
            ..place(&old[..left], address, &EVERYWHERE[round as usize % 2..])
        };
        let unit = at.unit(&mut isa);
        assert!((1..=4).contains(&unit.len) && usize::from(unit.len) <= left && unit.class < 32);
        let bytes = bytes_of(&unit, &old);
        if unit.form != Form::PLAIN {
            assert!((1..16).contains(&unit.form.0));
            for target in
                [unit.target, random() << 8, at.new_address.wrapping_add(random() & 0xfff)]
            {
                if let Some(new) = isa.encode(&unit, at.new_address, target) {
                    let read = isa.decode(&unit, at.new_address, new).expect("what encode wrote");
                    assert!(
                        !Thumb::is_exact(unit.form) || read == target || unit.form == MOVE_HIGH
                    );
                }
            }
        }
        isa.advance(&unit, (at.old_address, at.new_address), bytes);
        if round % 1000 == 0 {
            isa.jump();
        }
    }
}
