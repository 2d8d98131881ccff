//! Records in flash: whenever the power is cut, the newest one that was committed is there.

use flashdelta::nor::{Records, SlotError};
use flashdelta_sim::{NorSim, Rules, SimError};

/// A payload that is different for every number.
fn payload(number: u32, len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i * 7 + number * 31 + (i >> 8)) as u8).collect()
}

fn read<F, B>(records: &mut Records<F, B>) -> Option<Vec<u8>>
where
    F: flashdelta::nor::Flash<Error = SimError>,
    B: AsMut<[u8]>,
{
    let mut bytes = vec![0; records.len()? as usize];
    // In pieces, at odd places.
    let mut at = 0;
    for piece in bytes.chunks_mut(37) {
        records.read(at, piece).expect("the record is there");
        at += piece.len() as u32;
    }
    Some(bytes)
}

fn write<F, B>(
    records: &mut Records<F, B>,
    payload: &[u8],
    pieces: usize,
) -> Result<(), SlotError<SimError>>
where
    F: flashdelta::nor::Flash<Error = SimError>,
    B: AsMut<[u8]>,
{
    let mut record = records.write(payload.len() as u32)?;
    for piece in payload.chunks(pieces) {
        record.put(piece)?;
    }
    record.commit()
}

/// The region of twice `half` bytes after the first sector.
fn region<const READ: usize, const WRITE: usize, const ERASE: usize>(
    half: usize,
    flash: &mut NorSim<READ, WRITE, ERASE>,
) -> Records<&mut NorSim<READ, WRITE, ERASE>, Vec<u8>> {
    let buffer = vec![0; if WRITE > 64 { WRITE } else { 0 }];
    Records::with_buffer(flash, ERASE as u32, 2 * half as u32, buffer).expect("a region")
}

/// Three records in a region of `2 * half` bytes, with a cut at every place of the last two, each
/// of them followed by a fourth.
fn cut_everywhere<const READ: usize, const WRITE: usize, const ERASE: usize>(
    rules: Rules,
    half: usize,
    lens: [usize; 4],
) {
    let sectors = 2 * half / ERASE + 2;
    let mut flash = NorSim::<READ, WRITE, ERASE>::used(sectors, 7).rules(rules);
    flash.protect(0..ERASE as u32);
    flash.protect(((sectors - 1) * ERASE) as u32..(sectors * ERASE) as u32);
    let payloads: Vec<_> = lens.iter().zip(1..).map(|(len, n)| payload(n, *len)).collect();
    let mut records = region(half, &mut flash);
    assert_eq!(records.len(), None);
    write(&mut records, &payloads[0], 1000).unwrap();

    for i in [1, 2] {
        let mut whole = flash.clone();
        whole.record();
        write(&mut region(half, &mut whole), &payloads[i], 29).unwrap();
        let mut kept = [0; 2];
        for (cut, mut after) in flash.cuts(&whole.recorded()) {
            let mut records = region(half, &mut after);
            let found = read(&mut records).expect("one of them is there");
            let which = [&payloads[i - 1], &payloads[i]].iter().position(|p| **p == found);
            kept[which.unwrap_or_else(|| panic!("{cut}: another record"))] += 1;
            write(&mut records, &payloads[3], 64).unwrap();
            assert_eq!(read(&mut records).as_deref(), Some(&payloads[3][..]), "{cut}");
            assert_eq!(
                read(&mut region(half, &mut after)).as_deref(),
                Some(&payloads[3][..]),
                "{cut}"
            );
            assert_eq!(after.violations(), [], "{cut}");
        }
        assert!(kept[0] > 16 && kept[1] > 0, "{kept:?}");
        write(&mut region(half, &mut flash), &payloads[i], 29).unwrap();
    }

    let mut whole = flash.clone();
    whole.record();
    region(half, &mut whole).clear().unwrap();
    assert_eq!(region(half, &mut whole.clone()).len(), None);
    for (cut, mut after) in flash.cuts(&whole.recorded()) {
        let found = read(&mut region(half, &mut after));
        assert!(found.is_none_or(|found| found == payloads[2]), "{cut}");
    }
}

#[test]
fn a_cut_leaves_the_newest_record() {
    let rules = Rules::default();
    cut_everywhere::<1, 1, 256>(rules, 256, [0, 1, 240, 100]);
    cut_everywhere::<1, 4, 256>(rules, 512, [490, 7, 496, 300]);
    cut_everywhere::<4, 8, 512>(rules, 1024, [9, 1008, 1000, 1]);
    let mut paged = rules;
    paged.program_page = 256;
    cut_everywhere::<1, 1, 256>(paged, 512, [490, 496, 13, 300]);
    cut_everywhere::<1, 32, 96>(rules, 192, [100, 176, 50, 1]);
}

#[test]
fn a_cut_leaves_the_newest_record_in_flash_with_large_units_and_with_ecc() {
    let mut rules = Rules::default();
    rules.torn_units_unreadable = true;
    cut_everywhere::<8, 8, 256>(rules, 512, [490, 7, 496, 300]);
    cut_everywhere::<16, 64, 128>(rules, 256, [200, 240, 0, 33]);
    cut_everywhere::<1, 128, 512>(rules, 512, [490, 7, 496, 300]);
    cut_everywhere::<512, 512, 2048>(rules, 2048, [2000, 2032, 17, 300]);
}

#[test]
fn the_sequence_goes_on_behind_its_last_number() {
    let mut flash = NorSim::<1, 1, 64>::used(2, 1);
    for (at, sequence) in [(0, u32::MAX), (64, 0)] {
        let mut record = Vec::from(*b"FDR\0");
        record.extend_from_slice(&sequence.to_le_bytes());
        record.extend_from_slice(&4u32.to_le_bytes());
        record.extend_from_slice(&sequence.to_be_bytes());
        record.extend_from_slice(&crc32fast(&record).to_le_bytes());
        flash.load(at, &record).unwrap();
    }
    let mut records = Records::new(&mut flash, 0, 128).unwrap();
    assert_eq!(read(&mut records), Some(vec![0; 4]));
    write(&mut records, b"next", 4).unwrap();
    assert_eq!(flash.contents(4..8), 1u32.to_le_bytes());
}

/// CRC-32, written once more, so that the layout of records is held to its description.
fn crc32fast(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for bit in bytes.iter().flat_map(|byte| (0..8).map(move |i| u32::from(byte >> i & 1))) {
        crc = crc >> 1 ^ if (crc & 1) ^ bit == 1 { 0xEDB8_8320 } else { 0 };
    }
    !crc
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut flash = NorSim::<1, 8, 256>::new(4);
    for (start, len) in [(0, 0), (0, 256), (8, 512), (0, 768), (512, 1024), (0, 511)] {
        let refused = Records::new(&mut flash, start, len).err();
        assert_eq!(refused, Some(SlotError::Geometry), "{start} {len}");
    }
    let mut large = NorSim::<1, 128, 256>::new(2);
    let refused = Records::new(&mut large, 0, 512).err();
    assert_eq!(refused, Some(SlotError::BufferTooSmall { needed: 128 }));

    let mut records = Records::new(&mut flash, 512, 512).unwrap();
    assert_eq!(records.capacity(), 240);
    assert_eq!(records.write(241).err(), Some(SlotError::OutOfSlot));
    assert_eq!(records.read(0, &mut []), Err(SlotError::OutOfSlot));
    let mut record = records.write(3).unwrap();
    assert_eq!(record.put(b"four"), Err(SlotError::OutOfSlot));
    record.put(b"ab").unwrap();
    assert_eq!(record.commit(), Err(SlotError::OutOfSlot));
    assert_eq!(records.len(), None);
    write(&mut records, b"abc", 2).unwrap();
    assert_eq!(records.read(1, &mut [0; 3]), Err(SlotError::OutOfSlot));
    assert_eq!(flash.violations(), []);
}

/// Every byte of a record matters.
#[test]
fn a_damaged_record_is_none() {
    let mut flash = NorSim::<1, 4, 256>::used(2, 3);
    write(&mut Records::new(&mut flash, 0, 512).unwrap(), &payload(1, 50), 50).unwrap();
    let good = flash.contents(0..66);
    for i in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[i] ^= 1 << bit;
            flash.load(0, &bad).unwrap();
            assert_eq!(Records::new(&mut flash, 0, 512).unwrap().len(), None, "byte {i}");
        }
    }
}

/// What is written while heads cannot be read is the newest record afterwards, whatever was there;
/// and whenever the power is cut, it is that or what would have been found before.
#[test]
fn a_record_is_the_newest_one_although_others_can_be_read_again() {
    const HALF: u32 = 512;
    let heads = [256..256 + 12, 256 + HALF..256 + HALF + 12];
    let whole_halves = [256..256 + HALF, 256 + HALF..256 + 2 * HALF];
    let ways = [&heads, &whole_halves].map(|ranges| (0..4).map(move |number| (ranges, number)));
    for (ranges, number) in ways.into_iter().flatten() {
        // So many records before: in one half, in both, the newest one in either.
        for before in 0..4 {
            let mut flash = NorSim::<1, 4, 256>::used(6, 11);
            for written in 0..before {
                write(&mut region(512, &mut flash), &payload(written, 300), 99).unwrap();
            }
            for (i, range) in ranges.iter().enumerate() {
                if number >> i & 1 == 1 {
                    flash.fail_reads(range.clone());
                }
            }
            let mut whole = flash.clone();
            whole.record();
            // If the half that it goes into cannot be read, it cannot be read back.
            let written = write(&mut region(512, &mut whole), b"the newest", 3);
            assert!(written.is_ok() || written == Err(SlotError::ReadBack));
            let operations = whole.recorded();
            whole.heal_reads();
            let found = read(&mut region(512, &mut whole));
            assert_eq!(found.as_deref(), Some(&b"the newest"[..]), "{number:b} {before}");

            let allowed: Vec<_> = (0..before).map(|written| payload(written, 300)).collect();
            for (cut, mut after) in flash.cuts(&operations) {
                after.heal_reads();
                let found = read(&mut region(512, &mut after));
                // Never one that is neither of the two that were there, nor the new one.
                assert!(
                    found.as_ref().is_none_or(|found| {
                        found == b"the newest" || allowed.iter().rev().take(2).any(|p| p == found)
                    }),
                    "{cut}"
                );
                write(&mut region(512, &mut after), b"after that", 3).unwrap();
                let found = read(&mut region(512, &mut after));
                assert_eq!(found.as_deref(), Some(&b"after that"[..]), "{cut}");
                assert_eq!(after.violations(), [], "{cut}");
            }
        }
    }
}

/// Bits of both heads flip, and flip back: the same.
#[test]
fn damaged_heads_that_heal_are_not_newer() {
    let mut flash = NorSim::<1, 1, 256>::used(2, 5);
    for number in 0..3 {
        write(&mut Records::new(&mut flash, 0, 512).unwrap(), &payload(number, 20), 20).unwrap();
    }
    let halves = [flash.contents(0..256), flash.contents(256..512)];
    for (at, half) in [0, 256].into_iter().zip(&halves) {
        flash.load(at, &[half[0] ^ 1]).unwrap();
    }
    let mut records = Records::new(&mut flash, 0, 512).unwrap();
    assert_eq!(records.len(), None);
    write(&mut records, b"newest", 6).unwrap();
    // The half that was not written was at the mercy of its head.
    if flash.contents(257..512) == halves[1][1..] {
        flash.load(256, &halves[1][..1]).unwrap();
    }
    let found = read(&mut Records::new(&mut flash, 0, 512).unwrap());
    assert_eq!(found.as_deref(), Some(&b"newest"[..]));
}

/// What is forgotten does not come back; where nothing is, nothing is erased.
#[test]
fn what_cannot_be_read_is_forgotten_too() {
    let mut flash = NorSim::<1, 4, 256>::new(2);
    Records::new(&mut flash, 0, 512).unwrap().clear().unwrap();
    assert_eq!(flash.counters().erases, 0);
    for number in 0..2 {
        write(&mut Records::new(&mut flash, 0, 512).unwrap(), &payload(number, 20), 20).unwrap();
    }
    flash.fail_reads(0..512);
    Records::new(&mut flash, 0, 512).unwrap().clear().unwrap();
    flash.heal_reads();
    assert_eq!(Records::new(&mut flash, 0, 512).unwrap().len(), None);
}
