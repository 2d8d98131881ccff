//! The meaning of a firmware file: bytes at addresses.

use super::{Format, ImageError, Selection};
use crate::host::budget::Stop;
use crate::host::room;

/// Bytes at consecutive addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address of the first byte.
    pub address: u32,
    /// The bytes; never empty, never beyond the 32-bit address space.
    pub data: Vec<u8>,
}

impl Segment {
    /// One past the last address, which may be 2^32.
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.data.len() as u64
    }
}

/// A memory image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// The format that it was read from.
    pub format: Format,
    /// What is in memory, by ascending address, without overlap; segments that touch are one.
    pub segments: Vec<Segment>,
    /// Entry point, if the file names one. (Of a segmented Intel HEX start address:
    /// `CS * 16 + IP`.)
    pub entry: Option<u32>,
    /// The header text of an S-record file (as bytes: it need not be text).
    pub header: Option<Vec<u8>>,
}

impl Image {
    /// Bytes in all segments.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|s| s.data.len()).sum()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// First address and one past the last, if there are any bytes.
    pub fn bounds(&self) -> Option<(u32, u64)> {
        Some((self.segments.first()?.address, self.segments.last()?.end()))
    }
}

/// What to do where two records hold the same address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Overlap {
    /// Refuse the file.
    #[default]
    Refuse,
    /// Accept it if both hold the same byte.
    AcceptSame,
    /// The first record in the file wins.
    FirstWins,
    /// The last record in the file wins (what GNU objcopy does).
    LastWins,
}

impl Overlap {
    /// The names of all, for machines.
    pub const NAMES: [&'static str; 4] = ["refuse", "accept-same", "first-wins", "last-wins"];

    /// What has this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Refuse, Self::AcceptSame, Self::FirstWins, Self::LastWins];
        Self::NAMES.into_iter().zip(all).find(|(known, _)| *known == name).map(|(_, named)| named)
    }
}

/// What to do with data records after the end record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum AfterEnd {
    /// Refuse the file.
    #[default]
    Refuse,
    /// Leave them out (what most tools do).
    Ignore,
    /// Read on.
    Read,
}

impl AfterEnd {
    /// The names of all, for machines.
    pub const NAMES: [&'static str; 3] = ["refuse", "ignore", "read"];

    /// What has this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Refuse, Self::Ignore, Self::Read];
        Self::NAMES.into_iter().zip(all).find(|(known, _)| *known == name).map(|(_, named)| named)
    }
}

/// How to read a file. The default accepts what is harmless and refuses what loses data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadOptions {
    pub(crate) strict: bool,
    pub(crate) overlap: Overlap,
    pub(crate) after_end: AfterEnd,
    pub(crate) ignore_checksums: bool,
    pub(crate) skip_garbage: bool,
    pub(crate) unknown_records: bool,
    pub(crate) select: Selection,
    pub(crate) base: Option<u32>,
}

impl ReadOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accept only what the format's specification allows.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// What to do with two records that hold the same address.
    #[must_use]
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// What to do with data after the end record.
    #[must_use]
    pub fn after_end(mut self, after_end: AfterEnd) -> Self {
        self.after_end = after_end;
        self
    }

    /// Accept wrong checksums and record counts.
    #[must_use]
    pub fn ignore_checksums(mut self, ignore_checksums: bool) -> Self {
        self.ignore_checksums = ignore_checksums;
        self
    }

    /// Skip lines that are no records (comments, log output).
    #[must_use]
    pub fn skip_garbage(mut self, skip_garbage: bool) -> Self {
        self.skip_garbage = skip_garbage;
        self
    }

    /// Intel HEX: leave out records of unknown types (signatures, settings of tools).
    #[must_use]
    pub fn unknown_records(mut self, unknown_records: bool) -> Self {
        self.unknown_records = unknown_records;
        self
    }

    /// Which of several memories in the file is read.
    #[must_use]
    pub fn select(mut self, select: Selection) -> Self {
        self.select = select;
        self
    }

    /// Address of the first byte of a plain binary; otherwise guessed, otherwise 0.
    #[must_use]
    pub fn base(mut self, base: impl Into<Option<u32>>) -> Self {
        self.base = base.into();
        self
    }
}

/// Collects data in the order of the file.
#[derive(Default)]
pub(crate) struct Collector {
    /// All data, in the order of the file.
    pub(crate) data: Vec<u8>,
    runs: Vec<Run>,
    /// Every record is a run of its own.
    exact: bool,
}

/// Consecutive data at consecutive addresses.
struct Run {
    address: u32,
    start: usize,
    /// Line and column of the first byte; 0 in a binary container.
    at: (usize, usize),
}

impl Collector {
    /// With room for this many bytes.
    pub(crate) fn with_capacity(len: usize) -> Result<Self, Stop> {
        Ok(Self { data: room::with_capacity(len)?, ..Self::default() })
    }

    /// With the bytes of a plain binary that is at `address`.
    pub(crate) fn of_plain_binary(data: Vec<u8>, address: u32) -> Result<Self, ImageError> {
        let mut collector = Self { data, ..Self::default() };
        collector.place(0, address.into(), (0, 0))?;
        Ok(collector)
    }

    /// Reads a text file. If two records overlap it is read again, to find the place of the very
    /// record.
    pub(crate) fn collect(
        capacity: usize,
        mut read: impl FnMut(Self) -> Result<Image, ImageError>,
    ) -> Result<Image, ImageError> {
        match read(Self::with_capacity(capacity)?) {
            Err(ImageError::Overlap { .. }) => {
                read(Self { exact: true, ..Self::with_capacity(capacity)? })
            }
            result => result,
        }
    }

    /// The bytes of `data` from `start` on, just appended, are at `address`. `at`: line and
    /// column, for messages.
    pub(crate) fn place(
        &mut self,
        start: usize,
        address: u64,
        at: (usize, usize),
    ) -> Result<(), ImageError> {
        let len = (self.data.len() - start) as u64;
        if len == 0 {
            return Ok(());
        }
        let end = address + len;
        if end > 1 << 32 {
            let (line, column) = at;
            return Err(ImageError::AddressOverflow {
                line,
                column,
                address: address.max(1 << 32),
            });
        }
        // `end` is not above 2^32 and not equal to `address`.
        let address = (address & 0xffff_ffff) as u32;
        let next = self.runs.last().map(|run| u64::from(run.address) + (start - run.start) as u64);
        if self.exact || next != Some(u64::from(address)) {
            room::push(&mut self.runs, Run { address, start, at })?;
        }
        Ok(())
    }

    /// Sorts by address and settles overlaps.
    pub(crate) fn finish(self, overlap: Overlap) -> Result<Vec<Segment>, ImageError> {
        let Self { data, runs, exact } = self;
        if let [run] = runs.as_slice() {
            return Ok(vec![Segment { address: run.address, data }]);
        }
        let ends = runs.iter().skip(1).map(|run| run.start).chain([data.len()]);
        let mut pieces: Vec<Piece<'_>> = room::with_capacity(runs.len())?;
        pieces.extend(runs.iter().zip(ends).enumerate().map(|(order, (run, end))| Piece {
            address: run.address,
            bytes: data.get(run.start..end).unwrap_or_default(),
            order,
            at: run.at,
        }));
        pieces.sort_unstable_by_key(|piece| (piece.address, piece.order));
        let clean = pieces.windows(2).all(|pair| pair[0].end() <= u64::from(pair[1].address));
        if !clean {
            if overlap == Overlap::Refuse {
                return Err(word_addresses(&pieces)
                    .filter(|_| exact)
                    .unwrap_or_else(|| first_overlap(&pieces)));
            }
            return merge(pieces, overlap);
        }
        Ok(join(pieces.into_iter().map(|piece| (piece.address, piece.bytes)))?)
    }
}

#[derive(Clone, Copy)]
struct Piece<'a> {
    address: u32,
    bytes: &'a [u8],
    /// Place in the file.
    order: usize,
    at: (usize, usize),
}

impl Piece<'_> {
    fn end(&self) -> u64 {
        u64::from(self.address) + self.bytes.len() as u64
    }
}

/// Joins sorted pieces without overlap where they touch.
fn join<'a>(pieces: impl Iterator<Item = (u32, &'a [u8])>) -> Result<Vec<Segment>, Stop> {
    let mut segments: Vec<Segment> = Vec::new();
    for (address, bytes) in pieces {
        match segments.last_mut() {
            Some(last) if last.end() == u64::from(address) => room::extend(&mut last.data, bytes)?,
            _ => room::push(&mut segments, Segment { address, data: room::copy(bytes)? })?,
        }
    }
    Ok(segments)
}

/// Whether half of the records at least, and more than one, begin halfway through the one before.
/// Then the addresses do not count bytes.
fn word_addresses(pieces: &[Piece<'_>]) -> Option<ImageError> {
    let is_half = |pair: &&[Piece<'_>]| {
        let distance = u64::from(pair[1].address) - u64::from(pair[0].address);
        pair[1].order == pair[0].order + 1
            && distance != 0
            && distance * 2 == pair[0].bytes.len() as u64
    };
    let half_steps = pieces.windows(2).filter(is_half).count();
    let (line, column) = pieces.windows(2).find(is_half)?[1].at;
    let address = pieces.windows(2).find(is_half)?[1].address;
    (half_steps > 1 && half_steps * 2 >= pieces.len() - 1).then_some(ImageError::WordAddresses {
        line,
        column,
        address,
    })
}

/// The overlap to report: of the pieces that overlap a neighbour, the one that comes last in the
/// file. Its place is where its run begins.
fn first_overlap(pieces: &[Piece<'_>]) -> ImageError {
    let mut reach: Option<Piece<'_>> = None;
    let mut found: Option<(usize, (usize, usize), u32)> = None;
    for piece in pieces {
        if let Some(before) = reach.filter(|before| before.end() > u64::from(piece.address)) {
            let later = if before.order > piece.order { before } else { *piece };
            if found.is_none_or(|(order, _, _)| later.order < order) {
                found = Some((later.order, later.at, piece.address));
            }
        }
        if reach.is_none_or(|before| before.end() < piece.end()) {
            reach = Some(*piece);
        }
    }
    let (_, (line, column), address) = found.unwrap_or_default();
    ImageError::Overlap { line, column, address }
}

/// Writes the pieces over each other in the order in which they win.
fn merge(pieces: Vec<Piece<'_>>, overlap: Overlap) -> Result<Vec<Segment>, ImageError> {
    let mut segments: Vec<Segment> = Vec::new();
    // Groups of pieces that touch or overlap: each becomes one segment.
    let mut rest = pieces.as_slice();
    while let Some(first) = rest.first() {
        let mut end = first.end();
        let count = rest.iter().take_while(|p| {
            let inside = u64::from(p.address) <= end;
            if inside {
                end = end.max(p.end());
            }
            inside
        });
        let (group, after) = rest.split_at(count.count());
        let mut group = room::collect(group.iter().copied())?;
        group.sort_unstable_by_key(|piece| piece.order);
        if overlap == Overlap::FirstWins {
            group.reverse();
        }
        let len = usize::try_from(end - u64::from(first.address)).unwrap_or(0);
        let mut data = room::filled(len, 0)?;
        let mut set = room::filled(if overlap == Overlap::AcceptSame { len } else { 0 }, 0)?;
        for piece in &group {
            let at = (piece.address - first.address) as usize;
            let Some(place) = data.get_mut(at..at + piece.bytes.len()) else { continue };
            if overlap == Overlap::AcceptSame {
                for (index, (old, new)) in place.iter().zip(piece.bytes).enumerate() {
                    match set.get_mut(at + index) {
                        Some(1) if old != new => {
                            return Err(ImageError::Overlap {
                                line: piece.at.0,
                                column: piece.at.1,
                                address: piece.address.saturating_add(index as u32),
                            });
                        }
                        Some(flag) => *flag = 1,
                        None => {}
                    }
                }
            }
            place.copy_from_slice(piece.bytes);
        }
        room::push(&mut segments, Segment { address: first.address, data })?;
        rest = after;
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(
        pieces: &[(u64, &[u8])],
        overlap: Overlap,
    ) -> Result<Vec<(u32, Vec<u8>)>, ImageError> {
        let mut collector = Collector::default();
        for (line, (address, bytes)) in pieces.iter().enumerate() {
            let start = collector.data.len();
            collector.data.extend_from_slice(bytes);
            collector.place(start, *address, (line + 1, 1))?;
        }
        Ok(collector.finish(overlap)?.into_iter().map(|s| (s.address, s.data)).collect())
    }

    #[test]
    fn sorts_joins_and_keeps_gaps() {
        let pieces: [(u64, &[u8]); 4] =
            [(8, &[8, 9]), (0, &[0, 1]), (2, &[2]), (0xffff_fffe, &[1, 2])];
        let found = collect(&pieces, Overlap::Refuse).unwrap();
        assert_eq!(found, [(0, vec![0, 1, 2]), (8, vec![8, 9]), (0xffff_fffe, vec![1, 2])]);
        assert_eq!(
            collect(&[(0xffff_fffe, &[1, 2, 3])], Overlap::Refuse),
            Err(ImageError::AddressOverflow { line: 1, column: 1, address: 1 << 32 })
        );
    }

    #[test]
    fn overlaps_by_policy() {
        let pieces: [(u64, &[u8]); 3] = [(4, &[1, 1, 1, 1]), (0, &[9]), (6, &[1, 2, 2])];
        assert_eq!(
            collect(&pieces, Overlap::Refuse),
            Err(ImageError::Overlap { line: 3, column: 1, address: 6 })
        );
        assert_eq!(
            collect(&pieces, Overlap::AcceptSame),
            Err(ImageError::Overlap { line: 3, column: 1, address: 7 })
        );
        assert_eq!(
            collect(&pieces, Overlap::LastWins).unwrap(),
            [(0, vec![9]), (4, vec![1, 1, 1, 2, 2])]
        );
        assert_eq!(
            collect(&pieces, Overlap::FirstWins).unwrap(),
            [(0, vec![9]), (4, vec![1, 1, 1, 1, 2])]
        );
        let same: [(u64, &[u8]); 2] = [(4, &[1, 2]), (5, &[2, 3])];
        assert_eq!(collect(&same, Overlap::AcceptSame).unwrap(), [(4, vec![1, 2, 3])]);
    }

    #[test]
    fn addresses_of_words_are_told_from_overlaps() {
        let collect = |pieces: &[(u64, &[u8])]| {
            Collector::collect(0, |mut collector| {
                for (line, (address, bytes)) in pieces.iter().enumerate() {
                    let start = collector.data.len();
                    collector.data.extend_from_slice(bytes);
                    collector.place(start, *address, (line + 1, 1))?;
                }
                collector.finish(Overlap::Refuse).map(|_| Image {
                    format: Format::Srec,
                    segments: Vec::new(),
                    entry: None,
                    header: None,
                })
            })
        };
        let words: [(u64, &[u8]); 4] =
            [(0x100, &[1; 4]), (0x102, &[2; 30]), (0x111, &[3; 30]), (0x900, &[4; 2])];
        assert_eq!(
            collect(&words),
            Err(ImageError::WordAddresses { line: 2, column: 1, address: 0x102 })
        );
        let bytes: [(u64, &[u8]); 4] =
            [(0x100, &[1; 4]), (0x102, &[2; 30]), (0x130, &[3; 30]), (0x900, &[4; 2])];
        assert_eq!(
            collect(&bytes),
            Err(ImageError::Overlap { line: 2, column: 1, address: 0x102 })
        );
    }
}
