//! The phases of an update, in order.

use super::applier::{Applier, Failure, Phase};
use super::body::Work;
use super::budget::Budget;
use super::buffers::Views;
use super::digest::{hash, Access, Digest, Sha256};
use super::machine::Machine;
use super::workspace::{self, Trouble};
use super::{ApplyError, NewImage, OldImage};
use crate::device::format::{DIGEST_LEN, MAX_HEADER_LEN};
use crate::device::sha256::Sha256Engine;

impl<O: OldImage, N: NewImage, H: Sha256Engine> Applier<'_, O, N, H> {
    /// Collects the header at the front of the workspace.
    pub(super) fn feed_header(
        &mut self,
        input: &mut &[u8],
        error: &mut Failure<O, N>,
    ) -> Option<Phase> {
        let memory = self.workspace.take()?;
        let filled = self.fed as usize;
        let mut known = filled;
        for (to, from) in memory.iter_mut().take(MAX_HEADER_LEN).skip(filled).zip(*input) {
            *to = *from;
            known = known.wrapping_add(1);
        }
        let is_complete = self.body.header.read(memory.get(..known).unwrap_or(&[]));
        if is_complete.map_err(|e| *error = ApplyError::Header(e)).ok()? {
            self.fed = self.body.header.header_len;
            #[cfg(feature = "verify")]
            if self.body.header.signatures != 0 {
                // Their number has been read with the header.
                self.fed = self.fed.wrapping_add(1);
            }
            *input = input.get((self.fed as usize).saturating_sub(filled)..).unwrap_or(&[]);
            self.begin(memory.len(), error)?;
            self.workspace = Some(memory);
            return Some(Phase::Old);
        }
        self.fed = known as u32;
        *input = input.get(known.wrapping_sub(filled)..).unwrap_or(&[]);
        if !input.is_empty() {
            *error = ApplyError::WorkspaceTooSmall {
                needed: MAX_HEADER_LEN as u32,
                found: memory.len() as u32,
            };
            return None;
        }
        self.workspace = Some(memory);
        Some(Phase::Header)
    }

    /// The header is complete: checks what can be checked at once, and begins with the old image.
    #[inline(never)] // Its stack and that of decoding need not add up.
    fn begin(&mut self, found: usize, error: &mut Failure<O, N>) -> Option<()> {
        self.check_device(error)?;
        let header = &self.body.header;
        self.body.left = header.body_len;
        if found < header.workspace_len() {
            *error = Trouble::TooSmall.of(header, found);
            return None;
        }
        self.begin_old();
        Some(())
    }

    /// Begins with the digest of the old image.
    pub(super) fn begin_old(&mut self) {
        self.body.work = Work::Digest(Digest::new(self.sha.start(), self.body.header.old_size));
    }

    /// The old image has to be the right one: then the workspace is divided.
    #[inline(never)] // As for `begin`.
    pub(super) fn check_old(
        &mut self,
        budget: &mut Budget,
        error: &mut Failure<O, N>,
    ) -> Option<Phase> {
        if !self.digest_old(budget, error)? {
            return Some(Phase::Old);
        }
        let (memory, body) = (self.workspace.take()?, &mut self.body);
        body.work = Work::Machine(Machine::idle());
        let Work::Machine(machine) = &mut body.work else { return None };
        let found = memory.len();
        if let Err(trouble) = workspace::divide(memory, &body.header, (machine, &mut body.buffers))
        {
            *error = trouble.of(&body.header, found);
            return None;
        }
        Some(Phase::Body)
    }

    /// Goes on with the digest of the old image: true once it is complete, and right.
    pub(super) fn digest_old(
        &mut self,
        budget: &mut Budget,
        error: &mut Failure<O, N>,
    ) -> Option<bool> {
        let Self { sha, old, body, workspace, .. } = self;
        let (memory, header) = (workspace.as_mut()?, &body.header);
        let Work::Digest(work) = &mut body.work else { return None };
        let (free, mut found) = (workspace::free(memory, header), Sha256::default());
        let is_complete =
            hash(sha, work, free, budget, header.old_size, &mut found, &mut |offset, access| {
                let Access::Read(piece) = access else { return true };
                old.read(offset, piece)
                    .map_err(|e| *error = ApplyError::ReadOld { offset, error: e })
                    .is_ok()
            })?;
        if !is_complete {
            return Some(false);
        }
        let (expected, found) = (&header.old_digest, found.first_chunk()?);
        if found != expected {
            let len = header.old_size;
            *error = ApplyError::OldMismatch { expected: *expected, found: *found, len };
            return None;
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
    pub(super) fn skip(&mut self, input: &[u8], error: &mut Failure<O, N>) -> Option<()> {
        let header = &self.body.header;
        let expected =
            header.body_offset().saturating_add(header.body_len).saturating_add(header.host_len);
        let left = expected.saturating_sub(self.fed) as usize;
        if input.len() > left && !self.options.ignore_trailing {
            *error = ApplyError::TrailingInput { expected };
            return None;
        }
        self.fed = self.fed.saturating_add(input.len().min(left) as u32);
        Some(())
    }

    #[inline(never)]
    pub(super) fn check_device(&self, error: &mut Failure<O, N>) -> Option<()> {
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
        let Some(device) = self.options.device else { return Some(()) };
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
        Some(())
    }

    /// Takes bytes of the body.
    pub(super) fn feed_body(
        &mut self,
        input: &mut &[u8],
        budget: &mut Budget,
        error: &mut Failure<O, N>,
    ) -> Option<Phase> {
        let body = &mut self.body;
        let Work::Machine(machine) = &mut body.work else { return None };
        let (mine, behind) = input.split_at_checked(body.left as usize).unwrap_or((*input, &[]));
        let mut rest = mine;
        #[cfg(feature = "audit")]
        {
            use crate::device::audit::{parsed, Parsed};
            parsed(Parsed::Body(self.fed..self.fed.wrapping_add(mine.len() as u32)));
        }
        let step_cost = body.buffers.step_cost();
        let mut views = Views {
            buffers: &mut body.buffers,
            old: &mut self.old,
            new: &mut self.new,
            fault: None,
            budget: *budget,
            step_cost,
        };
        let is_last = mine.len() == body.left as usize;
        let is_complete = machine.feed(&mut rest, is_last, body.header.coded_size(), &mut views);
        let is_spent = views.is_spent();
        if is_complete && !is_spent {
            views.flush();
        }
        *budget = views.budget;
        if let Some(fault) = views.fault {
            *error = fault.into();
            return None;
        }
        let taken = mine.len().wrapping_sub(rest.len()) as u32;
        body.left = body.left.saturating_sub(taken);
        self.fed = self.fed.saturating_add(taken);
        if is_complete && !is_spent {
            *input = behind;
            let flushes = body.header.coded_size() == body.header.new_size;
            return Some(if flushes { Phase::Flush } else { self.begin_new() });
        }
        budget.stop(is_spent);
        Some(Phase::Body)
    }

    /// Begins with the digest of the new image, as far as it is made.
    #[inline(never)] // Its stack and that of decoding need not add up.
    fn begin_new(&mut self) -> Phase {
        self.body.work = Work::Digest(Digest::new(self.sha.start(), self.body.header.coded_size()));
        Phase::New
    }

    /// The body has ended: appends the new image's own digest, if it has one, and verifies the
    /// whole image.
    #[inline(never)] // As for `begin`.
    pub(super) fn check_new(
        &mut self,
        phase: Phase,
        budget: &mut Budget,
        error: &mut Failure<O, N>,
    ) -> Option<Phase> {
        if phase == Phase::Flush {
            if !budget.allows(u32::MAX) {
                return Some(Phase::Flush);
            }
            self.new.flush().map_err(|e| *error = ApplyError::Finish { error: e }).ok()?;
            budget.spend(u32::MAX);
            self.begin_new();
        }
        let Self { sha, new, body, .. } = self;
        let Work::Digest(work) = &mut body.work else { return None };
        let (header, buffers) = (&body.header, &mut body.buffers);
        let (mut found, mut appended) = (Sha256::default(), 0);
        let is_complete = hash(
            sha,
            work,
            buffers.spare(),
            budget,
            header.new_size,
            &mut found,
            &mut |offset, access| match access {
                Access::Read(piece) => new
                    .read(offset, piece)
                    .map_err(|e| *error = ApplyError::ReadNew { offset, error: e })
                    .is_ok(),
                Access::Append(own) => {
                    appended = DIGEST_LEN;
                    cfg!(feature = "model") && {
                        let written = new
                            .write(offset, own)
                            .map_err(|e| *error = ApplyError::Write { offset, error: e });
                        written
                            .and_then(|()| {
                                new.flush().map_err(|e| *error = ApplyError::Finish { error: e })
                            })
                            .is_ok()
                    }
                }
            },
        )?;
        buffers.skip(appended);
        if !is_complete {
            return Some(Phase::New);
        }
        if found != header.new_digest {
            *error = ApplyError::NewMismatch { expected: header.new_digest, found };
            return None;
        }
        Some(Phase::Done)
    }
}
