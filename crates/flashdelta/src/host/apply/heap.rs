//! The applier with a workspace from the heap: limits, progress and cancellation in one place.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::ops::ControlFlow;
use std::io::{self, Read};

use crate::device::apply::{Applier, ApplyError, ApplyOptions, NewImage, OldImage, Progress};
use crate::device::error::codes;
use crate::device::format::{HeaderError, PatchHeader, MAX_HEADER_LEN};
use crate::device::verify::{self, Verifier, VerifyError};

/// No more workspace is lent, in bytes: whatever a header claims, patches need some hundred KiB at
/// most, and those with codec zstd 16 MiB.
const MOST_WORKSPACE: usize = 64 << 20;

/// Workspace beyond the stated one, in bytes: larger windows make reading files cheaper.
const COMFORT: usize = 64 << 10;

/// Bytes of the patch that are fed at a time.
const PIECE: usize = 1024;

/// The watcher hears of progress after this many bytes have been read from or written to an image:
/// a few bytes of a patch may make a GiB of an image.
const WATCH_EVERY: u32 = 64 << 10;

/// Hears how far an update has come. [`ControlFlow::Break`] ends it.
pub type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Applies patches with a workspace from the heap.
///
/// ```
/// use flashdelta::apply::{HeapApplier, MemoryImage};
/// # use flashdelta::{diff, DiffOptions};
/// # let (old, new) = (&b"the old firmware"[..], &b"the new firmware"[..]);
/// # let patch = diff::diff(old, new, &DiffOptions::new())?.bytes;
/// let update = HeapApplier::new().ram(64 << 10).run(&patch[..], old, MemoryImage::new(1 << 20))?;
/// assert_eq!(update.header.new_size as usize, new.len());
/// assert_eq!(update.new.into_bytes(), new);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct HeapApplier<'a> {
    pub(crate) options: ApplyOptions,
    pub(crate) ram: Option<u32>,
    pub(crate) limit: Option<u32>,
    exact: bool,
    pub(crate) verifier: Option<&'a mut dyn Verifier>,
    /// The whole patch has been found authentic: its chunks are not checked a second time.
    pub(crate) is_authentic: bool,
    pub(crate) watch: Option<&'a mut Watch<'a>>,
}

impl<'a> HeapApplier<'a> {
    /// One without conditions: any device, any RAM that hosts lend (64 MiB).
    pub fn new() -> Self {
        Self::default()
    }

    /// How the patch is applied: what the device is.
    #[must_use]
    pub fn options(mut self, options: ApplyOptions) -> Self {
        self.options = options;
        self
    }

    /// Refuses patches that need more RAM than this many bytes.
    #[must_use]
    pub fn ram(mut self, ram: impl Into<Option<u32>>) -> Self {
        self.ram = ram.into();
        self
    }

    /// Refuses patches whose new image has more than this many bytes.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Option<u32>>) -> Self {
        self.limit = limit.into();
        self
    }

    /// Lends exactly the workspace that the patch asks for, as a device may do.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// Refuses patches that are not signed with a key of `verifier`. Chunks are checked in any
    /// case.
    #[must_use]
    pub fn require_signature(mut self, verifier: impl Into<Option<&'a mut dyn Verifier>>) -> Self {
        self.verifier = verifier.into();
        self
    }

    /// Tells `watch` how far the update has come, at least every 64 KiB of an image.
    #[must_use]
    pub fn watch(mut self, watch: &'a mut Watch<'a>) -> Self {
        self.watch = Some(watch);
        self
    }

    /// The same applier with another watcher, which need not live as long.
    pub(crate) fn watched_by<'b>(self, watch: &'b mut Watch<'b>) -> HeapApplier<'b>
    where
        'a: 'b,
    {
        let Self { options, ram, limit, exact, verifier, is_authentic, watch: _ } = self;
        let verifier = verifier.map(|verifier| verifier as &mut dyn Verifier);
        HeapApplier { options, ram, limit, exact, verifier, is_authentic, watch: Some(watch) }
    }

    /// Checks a header, and gives the workspace for it. For callers that run the
    /// [`Applier`] themselves.
    ///
    /// # Errors
    ///
    /// [`HeapError::Ram`] and [`ApplyError::NewTooLong`] by the conditions of this applier,
    /// [`ApplyError::WorkspaceTooSmall`] if the patch asks for more than hosts lend or have.
    pub fn workspace<O, N>(&self, header: &PatchHeader) -> Result<Vec<u8>, HeapError<O, N>> {
        if let Some(found) = self.ram.filter(|ram| *ram < header.ram) {
            return Err(HeapError::Ram { needed: header.ram, found });
        }
        if let Some(capacity) = self.limit.filter(|limit| *limit < header.new_size) {
            return Err(ApplyError::NewTooLong { needed: header.new_size, capacity }.into());
        }
        let needed = header.workspace_len();
        let too_small = |found| ApplyError::WorkspaceTooSmall { needed: needed as u32, found };
        if needed > MOST_WORKSPACE {
            return Err(too_small(MOST_WORKSPACE as u32).into());
        }
        let len = if self.exact { needed } else { needed + COMFORT };
        let mut workspace = Vec::new();
        workspace.try_reserve_exact(len).map_err(|_| too_small(0))?;
        workspace.resize(len, 0);
        Ok(workspace)
    }

    /// Reads a patch to its end and applies it. Gives its header and the images back.
    ///
    /// # Errors
    ///
    /// See [`HeapError`].
    pub fn run<O: OldImage, N: NewImage>(
        self,
        mut patch: impl Read,
        old: O,
        new: N,
    ) -> Result<Updated<O, N>, HeapError<O::Error, N::Error>> {
        let mut start = Vec::new();
        let mut limited = patch.by_ref().take(MAX_HEADER_LEN as u64);
        limited.read_to_end(&mut start).map_err(HeapError::Read)?;
        let truncated = ApplyError::Truncated { fed: start.len() as u32, expected: None };
        let header = PatchHeader::parse(&start)?.ok_or(truncated)?;
        let mut workspace = self.workspace(&header)?;
        let watcher = Watcher {
            watch: RefCell::new(self.watch),
            total: header.new_size,
            written: Cell::new(0),
        };
        let (old, new) = (Guard::new(old, &watcher), Guard::new(new, &watcher));
        let applier = Applier::new(&mut workspace, old, new, self.options);
        let mut buffer = Vec::new();
        let mut applier = if self.is_authentic {
            verify::Guard::unguarded(applier)
        } else {
            buffer.resize(MAX_HEADER_LEN.max(header.chunk_ram() as usize), 0);
            verify::Guard::with_policy(applier, self.verifier, &mut buffer)
        };
        let mut patch = start.chain(patch);
        let mut piece = [0; PIECE];
        loop {
            match patch.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => {
                    let progress = applier.feed(&piece[..len]).map_err(|error| match error {
                        verify::GuardError::Verify(error) => HeapError::Verify(error),
                        verify::GuardError::Apply(error) => unguarded(error),
                    })?;
                    watcher.tell(progress.written).map_err(|Cancelled| HeapError::Cancelled)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(HeapError::Read(error)),
            }
        }
        let (old, new) = applier.finish().map_err(unguarded)?;
        Ok(Updated { header, old: old.image, new: new.image })
    }
}

impl fmt::Debug for HeapApplier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapApplier")
            .field("options", &self.options)
            .field("ram", &self.ram)
            .field("limit", &self.limit)
            .field("exact", &self.exact)
            .finish_non_exhaustive()
    }
}

/// An update that has ended well.
#[derive(Clone, Debug)]
pub struct Updated<O, N> {
    /// The header of the patch.
    pub header: PatchHeader,
    /// The old image.
    pub old: O,
    /// The new image.
    pub new: N,
}

/// Why a patch could not be read and applied.
#[non_exhaustive]
#[derive(Debug)]
pub enum HeapError<O, N> {
    /// Reading the patch failed.
    Read(io::Error),
    /// The patch needs more RAM than the device has.
    Ram {
        /// RAM in bytes that the patch needs.
        needed: u32,
        /// RAM in bytes that there is.
        found: u32,
    },
    /// The patch is not authentic.
    Verify(VerifyError),
    /// Applying it failed.
    Apply(ApplyError<O, N>),
    /// The watcher ended it.
    Cancelled,
}

codes! {
    impl[O, N] HeapError<O, N> {
        Self::Read(_) => "read", Io, CheckFile;
        Self::Ram { needed, .. } => "ram", DoesNotFit, MoreRam { needed: *needed };
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Verify(error) => error;
        Self::Apply(error) => error;
    }
}

impl<O: fmt::Display, N: fmt::Display> fmt::Display for HeapError<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "reading the patch failed: {error}"),
            Self::Ram { needed, found } => {
                write!(f, "the patch needs {needed} bytes of RAM, the device has {found}")
            }
            Self::Verify(error) => error.fmt(f),
            Self::Apply(error) => error.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl<O, N> core::error::Error for HeapError<O, N>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Apply(error) => error.source(),
            Self::Verify(_) | Self::Ram { .. } | Self::Cancelled => None,
        }
    }
}

impl<O, N> From<ApplyError<O, N>> for HeapError<O, N> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

impl<O, N> From<HeaderError> for HeapError<O, N> {
    fn from(error: HeaderError) -> Self {
        Self::Apply(error.into())
    }
}

/// The watcher has ended the update.
#[derive(Debug)]
struct Cancelled;

struct Watcher<'a> {
    watch: RefCell<Option<&'a mut Watch<'a>>>,
    total: u32,
    /// Bytes of the new image written so far, as far as it was heard of: it never falls.
    written: Cell<u32>,
}

impl Watcher<'_> {
    fn tell(&self, written: u32) -> Result<(), Cancelled> {
        let written = written.max(self.written.get());
        self.written.set(written);
        let mut watch = self.watch.borrow_mut();
        let Some(watch) = watch.as_mut() else { return Ok(()) };
        // Done is for `finish` to say.
        let progress = Progress { written, total: self.total, ..Progress::default() };
        match watch(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Cancelled),
        }
    }
}

/// An image every access to which may find that the watcher ended the update.
struct Guard<'g, 'w, I> {
    image: I,
    watcher: &'g Watcher<'w>,
    /// Bytes of the new image written so far.
    written: u32,
    /// Bytes read or written since the watcher was told.
    untold: u32,
}

#[derive(Debug)]
enum GuardError<E> {
    Cancelled,
    Image(E),
}

impl<'g, 'w, I> Guard<'g, 'w, I> {
    fn new(image: I, watcher: &'g Watcher<'w>) -> Self {
        Self { image, watcher, written: 0, untold: 0 }
    }

    fn access<E>(
        &mut self,
        len: usize,
        access: impl FnOnce(&mut I) -> Result<(), E>,
    ) -> Result<(), GuardError<E>> {
        self.untold = self.untold.saturating_add(len as u32);
        if self.untold >= WATCH_EVERY {
            self.untold = 0;
            self.watcher.tell(self.written).map_err(|Cancelled| GuardError::Cancelled)?;
        }
        access(&mut self.image).map_err(GuardError::Image)
    }
}

impl<O: OldImage> OldImage for Guard<'_, '_, O> {
    type Error = GuardError<O::Error>;

    fn len(&self) -> u32 {
        self.image.len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.access(buf.len(), |image| image.read(offset, buf))
    }

    fn hole_value(
        &mut self,
        name: &[u8],
        offset: u32,
        buf: &mut [u8],
    ) -> Result<Option<u32>, Self::Error> {
        self.image.hole_value(name, offset, buf).map_err(GuardError::Image)
    }
}

impl<N: NewImage> NewImage for Guard<'_, '_, N> {
    type Error = GuardError<N::Error>;

    fn capacity(&self) -> u32 {
        self.image.capacity()
    }

    fn granularity(&self) -> u32 {
        self.image.granularity()
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error> {
        self.written = offset;
        self.access(data.len(), |image| image.write(offset, data))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.access(buf.len(), |image| image.read(offset, buf))
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.access(0, NewImage::flush)
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        self.access(0, NewImage::commit)
    }
}

/// The error of the images themselves.
fn unguarded<O, N>(error: ApplyError<GuardError<O>, GuardError<N>>) -> HeapError<O, N> {
    fn image<E>(error: GuardError<E>) -> Option<E> {
        match error {
            GuardError::Image(error) => Some(error),
            GuardError::Cancelled => None,
        }
    }
    map_images(error, image, image).map_or(HeapError::Cancelled, HeapError::Apply)
}

/// The same error with other errors of the images; `None` if there is none for one of them.
pub fn map_images<O, N, P, M>(
    error: ApplyError<O, N>,
    old: impl Fn(O) -> Option<P>,
    new: impl Fn(N) -> Option<M>,
) -> Option<ApplyError<P, M>> {
    use ApplyError as E;
    Some(match error {
        E::ReadOld { offset, error } => E::ReadOld { offset, error: old(error)? },
        E::ReadNew { offset, error } => E::ReadNew { offset, error: new(error)? },
        E::Write { offset, error } => E::Write { offset, error: new(error)? },
        E::Finish { error } => E::Finish { error: new(error)? },
        E::Header(error) => E::Header(error),
        E::CodecNotBuilt { codec } => E::CodecNotBuilt { codec },
        E::InstructionSetNotBuilt { isa } => E::InstructionSetNotBuilt { isa },
        E::WorkspaceTooSmall { needed, found } => E::WorkspaceTooSmall { needed, found },
        E::OldTooShort { expected, found } => E::OldTooShort { expected, found },
        E::NewTooLong { needed, capacity } => E::NewTooLong { needed, capacity },
        E::Granularity { patch, device } => E::Granularity { patch, device },
        E::NoIdentity => E::NoIdentity,
        E::WrongProduct { patch, device } => E::WrongProduct { patch, device },
        E::WrongHardware { from, to, device } => E::WrongHardware { from, to, device },
        E::Rollback { patch, device } => E::Rollback { patch, device },
        E::HoleValueMissing { name } => E::HoleValueMissing { name },
        E::HoleValueTooLong { name, found, limit } => E::HoleValueTooLong { name, found, limit },
        E::OldMismatch { expected, found, len } => E::OldMismatch { expected, found, len },
        E::Damaged { what, offset } => E::Damaged { what, offset },
        E::Truncated { fed, expected } => E::Truncated { fed, expected },
        E::TrailingInput { expected } => E::TrailingInput { expected },
        E::NewMismatch { expected, found } => E::NewMismatch { expected, found },
        E::Poisoned => E::Poisoned,
    })
}
