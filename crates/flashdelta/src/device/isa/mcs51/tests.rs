//! MCS-51 against the manual's instruction table, and what must hold for any bytes.

use super::*;
use crate::device::isa::testing::At;
use crate::device::isa::LOOKAHEAD;

fn place(old: &[u8], old_address: u32, new_address: u32) -> At<'_> {
    At { old, old_address, new_address, ranges: &[] }
}

fn bytes_of(unit: &Unit, old: &[u8]) -> [u8; 4] {
    let mut bytes = [0; 4];
    bytes[..usize::from(unit.len)].copy_from_slice(&old[..usize::from(unit.len)]);
    bytes
}

/// The manual's instructions of one and of three bytes; all others have two.
#[test]
fn knows_all_lengths() {
    const THREE: [u8; 18] = [
        0x02, 0x12, 0x10, 0x20, 0x30, // LJMP, LCALL, JBC, JB, JNB
        0x43, 0x53, 0x63, 0x75, 0x85, // ORL, ANL, XRL, MOV direct, #; MOV direct, direct
        0x90, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xbf, 0xd5, // MOV DPTR, #; CJNE; DJNZ direct
    ];
    for first in 0..=255u8 {
        let (high, low) = (first >> 4, first & 15);
        let is_three = THREE.contains(&first) || high == 0xb && low >= 8;
        let is_one = match low {
            0 => matches!(high, 0 | 0xe | 0xf),            // NOP, MOVX
            1 => false,                                    // AJMP, ACALL
            2 => matches!(high, 2 | 3 | 0xe | 0xf),        // RET, RETI, MOVX
            3 => !matches!(high, 4..=6), // rotations, JMP, MOVC, INC DPTR, the carry, MOVX
            4 => matches!(high, 0 | 1 | 8 | 0xa | 0xc..), // INC, DEC, DIV, MUL, SWAP, DA, CLR, CPL
            5 => high == 0xa,            // reserved
            6 | 7 => !matches!(high, 7 | 8 | 0xa | 0xb), // but for MOV and CJNE
            _ => !matches!(high, 7 | 8 | 0xa | 0xb | 0xd), // but for MOV, CJNE and DJNZ
        };
        let expected = if is_three { 3 } else { 2 - u8::from(is_one) };
        assert_eq!(length(first), expected, "{first:02x}");
    }
}

#[test]
fn finds_targets() {
    let table: [(&[u8], u32, Form, u32); 9] = [
        (&[0x12, 0x12, 0x34], 0x0_0100, CALL, 0x1234),
        (&[0x12, 0x12, 0x34], 0x2_1234, CALL, 0x1234),
        (&[0x12, 0x92, 0x34], 0x2_9234, CALL, 0x2_9234),
        (&[0x12, 0x92, 0x34], 0x0_0100, CALL, 0x0_9234),
        (&[0x02, 0x00, 0x00], 0x1_8000, JUMP, 0),
        (&[0x02, 0xff, 0xff], 0x1_8000, JUMP, 0x1_ffff),
        (&[0x90, 0x12, 0x34], 0x1_8000, DATA, VARIABLES | 0x1234),
        (&[0x90, 0x42, 0x34], 0x1_8000, DATA, 0x4234),
        (&[0x80, 0xfe, 0x22], 0x1_8000, Form::PLAIN, 0),
    ];
    for (code, address, form, target) in table {
        let mut isa = Mcs51::default();
        let at = place(code, address, address);
        let unit = at.unit(&mut isa);
        assert_eq!((unit.form, unit.target), (form, target), "{code:02x?}");
        if form != Form::PLAIN {
            assert_eq!(
                isa.encode(&unit, at.new_address, target),
                Some(bytes_of(&unit, code)),
                "{code:02x?}"
            );
            assert_eq!(
                isa.decode(&unit, at.new_address, bytes_of(&unit, code)),
                Some(target),
                "{code:02x?}"
            );
        }
    }
}

#[test]
fn calls_stay_in_their_bank() {
    let code = [0x12, 0x92, 0x34];
    let mut isa = Mcs51::default();
    let at = place(&code, 0x2_8000, 0x3_8000);
    let unit = at.unit(&mut isa);
    assert_eq!(unit.target, 0x2_9234);
    assert_eq!(isa.encode(&unit, at.new_address, 0x3_8010), Some([0x12, 0x80, 0x10, 0]));
    assert_eq!(isa.encode(&unit, at.new_address, 0x0_1010), Some([0x12, 0x10, 0x10, 0]));
    assert_eq!(isa.encode(&unit, at.new_address, 0x2_9234), None, "another bank");
    assert_eq!(isa.encode(&unit, at.new_address, VARIABLES), None);
}

/// Two relays: `LCALL 2135H; DW 9B13H; DB 4`, then one into the next bank; and a call that is none.
#[test]
fn relays_tell_address_and_bank() {
    let code = [
        0x12, 0x21, 0x35, 0x13, 0x9b, 4, 0x12, 0x21, 0x35, 0x00, 0x80, 5, 0x22, 0x12, 0x21, 0x36,
        0x00, 0x80, 5,
    ];
    let mut isa = Mcs51::default();
    let mut found = Vec::new();
    let mut from = 0;
    while from < code.len() {
        let at = place(&code[from..], from as u32, from as u32);
        let unit = at.unit(&mut isa);
        found.push((unit.form, unit.target));
        if unit.form == RELAY {
            assert_eq!(
                isa.encode(&unit, at.new_address, unit.target),
                Some(bytes_of(&unit, &code[from..]))
            );
            assert_eq!(isa.encode(&unit, at.new_address, 0x1_8001), Some([0x01, 0x80, 3, 0]));
            assert_eq!(isa.decode(&unit, at.new_address, [0x01, 0x80, 3, 0]), Some(0x1_8001));
            assert_eq!(isa.encode(&unit, at.new_address, 0x80_0000), None);
            assert_eq!(Mcs51::mask(&unit, [0xff; 4]), [0, 0, 0, 0xff]);
        }
        isa.advance(&unit, (at.old_address, at.new_address), bytes_of(&unit, &code[from..]));
        from += usize::from(unit.len);
    }
    let calls = [(CALL, 0x2135), (RELAY, 0x2_1b13), (CALL, 0x2135), (RELAY, 0x2_8000)];
    assert_eq!(found[..4], calls);
    assert!(found[4..].iter().all(|(form, _)| *form != RELAY));
}

/// Any bytes, any length: lengths stay within bounds, and encode and decode agree.
#[test]
fn is_total() {
    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    let mut isa = Mcs51::default();
    let mut seen = [false; 6];
    for round in 0..200_000u32 {
        let mut old = [0; LOOKAHEAD];
        old.iter_mut().for_each(|byte| {
            *byte = if random() & 3 == 0 {
                [0x02, 0x12, 0x90][random() as usize % 3]
            } else {
                random() as u8
            }
        });
        if round % 4 == 0 {
            let [a, b, c, d, ..] = old;
            old[3..6].copy_from_slice(&[0x12, a, b]);
            isa.call = u32::from_le_bytes([0x12, a, b, 0]);
            isa.call_end = 0x100;
            (old[1], old[2]) = (c | 0x80, d & 31);
        }
        let left = 1 + random() as usize % if round & 1 == 0 { 6 } else { LOOKAHEAD };
        let from = if round % 4 == 0 { 0x100 } else { random() << 10 ^ random() };
        let at = place(&old[..left], from, random() << 9 ^ random());
        let unit = at.unit(&mut isa);
        assert!((1..=3).contains(&unit.len) && usize::from(unit.len) <= left && unit.class < 32);
        seen[usize::from(unit.form.0)] = true;
        if unit.form != Form::PLAIN {
            for target in [
                unit.target,
                random() << 8,
                random() & 0xffff,
                at.new_address & !0x7fff | random() & 0x7fff,
            ] {
                if let Some(new) = isa.encode(&unit, at.new_address, target) {
                    assert_eq!(isa.decode(&unit, at.new_address, new), Some(target));
                }
            }
            let any = (random() & 0x00ff_ffff).to_le_bytes();
            if let Some(target) = isa.decode(&unit, at.new_address, any) {
                assert_eq!(isa.encode(&unit, at.new_address, target), Some(any));
            }
        }
        isa.advance(&unit, (at.old_address, at.new_address), bytes_of(&unit, &old));
        if round % 1000 == 0 {
            isa.jump();
        }
    }
    assert_eq!(seen, [true, false, true, true, true, true]);
}
