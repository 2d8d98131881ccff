//! SHA-256 (FIPS 180-4) for devices without a unit for it.
//!
//! On hosts `sha2` is faster, with the instructions that their processors have for it. Its portable
//! code is for devices either unrolled, which takes 13 KB on RV32IMC, or `compact`, with 89
//! instructions a round there. This has 61 in less code: the schedule is made at once, so that
//! nothing has to be counted modulo 16. So has padding, which `sha2` shares with other hashes.

/// The round constants (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The initial hash value (FIPS 180-4, 5.3.3).
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A message.
#[allow(unreachable_pub)] // Without `std` a public trait gives it out.
#[derive(Debug)]
pub struct Hasher {
    state: [u32; 8],
    /// The message schedule: first the block, which waits here until it is complete. Kept, as it
    /// would be zeroed for every block otherwise.
    words: [u32; 64],
    /// Bytes of the message so far, modulo 2^32: images are smaller.
    len: u32,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { state: START, words: [0; 64], len: 0 }
    }
}

impl Hasher {
    /// Takes the next bytes of the message.
    #[inline(never)] // One copy in the device's flash.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        // Most pieces are whole blocks.
        while self.len & 63 == 0 {
            let Some((block, rest)) = bytes.split_first_chunk::<64>() else { break };
            bytes = rest;
            for (word, bytes) in self.words.iter_mut().zip(block.as_chunks().0) {
                *word = u32::from_be_bytes(*bytes);
            }
            self.len = self.len.wrapping_add(64);
            self.compress();
        }
        for byte in bytes {
            if let Some(word) = self.words.get_mut((self.len >> 2 & 15) as usize) {
                *word = *word << 8 | u32::from(*byte);
            }
            self.len = self.len.wrapping_add(1);
            if self.len & 63 == 0 {
                self.compress();
            }
        }
    }

    /// The digest of the message so far, which goes on afterwards. A copy would be large for the
    /// stack of a microcontroller.
    #[inline(never)]
    pub(crate) fn digest_so_far(&mut self, digest: &mut [u8; 32]) {
        let (state, len) = (self.state, self.len);
        let block = self.words.first_chunk::<16>().copied().unwrap_or_default();
        self.finish(digest);
        (self.state, self.len) = (state, len);
        for (word, before) in self.words.iter_mut().zip(block) {
            *word = before;
        }
    }

    /// Pads the message: a 1 bit, zeros, its length in bits (FIPS 180-4, 5.1.1).
    fn finish(&mut self, digest: &mut [u8; 32]) {
        let bits = u64::from(self.len).wrapping_mul(8).to_be_bytes();
        let mut padding = 0x80;
        while padding != 0 || self.len & 63 != 56 {
            self.update(&[padding]);
            padding = 0;
        }
        self.update(&bits);
        for (to, word) in digest.as_chunks_mut().0.iter_mut().zip(&self.state) {
            *to = word.to_be_bytes();
        }
    }

    /// Takes the block, which is complete (FIPS 180-4, 6.2.2).
    #[inline(never)]
    fn compress(&mut self) {
        let words = &mut self.words;
        for i in 16..64 {
            let (w15, w2) = (words[i - 15], words[i - 2]);
            let s0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ w15 >> 3;
            let s1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ w2 >> 10;
            words[i] = words[i - 16].wrapping_add(s0).wrapping_add(words[i - 7]).wrapping_add(s1);
        }
        let mut state = self.state;
        for (words, k) in
            self.words.as_chunks::<UNROLLED>().0.iter().zip(K.as_chunks::<UNROLLED>().0)
        {
            state = two_rounds(state, [words[0], words[1]], [k[0], k[1]]);
            if let ([_, _, w2, w3, w4, w5, w6, w7], [_, _, k2, k3, k4, k5, k6, k7]) =
                (&words[..], &k[..])
            {
                state = two_rounds(state, [*w2, *w3], [*k2, *k3]);
                state = two_rounds(state, [*w4, *w5], [*k4, *k5]);
                state = two_rounds(state, [*w6, *w7], [*k6, *k7]);
            }
        }
        for (word, add) in self.state.iter_mut().zip(state) {
            *word = word.wrapping_add(add);
        }
    }
}

/// This many rounds follow each other without a loop, 2 or 8. With 8 no variable moves to another:
/// in an update of RV32IMC that takes 8 instructions less for a byte of the new image, and 770
/// bytes more of code. Where flash is scarcer, 2 have to do.
const UNROLLED: usize = if cfg!(target_arch = "riscv32") { 8 } else { 2 };

#[inline(always)]
fn two_rounds([a, b, c, d, e, f, g, h]: [u32; 8], words: [u32; 2], k: [u32; 2]) -> [u32; 8] {
    let (d, h) = round([a, b, c, d, e, f, g, h], words[0], k[0]);
    let (c, g) = round([h, a, b, c, d, e, f, g], words[1], k[1]);
    [g, h, a, b, c, d, e, f]
}

/// A round: the new `d` and `h`.
#[inline(always)]
fn round([a, b, c, d, e, f, g, h]: [u32; 8], word: u32, k: u32) -> (u32, u32) {
    let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    let choice = g ^ e & (f ^ g);
    let t = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(k).wrapping_add(word);
    let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    let majority = b ^ (a ^ b) & (b ^ c);
    (d.wrapping_add(t), t.wrapping_add(s0).wrapping_add(majority))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn messages_of_any_length_in_any_pieces_have_the_digest_that_sha2_gives() {
        let bytes: Vec<u8> = (0..300u32).map(|i| (i * i / 8) as u8).collect();
        for len in 0..bytes.len() {
            for piece in [1, 3, 63, 64, 66, 128, 300] {
                let mut hasher = Hasher::default();
                let mut so_far = [0; 32];
                for part in bytes[..len].chunks(piece) {
                    hasher.update(part);
                    hasher.digest_so_far(&mut so_far);
                }
                hasher.digest_so_far(&mut so_far);
                let expected: [u8; 32] = sha2::Sha256::digest(&bytes[..len]).into();
                assert_eq!(so_far, expected, "{len} bytes by {piece}");
            }
        }
    }
}
