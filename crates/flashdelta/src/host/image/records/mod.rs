//! Files of records (Intel HEX, S-records, TI-TXT, UF2), taken apart into the data they carry and a
//! small *template* that says how it was written.
//!
//! A firmware delta compares data with data. What a linker or converter wrapped around it (record
//! lengths, address records, line ends, checksums) is mostly habit: a [`Writer`] with the same
//! [`Habits`] writes it again. The template holds the habits, where each block of data is, and
//! whatever the writer would not have written by itself. It is made by writing each record and
//! comparing, so joining data and template always gives the identical file; a file that resists is
//! carried whole.
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

mod make;
mod render;
mod uf2_blocks;

use std::borrow::Cow;

use super::map::AddressMap;
use super::{address_map, apj, detect, ihex, srec, titxt, uf2, Format, ImageError, Target};
use crate::host::budget::{unwatched, Budget, Stop};
use crate::host::room;

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
const VERBATIM: u8 = 0;
const INTEL_HEX: u8 = 1;
const SREC: u8 = 2;
const TI_TXT: u8 = 3;
const UF2: u8 = 4;
pub(crate) const APJ: u8 = 5;

/// Takes a file apart into data and template such that [`join`] gives the identical file. Never
/// fails: a file that is no record file, or too irregular, is its own data.
pub fn split(file: &[u8]) -> Split<'_> {
    // Nobody ends it; what there is no memory for is its own data, too.
    unwatched(|budget| split_within(file, budget)).unwrap_or_else(|_| verbatim(file))
}

/// The same, within a budget.
pub(crate) fn split_within<'a>(file: &'a [u8], budget: &mut Budget<'_>) -> Result<Split<'a>, Stop> {
    let made = match detect(file) {
        Format::IntelHex => make::hex(file, budget)?.map(make::Made::split),
        Format::Srec => make::srec(file, budget)?.map(make::Made::split),
        Format::TiTxt => make::titxt(file, budget)?.map(make::Made::split),
        Format::Uf2 => uf2_blocks::make(file, budget)?.map(make::Made::split),
        Format::Apj => apj::split(file, budget)?,
        _ => None,
    };
    let Some(split) = made else { return Ok(verbatim(file)) };
    match join_within(&split.data, &split.template, file.len(), budget) {
        Ok(again) if again == file => Ok(split),
        Err(ImageError::OutOfMemory { needed }) => Err(Stop::OutOfMemory { needed }),
        Err(ImageError::Cancelled) => Err(Stop::Cancelled),
        _ => Ok(verbatim(file)),
    }
}

/// A file that is its own data.
fn verbatim(file: &[u8]) -> Split<'_> {
    Split {
        data: Cow::Borrowed(file),
        map: address_map(file),
        template: vec![VERBATIM],
        placed: Vec::new(),
    }
}

/// Writes the file that was [split](split) into `data` and `template`.
///
/// # Errors
/// [`ImageError::BadTemplate`] if the template is damaged or does not belong to the data;
/// [`ImageError::TooLarge`] if the file would be longer than `limit` bytes.
pub fn join(data: &[u8], template: &[u8], limit: usize) -> Result<Vec<u8>, ImageError> {
    unwatched(|budget| join_within(data, template, limit, budget))
}

/// The same, within a budget.
pub(crate) fn join_within(
    data: &[u8],
    template: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, ImageError> {
    let damaged = |problem| ImageError::BadTemplate { offset: 0, problem };
    match template.first() {
        Some(&VERBATIM) if template.len() == 1 && data.len() <= limit => Ok(room::copy(data)?),
        Some(&VERBATIM) if template.len() == 1 => {
            Err(ImageError::TooLarge { needed: data.len() as u64, limit: limit as u64 })
        }
        Some(&INTEL_HEX) => render::render::<ihex::HexWriter>(data, template, limit, budget),
        Some(&SREC) => render::render::<srec::SrecWriter>(data, template, limit, budget),
        Some(&TI_TXT) => render::render::<titxt::TiTxtWriter>(data, template, limit, budget),
        Some(&UF2) => render::render::<uf2::Uf2Writer>(data, template, limit, budget),
        Some(&APJ) => apj::join(data, render::packed(template)?, limit, budget),
        _ => Err(damaged("unknown format (made by a newer version?)")),
    }
}

/// Data at consecutive addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) address: u32,
    pub(crate) len: usize,
}

/// Where the data that belongs to a template is, in the order of the file; nothing of a file
/// that is its own data.
pub(crate) fn blocks(template: &[u8]) -> Result<Vec<Block>, ImageError> {
    match template.first() {
        Some(&VERBATIM) => Ok(Vec::new()),
        Some(&(INTEL_HEX | SREC | TI_TXT | UF2)) => render::blocks(template),
        _ => Err(ImageError::BadTemplate {
            offset: 0,
            problem: "unknown format (made by a newer version?)",
        }),
    }
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
const LINE_ENDS: [&[u8]; 4] = [b"\n", b"\r\n", b"\r", b"\r\r\n"];

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
            super::lines::LOWER
        } else {
            super::lines::UPPER
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
    Series(uf2::Series),
    /// UF2: what follows the payload in the following blocks.
    Tail(uf2::Tail),
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
mod op {
    pub(super) const FORCE: u8 = 2;
    pub(super) const DATA: u8 = 0;
    pub(super) const DATA_AT: u8 = 1;
    pub(super) const END: u8 = 4;
    pub(super) const RECORD: u8 = 5;
    pub(super) const COUNT: u8 = 6;
    pub(super) const LEN: u8 = 7;
    pub(super) const KIND: u8 = 8;
    pub(super) const TEXT: u8 = 9;
    pub(super) const SERIES: u8 = 10;
    pub(super) const TAIL: u8 = 11;
    /// Kinds of tails.
    pub(super) const TAIL_BYTES: u8 = 0;
    pub(super) const TAIL_MD5: u8 = 1;
    /// A number of a series falls from block to block.
    pub(super) const FALLING: u8 = 16;
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
fn push_data(out: &mut Vec<u8>, distance: i64, force: bool) {
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

/// The data operations of a template that [`push_operation`] writes: where they are, the distance
/// to the data before, and the length, which is not 0. Those that force an address record or go
/// back are left out.
pub(crate) fn data_operations(template: &[u8]) -> Vec<(core::ops::Range<usize>, u32, u32)> {
    match template.first() {
        Some(&(INTEL_HEX | SREC | TI_TXT | UF2)) => render::data_operations(template),
        _ => Vec::new(),
    }
}

/// Zigzag: small numbers of either sign become small.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests;
