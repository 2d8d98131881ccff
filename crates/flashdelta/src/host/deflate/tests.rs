use core::ops::ControlFlow;

use super::token::Token;
use super::*;
use crate::archive::{Container, Member};
use crate::host::budget::{Budget, Halt, Stop};

/// Runs with a budget without a limit.
fn freely<T>(
    run: impl FnOnce(&mut Budget<'_>) -> Result<T, Halt<DeflateError>>,
) -> Result<T, DeflateError> {
    let mut watch = |_| ControlFlow::Continue(());
    run(&mut Budget::new(u64::MAX, &mut watch)).map_err(|halt| match halt {
        Halt::Bad(error) => error,
        Halt::Stop(stop) => panic!("{stop:?}"),
    })
}

fn inflate(bytes: &[u8], limit: usize) -> Result<(Vec<u8>, usize), DeflateError> {
    freely(|budget| super::inflate(bytes, limit, budget))
}

fn analyse(bytes: &[u8], limit: usize) -> Result<Vec<u8>, DeflateError> {
    freely(|budget| super::analyse(bytes, limit, budget))
}

fn recreate(plain: &[u8], recipe: &[u8], limit: usize) -> Result<Vec<u8>, DeflateError> {
    freely(|budget| super::recreate(plain, recipe, limit, budget))
}

fn archive(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../testdata/archives/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// All deflate streams of the archives, and the names of what they hold.
fn streams() -> Vec<(String, Vec<u8>)> {
    let names = ["heron-1.0.zip", "levels.zip", "info-zip.zip", "stored.gz", "heron-1.0.tar.gz"];
    let mut streams = Vec::new();
    for name in names {
        let file = archive(name);
        let members = Container::detect(&file).members(&file).unwrap();
        let deflated: Vec<&Member> = members.iter().filter(|member| member.is_deflated).collect();
        assert!(!deflated.is_empty(), "{name}");
        streams.extend(
            deflated.iter().map(|m| (format!("{name}: {}", m.name), file[m.data.clone()].to_vec())),
        );
    }
    assert!(streams.len() > 15);
    streams
}

/// Damages a copy of `bytes` in ways that follow from `seed`.
fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below.max(1)
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + seed % 3 {
        let at = random(bytes.len());
        match random(4) {
            0 => bytes.truncate(at + 1),
            1 => bytes.insert(at, random(256) as u8),
            _ => bytes[at] ^= 1 << random(8),
        }
    }
    bytes
}

#[test]
fn streams_of_several_programs_need_hardly_any_recipe() {
    for (name, stream) in streams() {
        let (plain, len) = inflate(&stream, 1 << 24).unwrap();
        assert_eq!(len, stream.len(), "{name}");
        let recipe = analyse(&stream, 1 << 24).unwrap();
        assert_eq!(recreate(&plain, &recipe, stream.len()).as_deref(), Ok(&stream[..]), "{name}");
        // All of these programs do exactly as zlib does.
        assert!(recipe.len() <= 24, "{name}: {} bytes for {}", recipe.len(), stream.len());
    }
}

#[test]
fn the_levels_are_told_apart() {
    let file = archive("levels.zip");
    for (level, member) in (1..).zip(Container::Zip.members(&file).unwrap()) {
        let recipe = analyse(&file[member.data], 1 << 20).unwrap();
        // From 7 on levels differ in rare cases only.
        assert_eq!(recipe[0], level.min(6).min(recipe[0].max(level.min(6))), "{}", member.name);
    }
}

/// Tokens as a compressor that is not zlib might choose them.
#[test]
fn other_choices_are_listed() {
    let text = b"abcabcabcabc abcabc xyz abcabcabc";
    let mut bits = bits::BitWriter::default();
    bits.bits(0b011, 3);
    let encoder = huffman::Encoder::fixed();
    let literals = |bits: &mut bits::BitWriter, text: &[u8]| {
        text.iter().for_each(|byte| encoder.write(bits, Some(Token::literal(*byte))).unwrap());
    };
    literals(&mut bits, &text[..6]);
    // zlib would have begun earlier and gone on longer.
    encoder.write(&mut bits, Some(Token::matched(4, 6))).unwrap();
    literals(&mut bits, &text[10..24]);
    encoder.write(&mut bits, Some(Token::matched(9, 24))).unwrap();
    encoder.write(&mut bits, None).unwrap();
    let stream = bits.finish();
    let (plain, _) = inflate(&stream, 100).unwrap();
    assert_eq!(plain, text);
    let recipe = analyse(&stream, 100).unwrap();
    assert_eq!(recreate(&plain, &recipe, 100), Ok(stream));
}

#[test]
fn damaged_streams_and_recipes_end_in_errors() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name.contains("level-6")).unwrap();
    let (plain, _) = inflate(&stream, 1 << 20).unwrap();
    let recipe = analyse(&stream, 1 << 20).unwrap();
    for seed in 0..300 {
        let bytes = damaged(&stream, seed);
        if let (Ok((plain, len)), Ok(recipe)) = (inflate(&bytes, 1 << 20), analyse(&bytes, 1 << 20))
        {
            assert_eq!(recreate(&plain, &recipe, len).as_deref(), Ok(&bytes[..len]));
        }
    }
    for seed in 0..2000 {
        let recipe = damaged(&recipe, seed);
        if let Ok(made) = recreate(&plain, &recipe, stream.len() * 3) {
            assert_eq!(inflate(&made, plain.len()).unwrap().0, plain);
        }
    }
    for len in 0..recipe.len() {
        assert!(recreate(&plain, &recipe[..len], stream.len()).is_err(), "{len} bytes");
    }
}

#[test]
fn a_bomb_is_given_up_at_the_limit() {
    // 3072 zeros.
    let (_, stream) = streams().into_iter().find(|(name, _)| name.contains("partitions")).unwrap();
    assert_eq!(inflate(&stream, 3071), Err(DeflateError::TooLong { limit: 3071 }));
    assert!(inflate(&stream, 3072).is_ok());
}

#[test]
fn inflating_is_taken_from_the_budget() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name.contains("partitions")).unwrap();
    let mut watch = |_| ControlFlow::Continue(());
    let mut budget = Budget::new(5000, &mut watch);
    super::inflate(&stream, 1 << 20, &mut budget).unwrap();
    assert_eq!(budget.taken(), 3072);
    let over = Stop::OverBudget { needed: 6144, limit: 5000 };
    assert_eq!(super::inflate(&stream, 1 << 20, &mut budget), Err(Halt::Stop(over)));
}

/// 2 MiB that are hard to compress again; what stops them after `asked` questions.
fn stopped_after(asked: usize) -> [Halt<DeflateError>; 3] {
    let mut state = 1u32;
    let plain: Vec<u8> = (0..2 << 20)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 29) as u8
        })
        .collect();
    // Matches at level 9, in one block of the fixed codes.
    let recipe = [&[9, 1, 1][..], &[0x80, 0x80, 0x40, 0]].concat();
    let error = recreate(&plain, &recipe, 4 << 20).unwrap_err();
    assert_eq!(error, DeflateError::BadRecipe { what: "there are more tokens than data" });
    let mut stream = bits::BitWriter::default();
    stream.bits(0b011, 3);
    let encoder = huffman::Encoder::fixed();
    plain.iter().for_each(|byte| {
        encoder.write(&mut stream, Some(Token::literal(*byte))).unwrap();
    });
    encoder.write(&mut stream, None).unwrap();
    let stream = stream.finish();
    let stop = |run: &dyn Fn(&mut Budget<'_>) -> Option<Halt<DeflateError>>| {
        let mut left = asked;
        let mut watch = |_| match left {
            0 => ControlFlow::Break(()),
            _ => {
                left -= 1;
                ControlFlow::Continue(())
            }
        };
        run(&mut Budget::new(u64::MAX, &mut watch)).unwrap()
    };
    [
        stop(&|budget| super::inflate(&stream, 4 << 20, budget).err()),
        stop(&|budget| super::analyse(&stream, 4 << 20, budget).err()),
        stop(&|budget| super::recreate(&plain, &recipe, 4 << 20, budget).err()),
    ]
}

#[test]
fn a_watcher_ends_inflating_analysing_and_making_in_the_middle() {
    for asked in [0, 1, 30] {
        let cancelled = || Halt::Stop(Stop::Cancelled);
        assert_eq!(stopped_after(asked), [cancelled(), cancelled(), cancelled()]);
    }
}
