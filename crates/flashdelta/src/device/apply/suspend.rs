//! Suspending an update, and going on with it after a reset.
//!
//! One walk over the state saves and loads it ([`Port`]), so that the two cannot drift apart. In
//! order:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `FDU` (`FDG` of a guarded update), the version of this layout, and that of the library |
//! | 9 | phase, bytes of the patch taken, bytes of the new image that wait to be written |
//! | | the header; the state of the guard, if there is one; the state of the new image |
//! | | the workspace as it lies in memory, but for windows over the images; the decoder |
//! | 4 | CRC-32 of all before it |

use super::applier::{Applier, ApplyErrorOf, Phase};
use super::body::Work;
use super::budget::CallBudget;
use super::digest::Digest;
use super::machine::Machine;
use super::phases::{too_small, Which};
use super::workspace;
use super::{ApplyError, NewImage, OldImage, Progress, ResumeError, SuspendError};
#[cfg(feature = "holes")]
use crate::device::format::{holes, Reader};
use crate::device::format::{Codec, Crc32, PatchHeader};
use crate::device::port::{Carry, Port, PortTrouble};
use crate::device::sha256::Sha256Engine;

/// The start of the suspension of an applier; the last byte is the version of the layout.
pub(super) const MAGIC: u32 = u32::from_le_bytes(*b"FDU\0");

/// The same of an update with a guard: neither goes on as the other.
#[cfg(feature = "verify")]
pub(super) const GUARDED: u32 = u32::from_le_bytes(*b"FDG\x01");

/// The state of what feeds the applier, passed through a port after the header.
pub(in crate::device) trait Front {
    fn pass(&mut self, port: &mut Port<'_>, header: &PatchHeader);
}

impl<F: FnMut(&mut Port<'_>, &PatchHeader)> Front for F {
    fn pass(&mut self, port: &mut Port<'_>, header: &PatchHeader) {
        self(port, header);
    }
}

/// Which suspensions these are, and what else is in them.
pub(in crate::device) struct Kind<'a> {
    magic: u32,
    front: &'a mut dyn Front,
}

impl<'a> Kind<'a> {
    /// Of an applier alone.
    fn plain(front: &'a mut dyn Front) -> Self {
        Self { magic: MAGIC, front }
    }

    /// Of an applier with a guard, whose state passes through `front`.
    #[cfg(feature = "verify")]
    pub(in crate::device) fn guarded(front: &'a mut dyn Front) -> Self {
        Self { magic: GUARDED, front }
    }
}

/// There is nothing before the applier.
fn nothing(_: &mut Port<'_>, _: &PatchHeader) {}

/// The version of the library: state that another one has saved may mean something else.
pub(super) const LIBRARY: u32 = {
    let bytes = env!("CARGO_PKG_VERSION").as_bytes();
    let (mut hash, mut i) = (0x811c_9dc5u32, 0);
    // FNV-1a.
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
};

/// Bytes of the checksum.
const TAIL: u32 = 4;

/// What a suspension takes at most, apart from the workspace.
const MOST_STATE: u32 = 1024;

impl PatchHeader {
    /// Bytes that an update by this patch takes at most when it is
    /// [suspended](crate::apply::Applier::suspend); with a guard, [`chunk_ram`](Self::chunk_ram)
    /// bytes more. A slot in flash whose write unit is above 64
    /// bytes takes a unit more.
    pub fn suspension_len(&self) -> u32 {
        (self.workspace_len() as u32).saturating_add(MOST_STATE)
    }
}

/// How far an update is (`at`: bytes of the patch taken, and bytes that wait to be written), and
/// the header.
pub(super) fn port_front(
    port: &mut Port<'_>,
    phase: &mut Phase,
    at: (&mut u32, &mut usize),
    header: &mut PatchHeader,
) {
    port.choice(phase, *phase as u8, |number| Phase::SAVED.get(usize::from(number)).copied());
    port.number(at.0);
    port.size(at.1);
    header.port(port);
}

/// Reads the bytes of a suspension from an offset on; false if that fails. As [`Carry`], a trait of
/// its own.
pub(super) trait Source {
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> bool;
}

impl<F: FnMut(u32, &mut [u8]) -> bool> Source for F {
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> bool {
        self(offset, bytes)
    }
}

/// The bytes of a suspension from `at` up to `end`, in order.
pub(super) struct Rest<'a> {
    pub(super) source: &'a mut dyn Source,
    pub(super) at: u32,
    pub(super) end: u32,
}

impl Carry for Rest<'_> {
    fn carry(&mut self, bytes: &mut [u8]) -> bool {
        let next = self.at.checked_add(bytes.len() as u32).filter(|next| *next <= self.end);
        let taken = next.is_some() && self.source.read(self.at, bytes);
        self.at = next.unwrap_or(self.at);
        taken
    }
}

/// Why a suspension is refused. What the place of the suspension says is known elsewhere.
type Refusal<O, N, E> = ResumeError<<O as OldImage>::Error, <N as NewImage>::Error, E>;

impl<'w, O: OldImage, N: NewImage, H: Sha256Engine> Applier<'w, O, N, H> {
    /// Hands the state of the update to `put`, piece by piece: bytes to be kept in a file, say.
    /// [`suspend_to`](Self::suspend_to) keeps them in flash. An applier that is given them back,
    /// after a reset too, [goes on](Self::resume) with the byte of the patch that
    /// [`Progress::taken`] names.
    ///
    /// The update may go on here as well. If it does, and has to be gone on with from what was
    /// saved after all, what it has written meanwhile is made again; that costs erases, and is
    /// safe.
    ///
    /// # Errors
    ///
    /// [`SuspendError::Codec`]: Zstandard's decoder cannot be suspended. Nothing is wrong with the
    /// update then.
    pub fn suspend<E>(
        &mut self,
        put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), SuspendError<N::Error, E>> {
        self.suspend_as(Kind::plain(&mut nothing), put)
    }

    /// As [`suspend`](Self::suspend), a suspension of this kind.
    pub(in crate::device) fn suspend_as<E>(
        &mut self,
        kind: Kind<'_>,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), SuspendError<N::Error, E>> {
        let (mut crc, mut failed) = (Crc32::START, None);
        let saved = self.save(kind, &mut |bytes: &mut [u8]| {
            crc = crc.and(bytes);
            failed = put(bytes).err();
            failed.is_none()
        });
        match failed {
            Some(error) => Err(SuspendError::Place(error)),
            None => {
                saved.map_err(SuspendError::in_place)?;
                put(&crc.value().to_le_bytes()).map_err(SuspendError::Place)
            }
        }
    }

    /// How many bytes [`suspend`](Self::suspend) would hand over now.
    ///
    /// # Errors
    ///
    /// As [`suspend`](Self::suspend).
    pub fn suspension_len(
        &mut self,
    ) -> Result<u32, SuspendError<N::Error, core::convert::Infallible>> {
        self.suspension_len_as(Kind::plain(&mut nothing))
    }

    /// As [`suspension_len`](Self::suspension_len), of a suspension of this kind.
    pub(in crate::device) fn suspension_len_as(
        &mut self,
        kind: Kind<'_>,
    ) -> Result<u32, SuspendError<N::Error, core::convert::Infallible>> {
        let mut len = TAIL;
        self.save(kind, &mut |bytes: &mut [u8]| {
            len = len.saturating_add(bytes.len() as u32);
            true
        })
        .map_err(SuspendError::in_place)?;
        Ok(len)
    }

    /// Goes on with an update that was [suspended](Self::suspend), in an applier that has not been
    /// fed: with the same images, and a workspace as long as before or longer. `read` fills in the
    /// `len` bytes of the suspension from an offset on. [`Progress::taken`] tells which byte of the
    /// patch has to be fed next. If `patch` is given, the suspension must be of a patch with that
    /// header.
    ///
    /// The suspension is read three times, and the old image once: it must be the one that the
    /// patch was made for still. [`resume_within`](Self::resume_within) does so by pieces.
    ///
    /// # Errors
    ///
    /// [`ResumeError`]. What is damaged, or of another patch, of another version of this library or
    /// of other images, is refused, and nothing has been written. The applier is as before then:
    /// feed it the patch from its beginning. Only if the place cannot be read in the end
    /// ([`ResumeError::Place`]), or holds what no suspension does, is this applier at its end, too.
    pub fn resume<E>(
        &mut self,
        len: u32,
        read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
        patch: Option<&PatchHeader>,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, E>> {
        self.resume_within(len, read, patch, u32::MAX)
    }

    /// As [`resume`](Self::resume), but without reading more than `budget` bytes of the old image:
    /// call it again as long as [`Progress::pending`] is set. Only then may the applier be fed.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    pub fn resume_within<E>(
        &mut self,
        len: u32,
        read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
        patch: Option<&PatchHeader>,
        budget: u32,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, E>> {
        self.resume_as(Kind::plain(&mut nothing), len, read, patch, budget)
    }

    /// As [`resume_within`](Self::resume_within), from a suspension of this kind. Its front passes
    /// by only once, in the first call.
    pub(in crate::device) fn resume_as<E>(
        &mut self,
        kind: Kind<'_>,
        len: u32,
        mut read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
        patch: Option<&PatchHeader>,
        budget: u32,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, E>> {
        let is_fresh = self.phase == Phase::Header && self.fed == 0;
        if !is_fresh && self.phase != Phase::Resume {
            return Err(ResumeError::InUse);
        }
        let mut failed = None;
        let loaded = self.load(
            kind,
            len,
            &mut |offset: u32, bytes: &mut [u8]| {
                failed = read(offset, bytes).err();
                failed.is_none()
            },
            patch,
            budget,
        );
        let Err(refusal) = loaded else { return Ok(self.progress()) };
        if self.workspace.is_some() {
            // Nothing has been set up.
            (self.phase, self.fed) = (Phase::Header, 0);
            self.body.header = PatchHeader::default();
            self.body.work = Work::Machine(Machine::idle());
        }
        self.pending = false;
        Err(failed.map_or(refusal, ResumeError::Place))
    }

    /// Saves the state.
    fn save(
        &mut self,
        kind: Kind<'_>,
        carry: &mut dyn Carry,
    ) -> Result<(), SuspendError<N::Error, ()>> {
        let mut phase = self.phase;
        if matches!(phase, Phase::Poisoned | Phase::Resume) {
            return Err(SuspendError::Poisoned);
        }
        if self.body.header.codec == Codec::Zstd {
            return Err(SuspendError::Codec { codec: Codec::Zstd });
        }
        let (mut port, mut waiting) = (Port::new(carry, false), self.body.buffers.waiting());
        port.same(kind.magic);
        port.same(LIBRARY);
        port_front(&mut port, &mut phase, (&mut self.fed, &mut waiting), &mut self.body.header);
        kind.front.pass(&mut port, &self.body.header);
        #[cfg(feature = "holes")]
        self.port_holes(&mut port, phase);
        self.new.suspend(&mut port).map_err(SuspendError::New)?;
        self.port_rest(&mut port, phase);
        // Nothing else can be refused when saving.
        port.end().map_err(|_| SuspendError::Place(()))
    }

    /// Loads the state, or goes on with that.
    #[inline(never)]
    fn load<E>(
        &mut self,
        kind: Kind<'_>,
        len: u32,
        source: &mut dyn Source,
        patch: Option<&PatchHeader>,
        budget: u32,
    ) -> Result<(), Refusal<O, N, E>> {
        let end = len.saturating_sub(TAIL);
        if self.phase == Phase::Header {
            if !is_whole(source, end) {
                return Err(ResumeError::Damaged);
            }
            let (mut phase, at) = self.load_front(kind, end, source, patch)?;
            // After the body the old image is not needed any more. In one slot it is not all there.
            #[cfg(feature = "in-place")]
            let is_needed = phase == Phase::Body && !self.stops;
            #[cfg(not(feature = "in-place"))]
            let is_needed = phase == Phase::Body;
            if !is_needed {
                return self.load_rest(at, end, source, &mut phase);
            }
            self.begin_digest(self.body.header.old_size);
            (self.phase, self.body.left) = (Phase::Resume, at);
        }
        let (mut budget, mut error) = (CallBudget::new(budget), ApplyError::Poisoned);
        match self.digest(Which::Old, &mut budget, &mut error) {
            None => return Err(ResumeError::Apply(error)),
            Some(false) => self.pending = true,
            Some(true) => {
                self.pending = false;
                self.body.work = Work::Machine(Machine::idle());
                self.load_rest(self.body.left, end, source, &mut Phase::Body)?;
            }
        }
        Ok(())
    }

    /// Loads what comes before the workspace, and checks that all fits. Gives the phase, and where
    /// it goes on.
    #[inline(never)]
    fn load_front<E>(
        &mut self,
        kind: Kind<'_>,
        end: u32,
        source: &mut dyn Source,
        patch: Option<&PatchHeader>,
    ) -> Result<(Phase, u32), Refusal<O, N, E>> {
        let (mut phase, mut waiting) = (Phase::Header, 0);
        let mut rest = Rest { source, at: 0, end };
        let mut port = Port::new(&mut rest, true);
        port.same(kind.magic);
        port.same(LIBRARY);
        if port.trouble() == Some(PortTrouble::Refused) {
            return Err(ResumeError::OtherVersion);
        }
        port_front(&mut port, &mut phase, (&mut self.fed, &mut waiting), &mut self.body.header);
        kind.front.pass(&mut port, &self.body.header);
        #[cfg(feature = "holes")]
        self.port_holes(&mut port, phase);
        if port.trouble().is_some() {
            return Err(ResumeError::Damaged);
        }
        let header = self.body.header;
        if phase != Phase::Header {
            if patch.is_some_and(|patch| *patch != header) {
                return Err(ResumeError::OtherPatch);
            }
            let mut error = ApplyErrorOf::<O, N>::Poisoned;
            if self.check_device(&mut error).is_none() {
                return Err(ResumeError::Apply(error));
            }
            let found = self.workspace.as_ref().map_or(0, |memory| memory.len());
            if found < header.workspace_len() || waiting >= workspace::page(found, &header) {
                return Err(ResumeError::Apply(too_small(header.workspace_len(), found)));
            }
        }
        if let Err(error) = self.new.suspend(&mut port) {
            return Err(ResumeError::New(error));
        }
        if port.end().is_err() {
            return Err(ResumeError::OtherImage);
        }
        Ok((phase, rest.at))
    }

    /// Loads what comes from `at` on: then the update goes on.
    #[inline(never)]
    fn load_rest<E>(
        &mut self,
        at: u32,
        end: u32,
        source: &mut dyn Source,
        phase: &mut Phase,
    ) -> Result<(), Refusal<O, N, E>> {
        let mut rest = Rest { source, at, end };
        let mut port = Port::new(&mut rest, true);
        self.phase = Phase::Poisoned;
        self.port_rest(&mut port, *phase);
        if port.end().is_err() || rest.at != end {
            return Err(ResumeError::Damaged);
        }
        // What was verified before the reset is verified again.
        self.phase = if *phase == Phase::Done { Phase::New } else { *phase };
        Ok(())
    }

    /// The table of holes, which is needed before all else is loaded: it is loaded to where it is
    /// in a header at the front of the workspace.
    #[cfg(feature = "holes")]
    #[inline(never)]
    fn port_holes(&mut self, port: &mut Port<'_>, phase: Phase) {
        let Self { body, workspace, .. } = self;
        let header = &body.header;
        if phase == Phase::Header || !header.has_holes() {
            return;
        }
        let start = header.hole_offset();
        let table = match workspace.as_deref_mut() {
            Some(memory) => memory.get_mut(start..start.saturating_add(header.hole_len())),
            None => Some(body.buffers.hole_table()),
        };
        let Some(table) = table else { return port.refuse() };
        port.bytes(table);
        let mut reader = Reader::new(table, 0);
        holes::check(&mut reader, header.hole_sizes());
        if reader.end().is_err() {
            port.refuse();
        }
    }

    /// The workspace and what works in it.
    fn port_rest(&mut self, port: &mut Port<'_>, phase: Phase) {
        let Self { body, workspace, sha, fed, .. } = self;
        let header = &body.header;
        if matches!(phase, Phase::Header | Phase::Old) {
            // The header itself, as long as there is something to be read from it.
            let len = match phase {
                Phase::Header => *fed,
                _ => workspace::needed(header) as u32,
            };
            match workspace.as_mut().and_then(|memory| memory.get_mut(..len as usize)) {
                Some(bytes) => port.bytes(bytes),
                None => port.refuse(),
            }
            if phase == Phase::Old && port.loads() {
                body.left = header.body_len;
                body.work = Work::Digest(Digest::new(sha.start(), header.old_size));
            }
            return;
        }
        let mut end = match &body.work {
            Work::Digest(digest) => digest.end,
            Work::Machine(_) => 0,
        };
        port.number(&mut body.left);
        port.number(&mut end);
        if let Work::Machine(machine) = &mut body.work {
            let memory = workspace.take();
            let tools = (&mut *machine, &mut body.buffers);
            let is_at_work = phase == Phase::Body;
            if workspace::port(memory, header, tools, is_at_work, port).is_none() {
                port.refuse();
            }
            if is_at_work {
                machine.port(port);
            }
        }
        body.buffers.port(port);
        if port.loads() && phase != Phase::Body {
            body.work = Work::Digest(Digest::new(sha.start(), end));
        }
    }
}

/// Whether the suspension is whole. It is not if it cannot be read.
#[inline(never)]
fn is_whole(source: &mut dyn Source, end: u32) -> bool {
    let (mut crc, mut at, mut piece) = (Crc32::START, 0, [0; 64]);
    while at < end {
        let len = (end.wrapping_sub(at) as usize).min(piece.len());
        let bytes = piece.get_mut(..len).unwrap_or_default();
        if !source.read(at, bytes) {
            return false;
        }
        crc = crc.and(bytes);
        at = at.wrapping_add(len as u32);
    }
    let mut tail = [0; TAIL as usize];
    source.read(at, &mut tail) && u32::from_le_bytes(tail) == crc.value()
}
