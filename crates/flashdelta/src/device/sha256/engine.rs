//! The engine that computes the digest: software or hardware.

/// Computes SHA-256 (FIPS 180-4): [software](SoftwareSha256), or the hardware unit of a chip.
///
/// ```
/// use flashdelta::apply::{Applier, ApplyOptions, Sha256Engine};
/// # use flashdelta::{diff, DiffOptions};
/// # use sha2::Digest as _;
/// # struct Registers(sha2::Sha256);
/// # impl Registers {
/// #     fn begin(&mut self) { self.0 = Default::default() }
/// #     fn process(&mut self, b: &[u8]) { self.0.update(b) }
/// #     fn result(&mut self) -> [u8; 32] { self.0.clone().finalize().into() }
/// # }
/// # let mut registers = Registers(Default::default());
/// # let (old, mut slot) = ([7; 300], [0; 300]);
/// # let patch = diff::diff(&old, &[8; 300], &DiffOptions::new()).unwrap().bytes;
/// # let mut workspace = vec![0; 64 << 10];
/// /// The hardware unit, which keeps the message in its registers.
/// struct Hardware<'a>(&'a mut Registers);
///
/// impl Sha256Engine for Hardware<'_> {
///     type Message = ();
///
///     fn start(&mut self) {
///         self.0.begin();
///     }
///
///     fn update(&mut self, _message: &mut (), bytes: &[u8]) {
///         self.0.process(bytes);
///     }
///
///     fn digest(&mut self, _message: &mut (), digest: &mut [u8; 32]) -> bool {
///         *digest = self.0.result();
///         false
///     }
/// }
///
/// let sha = Hardware(&mut registers);
/// let options = ApplyOptions::default();
/// let mut applier =
///     Applier::with_sha256(&mut workspace, &old[..], &mut slot[..], options, sha);
/// applier.feed(&patch).expect("the patch is for this image");
/// # applier.finish().expect("complete");
/// # assert_eq!(slot, [8; 300]);
/// ```
///
/// With a [budget](crate::apply::Applier::feed_within) a message may go on over several calls of
/// the applier. Where others use the unit meanwhile (TLS, say), `Message` is the place to keep what
/// the unit has to be given back.
///
/// A unit that fails has no way to say so, and needs none: whatever wrong digest it gives, the
/// update ends in a mismatch.
pub trait Sha256Engine {
    /// A message under way: what of it is not in the unit itself.
    type Message;

    /// Begins a message. It may be given up before its end.
    fn start(&mut self) -> Self::Message;

    /// Takes the next bytes of the message.
    fn update(&mut self, message: &mut Self::Message, bytes: &[u8]);

    /// Writes the digest of the message so far. True if the message may go on afterwards. False if
    /// the unit cannot do that: it then gets the message a second time where this would have spared
    /// that, in updates to images that end with
    /// [their own digest](crate::PatchHeader::has_own_digest).
    fn digest(&mut self, message: &mut Self::Message, digest: &mut [u8; 32]) -> bool;
}

impl<H: Sha256Engine + ?Sized> Sha256Engine for &mut H {
    type Message = H::Message;

    fn start(&mut self) -> Self::Message {
        (**self).start()
    }

    fn update(&mut self, message: &mut Self::Message, bytes: &[u8]) {
        (**self).update(message, bytes);
    }

    fn digest(&mut self, message: &mut Self::Message, digest: &mut [u8; 32]) -> bool {
        (**self).digest(message, digest)
    }
}

/// SHA-256 in software: on hosts by the crate `sha2`, on devices by code that is made for small
/// processors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SoftwareSha256;
