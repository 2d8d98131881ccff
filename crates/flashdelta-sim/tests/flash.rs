//! The rules of the simulated flash, and what power cuts do to it.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use flashdelta_sim::{Cut, NorSim, Operation, Rules, SimError, POSITIONS};

type Flash = NorSim<4, 8, 256>;

fn read(flash: &mut Flash, offset: u32, len: usize) -> Result<Vec<u8>, SimError> {
    let mut bytes = vec![0; len];
    flash.read(offset, &mut bytes).map(|()| bytes)
}

#[test]
fn what_is_written_is_read() {
    let mut flash = Flash::used(4, 7);
    assert_ne!(read(&mut flash, 256, 8), Ok(vec![0xFF; 8]));
    flash.erase(256, 768).unwrap();
    assert_eq!(read(&mut flash, 256, 512), Ok(vec![0xFF; 512]));
    let message: Vec<u8> = (0..=255).collect();
    flash.write(384, &message).unwrap();
    assert_eq!(read(&mut flash, 384, 256), Ok(message.clone()));
    assert!(
        flash.holds(384, &message) && !flash.holds(380, &message) && !flash.holds(1000, &message)
    );
    assert_eq!(flash.wear(), [0, 1, 1, 0]);
    let counters = flash.counters();
    assert_eq!((counters.erases, counters.writes, counters.bytes_written), (2, 1, 256));
    assert_eq!((counters.reads, counters.bytes_read), (3, 8 + 512 + 256));
    assert_eq!(flash.operations(), 3);
    assert_eq!(flash.violations(), []);
}

#[test]
fn broken_rules_are_errors_that_name_the_place() {
    let mut flash = Flash::new(4).rules(Rules::default());
    flash.protect(768..1024);
    let expect = |result: Result<(), SimError>, error| assert_eq!(result, Err(error));
    expect(flash.write(4, &[0; 8]), SimError::NotAligned { offset: 4, len: 8, unit: 8 });
    expect(flash.write(8, &[0; 9]), SimError::NotAligned { offset: 8, len: 9, unit: 8 });
    expect(flash.erase(0, 128), SimError::NotAligned { offset: 0, len: 128, unit: 256 });
    expect(flash.erase(256, 0), SimError::OutOfBounds { offset: 256, len: 0 });
    expect(flash.read(2, &mut [0; 4]), SimError::NotAligned { offset: 2, len: 4, unit: 4 });
    expect(flash.read(1020, &mut [0; 8]), SimError::OutOfBounds { offset: 1020, len: 8 });
    expect(flash.write(760, &[0; 16]), SimError::Protected { offset: 760, len: 16 });
    expect(flash.erase(512, 1024), SimError::Protected { offset: 512, len: 512 });
    flash.write(64, &[0; 16]).unwrap();
    expect(flash.write(56, &[0; 16]), SimError::NotErased { offset: 64 });
    expect(flash.write(56, &[0; 8]), SimError::NotAscending { offset: 56 });
    flash.write(256, &[0; 16]).unwrap();
    flash.write(80, &[0; 8]).unwrap();
    assert_eq!(flash.violations().len(), 10);
    assert_eq!(flash.violations()[8], SimError::NotErased { offset: 64 });
    assert_eq!(flash.operations(), 3, "what was refused has not been done");
    assert!(SimError::NotErased { offset: 64 }.to_string().contains("0x40"));
}

#[test]
fn memory_may_have_to_be_aligned() {
    let mut rules = Rules::default();
    rules.memory_alignment = 4;
    let mut flash = Flash::new(1).rules(rules);
    let mut memory = [0; 16];
    // Wherever the array is: one of four places in a row is right.
    let aligned = memory.as_ptr().align_offset(4);
    assert_eq!(flash.read(0, &mut memory[aligned..aligned + 8]), Ok(()));
    assert_eq!(
        flash.read(0, &mut memory[aligned + 1..aligned + 9]),
        Err(SimError::MemoryNotAligned { offset: 0 })
    );
}

#[test]
fn a_cut_tears_one_unit() {
    for position in 0..=POSITIONS {
        let mut flash = Flash::new(2);
        flash.cut_at(Cut { operation: 0, position });
        assert_eq!(flash.write(0, &[0; 256]), Err(SimError::NoPower));
        assert!(flash.is_off());
        assert_eq!(flash.read(0, &mut [0; 4]), Err(SimError::NoPower));
        assert_eq!(flash.erase(0, 256), Err(SimError::NoPower));
        assert_eq!(flash.write(256, &[0; 8]), Err(SimError::NoPower));
        flash.power_on();
        let done = usize::from(position) * 16;
        let bytes = read(&mut flash, 0, 256).unwrap();
        assert!(bytes[..done].iter().all(|byte| *byte == 0), "{position}");
        assert!(bytes.iter().skip(done + 8).all(|byte| *byte == 0xFF), "{position}");
        assert_eq!(flash.torn_units(), usize::from(position < POSITIONS));
        if position < POSITIONS {
            // It must not be written, whatever it looks like; the one after it may.
            let offset = done as u32;
            assert_eq!(flash.write(offset, &[0; 8]), Err(SimError::NotErased { offset }));
            assert_eq!(flash.write(offset + 8, &[0; 8]), Ok(()));
        }
        assert_eq!(flash.violations().len(), usize::from(position < POSITIONS));
    }
}

#[test]
fn pages_are_torn_as_a_whole() {
    let mut rules = Rules::default();
    rules.program_page = 32;
    for (position, done, torn) in
        [(0, 0, 2), (2, 16, 4), (3, 16, 4), (8, 48, 4), (15, 112, 2), (16, 128, 0)]
    {
        let mut flash = Flash::new(1).rules(rules);
        flash.cut_at(Cut { operation: 0, position });
        // From the middle of a page to the middle of another.
        let _ = flash.write(16, &[0; 128]);
        assert_eq!(flash.contents(16..16 + done), vec![0; done as usize], "{position}");
        assert_eq!(flash.torn_units(), torn, "{position}");
        let after = 16 + done + torn as u32 * 8;
        assert!(flash.contents(after..256).iter().all(|byte| *byte == 0xFF), "{position}");
    }
}

#[test]
fn torn_units_look_like_anything() {
    let (mut blank, mut complete, mut neither) = (0, 0, 0);
    for seed in 0..200 {
        let mut flash = Flash::new(1).seed(seed);
        flash.cut_at(Cut { operation: 0, position: 0 });
        let _ = flash.write(0, &[0x5A; 8]);
        let bytes = flash.contents(0..8);
        assert!(bytes.iter().all(|byte| byte & 0x5A == 0x5A), "bits that stay 1 stay 1");
        match &bytes[..] {
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] => blank += 1,
            [0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A, 0x5A] => complete += 1,
            _ => neither += 1,
        }
    }
    assert!(blank > 20 && complete > 20 && neither > 20, "{blank} {complete} {neither}");
}

#[test]
fn a_torn_erase_makes_the_whole_sector_unusable() {
    let mut different = std::collections::BTreeSet::new();
    for seed in 0..20 {
        for position in 0..POSITIONS {
            let mut flash = Flash::used(2, seed);
            let before = flash.contents(0..512);
            flash.cut_at(Cut { operation: 0, position });
            assert_eq!(flash.erase(0, 512), Err(SimError::NoPower));
            flash.power_on();
            let after = flash.contents(0..512);
            assert_eq!(after[256..], before[256..], "the other sector has not had its turn");
            for offset in (0..256).step_by(8) {
                assert_eq!(flash.write(offset, &[0; 8]), Err(SimError::NotErased { offset }));
            }
            assert_eq!((flash.torn_units(), flash.wear()[0]), (32, 1));
            different.insert(after);
            flash.erase(0, 256).unwrap();
            assert_eq!(flash.write(0, &[0; 256]), Ok(()));
        }
    }
    assert!(different.len() > 250, "{}", different.len());
    let mut flash = Flash::used(1, 0);
    flash.cut_at(Cut { operation: 0, position: POSITIONS });
    assert_eq!(flash.erase(0, 256), Err(SimError::NoPower));
    assert_eq!(flash.contents(0..256), [0xFF; 256], "cut after the erase");
    assert_eq!(flash.torn_units(), 0);
}

#[test]
fn torn_units_can_be_unreadable() {
    let mut rules = Rules::default();
    rules.torn_units_unreadable = true;
    let mut flash = Flash::new(1).rules(rules);
    flash.cut_at(Cut { operation: 0, position: 8 });
    let _ = flash.write(0, &[0; 64]);
    flash.power_on();
    assert_eq!(read(&mut flash, 0, 64), Err(SimError::Unreadable { offset: 32 }));
    assert_eq!(read(&mut flash, 0, 32), Ok(vec![0; 32]));
    assert_eq!(flash.violations(), []);
}

#[test]
fn cuts_are_those_of_the_recorded_run() {
    let start = Flash::used(3, 3);
    let mut flash = start.clone();
    flash.record();
    flash.erase(0, 512).unwrap();
    flash.write(8, &[1; 24]).unwrap();
    let recorded = flash.recorded();
    let expected = [
        Operation::Erase { offset: 0 },
        Operation::Erase { offset: 256 },
        Operation::Write { offset: 8, data: vec![1; 24] },
    ];
    assert_eq!(recorded, expected);
    let cuts: Vec<_> = start.cuts(&recorded).collect();
    assert_eq!(cuts.len(), 3 * 17);
    for (cut, after) in &cuts {
        let mut live = start.clone();
        live.cut_at(*cut);
        let _ = live.erase(0, 512).and_then(|()| live.write(8, &[1; 24]));
        assert_eq!(live.contents(0..768), after.contents(0..768), "{cut}");
        assert_eq!(live.wear(), after.wear());
        assert!(
            !after.is_off() && after.shares_sector(&start, 2) && !after.shares_sector(&start, 0)
        );
    }
    assert_eq!(cuts.last().unwrap().1.contents(0..768), flash.contents(0..768));
}

#[test]
fn loading_keeps_to_no_rules_but_the_bounds() {
    let mut flash = Flash::new(2);
    flash.load(250, &[1; 12]).unwrap();
    assert_eq!(flash.contents(249..263), [&[0xFF][..], &[1; 12], &[0xFF]].concat());
    assert_eq!(flash.load(505, &[0; 8]), Err(SimError::OutOfBounds { offset: 505, len: 8 }));
    assert_eq!(flash.contents(510..600).len(), 2);
    assert_eq!(flash.write(248, &[0; 8]), Err(SimError::NotErased { offset: 248 }));
    assert_eq!((flash.operations(), flash.capacity()), (0, 512));
}
