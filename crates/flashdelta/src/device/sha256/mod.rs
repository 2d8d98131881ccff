//! Who computes SHA-256.

/// Hosts have a faster one; their tests run this one.
#[allow(dead_code)]
pub(crate) mod software;

use sha2::digest::consts::U32;
use sha2::digest::{FixedOutput, OutputSizeUser, Update};

/// Computes SHA-256 (FIPS 180-4): [software](SoftwareSha256), or the hardware unit of a chip,
/// through the [`digest`](crate::apply::digest) traits of RustCrypto.
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
/// A unit that fails has no way to say so, and needs none: whatever wrong digest it gives, the
/// update ends in a mismatch.
pub trait Sha256Engine {
    /// What takes one message.
    type Hasher<'h>: Update + FixedOutput + OutputSizeUser<OutputSize = U32>
    where
        Self: 'h;

    /// Begins a message. It may be given up before its end.
    fn start(&mut self) -> Self::Hasher<'_>;

    /// Writes the digest of the message so far, which may go on afterwards. False, the default: the
    /// unit cannot do that, and `digest` is left as it was. It then gets the message a second time
    /// where this would have spared that: in updates to images that end with
    /// [their own digest](crate::PatchHeader::has_own_digest).
    fn digest_so_far(hasher: &mut Self::Hasher<'_>, digest: &mut [u8; 32]) -> bool {
        let _ = (hasher, digest);
        false
    }
}

/// SHA-256 in software: on hosts by the crate `sha2`, on devices by code that is made for small
/// processors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SoftwareSha256;
