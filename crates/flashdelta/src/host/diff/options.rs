//! What the maker is told.

use core::fmt;
use core::ops::ControlFlow;
use std::sync::Arc;

use crate::device::format::{Codec, Identity};
use crate::device::isa::InstructionSet;
use crate::host::holes::Hole;
use crate::host::image::AddressMap;
use crate::host::profile::DeviceProfile;
use crate::host::seal::ChunkSize;

/// What the maker is doing.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// Finding out what is common to both images.
    Match,
    /// Choosing what to copy.
    Parse,
    /// Coding.
    Encode,
}

/// How far the maker has come.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DiffProgress {
    /// What is done now, in one of the threads.
    pub phase: Phase,
    /// What is done of the whole work, 0 to 1; it never falls.
    pub fraction: f32,
}

type Callback = dyn Fn(DiffProgress) -> ControlFlow<()> + Send + Sync;

/// How a patch is to be made. All of it has defaults.
///
/// ```
/// use flashdelta::diff::{DeviceProfile, DiffOptions};
/// let options = DiffOptions::new().profile(DeviceProfile::small()).effort(9);
/// ```
#[derive(Clone)]
pub struct DiffOptions {
    pub(crate) profile: DeviceProfile,
    pub(crate) codec: Option<Codec>,
    pub(crate) isa: Option<InstructionSet>,
    pub(crate) old_map: Option<AddressMap>,
    pub(crate) new_map: Option<AddressMap>,
    pub(crate) base: Option<u32>,
    pub(crate) identity: Option<Identity>,
    pub(crate) holes: Vec<Hole>,
    pub(crate) chunks: ChunkSize,
    pub(crate) in_place: bool,
    /// Appended to the patch as it is: what it holds is up to the caller.
    pub(crate) host_section: Vec<u8>,
    pub(crate) effort: u8,
    pub(crate) threads: usize,
    pub(crate) progress: Option<Arc<Callback>>,
}

impl DiffOptions {
    /// The defaults: the `esp32` profile, everything else found out, effort 6, all processors.
    pub fn new() -> Self {
        Self {
            profile: DeviceProfile::default(),
            codec: None,
            isa: None,
            old_map: None,
            new_map: None,
            base: None,
            identity: None,
            holes: Vec::new(),
            chunks: ChunkSize::None,
            in_place: false,
            host_section: Vec::new(),
            effort: 6,
            threads: 0,
            progress: None,
        }
    }

    /// The device that has to apply the patch.
    #[must_use]
    pub fn profile(mut self, profile: DeviceProfile) -> Self {
        self.profile = profile;
        self
    }

    /// RAM of the device in bytes, in place of the profile's.
    #[must_use]
    pub fn ram(mut self, bytes: u32) -> Self {
        self.profile.ram = bytes;
        self
    }

    /// The codec; `None` (the default) tries all that the profile allows and keeps the smallest
    /// patch.
    #[must_use]
    pub fn codec(mut self, codec: impl Into<Option<Codec>>) -> Self {
        self.codec = codec.into();
        self
    }

    /// The instruction set to predict by; `None` (the default) finds out. [`InstructionSet::None`]
    /// predicts no code.
    #[must_use]
    pub fn isa(mut self, isa: impl Into<Option<InstructionSet>>) -> Self {
        self.isa = isa.into();
        self
    }

    /// Address maps of both images, in place of those that their containers tell.
    #[must_use]
    pub fn address_maps(mut self, old: AddressMap, new: AddressMap) -> Self {
        (self.old_map, self.new_map) = (Some(old), Some(new));
        self
    }

    /// Both images are raw and run at this address.
    #[must_use]
    pub fn base(mut self, address: u32) -> Self {
        self.base = Some(address);
        self
    }

    /// Which devices the patch is for; the header says so, and others refuse it.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// A range of the image that each device has for itself. See [`holes`](crate::holes).
    #[must_use]
    pub fn hole(mut self, hole: Hole) -> Self {
        self.holes.push(hole);
        self
    }

    /// How large the chunks of the patch are, each of which has a digest; [`ChunkSize::None`] (the
    /// default): it has none.
    #[must_use]
    pub fn chunks(mut self, chunks: ChunkSize) -> Self {
        self.chunks = chunks;
        self
    }

    /// Whether the device has one slot only, of the [length](DeviceProfile::slot) that the profile
    /// says: the new image is written over the old one. See
    /// [`update::in_place`](crate::update::in_place).
    #[must_use]
    pub fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// 1 (fast) to 9 (thorough); other numbers count as the nearest of these. The default is 6.
    #[must_use]
    pub fn effort(mut self, effort: u8) -> Self {
        self.effort = effort.clamp(1, 9);
        self
    }

    /// Number of threads; 0 (the default): as many as there are processors. The patch does not
    /// depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Calls `progress` every now and then, from any thread. If it returns [`ControlFlow::Break`],
    /// the maker gives up.
    #[must_use]
    pub fn progress(
        mut self,
        progress: impl Fn(DiffProgress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Whether to go on, before there is anything to tell: while files are taken apart.
    pub(crate) fn goes_on(&self) -> ControlFlow<()> {
        match &self.progress {
            Some(progress) => progress(DiffProgress { phase: Phase::Match, fraction: 0.0 }),
            None => ControlFlow::Continue(()),
        }
    }

    /// The same, when the patch is made: while it is tried.
    pub(crate) fn goes_on_at_the_end(&self) -> ControlFlow<()> {
        match &self.progress {
            Some(progress) => progress(DiffProgress { phase: Phase::Encode, fraction: 1.0 }),
            None => ControlFlow::Continue(()),
        }
    }

    /// The number of threads, resolved.
    pub(crate) fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        }
    }
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DiffOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiffOptions")
            .field("profile", &self.profile)
            .field("codec", &self.codec)
            .field("isa", &self.isa)
            .field("old_map", &self.old_map)
            .field("new_map", &self.new_map)
            .field("base", &self.base)
            .field("identity", &self.identity)
            .field("holes", &self.holes)
            .field("chunks", &self.chunks)
            .field("in_place", &self.in_place)
            .field("effort", &self.effort)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
