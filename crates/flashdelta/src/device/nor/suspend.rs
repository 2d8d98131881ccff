//! Suspensions that are kept in a region of flash.

use super::{Flash, RecordWriter, Records, SlotError};
use crate::device::apply::{Applier, NewImage, OldImage, Progress, ResumeError, SuspendError};
use crate::device::format::PatchHeader;
use crate::device::sha256::Sha256Engine;
#[cfg(feature = "verify")]
use crate::device::verify::{Guard, Verifier};

impl<O: OldImage, N: NewImage, H: Sha256Engine> Applier<'_, O, N, H> {
    /// Suspends the update to a region of flash, which keeps the suspension before until this one
    /// is whole.
    ///
    /// # Errors
    ///
    /// As [`suspend`](Self::suspend); [`SlotError::OutOfSlot`] if the region is too small.
    pub fn suspend_to<F: Flash, B: AsMut<[u8]>>(
        &mut self,
        records: &mut Records<F, B>,
    ) -> Result<(), SuspendError<N::Error, SlotError<F::Error>>> {
        let len = self.suspension_len().map_err(SuspendError::in_place)?;
        keep(records, len, |record| self.suspend(|bytes| record.put(bytes)))
    }

    /// Goes on with an update that was suspended to a region of flash: see
    /// [`resume`](Self::resume). [`ResumeError::Nothing`] if there is no record.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    #[allow(clippy::type_complexity)]
    pub fn resume_from<F: Flash, B: AsMut<[u8]>>(
        &mut self,
        records: &mut Records<F, B>,
        patch: Option<&PatchHeader>,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, SlotError<F::Error>>> {
        let Some(len) = records.len() else { return Err(ResumeError::Nothing) };
        self.resume(len, |offset, bytes| records.read(offset, bytes), patch)
    }
}

#[cfg(feature = "verify")]
impl<O: OldImage, N: NewImage, V: Verifier, H: Sha256Engine> Guard<'_, '_, O, N, V, H> {
    /// Suspends the update to a region of flash: as [`Applier::suspend_to`].
    ///
    /// # Errors
    ///
    /// As [`Applier::suspend_to`].
    pub fn suspend_to<F: Flash, B: AsMut<[u8]>>(
        &mut self,
        records: &mut Records<F, B>,
    ) -> Result<(), SuspendError<N::Error, SlotError<F::Error>>> {
        let len = self.suspension_len().map_err(SuspendError::in_place)?;
        keep(records, len, |record| self.suspend(|bytes| record.put(bytes)))
    }

    /// Goes on with an update that was suspended to a region of flash: as [`Applier::resume_from`].
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume); [`ResumeError::Nothing`] if there is no record.
    #[allow(clippy::type_complexity)]
    pub fn resume_from<F: Flash, B: AsMut<[u8]>>(
        &mut self,
        records: &mut Records<F, B>,
        patch: Option<&PatchHeader>,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, SlotError<F::Error>>> {
        let Some(len) = records.len() else { return Err(ResumeError::Nothing) };
        self.resume(len, |offset, bytes| records.read(offset, bytes), patch)
    }
}

/// Has a suspension of `len` bytes written to a record: it counts once it is whole.
fn keep<F: Flash, B: AsMut<[u8]>, E>(
    records: &mut Records<F, B>,
    len: u32,
    suspend: impl FnOnce(
        &mut RecordWriter<'_, F, B>,
    ) -> Result<(), SuspendError<E, SlotError<F::Error>>>,
) -> Result<(), SuspendError<E, SlotError<F::Error>>> {
    let mut record = records.write(len).map_err(SuspendError::Place)?;
    suspend(&mut record)?;
    record.commit().map_err(SuspendError::Place)
}
