//! Whether an ELF file holds all that its headers say.

use super::elf_headers::{Claim, Layout};
use crate::host::image::finding::{Check, Finding};

/// Finds tables, loadable segments and sections that lie outside of the file: it is cut off, or its
/// headers are wrong.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let Some(layout) = Layout::of(file) else { return };
    let mut look = |check, at: usize, claim: Claim| {
        if claim.range(file).is_none() {
            let end = claim.offset.saturating_add(claim.len);
            found.push(Finding::of_lengths(check, at, end, file.len() as u64));
        }
    };
    let tables = [layout.segments(file), layout.sections(file)];
    for table in tables.iter().flatten() {
        look(Check::ElfTable, table.offset, table.claim());
    }
    let [segments, sections] = tables.map(|table| {
        table.map(|table| table.entries(file).collect::<Vec<_>>()).unwrap_or_default()
    });
    for at in segments {
        layout.load(file, at).into_iter().for_each(|h| look(Check::ElfSegment, at, h.claim));
    }
    for at in sections {
        layout.section(file, at).into_iter().for_each(|h| look(Check::ElfSection, at, h.claim));
    }
}
