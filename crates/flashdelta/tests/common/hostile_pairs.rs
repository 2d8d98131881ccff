//! Pairs of images that are hard for a maker: much to compare, little to find, or far too much.
//!
//! Used by the tests of the library at small sizes, and by `cargo xtask hostile-pairs` at large
//! ones.

/// A family of pairs, by name.
#[derive(Clone, Copy)]
pub struct Family {
    /// What it is called.
    pub name: &'static str,
    make: fn(usize, &mut Random) -> [Vec<u8>; 2],
}

impl Family {
    /// The pair of this family with `len` bytes an image (a little less where it does not divide);
    /// the same on every machine.
    pub fn pair(&self, len: usize) -> [Vec<u8>; 2] {
        (self.make)(len, &mut Random(0x9E37_79B9_7F4A_7C15))
    }
}

/// All families.
pub const FAMILIES: [Family; 14] = [
    Family { name: "noise", make: |len, random| [random.bytes(len), random.bytes(len)] },
    Family { name: "zeros", make: |len, _| [vec![0; len], vec![0; len]] },
    Family { name: "zeros-and-ones", make: |len, _| [vec![0; len], vec![1; len]] },
    Family { name: "pointers", make: |len, random| [pointers(len, random), pointers(len, random)] },
    Family { name: "shuffled-64", make: |len, random| shuffled(len, 64, random) },
    Family { name: "shuffled-16", make: |len, random| shuffled(len, 16, random) },
    Family { name: "periods", make: |len, _| [cycle(b"ab", len), cycle(b"aab", len)] },
    Family { name: "fibonacci", make: |len, _| fibonacci(len) },
    Family {
        name: "four-letters",
        make: |len, random| [letters(len, random), letters(len, random)],
    },
    Family { name: "branches", make: |len, random| [branches(len, random), branches(len, random)] },
    Family { name: "every-fifth", make: every_fifth },
    Family { name: "few-words", make: few_words },
    Family { name: "reversed-32", make: reversed },
    Family { name: "shifted-tables", make: |len, _| [table(len, 0), table(len, 4096)] },
];

/// Marsaglia: "Xorshift RNGs", 2003.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 24) as u8).collect()
    }
}

/// Words that look like pointers into an image at 0x08000000, in no order.
fn pointers(len: usize, random: &mut Random) -> Vec<u8> {
    (0..len / 4).flat_map(|_| (0x0800_0000 + random.below(len) as u32).to_le_bytes()).collect()
}

/// Noise in blocks, and the same blocks in another order.
fn shuffled(len: usize, block: usize, random: &mut Random) -> [Vec<u8>; 2] {
    let old = random.bytes(len / block * block);
    let mut blocks: Vec<&[u8]> = old.chunks(block).collect();
    for i in (1..blocks.len()).rev() {
        blocks.swap(i, random.below(i + 1));
    }
    let new = blocks.concat();
    [old, new]
}

fn cycle(unit: &[u8], len: usize) -> Vec<u8> {
    unit.iter().copied().cycle().take(len).collect()
}

/// A string with as many repetitions as there can be, and the same a little further on.
fn fibonacci(len: usize) -> [Vec<u8>; 2] {
    let (mut text, mut previous) = (b"ab".to_vec(), b"a".to_vec());
    while text.len() < len + 7 {
        let next = [&text[..], &previous].concat();
        previous = core::mem::replace(&mut text, next);
    }
    [text[..len].to_vec(), text[7..len + 7].to_vec()]
}

fn letters(len: usize, random: &mut Random) -> Vec<u8> {
    (0..len).map(|_| b"ACGT"[random.below(4)]).collect()
}

/// Thumb branches with link (`BL`, encoding T1) to anywhere.
fn branches(len: usize, random: &mut Random) -> Vec<u8> {
    let halves = |random: &mut Random| {
        let [high, low] = [0xF000, 0xF800].map(|opcode| opcode | random.below(2048) as u16);
        u32::from(high) | u32::from(low) << 16
    };
    (0..len / 4).flat_map(|_| halves(random).to_le_bytes()).collect()
}

/// Noise, and the same with every fifth byte changed.
fn every_fifth(len: usize, random: &mut Random) -> [Vec<u8>; 2] {
    let old = random.bytes(len);
    let new = old.iter().enumerate().map(|(i, byte)| byte ^ if i % 5 == 0 { 0x55 } else { 0 });
    let new = new.collect();
    [old, new]
}

/// 256 words in no order, in both images.
fn few_words(len: usize, random: &mut Random) -> [Vec<u8>; 2] {
    let words = random.bytes(1024);
    let mut image = || -> Vec<u8> {
        (0..len / 4).flat_map(|_| words[random.below(256) * 4..][..4].to_vec()).collect()
    };
    [image(), image()]
}

/// Noise in blocks, and the same blocks from the last to the first.
fn reversed(len: usize, random: &mut Random) -> [Vec<u8>; 2] {
    let old = random.bytes(len / 32 * 32);
    let new = old.chunks(32).rev().flatten().copied().collect();
    [old, new]
}

/// A table of ascending words.
fn table(len: usize, from: u32) -> Vec<u8> {
    (0..len as u32 / 4).flat_map(|i| (from + i * 12).to_be_bytes()).collect()
}
