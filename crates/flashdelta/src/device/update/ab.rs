//! Updates between two slots, A and B: one runs, the other is written.
//!
//! [`AbUpdate`] checks the running image against the patch, writes the new image to the other slot,
//! verifies it as it reads back, and only then hands over to the [boot selection](BootSelection).
//! The running slot is never written. That makes every power cut harmless:
//!
//! - before the hand-over the device starts its old image again, and the update starts again. With
//!   [NOR slots](crate::nor) it keeps the sectors that were finished;
//! - during the hand-over one of the two starts: the selection has to be atomic, which is the
//!   bootloader's craft;
//! - after it the bootloader starts the new image.
//!
//! Going back is the bootloader's, too: a new image that does not confirm that it works must not be
//! started a second time. The example `ab_update` shows all of it, with a small bootloader and a
//! simulated flash:
//!
//! ```sh
//! cargo run -p flashdelta --example ab_update
//! ```
//!
//! After an update the slots have changed their roles: the update agent has to ask the bootloader
//! which one runs. One that is started again although the new image runs already ends with
//! [`ApplyError::OldMismatch`], before anything is written.

use core::fmt;

use crate::device::apply::{
    Applier, ApplyError, ApplyOptions, NewImage, OldImage, Progress, Sha256Engine, SoftwareSha256,
};
use crate::device::error::codes;
use crate::device::format::{Identity, PatchHeader};

/// The new image, complete and right.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Its length in bytes.
    pub size: u32,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// For whom it is, and its security counter, if the patch says so. Nobody has signed that: a
    /// device that raises its own counter takes the number from the new image, once that runs and
    /// has confirmed itself, and never from here.
    pub identity: Option<Identity>,
}

impl From<&PatchHeader> for Verified {
    fn from(header: &PatchHeader) -> Self {
        Self { size: header.new_size, sha256: header.new_digest, identity: header.identity }
    }
}

/// How the bootloader is told what to start next.
///
/// A closure will do: `|image: &Verified| set_boot_partition(...)`.
pub trait BootSelection {
    /// The error type.
    type Error;

    /// Makes the bootloader try the new image at the next start. Called once, last, and only if the
    /// image reads back right.
    ///
    /// If the power goes meanwhile, either image may be selected; one of them has to be.
    ///
    /// # Errors
    ///
    /// If the selection cannot be made. The update may be started again: it finds the image
    /// complete, writes nothing, and comes back here.
    fn select(&mut self, image: &Verified) -> Result<(), Self::Error>;
}

impl<F: FnMut(&Verified) -> Result<(), E>, E> BootSelection for F {
    type Error = E;

    fn select(&mut self, image: &Verified) -> Result<(), E> {
        self(image)
    }
}

/// Why an update failed. The old image still runs, and still is what starts next.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AbError<O, N, B> {
    /// The new image could not be made.
    Apply(ApplyError<O, N>),
    /// The new image is complete and right, but could not be selected.
    Boot(B),
}

impl<O, N, B> From<ApplyError<O, N>> for AbError<O, N, B> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

codes! {
    impl[O, N, B] AbError<O, N, B> {
        Self::Boot(_) => "boot-selection", Io;
    } else {
        Self::Apply(error) => error;
    }
}

impl<O: fmt::Display, N: fmt::Display, B: fmt::Display> fmt::Display for AbError<O, N, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(error) => error.fmt(f),
            Self::Boot(error) => {
                write!(
                    f,
                    "the new image is complete, but could not be selected for the next start: \
                     {error}"
                )
            }
        }
    }
}

impl<O, N, B> core::error::Error for AbError<O, N, B>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
    B: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Apply(error) => error.source(),
            Self::Boot(error) => Some(error),
        }
    }
}

/// One update from the running slot to the other one.
///
/// ```
/// use core::cell::RefCell;
/// use core::convert::Infallible;
///
/// use flashdelta::update::ab::{AbUpdate, Verified};
/// use flashdelta::nor::{slots, Slot};
/// use flashdelta::apply::ApplyOptions;
/// use flashdelta_sim::NorSim;
/// # use flashdelta::{diff, DiffOptions};
/// # let (old, new) = ([7; 3000], [8; 3000]);
/// # let patch = diff::diff(&old, &new, &DiffOptions::new().ram(16 << 10))?.bytes;
///
/// // Here the driver of the flash would be.
/// let mut flash = NorSim::<1, 4, 4096>::used(4, 1);
/// # flash.load(0, &old)?;
/// let flash = RefCell::new(flash);
///
/// let (running, other) = (Slot::new(0, 0x2000), Slot::new(0x2000, 0x2000));
/// let (old_slot, new_slot) = slots(&flash, running, other, [])?;
/// let select = |image: &Verified| {
///     println!("start the {} bytes in slot B next", image.size);
///     Ok::<(), Infallible>(())
/// };
/// let mut workspace = [0; 15 * 1024];
/// let options = ApplyOptions::default();
/// let mut update = AbUpdate::new(&mut workspace, old_slot, new_slot, select, options);
/// for piece in patch.chunks(64) {
///     update.feed(piece)?;
/// }
/// update.finish()?;
/// # assert!(flash.borrow().holds(0x2000, &new));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AbUpdate<'w, O: OldImage, N: NewImage, B, H: Sha256Engine = SoftwareSha256> {
    applier: Applier<'w, O, N, H>,
    boot: B,
}

impl<'w, O: OldImage, N: NewImage, B: BootSelection> AbUpdate<'w, O, N, B> {
    /// An update at its start. `workspace` and `options`: as [`Applier::new`] has them.
    pub fn new(
        workspace: &'w mut [u8],
        running: O,
        other: N,
        boot: B,
        options: ApplyOptions,
    ) -> Self {
        Self::with_applier(Applier::new(workspace, running, other, options), boot)
    }
}

impl<'w, O: OldImage, N: NewImage, B: BootSelection, H: Sha256Engine> AbUpdate<'w, O, N, B, H> {
    /// An update by an applier that has not been fed: one with SHA-256 in hardware, say.
    pub fn with_applier(applier: Applier<'w, O, N, H>, boot: B) -> Self {
        Self { applier, boot }
    }

    /// Takes the next bytes of the patch: see [`Applier::feed`]. The boot selection is not touched.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; the update has to start again.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        self.applier.feed(input)
    }

    /// Takes as many of the next bytes as it can within a budget: see [`Applier::feed_within`]. The
    /// boot selection is not touched.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; the update has to start again.
    #[cfg(feature = "bounded")]
    pub fn feed_within(
        &mut self,
        input: &[u8],
        budget: u32,
    ) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        self.applier.feed_within(input, budget)
    }

    /// The applier: to [suspend](Applier::suspend) the update, or to go on with it. The boot
    /// selection is not touched by that either.
    pub fn applier(&mut self) -> &mut Applier<'w, O, N, H> {
        &mut self.applier
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.applier.progress()
    }

    /// Ends the update: if the new image is complete and right, it is selected for the next start.
    /// Gives everything back.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Truncated`] if the patch is not complete, [`ApplyError::Poisoned`] if there
    /// was an error before, and [`AbError::Boot`]. In the first two cases the boot selection is not
    /// touched.
    #[allow(clippy::type_complexity)] // What came in goes out.
    pub fn finish(self) -> Result<(O, N, B), AbError<O::Error, N::Error, B::Error>> {
        let Self { applier, mut boot } = self;
        let image = applier.header().map(Verified::from);
        let (old, new) = applier.finish()?;
        let image = image.ok_or(ApplyError::Poisoned)?;
        boot.select(&image).map_err(AbError::Boot)?;
        Ok((old, new, boot))
    }
}
