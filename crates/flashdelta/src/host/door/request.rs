//! What is asked for.

use crate::device::format::DeviceIdentity;
use crate::device::update::holes::HoleValues;
use crate::device::verify::Verifier;
use crate::host::apply::{HeapApplier, Watch};
use crate::host::bundle::BundleOptions;
use crate::host::diff::DiffOptions;
use crate::host::file::{MemoryOptions, Output};
use crate::host::holes::{HoleRequest, Values};

/// How a patch between two inputs is made. All of it has defaults.
#[derive(Clone, Debug, Default)]
pub struct MakeRequest {
    pub(super) diff: DiffOptions,
    pub(super) memory: MemoryOptions,
    pub(super) bundle: BundleOptions,
    pub(super) old_elf: Option<Vec<u8>>,
    pub(super) new_elf: Option<Vec<u8>>,
    pub(super) holes: Vec<HoleRequest>,
    pub(super) allow_empty: bool,
    pub(super) no_verify: bool,
}

impl MakeRequest {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How images are compared, and for which device.
    #[must_use]
    pub fn diff(mut self, options: DiffOptions) -> Self {
        self.diff = options;
        self
    }

    /// How files of records are read.
    #[must_use]
    pub fn memory(mut self, options: MemoryOptions) -> Self {
        self.memory = options;
        self
    }

    /// How files that hold others are taken.
    #[must_use]
    pub fn bundle(mut self, options: BundleOptions) -> Self {
        self.bundle = options;
        self
    }

    /// The ELF file that the old image was made of: it tells addresses, and what is code.
    #[must_use]
    pub fn old_elf(mut self, elf: impl Into<Option<Vec<u8>>>) -> Self {
        self.old_elf = elf.into();
        self
    }

    /// The ELF file that the new image was made of.
    #[must_use]
    pub fn new_elf(mut self, elf: impl Into<Option<Vec<u8>>>) -> Self {
        self.new_elf = elf.into();
        self
    }

    /// A range of the image that each device has for itself: by its place, by a symbol of the ELF
    /// files, or by a marker. See [`holes`](crate::holes).
    #[must_use]
    pub fn hole(mut self, hole: HoleRequest) -> Self {
        self.holes.push(hole);
        self
    }

    /// Whether the new file may be empty. It is refused otherwise: mostly a build has failed.
    #[must_use]
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.allow_empty = allow;
        self
    }

    /// Whether the patch is applied to see that it works, which is the default.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Self {
        self.no_verify = !verify;
        self
    }
}

/// How a patch is applied. All of it has defaults.
#[derive(Default)]
pub struct ApplyRequest<'a> {
    pub(super) heap: HeapApplier<'a>,
    pub(super) output: Output,
    pub(super) values: Values,
    pub(super) any_values: bool,
}

impl<'a> ApplyRequest<'a> {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses patches that are not for this device, and bundles.
    #[must_use]
    pub fn device(mut self, device: impl Into<Option<DeviceIdentity>>) -> Self {
        self.heap.options.device = device.into();
        self
    }

    /// Values for holes of the new image: each hole needs one that the old image does not have.
    #[must_use]
    pub fn values(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    /// Whether zeros stand for values that are not given: to see that a patch works, without those
    /// of a device.
    #[must_use]
    pub fn any_values(mut self, any: bool) -> Self {
        self.any_values = any;
        self
    }

    /// What is made of the patch.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// The largest new file, in bytes. By default what no honest patch reaches, as
    /// [`MemoryImage::for_patch`](crate::apply::MemoryImage::for_patch) has it.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Option<u32>>) -> Self {
        self.heap = self.heap.limit(limit);
        self
    }

    /// Refuses patches that need more RAM than this many bytes, and bundles.
    #[must_use]
    pub fn ram(mut self, ram: impl Into<Option<u32>>) -> Self {
        self.heap = self.heap.ram(ram);
        self
    }

    /// Works in exactly the workspace that the patch asks for, as a device may do.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.heap = self.heap.exact(exact);
        self
    }

    /// Refuses patches that are not signed with a key of `verifier`, and bundles, which cannot be
    /// signed. Chunk digests are checked in any case.
    #[must_use]
    pub fn require_signature(mut self, verifier: impl Into<Option<&'a mut dyn Verifier>>) -> Self {
        self.heap = self.heap.require_signature(verifier);
        self
    }

    /// Tells `watch` how far it has come; it may end it.
    #[must_use]
    pub fn watch(mut self, watch: &'a mut Watch<'a>) -> Self {
        self.heap = self.heap.watch(watch);
        self
    }

    /// Whether it describes a device, which bundles are not for.
    pub(super) fn is_for_device(&self) -> bool {
        let HeapApplier { options, ram, .. } = &self.heap;
        options.device.is_some() || ram.is_some() || self.output != Output::Same
    }
}

/// The values of a request.
pub(super) struct Given<'a>(pub(super) &'a Values, pub(super) bool);

impl HoleValues for Given<'_> {
    fn value(&mut self, name: &[u8], offset: u32, buf: &mut [u8]) -> Option<u32> {
        let Self(values, any) = self;
        (*values).value(name, offset, buf).or(any.then_some(0))
    }
}
