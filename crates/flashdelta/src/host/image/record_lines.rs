//! What the formats with a record a line have in common: what may be around a record, and what can
//! be wrong with one.

use core::ops::Range;

use super::finding::{Check, Finding};
use super::lines::{self, Line};
use super::memory::ReadOptions;
use super::{Format, ImageError};

/// The record of a line without what may be around it; `None` for a blank line.
pub(crate) fn record_text(
    file: &[u8],
    line: &Line,
    options: &ReadOptions,
) -> Result<Option<Range<usize>>, ImageError> {
    let text = file.get(line.text.clone()).unwrap_or_default();
    let plain = text.first().is_some_and(|b| b.is_ascii_graphic())
        && text.last().is_some_and(u8::is_ascii_graphic);
    if plain {
        return Ok(Some(line.text.clone()));
    }
    let mut range = line.text.clone();
    if line.number == 1 && text.starts_with(b"\xef\xbb\xbf") {
        range.start += 3;
    }
    range = lines::trim(file, range);
    while range.start < range.end && matches!(file.get(range.end - 1), Some(0x1a | 0)) {
        range.end -= 1;
    }
    let range = lines::trim(file, range);
    if options.strict && range != line.text {
        return Err(ImageError::NotStrict {
            line: line.number,
            problem: "blanks or control characters around a record",
        });
    }
    Ok((!range.is_empty()).then_some(range))
}

/// The finding that no line of a file is an end record: it may be cut off. That record is the last
/// one, so only where it is missing the whole file is looked at.
pub(crate) fn lacks_end(file: &[u8], is_end: fn(&[u8]) -> bool) -> Option<Finding> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    // What may be before a record is no part of it; what may be after it does not matter.
    let mut lines = file.rsplit(|byte| matches!(byte, b'\r' | b'\n'));
    let is_cut = !lines.any(|line| is_end(line.trim_ascii_start()));
    is_cut.then(|| Finding::of_counts(Check::EndRecord, file.len(), 1, 0))
}

/// The record, or `None` if the line is none and may be skipped: with `skip_garbage`, and after the
/// end record. `before`: columns of the line that are before the record.
pub(crate) fn or_garbage<R>(
    record: Result<R, Fault>,
    ended: bool,
    options: &ReadOptions,
    (line, before): (usize, usize),
) -> Result<Option<R>, ImageError> {
    let is_skipped = (options.skip_garbage || ended) && !options.strict;
    match record {
        Ok(record) => Ok(Some(record)),
        Err(Fault::NoRecord { .. }) if is_skipped => Ok(None),
        Err(fault) => Err(fault.at(line, before)),
    }
}

/// What is wrong with one record; columns count from 0 at its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NoRecord { found: u8 },
    Digit { column: usize, found: Option<u8> },
    Length { column: usize, expected: usize, found: usize },
    Count { column: usize, least: usize, found: u8 },
    Checksum { column: usize, expected: u8, found: u8 },
    Kind { column: usize, found: u8 },
    Short { problem: &'static str },
}

impl Fault {
    fn at(self, line: usize, before: usize) -> ImageError {
        let place = |column: usize| before + column + 1;
        match self {
            Self::NoRecord { found } => ImageError::NoRecord { line, column: place(0), found },
            Self::Digit { column, found } => {
                ImageError::BadDigit { line, column: place(column), found }
            }
            Self::Length { column, expected, found } => {
                ImageError::BadLength { line, column: place(column), expected, found }
            }
            Self::Count { column, least, found } => {
                ImageError::ShortCount { line, column: place(column), least, found }
            }
            Self::Checksum { column, expected, found } => {
                ImageError::BadChecksum { line, column: place(column), expected, found }
            }
            Self::Kind { column, found } => {
                // In Intel HEX the reader decides.
                let format = Format::Srec;
                ImageError::UnknownRecord { format, line, column: place(column), found }
            }
            Self::Short { problem } => ImageError::BadRecord { line, column: place(0), problem },
        }
    }
}
