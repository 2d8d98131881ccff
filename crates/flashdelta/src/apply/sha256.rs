//! Who computes SHA-256.

use sha2::block_api::compress256;
use sha2::digest::consts::U32;
use sha2::digest::{FixedOutput, Output, OutputSizeUser, Update};

/// Computes SHA-256 (FIPS 180-4): [software](SoftwareSha256), or the hardware unit of a chip, through the [`digest`](super::digest) traits of RustCrypto.
///
/// ```
/// use flashdelta::apply::digest::{consts::U32, FixedOutput, Output, OutputSizeUser, Update};
/// use flashdelta::apply::{Applier, ApplyOptions, Sha256Engine};
/// # use flashdelta::{diff, DiffOptions};
/// # struct Registers(sha2::Sha256);
/// # impl Registers {
/// #     fn begin(&mut self) { self.0 = Default::default() }
/// #     fn process(&mut self, b: &[u8]) { Update::update(&mut self.0, b) }
/// #     fn result(&mut self) -> [u8; 32] { self.0.clone().finalize_fixed().into() }
/// # }
/// # let mut registers = Registers(Default::default());
/// # let (old, mut slot) = ([7; 300], [0; 300]);
/// # let patch = diff::diff(&old, &[8; 300], &DiffOptions::new()).unwrap().bytes;
/// # let mut workspace = vec![0; 64 << 10];
/// /// The hardware unit, while it works on a message.
/// struct Unit<'a>(&'a mut Registers);
///
/// impl OutputSizeUser for Unit<'_> {
///     type OutputSize = U32;
/// }
///
/// impl Update for Unit<'_> {
///     fn update(&mut self, bytes: &[u8]) {
///         self.0.process(bytes);
///     }
/// }
///
/// impl FixedOutput for Unit<'_> {
///     fn finalize_into(self, out: &mut Output<Self>) {
///         *out = self.0.result().into();
///     }
/// }
///
/// struct Hardware<'a>(&'a mut Registers);
///
/// impl Sha256Engine for Hardware<'_> {
///     type Hasher<'h> = Unit<'h> where Self: 'h;
///
///     fn start(&mut self) -> Unit<'_> {
///         self.0.begin();
///         Unit(self.0)
///     }
/// }
///
/// let sha = Hardware(&mut registers);
/// let mut applier = Applier::with_sha256(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default(), sha);
/// applier.feed(&patch).expect("the patch is for this image");
/// # applier.finish().expect("complete");
/// # assert_eq!(slot, [8; 300]);
/// ```
///
/// A unit that fails has no way to say so, and needs none: whatever wrong digest it gives, the update ends in a mismatch.
pub trait Sha256Engine {
    /// What takes one message.
    type Hasher<'h>: Update + FixedOutput + OutputSizeUser<OutputSize = U32>
    where
        Self: 'h;

    /// Begins a message. It may be given up before its end.
    fn start(&mut self) -> Self::Hasher<'_>;
}

/// SHA-256 in software: the compression function of the crate `sha2`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SoftwareSha256;

impl Sha256Engine for SoftwareSha256 {
    type Hasher<'h> = SoftwareHasher;

    fn start(&mut self) -> SoftwareHasher {
        SoftwareHasher { state: START, block: [0; 64], len: 0 }
    }
}

/// A message that [`SoftwareSha256`] is at work on.
///
/// Messages are taken apart and padded here, since `sha2` does that in several times the code: it has other hashes and other sizes to serve.
#[derive(Clone, Debug)]
pub struct SoftwareHasher {
    state: [u32; 8],
    /// The part of a block that waits for the rest of it.
    block: [u8; 64],
    /// Bytes of the message so far, modulo 2^32: images are smaller.
    len: u32,
}

/// The initial hash value (FIPS 180-4, 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl OutputSizeUser for SoftwareHasher {
    type OutputSize = U32;
}

impl Update for SoftwareHasher {
    #[inline(never)] // One copy in the device's flash.
    fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.len & 63 == 0 {
            let (blocks, rest) = bytes.as_chunks();
            compress256(&mut self.state, blocks);
            bytes = rest;
            self.len = self.len.wrapping_add(blocks.len().wrapping_mul(64) as u32);
        }
        for byte in bytes {
            if let Some(place) = self.block.get_mut((self.len & 63) as usize) {
                *place = *byte;
            }
            self.len = self.len.wrapping_add(1);
            if self.len & 63 == 0 {
                compress256(&mut self.state, core::slice::from_ref(&self.block));
            }
        }
    }
}

impl FixedOutput for SoftwareHasher {
    /// Pads the message: a 1 bit, zeros, its length in bits (FIPS 180-4, 5.1.1).
    fn finalize_into(mut self, out: &mut Output<Self>) {
        let bits = u64::from(self.len).wrapping_mul(8).to_be_bytes();
        let mut padding = 0x80;
        while padding != 0 || self.len & 63 != 56 {
            self.update(&[padding]);
            padding = 0;
        }
        self.update(&bits);
        for (to, word) in out.as_chunks_mut().0.iter_mut().zip(self.state) {
            *to = word.to_be_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn messages_of_any_length_in_any_pieces_have_the_digest_that_sha2_gives() {
        let bytes: Vec<u8> = (0..300u32).map(|i| (i * i / 8) as u8).collect();
        for len in 0..bytes.len() {
            for piece in [1, 63, 64, 65, 128, 300] {
                let mut hasher = SoftwareSha256.start();
                bytes[..len].chunks(piece).for_each(|part| hasher.update(part));
                let got: [u8; 32] = hasher.finalize_fixed().into();
                let expected: [u8; 32] = sha2::Sha256::digest(&bytes[..len]).into();
                assert_eq!(got, expected, "{len} bytes by {piece}");
            }
        }
    }
}
