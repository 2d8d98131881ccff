//! Who computes SHA-256.

use sha2::digest::consts::U32;
use sha2::digest::{FixedOutputReset, OutputSizeUser, Update};

/// Computes SHA-256 (FIPS 180-4): the software of the `sha2` crate, or the hardware unit of a chip.
///
/// Everything with the [`digest`](sha2::digest) traits of RustCrypto (version 0.11) has this, if its output takes 32 bytes and it can be used again. For a
/// driver with an interface of its own:
///
/// ```
/// use flashdelta::apply::{Applier, ApplyOptions, Sha256Engine};
/// # use flashdelta::{diff, DiffOptions};
/// # #[derive(Default)] struct Peripheral(sha2::Sha256);
/// # impl Peripheral {
/// #     fn process(&mut self, b: &[u8]) { sha2::Digest::update(&mut self.0, b) }
/// #     fn result_and_reset(&mut self) -> [u8; 32] { sha2::Digest::finalize_reset(&mut self.0).into() }
/// # }
/// # let mut peripheral = Peripheral::default();
/// # let (old, mut slot) = ([7; 300], [0; 300]);
/// # let patch = diff::diff(&old, &[8; 300], &DiffOptions::new()).unwrap().bytes;
/// # let mut workspace = vec![0; 64 << 10];
/// struct Unit<'a>(&'a mut Peripheral);
///
/// impl Sha256Engine for Unit<'_> {
///     fn update(&mut self, bytes: &[u8]) {
///         self.0.process(bytes);
///     }
///
///     fn finish(&mut self) -> [u8; 32] {
///         self.0.result_and_reset()
///     }
/// }
///
/// let sha = Unit(&mut peripheral);
/// let mut applier = Applier::with_sha256(&mut workspace, &old[..], &mut slot[..], ApplyOptions::default(), sha);
/// applier.feed(&patch).expect("the patch is for this image");
/// # applier.finish().expect("complete");
/// # assert_eq!(slot, [8; 300]);
/// ```
///
/// A unit that fails has no way to say so, and needs none: whatever wrong digest it gives, the update ends in a mismatch.
pub trait Sha256Engine {
    /// Takes the next bytes of a message.
    fn update(&mut self, bytes: &[u8]);

    /// Ends the message and gives its digest. The next [`update`](Self::update) begins another message.
    fn finish(&mut self) -> [u8; 32];
}

impl<T: Update + FixedOutputReset + OutputSizeUser<OutputSize = U32>> Sha256Engine for T {
    fn update(&mut self, bytes: &[u8]) {
        Update::update(self, bytes);
    }

    fn finish(&mut self) -> [u8; 32] {
        self.finalize_fixed_reset().into()
    }
}
