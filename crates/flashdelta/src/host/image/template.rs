//! What a file of records is taken apart into, and how it is written again.
//!
//! ## Template
//! A format byte (0: the data is the file), the habits, then operations up to the end. Numbers are
//! LEB128, signed ones in zigzag.
//!
//! | operation | operands | meaning |
//! |--:|---|---|
//! | 0 | length | data, right after the data before it |
//! | 1 | distance, length | data, this many bytes past the end of the data before it |
//! | 2, 3 | as 0, 1 | the same, with an address record even if none were needed |
//! | 4 | | the end record |
//! | 5 | type, address, length, bytes | another record |
//! | 6 | | the count record |
//! | 7 | length | from here on, this many bytes in each data record |
//! | 8 | type | from here on, this type of data or address record |
//! | 9 | length, bytes | text as it is |
//! | 10 | mask, numbers | UF2: from here on, these flags, family, number of blocks, number |
//! | 11 | kind, bytes | UF2: from here on, what is between payload and last word |
//!
//! Of a file in which the image is packed (5: APJ) there are neither habits nor operations: length
//! and bytes of the text before, zlib's first two bytes, length and bytes of the recipe of the
//! deflate stream, and up to the end the text after.

use std::borrow::Cow;
use std::rc::Rc;

use super::lines;
use super::map::AddressMap;
use super::select::Target;

/// A file taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// The data, in the order of the file; the file itself where there is nothing to take apart.
    pub data: Cow<'a, [u8]>,
    /// Where `data` is in memory. Its format is that of the file.
    pub map: AddressMap,
    /// How to write the file again. A single 0 where `data` is the file.
    pub template: Vec<u8>,
    /// Where the data of a file that was taken apart is, and what it is for.
    pub(crate) placed: Vec<Placed>,
}

/// Data of a file of records, up to where the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Where it begins in the data.
    pub(crate) offset: usize,
    /// Address of its first byte.
    pub(crate) address: u32,
    pub(crate) target: Target,
}

impl Split<'_> {
    /// Whether the file was taken apart. Otherwise it is its own data.
    pub fn is_apart(&self) -> bool {
        self.template != [VERBATIM]
    }
}

/// Format byte of a template whose data is the file.
pub(super) const VERBATIM: u8 = 0;
pub(super) const INTEL_HEX: u8 = 1;
pub(super) const SREC: u8 = 2;
pub(super) const TI_TXT: u8 = 3;
pub(super) const UF2: u8 = 4;
pub(crate) const APJ: u8 = 5;

/// Data at consecutive addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) address: u32,
    pub(crate) len: usize,
}

/// How a writer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Line end: LF, CR LF, CR or CR CR LF.
    pub(crate) line_end: &'static [u8],
    /// The last line ends like the others.
    pub(crate) final_line_end: bool,
    /// Digits a to f in lower case.
    pub(crate) lower: bool,
    /// S-records: the `S` in lower case.
    pub(crate) small_letter: bool,
    /// Bytes in a full data record; never 0.
    pub(crate) len: usize,
    /// Full records end at multiples of `len`.
    pub(crate) aligned: bool,
    /// Intel HEX: records may cross a multiple of 64 KiB.
    pub(crate) crossing: bool,
    /// Intel HEX: type of address records. S-record: type of data records. TI-TXT: layout.
    pub(crate) kind: u8,
    /// UF2: flags, family and number of blocks.
    pub(crate) block: [u32; 3],
}

/// Line ends by number.
pub(super) const LINE_ENDS: [&[u8]; 4] = [b"\n", b"\r\n", b"\r", b"\r\r\n"];

impl Habits {
    /// The most common habits.
    pub(crate) fn new(len: usize, kind: u8) -> Self {
        Self {
            line_end: b"\n",
            final_line_end: true,
            lower: false,
            small_letter: false,
            len: len.max(1),
            aligned: false,
            crossing: false,
            kind,
            block: [0; 3],
        }
    }

    /// Bytes in a full record at `address`.
    pub(crate) fn len_at(&self, address: u32) -> usize {
        if self.aligned {
            self.len - address as usize % self.len
        } else {
            self.len
        }
    }

    /// The digits.
    pub(crate) fn digits(&self) -> &'static [u8; 16] {
        if self.lower {
            lines::LOWER
        } else {
            lines::UPPER
        }
    }
}

/// What is in a file besides data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The end record in its most common form.
    End,
    /// Any other record.
    Record { kind: u8, address: u32, data: Vec<u8> },
    /// The count record, with the number of data records so far.
    Count(u32),
    /// UF2: what the headers of the following blocks say.
    Series(Series),
    /// UF2: what follows the payload in the following blocks.
    Tail(Tail),
}

/// What one line (or block) of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Data; the bytes have been appended to the buffer.
    Data { address: u32, kind: u8, target: Target },
    /// An address record, which a writer may write by itself before the next data.
    Base(Control),
    /// Another record.
    Control(Control),
    /// Something else.
    Other,
}

/// Writes records of one format.
pub(crate) trait Writer: Clone {
    /// Most bytes in a data record.
    const MAX_LEN: usize;

    fn new(habits: Habits) -> Self;

    fn habits(&mut self) -> &mut Habits;

    /// The habit `kind` for data of this kind (not 0).
    fn kind_of_data(_habit: u8, kind: u8) -> u8 {
        kind
    }

    /// The habit `kind` for address records of this kind.
    fn kind_of_base(_habit: u8, kind: u8) -> u8 {
        kind
    }

    /// How many bytes the record at `address` holds if there are enough; never 0.
    fn next_len(&self, address: u32) -> usize;

    /// Writes a data record, and an address record before it if one is needed or wanted (`force`).
    fn data(&mut self, address: u32, data: &[u8], force: bool, out: &mut Vec<u8>);

    /// Writes another record.
    fn control(&mut self, control: &Control, out: &mut Vec<u8>);
}

/// Operation codes of a template.
pub(super) mod op {
    pub(crate) const FORCE: u8 = 2;
    pub(crate) const DATA: u8 = 0;
    pub(crate) const DATA_AT: u8 = 1;
    pub(crate) const END: u8 = 4;
    pub(crate) const RECORD: u8 = 5;
    pub(crate) const COUNT: u8 = 6;
    pub(crate) const LEN: u8 = 7;
    pub(crate) const KIND: u8 = 8;
    pub(crate) const TEXT: u8 = 9;
    pub(crate) const SERIES: u8 = 10;
    pub(crate) const TAIL: u8 = 11;
    /// Kinds of tails.
    pub(crate) const TAIL_BYTES: u8 = 0;
    pub(crate) const TAIL_MD5: u8 = 1;
    /// A number of a series falls from block to block.
    pub(crate) const FALLING: u8 = 16;
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the beginning of a data operation: data this many bytes past the end of the data before
/// it. Its length follows.
pub(super) fn push_data(out: &mut Vec<u8>, distance: i64, force: bool) {
    let force = if force { op::FORCE } else { 0 };
    if distance == 0 {
        out.push(op::DATA | force);
    } else {
        out.push(op::DATA_AT | force);
        push_number(out, zigzag(distance));
    }
}

/// Appends a data operation that forces nothing.
pub(crate) fn push_operation(out: &mut Vec<u8>, distance: u32, len: u32) {
    push_data(out, i64::from(distance), false);
    push_number(out, u64::from(len));
}

/// What changes in the headers of the blocks that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Series {
    pub(crate) flags: Option<u32>,
    pub(crate) family: Option<u32>,
    pub(crate) total: Option<u32>,
    pub(crate) number: Option<u32>,
    /// Each number is the one before less one.
    pub(crate) is_falling: bool,
}

/// What is between the payload of a block and its last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// These bytes, then zeros.
    Bytes(Rc<[u8]>),
    /// Zeros, and at the end address, length and MD5 of the payload, as esptool writes them.
    Md5,
}

/// Zigzag: small numbers of either sign become small.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
