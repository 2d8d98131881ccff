//! The phases of an update, in order.

use super::applier::{Applier, ApplyErrorOf, Phase};
use super::body::Work;
use super::budget::CallBudget;
use super::buffers::Views;
use super::digest::{hash, Access, Digest, Sha256, View};
use super::machine::Machine;
use super::workspace;
use super::{ApplyError, NewImage, OldImage};
#[cfg(feature = "holes")]
use crate::device::format::holes::Side;
use crate::device::format::{HeaderError, MAX_HEADER_LEN};
use crate::device::sha256::Sha256Engine;

impl<O: OldImage, N: NewImage, H: Sha256Engine> Applier<'_, O, N, H> {
    /// Collects the header at the front of the workspace.
    pub(super) fn feed_header(
        &mut self,
        input: &mut &[u8],
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<Phase> {
        let memory = self.workspace.as_deref_mut()?;
        let (filled, found) = (self.fed as usize, memory.len());
        let space = memory.get_mut(filled..found.min(MAX_HEADER_LEN)).unwrap_or_default();
        let known = filled.wrapping_add(space.len().min(input.len()));
        for (to, from) in space.iter_mut().zip(*input) {
            *to = *from;
        }
        let is_complete = match self.body.header.read(memory.get(..known).unwrap_or_default()) {
            Ok(is_complete) => is_complete,
            Err(e) => return bad_header(e, error),
        };
        self.fed = known as u32;
        if is_complete {
            self.fed = self.body.header.header_len;
            #[cfg(feature = "verify")]
            if self.body.header.signatures != 0 {
                // Their number has been read with the header.
                self.fed = self.fed.wrapping_add(1);
            }
        }
        *input = input.get((self.fed as usize).wrapping_sub(filled)..).unwrap_or_default();
        let (mut needed, mut is_short) = (MAX_HEADER_LEN, !input.is_empty());
        if is_complete {
            self.check_device(error)?;
            needed = self.body.header.workspace_len();
            is_short = found < needed;
        }
        if is_short {
            *error = too_small(needed, found);
            return None;
        }
        if !is_complete {
            return Some(Phase::Header);
        }
        self.body.left = self.body.header.body_len;
        self.begin_digest(self.body.header.old_size);
        Some(Phase::Old)
    }

    /// Begins with the digest of an image of which this many bytes are there.
    #[inline(never)] // Its stack and that of decoding need not add up.
    pub(super) fn begin_digest(&mut self, end: u32) {
        self.body.work = Work::Digest(Digest::new(self.sha.start(), end));
    }

    /// The old image has to be the right one: then the workspace is divided.
    pub(super) fn check_old(
        &mut self,
        budget: &mut CallBudget,
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<Phase> {
        if !self.digest(Which::Old, budget, error)? {
            return Some(Phase::Old);
        }
        let (memory, body) = (self.workspace.take()?, &mut self.body);
        body.work = Work::Machine(Machine::idle());
        let Work::Machine(machine) = &mut body.work else { return None };
        let tools = (machine, &mut body.buffers);
        match workspace::divide(memory, &body.header, tools) {
            Ok(()) => Some(Phase::Body),
            Err(e) => bad_header(e, error),
        }
    }

    /// Goes on with the digest of an image: true once it is complete, and right. If the new image
    /// ends with its own digest, that is appended on the way.
    #[inline(never)] // As for `begin_digest`.
    pub(super) fn digest(
        &mut self,
        which: Which,
        budget: &mut CallBudget,
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<bool> {
        let Self { sha, old, new, body, workspace, .. } = self;
        let Work::Digest(work) = &mut body.work else { return None };
        let header = &body.header;
        #[cfg(not(feature = "holes"))]
        let (buffer, len) = match which {
            Which::Old => (workspace::free(workspace.as_mut()?, header)?.1, header.old_size),
            Which::New => (body.buffers.spare(), header.new_size),
        };
        #[cfg(feature = "holes")]
        let (buffer, holes, len) = match which {
            Which::Old => {
                let (start, buffer) = workspace::free(workspace.as_mut()?, header)?;
                (buffer, header.holes(start), header.old_size)
            }
            Which::New => {
                let (buffer, holes) = body.buffers.spare_and_holes(header.coded_size());
                (buffer, holes, header.new_size)
            }
        };
        #[cfg(feature = "holes")]
        let view = View {
            own: (!holes.is_empty()).then(|| match which {
                Which::Old => holes.old_end(),
                Which::New => header.coded_size(),
            }),
        };
        #[cfg(not(feature = "holes"))]
        let view = View {};
        let image = (len, view);
        let mut found = Sha256::default();
        let mut access = |offset: u32, access: Access<'_>| match access {
            #[cfg(feature = "holes")]
            Access::Fill(piece, sum) => match which {
                Which::Old => {
                    holes.fill(Side::Old, offset, piece, sum);
                    true
                }
                Which::New => holes.check_new(offset, piece, sum, old, error),
            },
            Access::Read(piece) => match which {
                Which::Old => old
                    .read(offset, piece)
                    .map_err(|e| *error = ApplyError::ReadOld { offset, error: e }),
                Which::New => new
                    .read(offset, piece)
                    .map_err(|e| *error = ApplyError::ReadNew { offset, error: e }),
            }
            .is_ok(),
            Access::Append(own) => {
                cfg!(feature = "model") && {
                    let written = new
                        .write(offset, own)
                        .map_err(|e| *error = ApplyError::Write { offset, error: e });
                    let flushed = written.and_then(|()| {
                        new.flush().map_err(|e| *error = ApplyError::Finish { error: e })
                    });
                    #[cfg(feature = "holes")]
                    let flushed = flushed.and_then(|()| {
                        if holes.is_empty() {
                            return Ok(());
                        }
                        // What is digested next is another digest.
                        let mut found = Sha256::default();
                        new.read(offset, &mut found)
                            .map_err(|e| *error = ApplyError::ReadNew { offset, error: e })?;
                        if found == *own {
                            return Ok(());
                        }
                        *error = ApplyError::NewMismatch { expected: *own, found };
                        Err(())
                    });
                    flushed.is_ok()
                }
            }
        };
        let is_complete = hash(sha, work, buffer, budget, image, &mut found, &mut access)?;
        if !is_complete {
            return Some(false);
        }
        match which {
            Which::Old => {
                let (expected, found) = (&header.old_digest, found.first_chunk()?);
                if found != expected {
                    let (expected, found) = (*expected, *found);
                    *error = ApplyError::OldMismatch { expected, found, len };
                    return None;
                }
            }
            Which::New if found != header.new_digest => {
                *error = ApplyError::NewMismatch { expected: header.new_digest, found };
                return None;
            }
            Which::New => {}
        }
        Some(true)
    }

    /// Skips the signatures and the chunk table: true once the body follows. Checking them is the
    /// business of a `Guard`.
    pub(super) fn is_at_body(&mut self, input: &mut &[u8]) -> bool {
        if !cfg!(feature = "verify") {
            return true;
        }
        let left = self.body.header.body_offset().saturating_sub(self.fed);
        let (front, rest) = input.split_at_checked(left as usize).unwrap_or((*input, &[]));
        *input = rest;
        self.fed = self.fed.wrapping_add(front.len() as u32);
        front.len() == left as usize
    }

    /// Skips the host section, which devices ignore. Input after it is an error, unless it is to be
    /// ignored, too.
    pub(super) fn skip(&mut self, input: &[u8], error: &mut ApplyErrorOf<O, N>) -> Option<()> {
        let header = &self.body.header;
        // Both are bounded: their sum fits.
        let end = header.body_offset().wrapping_add(header.body_len);
        let left = header.host_len.wrapping_sub(self.fed.wrapping_sub(end)) as usize;
        if input.len() > left && !self.options.ignore_trailing {
            let expected = end.saturating_add(header.host_len);
            *error = ApplyError::TrailingInput { expected };
            return None;
        }
        self.fed = self.fed.wrapping_add(input.len().min(left) as u32);
        Some(())
    }

    #[inline(never)]
    pub(super) fn check_device(&mut self, error: &mut ApplyErrorOf<O, N>) -> Option<()> {
        let header = &self.body.header;
        let mut refuse = |why| {
            *error = why;
            None
        };
        if !header.codec.is_available() {
            return refuse(ApplyError::CodecNotBuilt { codec: header.codec });
        }
        if !header.isa.is_available() {
            return refuse(ApplyError::InstructionSetNotBuilt { isa: header.isa });
        }
        if self.old.len() < header.old_size {
            return refuse(ApplyError::OldTooShort {
                expected: header.old_size,
                found: self.old.len(),
            });
        }
        if self.new.capacity() < header.new_size {
            return refuse(ApplyError::NewTooLong {
                needed: header.new_size,
                capacity: self.new.capacity(),
            });
        }
        let (patch, device) = (1u32 << (header.granularity_log2 & 31), self.new.granularity());
        if !device.is_power_of_two() || device > patch {
            return refuse(ApplyError::Granularity { patch, device });
        }
        let Some(device) = self.options.device else { return self.check_values(error) };
        let Some(identity) = header.identity else { return refuse(ApplyError::NoIdentity) };
        if identity.product != device.product {
            return refuse(ApplyError::WrongProduct {
                patch: identity.product,
                device: device.product,
            });
        }
        let (from, to) = (identity.hardware_from, identity.hardware_to);
        if !(from..=to).contains(&device.hardware) {
            return refuse(ApplyError::WrongHardware { from, to, device: device.hardware });
        }
        if identity.security_counter < device.security_counter {
            let (patch, device) = (identity.security_counter, device.security_counter);
            return refuse(ApplyError::Rollback { patch, device });
        }
        self.check_values(error)
    }

    /// This device has to have values for all holes that need one.
    #[cfg(feature = "holes")]
    fn check_values(&mut self, error: &mut ApplyErrorOf<O, N>) -> Option<()> {
        let header = &self.body.header;
        let memory = self.workspace.as_deref().unwrap_or_default();
        header.holes(memory).check_values(&mut self.old, error)
    }

    #[cfg(not(feature = "holes"))]
    fn check_values(&self, _: &mut ApplyErrorOf<O, N>) -> Option<()> {
        Some(())
    }

    /// Takes bytes of the body.
    // Apart this is less code, and in one with the phases less stack: RISC-V has stack to spare.
    #[cfg_attr(target_arch = "riscv32", inline(never))]
    pub(super) fn feed_body(
        &mut self,
        input: &mut &[u8],
        budget: &mut CallBudget,
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<Phase> {
        let body = &mut self.body;
        let Work::Machine(machine) = &mut body.work else { return None };
        let (mine, after) = input.split_at_checked(body.left as usize).unwrap_or((*input, &[]));
        let mut rest = mine;
        #[cfg(feature = "audit")]
        {
            use crate::device::audit::{parsed, Parsed};
            parsed(Parsed::Body(self.fed..self.fed.wrapping_add(mine.len() as u32)));
        }
        budget.steps(|| body.buffers.step_cost());
        let mut views = Views {
            buffers: &mut body.buffers,
            old: &mut self.old,
            new: &mut self.new,
            error,
            has_failed: false,
            budget: *budget,
            #[cfg(feature = "holes")]
            coded_size: body.header.coded_size(),
            #[cfg(feature = "in-place")]
            order: body.header.order(),
            #[cfg(feature = "in-place")]
            stops: self.stops,
        };
        let is_last = mine.len() == body.left as usize;
        let is_complete = machine.feed(&mut rest, is_last, body.header.coded_size(), &mut views);
        let is_spent = views.is_spent();
        if is_complete && !is_spent {
            views.flush();
        }
        *budget = views.budget;
        if views.has_failed {
            return None;
        }
        let taken = mine.len().wrapping_sub(rest.len()) as u32;
        body.left = body.left.wrapping_sub(taken);
        self.fed = self.fed.wrapping_add(taken);
        if is_complete && !is_spent {
            *input = after;
            return Some(Phase::Flush);
        }
        budget.stop(is_spent);
        Some(Phase::Body)
    }

    /// The body has ended: appends the new image's own digest, if it has one, and verifies the
    /// whole image.
    pub(super) fn check_new(
        &mut self,
        phase: Phase,
        budget: &mut CallBudget,
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<Phase> {
        if phase == Phase::Flush {
            let coded_size = self.body.header.coded_size();
            // Its own digest is flushed with the rest.
            if coded_size == self.body.header.new_size {
                if !budget.allows(u32::MAX) {
                    return Some(Phase::Flush);
                }
                self.new.flush().map_err(|e| *error = ApplyError::Finish { error: e }).ok()?;
                budget.spend(u32::MAX);
            }
            self.begin_digest(coded_size);
        }
        if !self.digest(Which::New, budget, error)? {
            return Some(Phase::New);
        }
        self.body.buffers.complete(self.body.header.new_size);
        Some(Phase::Done)
    }
}

/// The image that is digested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Old,
    New,
}

/// The header cannot be used.
#[inline(never)] // One copy in the device's flash.
fn bad_header<T, O, N>(why: HeaderError, error: &mut ApplyError<O, N>) -> Option<T> {
    *error = ApplyError::Header(why);
    None
}

/// The error for a workspace of `found` bytes.
pub(super) fn too_small<O, N>(needed: usize, found: usize) -> ApplyError<O, N> {
    ApplyError::WorkspaceTooSmall { needed: needed as u32, found: found as u32 }
}
