//! Where the RAM is, from what refers to it.

use core::ops::Range;

/// Granularity of what is taken for RAM.
pub(super) const PAGE: u32 = 1 << 16;

/// RAM of a Cortex-M is in the first MiB of a 16 MiB region between 0x1000_0000 and
/// 0x4000_0000, and reaches from its start up to the busiest pages, the one of the stack pointer
/// among them.
pub(super) fn cortex_m_ram(
    literals: impl Iterator<Item = u32>,
    stack: Option<u32>,
) -> Vec<(u32, u32)> {
    // Each address once: constants that only look like addresses are mostly alone in their page.
    let mut literals: Vec<u32> = literals.collect();
    literals.sort_unstable();
    literals.dedup();
    let pages = busy_pages(literals.into_iter(), 0x1000_0000..0x4000_0000, 12)
        .filter(|page| page & 0x00f0_0000 == 0);
    let pages = pages.chain(stack.map(|sp| sp & !(PAGE - 1)));
    pages.map(|page| (page & 0xfff0_0000, page + PAGE)).collect()
}

/// The pages of `within` that are referred to often: by at least `least` references, and by an
/// eighth as many as the busiest page.
pub(super) fn busy_pages(
    references: impl Iterator<Item = u32>,
    within: Range<u32>,
    least: usize,
) -> impl Iterator<Item = u32> {
    let mut references: Vec<u32> = references.filter(|r| within.contains(r)).collect();
    references.sort_unstable();
    let pages: Vec<(u32, usize)> = references
        .chunk_by(|a, b| a / PAGE == b / PAGE)
        .map(|run| (run[0] & !(PAGE - 1), run.len()))
        .collect();
    let most = pages.iter().map(|(_, count)| *count).max().unwrap_or(0);
    pages
        .into_iter()
        .filter(move |(_, count)| *count >= least && *count * 8 >= most)
        .map(|(page, _)| page)
}
