//! Options, behind a pointer so that later versions can have more of them.

mod applier;
mod device;
mod holes;
mod patch;
mod progress;
mod records;
mod warnings;

use flashdelta::diff::{DeviceProfile, DiffOptions, Phase};
use flashdelta::door::{FileWarning, MakeRequest};
use flashdelta::file::Output;
use flashdelta::holes::{HoleRequest, Values};
use flashdelta::{Codec, DeviceIdentity, InstructionSet};
use flashdelta_c_abi::flashdelta_status::{self, *};
use flashdelta_c_abi::put;

use crate::error::{guard, Failure};
use crate::progress::{flashdelta_phase, Reporter};
use crate::warnings::Listener;
use records::Reading;

/// In place of a codec or an instruction set: the maker tries what the device profile allows, and
/// keeps the smallest patch. In place of a format of output: the very file that the patch was made
/// for.
pub const FLASHDELTA_AUTO: u32 = 0xFFFF_FFFF;

/// How to make and apply patches. Everything has a default.
///
/// Functions that take options only read them: several threads may use the same ones at a time, as
/// long as none changes them.
#[derive(Default)]
pub struct flashdelta_options {
    diff: DiffOptions,
    profile: DeviceProfile,
    pub(crate) verbatim: bool,
    allow_empty: bool,
    no_verify: bool,
    pub(crate) reading: Reading,
    old_elf: Option<Vec<u8>>,
    new_elf: Option<Vec<u8>>,
    holes: Vec<HoleRequest>,
    pub(crate) values: Values,
    /// For the maker it is in `diff`, too.
    pub(crate) base: Option<u32>,
    pub(crate) device: Option<DeviceIdentity>,
    pub(crate) output: Output,
    pub(crate) limit: Option<u32>,
    pub(crate) device_ram: Option<u32>,
    pub(crate) progress: Option<Reporter>,
    pub(crate) warning: Option<Listener>,
}

impl flashdelta_options {
    /// As files are patched.
    pub(crate) fn for_make(&self) -> MakeRequest {
        let holes = self.holes.iter().cloned();
        holes
            .fold(MakeRequest::new(), MakeRequest::hole)
            .diff(self.for_diff())
            .memory(self.reading.memory())
            .bundle(self.reading.bundle())
            .old_elf(self.old_elf.clone())
            .new_elf(self.new_elf.clone())
            .allow_empty(self.allow_empty)
            .verify(!self.no_verify)
    }

    /// Tells warnings to whom they concern.
    pub(crate) fn warn(&self, warnings: &[FileWarning]) {
        if let Some(listener) = &self.warning {
            warnings.iter().for_each(|warning| listener.tell(warning));
        }
    }

    /// As the maker of images takes them.
    fn for_diff(&self) -> DiffOptions {
        let options = self.diff.clone().profile(self.profile.clone());
        match self.progress.clone() {
            None => options,
            Some(reporter) => options.progress(move |at| {
                let phase = match at.phase {
                    Phase::Match => flashdelta_phase::FLASHDELTA_PHASE_MATCH,
                    Phase::Parse => flashdelta_phase::FLASHDELTA_PHASE_PARSE,
                    _ => flashdelta_phase::FLASHDELTA_PHASE_ENCODE,
                };
                reporter.report(phase, at.fraction)
            }),
        }
    }

    pub(crate) fn reporter(&self) -> Option<&Reporter> {
        self.progress.as_ref()
    }
}

/// Options with defaults: a device with 64 KiB of RAM to spare (profile "esp32"), everything else
/// found out, effort 6, a thread per processor.
///
/// @param[out] options written only on success; give them back with flashdelta_options_free()
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT if
///     misaligned
///
/// May be called from any thread, as may all functions here; but only one at a time may change the
/// same options.
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_new(
    options: *mut *mut flashdelta_options,
) -> flashdelta_status {
    guard(|| {
        if options.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        let new = Box::into_raw(Box::default());
        // SAFETY: the caller's promise.
        unsafe { put(options, new) }.map_err(|status| {
            // SAFETY: it was made two lines above.
            drop(unsafe { Box::from_raw(new) });
            status.into()
        })
    })
}

/// Frees options.
///
/// @param options from flashdelta_options_new(); NULL is ignored. No function may be using them
///
/// # Safety
///
/// C's usual rules.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_options_free(options: *mut flashdelta_options) {
    if !options.is_null() {
        // SAFETY: it came from a box, as the caller promises.
        drop(unsafe { Box::from_raw(options) });
    }
}

/// The frame of every setter.
///
/// # Safety
///
/// `options` is NULL, or from [`flashdelta_options_new`] and not in use elsewhere.
pub(crate) unsafe fn set(
    options: *mut flashdelta_options,
    work: impl FnOnce(&mut flashdelta_options) -> Result<(), Failure>,
) -> flashdelta_status {
    guard(|| {
        if options.is_null() {
            return Err(FLASHDELTA_ERR_NULL_POINTER.into());
        }
        // SAFETY: not NULL; the rest is the caller's promise.
        work(unsafe { &mut *options })
    })
}

fn codec(number: u32) -> Result<Codec, Failure> {
    let known = Codec::ALL.into_iter().find(|codec| *codec as u32 == number);
    known.ok_or_else(|| {
        Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, format!("no codec has the number {number}"))
    })
}

fn isa(number: u32) -> Result<InstructionSet, Failure> {
    let known = InstructionSet::ALL.into_iter().find(|isa| *isa as u32 == number);
    known.ok_or_else(|| {
        Failure::new(
            FLASHDELTA_ERR_INVALID_ARGUMENT,
            format!("no instruction set has the number {number}"),
        )
    })
}
