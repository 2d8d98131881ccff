//! Whether an ELF file holds all that its headers say.

use super::elf_headers::{Claim, Headers};
use crate::host::image::finding::{Check, Finding};

/// Finds tables, loadable segments and sections that lie outside of the file: it is cut off, or its
/// headers are wrong.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let Some(headers) = Headers::read(file) else { return };
    let mut look = |check, at: usize, claim: Claim| {
        if claim.range(file).is_none() {
            let end = claim.offset.saturating_add(claim.len);
            found.push(Finding::of_lengths(check, at, end, file.len() as u64));
        }
    };
    for table in [&headers.segments, &headers.sections].into_iter().flatten() {
        look(Check::ElfTable, table.offset, table.claim());
    }
    headers.loads.iter().for_each(|(at, load)| look(Check::ElfSegment, *at, load.claim));
    headers.occupied.iter().for_each(|(at, section)| look(Check::ElfSection, *at, section.claim));
}
