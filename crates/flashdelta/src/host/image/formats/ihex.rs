//! Intel HEX: I8HEX, I16HEX and I32HEX.
//!
//! Source: "Hexadecimal Object File Format Specification", Intel, revision A, 1988. Where tools
//! disagree, this module does what is listed at [`parse`]. micro:bit Universal Hex, which holds
//! sections for several boards: `spec/format.md` of microbit-foundation/spec-universal-hex.

use super::handler::{tell_records, Handler, Reading};
use crate::host::budget::{unwatched, Budget};
use crate::host::image::bytes::{array, u16_be, u32_be};
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
    details: |file, tell| {
        let boards: Vec<String> = targets(file).iter().map(Target::to_string).collect();
        tell("for", boards.join(", "));
        tell_records(parse(file, &ReadOptions::default()), tell);
    },
    targets,
    reading: Reading::Own(parse_within),
    ..Handler::PLAIN
};

/// Record types.
pub mod kind {
    /// Data.
    pub const DATA: u8 = 0;
    /// End of file.
    pub const END: u8 = 1;
    /// Bits 4 to 19 of the address base (I16HEX).
    pub const SEGMENT: u8 = 2;
    /// `CS:IP` (I16HEX).
    pub const START_SEGMENT: u8 = 3;
    /// The upper 16 bits of the address (I32HEX).
    pub const LINEAR: u8 = 4;
    /// `EIP` (I32HEX).
    pub const START_LINEAR: u8 = 5;
    /// Universal Hex: a section for a board begins.
    pub const BLOCK_START: u8 = 0x0a;
    /// Universal Hex: a section ends.
    pub const BLOCK_END: u8 = 0x0b;
    /// Universal Hex: fills a section up.
    pub const PADDING: u8 = 0x0c;
    /// Universal Hex: data for a board that old boards shall not take for theirs.
    pub const CUSTOM_DATA: u8 = 0x0d;
    /// Universal Hex: data that is not for the flash.
    pub const OTHER_DATA: u8 = 0x0e;
    /// In a token: its high four bits tell the type of data records, also where they are 0.
    pub(super) const DATA_KIND: u8 = 1;
}

/// The fields of one record; its data is appended to a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: u8,
    pub(crate) address: u16,
}

/// Reads a file.
///
/// Choices, where tools disagree (strict mode refuses all of these but the first):
/// - Lower and upper case digits, any line ends.
/// - A data record that crosses 64 KiB goes on linearly, also after an I16HEX segment record (the
///   specification wraps it; writers that do this do not mean that).
/// - Of an I16HEX segment record and an I32HEX linear record, the last one alone counts; they are
///   not added.
/// - No end record; an end record with an address, which is the entry point of I8HEX.
/// - Address records with something in their own address field; data records without data, which
///   are left out.
/// - Blanks around a record, blank lines, a byte order mark, and Ctrl-Z at the end.
/// - Two start records: the last one counts.
/// - micro:bit Universal Hex: the sections of the board that is selected, or of the only one.
///
/// # Errors
/// Everything that loses data: bad digits, lengths, checksums and record types, addresses beyond 32
/// bits, overlaps and data after the end record, each with line and column. `options` can accept
/// checksums, types, overlaps and what is past the end.
/// [`ImageError::SeveralTargets`] if there are sections for several boards and none is selected,
/// [`ImageError::NotInFile`] if there are none for the board that is.
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

/// Whether the text of a line is an end record.
pub(crate) fn is_end(text: &[u8]) -> bool {
    text.first() == Some(&b':') && text.get(7..9) == Some(b"01")
}

fn parse_into(
    mut collector: Collector,
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    let mut entry = None;
    let mut base = 0u64;
    let (mut target, mut targets) = (Target::default(), Vec::new());
    let mut ended = false;
    let (mut last, mut any) = (0, false);
    for line in Lines::new(file) {
        budget.work(line.whole.len() as u64)?;
        last = line.number;
        let Some(range) = record_text(file, &line, options)? else { continue };
        let text = file.get(range.clone()).unwrap_or_default();
        if ended && options.after_end == AfterEnd::Ignore {
            break;
        }
        let column = range.start - line.text.start;
        let start = collector.data.len();
        let record = read(text, &mut collector.data, options.ignore_checksums);
        let Some(record) = or_garbage(record, ended, options, (line.number, column))? else {
            continue;
        };
        any = true;
        let is_section = target.board.is_some();
        if record.kind == kind::DATA || record.kind == kind::CUSTOM_DATA && is_section {
            if !options.select.takes(&target) {
                collector.data.truncate(start);
                continue;
            }
            let len = collector.data.len() - start;
            if ended && options.after_end == AfterEnd::Refuse && len != 0 {
                return Err(ImageError::DataAfterEnd { line: line.number, column: column + 1 });
            }
            if options.strict && (len == 0 || usize::from(record.address) + len > 0x1_0000) {
                let problem = if len == 0 {
                    "a data record without data"
                } else {
                    "a data record crosses a 64 KiB boundary"
                };
                return Err(ImageError::NotStrict { line: line.number, problem });
            }
            collector.place(start, base + u64::from(record.address), (line.number, column + 1))?;
            continue;
        }
        let value = collector.data.get(start..).unwrap_or_default();
        let malformed =
            |problem| Err(ImageError::BadRecord { line: line.number, column: column + 1, problem });
        match (record.kind, value.len()) {
            (kind::END, 0) => {
                ended = true;
                if record.address != 0 && entry.is_none() {
                    entry = Some(u32::from(record.address));
                }
            }
            (kind::SEGMENT, 2) => base = u64::from(u16_be(value, 0).unwrap_or(0)) << 4,
            (kind::LINEAR, 2) => base = u64::from(u16_be(value, 0).unwrap_or(0)) << 16,
            (kind::START_SEGMENT | kind::START_LINEAR, 4) => {
                if options.strict && entry.is_some() {
                    return Err(ImageError::NotStrict {
                        line: line.number,
                        problem: "a second start record",
                    });
                }
                let linear = u32_be(value, 0).unwrap_or(0);
                entry = Some(if record.kind == kind::START_LINEAR {
                    linear
                } else {
                    (linear >> 16) * 16 + (linear & 0xffff)
                });
            }
            (kind::END, _) => return malformed("an end record with data"),
            (kind::SEGMENT | kind::LINEAR, _) => {
                return malformed("an address record needs 2 bytes of data")
            }
            (kind::START_SEGMENT | kind::START_LINEAR, _) => {
                return malformed("a start record needs 4 bytes of data")
            }
            (kind::BLOCK_START, 2..) if !options.strict => {
                target.board = u16_be(value, 0);
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
            (kind::BLOCK_END | kind::PADDING | kind::OTHER_DATA, _) if is_section => {}
            (_, _) if options.unknown_records && !options.strict => {}
            (found, _) => {
                return Err(ImageError::UnknownRecord {
                    format: Format::IntelHex,
                    line: line.number,
                    column: column + 8,
                    found,
                })
            }
        }
        if options.strict && record.address != 0 && record.kind != kind::END {
            return Err(ImageError::NotStrict {
                line: line.number,
                problem: "an address record with an address of its own",
            });
        }
        collector.data.truncate(start);
    }
    if options.strict && !ended {
        return Err(ImageError::MissingEnd { format: Format::IntelHex, line: last });
    }
    let is_chosen = |target: &&Target| options.select.takes(target);
    match targets.iter().filter(is_chosen).count() {
        0 if !targets.is_empty() => {
            return Err(ImageError::NotInFile { select: options.select, targets })
        }
        0 | 1 => {}
        _ => return Err(ImageError::SeveralTargets { targets }),
    }
    let segments = collector.finish(options.overlap)?;
    if segments.is_empty() && !any {
        return Err(ImageError::Empty);
    }
    Ok(Image { format: Format::IntelHex, segments, entry, header: None })
}

/// Reads one record that begins at `text[0]`, and appends its data to `out` (nothing if it fails).
pub(crate) fn read(text: &[u8], out: &mut Vec<u8>, ignore_checksum: bool) -> Result<Record, Fault> {
    let start = out.len();
    let found = read_fast(text, out, ignore_checksum);
    found.ok_or_else(|| {
        out.truncate(start);
        diagnose(text)
    })
}

#[inline]
fn read_fast(text: &[u8], out: &mut Vec<u8>, ignore_checksum: bool) -> Option<Record> {
    let [b':', len @ .., _, _] = text.get(..5)? else { return None };
    let len = usize::from(lines::byte_at(len, 0)?);
    if text.len() != 11 + 2 * len {
        return None;
    }
    let (high, low, kind) =
        (lines::byte_at(text, 3)?, lines::byte_at(text, 5)?, lines::byte_at(text, 7)?);
    let sum = lines::decode(text.get(9..9 + 2 * len)?, out)?;
    let checksum = lines::byte_at(text, 9 + 2 * len)?;
    let sum = [len as u8, high, low, kind, checksum]
        .iter()
        .fold(sum, |sum, byte| sum.wrapping_add(*byte));
    (sum == 0 || ignore_checksum)
        .then_some(Record { kind, address: u16::from_be_bytes([high, low]) })
}

/// Why a record cannot be read.
#[cold]
fn diagnose(text: &[u8]) -> Fault {
    match text.first() {
        Some(b':') => {}
        found => return Fault::NoRecord { found: found.copied().unwrap_or(0) },
    }
    if let Some((column, found)) = lines::first_bad(text, 1) {
        return Fault::Digit { column: column - 1, found: Some(found) };
    }
    let Some(len) = lines::byte_at(text, 1) else {
        return Fault::Digit { column: text.len(), found: None };
    };
    if text.len().is_multiple_of(2) {
        // Half a byte at the end: counted in whole bytes, the length might even seem right.
        return Fault::Digit { column: text.len(), found: None };
    }
    let expected = usize::from(len) + 5;
    if text.len() != 1 + 2 * expected {
        return Fault::Length { column: 1, expected, found: (text.len() - 1) / 2 };
    }
    let column = text.len() - 2;
    let sum = (1..column)
        .step_by(2)
        .filter_map(|at| lines::byte_at(text, at))
        .fold(0u8, u8::wrapping_add);
    Fault::Checksum {
        column,
        expected: sum.wrapping_neg(),
        found: lines::byte_at(text, column).unwrap_or(0),
    }
}

/// Writes records. The habit `kind` holds the type of address records in its low four bits, and
/// that of data records in its high ones.
#[derive(Clone)]
pub(crate) struct HexWriter {
    habits: Habits,
    /// The base of the last address record.
    base: u32,
}

impl HexWriter {
    fn record(&self, kind: u8, address: u16, data: &[u8], out: &mut Vec<u8>) {
        let [high, low] = address.to_be_bytes();
        let head = [data.len() as u8, high, low, kind];
        let sum = head.iter().chain(data).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let parts = [&head[..], data, &[sum.wrapping_neg()]];
        lines::push_record(out, b":", parts, self.habits.digits(), self.habits.line_end);
    }
}

impl Writer for HexWriter {
    const MAX_LEN: usize = 255;

    fn new(habits: Habits) -> Self {
        Self { habits, base: 0 }
    }

    fn habits(&mut self) -> &mut Habits {
        &mut self.habits
    }

    fn kind_of_data(habit: u8, kind: u8) -> u8 {
        habit & 0x0f | kind & 0xf0
    }

    fn kind_of_base(habit: u8, kind: u8) -> u8 {
        habit & 0xf0 | kind & 0x0f
    }

    fn next_len(&self, address: u32) -> usize {
        // Address records are at multiples of 64 KiB.
        let cut =
            if self.habits.crossing { usize::MAX } else { 0x1_0000 - (address & 0xffff) as usize };
        self.habits.len_at(address).min(cut)
    }

    fn data(&mut self, address: u32, data: &[u8], force: bool, out: &mut Vec<u8>) {
        let offset = address.wrapping_sub(self.base);
        if force || offset > 0xffff {
            if self.habits.kind & 0x0f == kind::SEGMENT && address < 0x10_0000 {
                self.base = address & 0xf_0000;
                self.record(kind::SEGMENT, 0, &((self.base >> 4) as u16).to_be_bytes(), out);
            } else {
                self.base = address & 0xffff_0000;
                self.record(kind::LINEAR, 0, &((self.base >> 16) as u16).to_be_bytes(), out);
            }
        }
        let kind = self.habits.kind >> 4;
        self.record(kind, (address.wrapping_sub(self.base) & 0xffff) as u16, data, out);
    }

    fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        match control {
            Control::End => self.record(kind::END, 0, &[], out),
            Control::Record { kind, address, data } => {
                match (*kind, array::<2>(data, 0)) {
                    (kind::SEGMENT, Some(value)) => {
                        self.base = u32::from(u16::from_be_bytes(value)) << 4
                    }
                    (kind::LINEAR, Some(value)) => {
                        self.base = u32::from(u16::from_be_bytes(value)) << 16
                    }
                    _ => {}
                }
                self.record(*kind, (*address & 0xffff) as u16, data, out);
            }
            Control::Count(_) | Control::Series(_) | Control::Tail(_) => {}
        }
    }
}

/// Where the next record is: the state between lines.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    base: u32,
    target: Target,
    /// High four bits: the type of the data records before.
    data_kind: u8,
}

/// What the sections of a Universal Hex file are for, each once, in the order of the file; nothing
/// of another file.
pub fn targets(file: &[u8]) -> Vec<Target> {
    let (mut targets, mut data) = (Vec::new(), Vec::new());
    for line in Lines::new(file) {
        data.clear();
        let record = file.get(lines::trim(file, line.text)).unwrap_or_default();
        // The first section begins in the second line.
        if line.number > 4 && targets.is_empty() {
            break;
        }
        if record.get(7..9) != Some(b"0A") && record.get(7..9) != Some(b"0a") {
            continue;
        }
        if let (Ok(_), Some(board)) = (read(record, &mut data, true), u16_be(&data, 0)) {
            let target = Target { board: Some(board), ..Target::default() };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    targets
}

/// Cuts a file into tokens; data is appended to `data`.
pub(crate) fn token(file: &[u8], line: &Line, place: &mut Place, data: &mut Vec<u8>) -> Token {
    let text = file.get(line.text.clone()).unwrap_or_default();
    let start = data.len();
    let Ok(record) = read(text, data, false) else { return Token::Other };
    let is_custom = record.kind == kind::CUSTOM_DATA && place.target.board.is_some();
    if record.kind == kind::DATA || is_custom {
        let address = place.base.wrapping_add(u32::from(record.address));
        // Told only where it changes: a kind of 0 changes nothing.
        let data_kind = record.kind << 4;
        let is_change = core::mem::replace(&mut place.data_kind, data_kind) != data_kind;
        let kind = if is_change { data_kind | kind::DATA_KIND } else { 0 };
        return Token::Data { address, kind, target: place.target };
    }
    let value = data.split_off(start);
    match (record.kind, array::<2>(&value, 0)) {
        (kind::SEGMENT, Some(value)) => place.base = u32::from(u16::from_be_bytes(value)) << 4,
        (kind::LINEAR, Some(value)) => place.base = u32::from(u16::from_be_bytes(value)) << 16,
        (kind::BLOCK_START, Some(value)) => place.target.board = Some(u16::from_be_bytes(value)),
        (kind::END, None) if record.address == 0 => return Token::Control(Control::End),
        _ => {}
    }
    let is_base = matches!(record.kind, kind::SEGMENT | kind::LINEAR);
    let control =
        Control::Record { kind: record.kind, address: u32::from(record.address), data: value };
    if is_base {
        Token::Base(control)
    } else {
        Token::Control(control)
    }
}
