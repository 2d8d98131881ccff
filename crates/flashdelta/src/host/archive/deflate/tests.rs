use super::super::{Container, Member};
use super::*;

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
