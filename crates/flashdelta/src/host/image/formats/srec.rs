//! Motorola S-records: S0 to S9, with 16, 24 and 32-bit addresses ("S19", "S28", "S37").
//!
//! Source: "Motorola S-records", M68000 Family Programmer's Reference Manual, appendix C. Where
//! tools disagree, this module does what is listed at [`parse`].

use super::handler::{tell_records, Handler, Reading};
use crate::host::budget::{unwatched, Budget};
use crate::host::image::lines::{self, Line, Lines};
use crate::host::image::memory::{AfterEnd, Collector, Image, ReadOptions};
use crate::host::image::record_lines::{lacks_end, or_garbage, record_text, Fault};
use crate::host::image::template::{Control, Habits, Token, Writer};
use crate::host::image::{Format, ImageError, Target};

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    check: |file, found, _| {
        found.extend(lacks_end(file, is_end));
        Ok(())
    },
    details: |file, tell| tell_records(parse(file, &ReadOptions::default()), tell),
    reading: Reading::Own(parse_within),
    ..Handler::PLAIN
};

/// The fields of one record; its data is appended to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// 0 to 9.
    pub(crate) kind: u8,
    pub(crate) address: u32,
}

/// Bytes of address in each type of record; `None` for the reserved S4.
fn address_len(kind: u8) -> Option<usize> {
    match kind {
        0 | 1 | 5 | 9 => Some(2),
        2 | 6 | 8 => Some(3),
        3 | 7 => Some(4),
        _ => None,
    }
}

/// Reads a file.
///
/// Choices, where tools disagree (strict mode refuses all of these but the first three):
/// - Lower and upper case digits, any line ends, S1, S2 and S3 mixed.
/// - A terminator of another address length than the data (S2 with S9).
/// - No S0; an S0 of any content (bytes, not text).
/// - An S0 without address (`S001FE`); S5 and S6 with 2 to 4 bytes of count, checked modulo what
///   they can hold.
/// - Data records without data, which are left out.
/// - A terminator with the address 0 names no entry point. No terminator.
/// - A table of symbols (`$$ module`, lines of `name $value`, `$$`), which GNU objcopy writes
///   before the records as "symbolsrec".
/// - Blanks around a record, blank lines, lower case `s`, a byte order mark, Ctrl-Z at the end.
///
/// # Errors
/// Everything that loses data: bad digits, lengths (text after the checksum among them), checksums
/// and record types (S4), counts, addresses beyond 32 bits, overlaps and data after the
/// terminator, each with line and column. `options` can accept checksums, counts, overlaps and data
/// after the terminator.
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    unwatched(|budget| parse_within(file, options, budget))
}

pub(crate) fn parse_within(
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    lines::check_encoding(file)?;
    Collector::collect(file.len() / 2, |collector| parse_into(collector, file, options, budget))
}

/// Whether the text of a line is a terminator.
pub(crate) fn is_end(text: &[u8]) -> bool {
    matches!(text.first_chunk::<2>(), Some([b'S' | b's', b'7'..=b'9']))
}

fn parse_into(
    mut collector: Collector,
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    let (mut entry, mut header) = (None, None);
    let (mut count, mut ended, mut any) = (0u32, false, false);
    let mut symbols = Symbols::default();
    let mut last = 0;
    for line in Lines::new(file) {
        budget.work(line.whole.len() as u64)?;
        last = line.number;
        let Some(range) = record_text(file, &line, options)? else { continue };
        let text = file.get(range.clone()).unwrap_or_default();
        if ended && options.after_end == AfterEnd::Ignore {
            break;
        }
        let column = range.start - line.text.start;
        if symbols.holds(text) {
            if options.strict {
                return Err(ImageError::NotStrict {
                    line: line.number,
                    problem: "a table of symbols",
                });
            }
            continue;
        }
        let start = collector.data.len();
        let record = read(text, &mut collector.data, options.ignore_checksums);
        let Some(record) = or_garbage(record, ended, options, (line.number, column))? else {
            continue;
        };
        any = true;
        let not_strict = |broken: bool, problem| {
            if options.strict && broken {
                Err(ImageError::NotStrict { line: line.number, problem })
            } else {
                Ok(())
            }
        };
        not_strict(text.first() == Some(&b's'), "a lower case 's'")?;
        match record.kind {
            1..=3 => {
                let len = collector.data.len() - start;
                if ended && options.after_end == AfterEnd::Refuse && len != 0 {
                    return Err(ImageError::DataAfterEnd { line: line.number, column: column + 1 });
                }
                not_strict(len == 0, "a data record without data")?;
                let end = u64::from(record.address) + len as u64;
                not_strict(
                    record.kind < 3 && end > 1 << (8 * (record.kind + 1)),
                    "data beyond what the record's address can reach",
                )?;
                collector.place(start, u64::from(record.address), (line.number, column + 1))?;
                count = count.wrapping_add(1);
                continue;
            }
            0 => {
                not_strict(text.len() < 10, "a header without address")?;
                header = Some(collector.data.get(start..).unwrap_or_default().to_vec());
            }
            5 | 6 => {
                let width = text.len() / 2 - 3;
                not_strict(
                    width != if record.kind == 5 { 2 } else { 3 },
                    "a count of unusual length",
                )?;
                let mask = if width >= 4 { u32::MAX } else { (1 << (8 * width)) - 1 };
                if record.address != count & mask && !options.ignore_checksums && !ended {
                    return Err(ImageError::BadCount {
                        line: line.number,
                        column: column + 1,
                        expected: record.address,
                        found: count,
                    });
                }
            }
            _ => {
                not_strict(ended, "a second terminator")?;
                ended = true;
                // Every file has a terminator: the address 0 means that nobody gave one (GNU
                // objcopy reads and writes it so).
                entry = Some(record.address).filter(|address| *address != 0);
            }
        }
        collector.data.truncate(start);
    }
    if options.strict && !ended {
        return Err(ImageError::MissingEnd { format: Format::Srec, line: last });
    }
    let segments = collector.finish(options.overlap)?;
    if segments.is_empty() && !any {
        return Err(ImageError::Empty);
    }
    Ok(Image { format: Format::Srec, segments, entry, header })
}

/// Which lines belong to a table of symbols.
///
/// Source: the comment at the head of `bfd/srec.c` of GNU binutils, "symbolsrec".
#[derive(Default)]
struct Symbols {
    inside: bool,
}

impl Symbols {
    /// Whether this line (without blanks around it) is part of a table.
    fn holds(&mut self, line: &[u8]) -> bool {
        if let Some(module) = line.strip_prefix(b"$$") {
            self.inside = !module.is_empty();
            return true;
        }
        let value = || line.rsplit(|byte| *byte == b' ').next()?.strip_prefix(b"$");
        self.inside
            && value()
                .is_some_and(|value| !value.is_empty() && value.iter().all(u8::is_ascii_hexdigit))
    }
}

/// Reads one record that begins at `text[0]`, and appends its data to `out` (nothing if it fails).
pub(crate) fn read(text: &[u8], out: &mut Vec<u8>, ignore_checksum: bool) -> Result<Record, Fault> {
    let start = out.len();
    let found = read_fast(text, out, ignore_checksum);
    found.ok_or(()).or_else(|()| {
        out.truncate(start);
        read_odd(text, ignore_checksum)
    })
}

#[inline]
fn read_fast(text: &[u8], out: &mut Vec<u8>, ignore_checksum: bool) -> Option<Record> {
    let [b'S' | b's', kind @ b'0'..=b'9', high, low] = text.get(..4)? else { return None };
    let kind = kind - b'0';
    let count = u8::try_from(lines::pair(*high, *low)).ok()?;
    let len = usize::from(count);
    let address_len = address_len(kind)?;
    if text.len() != 4 + 2 * len || len < address_len + 1 {
        return None;
    }
    let mut address = 0u32;
    let mut sum = count;
    for n in 0..address_len {
        let byte = lines::byte_at(text, 4 + 2 * n)?;
        address = (address << 8) | u32::from(byte);
        sum = sum.wrapping_add(byte);
    }
    if matches!(kind, 5..=9) && len != address_len + 1 {
        return None;
    }
    let end = text.len() - 2;
    sum = sum.wrapping_add(lines::decode(text.get(4 + 2 * address_len..end)?, out)?);
    (sum.wrapping_add(lines::byte_at(text, end)?) == 0xff || ignore_checksum)
        .then_some(Record { kind, address })
}

/// Records that are unusual, or wrong.
#[cold]
fn read_odd(text: &[u8], ignore_checksum: bool) -> Result<Record, Fault> {
    let kind = match text {
        [b'S' | b's', kind, ..] if kind.is_ascii_digit() => kind - b'0',
        [found, ..] => return Err(Fault::NoRecord { found: *found }),
        [] => return Err(Fault::NoRecord { found: 0 }),
    };
    if let Some((column, found)) = lines::first_bad(text, 2) {
        return Err(Fault::Digit { column: column - 1, found: Some(found) });
    }
    let Some(count) = lines::byte_at(text, 2) else {
        return Err(Fault::Digit { column: text.len(), found: None });
    };
    if text.len() % 2 == 1 {
        // Half a byte at the end: counted in whole bytes, the length might even seem right.
        return Err(Fault::Digit { column: text.len(), found: None });
    }
    let expected = usize::from(count);
    let Some(wanted) = address_len(kind) else {
        return Err(Fault::Kind { column: 1, found: kind });
    };
    // A header needs no address, and counts may have more bytes than they should.
    let least = match kind {
        0 => 1,
        5 | 6 => 3,
        _ => wanted + 1,
    };
    if expected < least {
        return Err(Fault::Count { column: 2, least, found: count });
    }
    if text.len() != 4 + 2 * expected {
        return Err(Fault::Length { column: 2, expected, found: text.len().saturating_sub(4) / 2 });
    }
    let column = text.len() - 2;
    let sum = !(2..column)
        .step_by(2)
        .filter_map(|at| lines::byte_at(text, at))
        .fold(0u8, u8::wrapping_add);
    let found = lines::byte_at(text, column).unwrap_or(0);
    if found != sum && !ignore_checksum {
        return Err(Fault::Checksum { column, expected: sum, found });
    }
    let value = (4..column)
        .step_by(2)
        .filter_map(|at| lines::byte_at(text, at))
        .fold(0u32, |v, byte| (v << 8) | u32::from(byte));
    match (kind, expected - 1) {
        // Green Hills writes counts of 4 bytes.
        (5 | 6, 2..=4) => Ok(Record { kind, address: value }),
        (0, 0 | 1) => Ok(Record { kind, address: 0 }),
        _ => Err(Fault::Short { problem: "a count or terminator record with data" }),
    }
}

/// Writes records.
#[derive(Clone)]
pub(crate) struct SrecWriter {
    habits: Habits,
}

impl SrecWriter {
    pub(crate) fn record(&self, kind: u8, address: u32, data: &[u8], out: &mut Vec<u8>) {
        let bytes = address.to_be_bytes();
        let address = bytes.get(4 - address_len(kind).unwrap_or(2)..).unwrap_or_default();
        let count = [(address.len() + data.len() + 1) as u8];
        let letter = if self.habits.small_letter { b's' } else { b'S' };
        let sum =
            count.iter().chain(address).chain(data).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let parts = [&count, address, data, &[!sum]];
        lines::push_record(
            out,
            &[letter, b'0' + kind % 10],
            parts,
            self.habits.digits(),
            self.habits.line_end,
        );
    }

    /// Type of the data records: fixed, or (0) the shortest that can hold the address.
    fn data_kind(&self, address: u32) -> u8 {
        match (self.habits.kind, address) {
            (kind @ 1..=3, _) => kind,
            (_, 0..=0xffff) => 1,
            (_, 0..=0xff_ffff) => 2,
            _ => 3,
        }
    }
}

impl Writer for SrecWriter {
    const MAX_LEN: usize = 252;

    fn new(habits: Habits) -> Self {
        Self { habits }
    }

    fn habits(&mut self) -> &mut Habits {
        &mut self.habits
    }

    fn next_len(&self, address: u32) -> usize {
        self.habits.len_at(address)
    }

    fn data(&mut self, address: u32, data: &[u8], _force: bool, out: &mut Vec<u8>) {
        self.record(self.data_kind(address), address, data, out);
    }

    fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        match control {
            // The most common terminator: for 32-bit addresses, with the entry in a record of its
            // own.
            Control::End => self.record(10 - self.data_kind(0), 0, &[], out),
            Control::Record { kind, address, data } => self.record(*kind, *address, data, out),
            Control::Series(_) | Control::Tail(_) => {}
            Control::Count(count) => {
                self.record(if *count > 0xffff { 6 } else { 5 }, *count, &[], out)
            }
        }
    }
}

/// Cuts a file into tokens; data is appended to `data`.
pub(crate) fn token(file: &[u8], line: &Line, count: u32, data: &mut Vec<u8>) -> Token {
    let text = file.get(line.text.clone()).unwrap_or_default();
    let start = data.len();
    let Some(record) = read_fast(text, data, false) else {
        data.truncate(start);
        return Token::Other;
    };
    if matches!(record.kind, 1..=3) {
        return Token::Data {
            address: record.address,
            kind: record.kind,
            target: Target::default(),
        };
    }
    let value = data.split_off(start);
    match record.kind {
        5 | 6 if record.address == count => Token::Control(Control::Count(count)),
        kind => Token::Control(Control::Record { kind, address: record.address, data: value }),
    }
}
