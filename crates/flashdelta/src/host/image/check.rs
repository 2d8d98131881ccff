//! What containers say about themselves, held against what is there: lengths, checksums and
//! digests.
//!
//! A damaged container is patched as it is, since a patch gives back any bytes; whoever asks hears
//! of it first.

use super::detect::detect;
use super::finding::Finding;
use super::format::Format;
use super::formats::{
    apj, dfu, elf_check, esp, gbl, ihex, mcuboot, rbl, srec, telink, uf2_check, zigbee,
};
use super::record_lines::lacks_end;
use crate::host::budget::{unwatched, Budget, Stop};

/// Checks what the container of a file says about itself. Nothing is found in a sound file, in one
/// whose container has nothing to check, and where the check cannot be made (an encrypted image).
/// The lines of files of text are checked when they are [read](super::Image::parse).
pub fn check(file: &[u8]) -> Vec<Finding> {
    // Nobody ends it, and what there is no memory for is not looked at.
    unwatched(|budget| check_within(file, budget)).unwrap_or_default()
}

/// The same, within a budget.
pub(crate) fn check_within(file: &[u8], budget: &mut Budget<'_>) -> Result<Vec<Finding>, Stop> {
    let mut found = Vec::new();
    match detect(file) {
        Format::Mcuboot => mcuboot::check(file, &mut found),
        Format::Dfu | Format::DfuSe => dfu::check(file, &mut found),
        Format::ZigbeeOta => zigbee::check(file, &mut found),
        Format::Esp => esp::check(file, &mut found),
        Format::Uf2 => uf2_check::check(file, &mut found),
        Format::Rbl => rbl::check(file, &mut found),
        Format::Elf => elf_check::check(file, &mut found),
        Format::Gbl => gbl::check(file, &mut found),
        Format::Telink => telink::check(file, &mut found),
        Format::IntelHex => found.extend(lacks_end(file, ihex::is_end)),
        Format::Srec => found.extend(lacks_end(file, srec::is_end)),
        Format::Apj => apj::check(file, &mut found, budget)?,
        Format::Raw => {
            found.extend(mcuboot::cut_off(file));
            found.extend(zigbee::cut_off(file));
            found.extend(esp::cut_off(file));
        }
        _ => {}
    }
    // A digest of the largest file takes some seconds: whoever waits is asked after it.
    budget.work(file.len() as u64)?;
    Ok(found)
}
