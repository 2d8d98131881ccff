//! What can be wrong with a firmware file.

use core::fmt;

use super::{Finding, Format, Selection, Target};
use crate::device::error::codes;
use crate::host::budget::Stop;

/// Why a firmware file could not be read, or an image not be written. Lines and columns count from
/// 1, offsets from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// A line does not begin like a record.
    NoRecord {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The byte that is there.
        found: u8,
    },
    /// Something that is not a hexadecimal digit is where one must.
    BadDigit {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// The byte that is there; `None` at the end of the line.
        found: Option<u8>,
    },
    /// The text is not in ASCII or UTF-8, but in UTF-16, as some editors and shells write it.
    Utf16,
    /// The length field of a record is too small for what every record of its type holds.
    ShortCount {
        /// Line.
        line: usize,
        /// Column of the length field.
        column: usize,
        /// Length in bytes of the shortest record of this type.
        least: usize,
        /// What the field says.
        found: u8,
    },
    /// A record is shorter or longer than its length field says.
    BadLength {
        /// Line.
        line: usize,
        /// Column of the length field.
        column: usize,
        /// Length of the record in bytes, as its length field says.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The checksum of a record is wrong.
    BadChecksum {
        /// Line.
        line: usize,
        /// Column of the checksum.
        column: usize,
        /// What the checksum must be.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// A type of record that is reserved or unknown.
    UnknownRecord {
        /// The format; those of Intel HEX can be carried along.
        format: Format,
        /// Line.
        line: usize,
        /// Column of the type.
        column: usize,
        /// The type.
        found: u8,
    },
    /// A record of a known type that cannot be right.
    BadRecord {
        /// Line.
        line: usize,
        /// Column of the record.
        column: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A count record does not match the number of data records: some are missing, or some were
    /// added.
    BadCount {
        /// Line of the count record.
        line: usize,
        /// Column of the record.
        column: usize,
        /// What it says.
        expected: u32,
        /// Data records before it.
        found: u32,
    },
    /// Bytes beyond the 32-bit address space.
    AddressOverflow {
        /// Line; 0 in a binary container.
        line: usize,
        /// Column of the record.
        column: usize,
        /// First address that is too large.
        address: u64,
    },
    /// Two records (or segments) claim the same address.
    Overlap {
        /// Line of the later record; 0 in a binary container.
        line: usize,
        /// Column of the record.
        column: usize,
        /// First address that was there before.
        address: u32,
    },
    /// Records overlap as they do where addresses count words of 16 bits, and not bytes.
    WordAddresses {
        /// Line of a record that overlaps the one before it.
        line: usize,
        /// Column of the record.
        column: usize,
        /// Address in the record.
        address: u32,
    },
    /// A data record after the end record.
    DataAfterEnd {
        /// Line.
        line: usize,
        /// Column of the record.
        column: usize,
    },
    /// No end record: the file may be cut off. Only in strict mode, and in TI-TXT, where no
    /// checksum would tell.
    MissingEnd {
        /// The format.
        format: Format,
        /// The last line.
        line: usize,
    },
    /// Something that most tools accept, but not the specification. Only in strict mode.
    NotStrict {
        /// Line.
        line: usize,
        /// Which rule is broken.
        problem: &'static str,
    },
    /// A block of a UF2 file is damaged.
    BadBlock {
        /// Which one in the file, from 0.
        block: usize,
        /// Where it begins.
        offset: usize,
        /// What must be.
        problem: &'static str,
        /// What is.
        found: u32,
    },
    /// A block of a UF2 file is missing: the number before or after it is there.
    MissingBlock {
        /// The number that is missing.
        number: u32,
        /// How many blocks there should be.
        total: u32,
        /// How many of them there are.
        found: usize,
        /// Which block in the file, from 0, is where it is missing; the number of all if it is
        /// missing at the end.
        block: usize,
        /// Where that begins.
        offset: usize,
    },
    /// A binary container is damaged.
    BadContainer {
        /// Which one.
        format: Format,
        /// Where.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// What a file holds in compressed form is larger than is read: nothing is wrong with the file.
    PackedTooLarge {
        /// The format of the file.
        format: Format,
        /// How long it is, in bytes: as the file says, or as far as it was looked at.
        found: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The words of a Verilog memory file have more than one byte: which of them comes first is
    /// said nowhere.
    WordWidth {
        /// Line.
        line: usize,
        /// Column of the word.
        column: usize,
        /// Its digits.
        digits: usize,
    },
    /// A check that the container has of itself fails. Only in strict mode.
    CheckFailed(Finding),
    /// The file holds several memories that share addresses, and none of them was selected.
    SeveralTargets {
        /// What they are for.
        targets: Vec<Target>,
    },
    /// The file holds nothing of what was selected.
    NotInFile {
        /// What was selected.
        select: Selection,
        /// What the file holds.
        targets: Vec<Target>,
    },
    /// The file holds no data at all.
    Empty,
    /// The file does not say at which address its data is.
    NoAddress {
        /// Its format.
        format: Format,
    },
    /// A base address was given for a file that says its own addresses.
    AddressesStated {
        /// Its format.
        format: Format,
    },
    /// The image cannot be written in this format with these options.
    Unwritable {
        /// The format.
        format: Format,
        /// Why not.
        problem: &'static str,
    },
    /// The image written out would be larger than the limit.
    TooLarge {
        /// What it needs, in bytes.
        needed: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The template of a text file is damaged, or does not belong to the data.
    BadTemplate {
        /// Where in the template.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// This computer does not give the memory that the image takes.
    OutOfMemory {
        /// What was asked for last, in bytes.
        needed: u64,
    },
    /// A callback of the caller ended it.
    Cancelled,
}

impl From<Stop> for ImageError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::OverBudget { needed, limit } => Self::TooLarge { needed, limit },
            Stop::OutOfMemory { needed } => Self::OutOfMemory { needed },
            Stop::Cancelled => Self::Cancelled,
        }
    }
}

impl ImageError {
    /// Whether reading ended for reasons that are not in the file.
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self, Self::OutOfMemory { .. } | Self::Cancelled)
    }
}

codes! {
    impl[] ImageError {
        Self::NoRecord { .. } => "no-record", BadFile, AcceptComments;
        Self::BadDigit { .. } => "bad-digit", BadFile, MakeFileAgain;
        Self::Utf16 => "utf-16", BadFile, SaveAsAscii;
        Self::ShortCount { .. } => "short-count", BadFile, MakeFileAgain;
        Self::BadLength { .. } => "bad-length", BadFile, MakeFileAgain;
        Self::BadChecksum { .. } => "bad-checksum", BadFile, AcceptChecksum;
        Self::UnknownRecord { format: Format::IntelHex, .. } =>
            "unknown-record", BadFile, AcceptRecords;
        Self::UnknownRecord { .. } => "unknown-record", BadFile, MakeFileAgain;
        Self::BadRecord { .. } => "bad-record", BadFile, MakeFileAgain;
        Self::BadCount { .. } => "bad-count", BadFile, AcceptChecksum;
        Self::AddressOverflow { .. } => "address-overflow", BadFile, OtherAddress;
        Self::Overlap { .. } => "overlap", BadFile, AcceptOverlap;
        Self::WordAddresses { .. } => "word-addresses", BadFile, Verbatim;
        Self::DataAfterEnd { .. } => "data-after-end", BadFile, AcceptAfterEnd;
        // In TI-TXT no checksum would tell that a part is missing.
        Self::MissingEnd { format: Format::TiTxt, .. } => "missing-end", BadFile, MakeFileAgain;
        Self::MissingEnd { .. } => "missing-end", BadFile, NotStrict;
        Self::NotStrict { .. } => "not-strict", BadFile, NotStrict;
        Self::BadBlock { .. } => "bad-block", BadFile, AcceptComments;
        Self::MissingBlock { .. } => "missing-block", BadFile, AcceptChecksum;
        Self::BadContainer { .. } => "bad-container", BadFile, MakeFileAgain;
        Self::PackedTooLarge { .. } => "packed-too-large", DoesNotFit;
        Self::WordWidth { .. } => "word-width", BadFile, ByteWords;
        Self::CheckFailed(_) => "check-failed", BadFile, NotStrict;
        Self::SeveralTargets { .. } => "several-memories", BadFile, SelectMemory;
        Self::NotInFile { .. } => "not-in-file", BadFile, SelectMemory;
        Self::Empty => "empty", BadFile;
        Self::NoAddress { .. } => "no-address", BadFile, OtherAddress;
        Self::AddressesStated { .. } => "addresses-stated", Misuse, LeaveOut;
        Self::Unwritable { .. } => "unwritable", DoesNotFit, OtherFormat;
        Self::TooLarge { .. } => "image-too-large", DoesNotFit, ChooseRange;
        Self::BadTemplate { .. } => "bad-template", BadPatch, TransferAgain;
        Self::OutOfMemory { .. } => "out-of-memory", DoesNotFit;
        Self::Cancelled => "cancelled", Cancelled;
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoRecord { line, column, found: 0x1b } => write!(
                f,
                "line {line}, column {column}: expected a record, found byte 1B, which starts a \
                 colour for terminals"
            ),
            Self::NoRecord { line, column, found } => {
                write!(f, "line {line}, column {column}: expected a record, found {}", Byte(found))
            }
            Self::BadDigit { line, column, found: Some(found) } => write!(
                f,
                "line {line}, column {column}: expected a hexadecimal digit, found {}{}",
                Byte(found),
                about_digit(found)
            ),
            Self::BadDigit { line, column, found: None } => write!(
                f,
                "line {line}, column {column}: expected a hexadecimal digit, found the end of the \
                 line"
            ),
            Self::BadLength { line, column, expected, found } => write!(
                f,
                "line {line}, column {column}: the length field asks for {expected} bytes, the \
                 record has {found}"
            ),
            Self::BadChecksum { line, column, expected, found } => write!(
                f,
                "line {line}, column {column}: wrong checksum: expected {expected:02X}, found \
                 {found:02X}"
            ),
            Self::UnknownRecord { line, column, found, .. } => write!(
                f,
                "line {line}, column {column}: record type {found:02X} is reserved or unknown"
            ),
            Self::Utf16 => f.write_str("the file is text in UTF-16"),
            Self::ShortCount { line, column, least, found } => write!(
                f,
                "line {line}, column {column}: the length field is {found:02X}, but records of \
                 this type have at least {least:02X} bytes"
            ),
            Self::BadRecord { line, column, problem } => {
                write!(f, "line {line}, column {column}: {problem}")
            }
            Self::BadCount { line, column, expected, found } => write!(
                f,
                "line {line}, column {column}: the count record says {expected} data records, but \
                 there are {found}"
            ),
            Self::AddressOverflow { line: 0, address, .. } => {
                write!(f, "address {address:#x} is beyond the 32-bit address space")
            }
            Self::AddressOverflow { line, column, address } => write!(
                f,
                "line {line}, column {column}: address {address:#x} is beyond the 32-bit address \
                 space"
            ),
            Self::Overlap { line: 0, address, .. } => {
                write!(f, "two segments hold the byte at address {address:#010x}")
            }
            Self::Overlap { line, column, address } => write!(
                f,
                "line {line}, column {column}: the byte at address {address:#010x} was there before"
            ),
            Self::WordAddresses { line, column, address } => write!(
                f,
                "line {line}, column {column}: the record at address {address:#010x} begins \
                 halfway through the one before it, as others do: its addresses seem to count \
                 words of 16 bits, and only byte addresses are read"
            ),
            Self::DataAfterEnd { line, column } => {
                write!(f, "line {line}, column {column}: data after the end record")
            }
            Self::MissingEnd { format: Format::TiTxt, line } => {
                write!(f, "line {line}: the file ends without the line `q`")
            }
            Self::MissingEnd { line, .. } => {
                write!(f, "line {line}: the file ends without an end record")
            }
            Self::NotStrict { line, problem } => write!(f, "line {line}: {problem}"),
            Self::BadBlock { block, offset, problem, found } => {
                write!(f, "UF2 block {block} at offset {offset:#x}: {problem}, found {found:#x}")
            }
            Self::MissingBlock { number, total, found, block, offset } => write!(
                f,
                "UF2 block {block} at offset {offset:#x}: the block with number {number} should be \
                 here, but is nowhere; there are {found} of {total}"
            ),
            Self::BadContainer { format, offset, problem } => {
                write!(f, "{format}, offset {offset:#x}: {problem}")
            }
            Self::PackedTooLarge { format, found, limit } => write!(
                f,
                "{format}: the image in it has {found} bytes or more, the limit is {limit}"
            ),
            Self::WordWidth { line, column, digits } => write!(
                f,
                "line {line}, column {column}: a word of {digits} digits: the file does not tell \
                 which of its bytes comes first"
            ),
            Self::CheckFailed(ref finding) => finding.fmt(f),
            Self::SeveralTargets { ref targets } => write!(
                f,
                "the file holds {} memories that share addresses, {}",
                targets.len(),
                Names(targets)
            ),
            Self::NotInFile { select, ref targets } if targets.is_empty() => {
                write!(f, "nothing in the file is for {select}: it does not say what it is for")
            }
            Self::NotInFile { select, ref targets } => {
                write!(f, "the file has nothing for {select}, only {}", Names(targets))
            }
            Self::Empty => {
                f.write_str("there is no data in the file, or in the addresses that were asked for")
            }
            Self::AddressesStated { format } => {
                write!(f, "a base address was given, but this {format} file says its own addresses")
            }
            Self::NoAddress { format } => {
                write!(f, "{format}: the file does not say at which address its data is")
            }
            Self::Unwritable { format, problem } => write!(f, "cannot write {format}: {problem}"),
            Self::TooLarge { needed, limit } => {
                write!(f, "the image spans {needed} bytes, more than the limit of {limit}")
            }
            Self::BadTemplate { offset, problem } => {
                write!(f, "template of the text file, offset {offset}: {problem}")
            }
            Self::OutOfMemory { needed } => write!(
                f,
                "out of memory: this computer does not give {needed} bytes to read or write it"
            ),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for ImageError {}

/// What a byte in place of a digit is.
fn about_digit(found: u8) -> &'static str {
    match found {
        b'\r' => ", a carriage return without a line feed, while other lines have both",
        b':' | b'S' | b's' => ", which begins a record",
        b' ' | b'\t' | b';' | b'#' | b'/' => ", which is no part of a record",
        _ => "",
    }
}

/// What the memories of a file are for.
struct Names<'a>(&'a [Target]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, target) in self.0.iter().enumerate() {
            let before = if n == 0 { "for " } else { ", for " };
            write!(f, "{before}{target}")?;
        }
        Ok(())
    }
}

/// A byte as people read it.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            byte @ b'!'..=b'~' => write!(f, "'{}'", char::from(byte)),
            byte => write!(f, "byte {byte:02X}"),
        }
    }
}
