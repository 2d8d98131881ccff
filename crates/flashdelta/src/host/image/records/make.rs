//! File to template and data.

use core::ops::Range;
use std::borrow::Cow;

use super::habits::text_habits;
use crate::host::budget::{Budget, Stop};
use crate::host::image::bytes::offset32;
use crate::host::image::ihex::{self, HexWriter};
use crate::host::image::lines::{Line, Lines};
use crate::host::image::map::AddressMap;
use crate::host::image::srec::SrecWriter;
use crate::host::image::template::{
    op, push_data, push_number, Control, Habits, Placed, Split, Tail, Token, Writer, INTEL_HEX,
    LINE_ENDS, SREC, TI_TXT,
};
use crate::host::image::titxt::TiTxtWriter;
use crate::host::image::{raw, srec, titxt, Format, Target};
use crate::host::room;

/// A template of more than a quarter of the file (and more than this) is not worth it.
const SMALL: usize = 1024;
/// A template of this length leaves nothing to gain.
const REGULAR: usize = 64;

/// What was made of a file.
pub(super) struct Made {
    pub(super) data: Vec<u8>,
    pub(super) template: Vec<u8>,
    /// Where the data is, and what it is for.
    pub(super) placed: Vec<Placed>,
    format: Format,
}

impl Made {
    /// The file, taken apart.
    pub(super) fn split(self) -> Split<'static> {
        let map = self.map();
        let Self { data, template, placed, .. } = self;
        Split { data: Cow::Owned(data), map, template, placed }
    }

    /// The address map of the data.
    fn map(&self) -> AddressMap {
        let mut map = AddressMap::empty(self.format);
        let mut blocks = self.placed.clone();
        // Blocks that go on are one segment.
        blocks.dedup_by(|next, last| {
            let len = offset32(next.offset - last.offset).unwrap_or(0);
            last.address.wrapping_add(len) == next.address
        });
        let ends = blocks.iter().skip(1).map(|b| b.offset).chain([self.data.len()]);
        for (block, end) in blocks.iter().zip(ends) {
            map.push(block.offset..end, block.address, None);
        }
        raw::describe(&self.data, &mut map);
        map.finish()
    }
}

pub(super) fn hex(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Made>, Stop> {
    let mut place = ihex::Place::default();
    let mut habits = text_habits(file, 1, ihex::kind::LINEAR, |line, data| {
        ihex::token(file, line, &mut place, data)
    });
    habits.kind = ihex::kind::LINEAR;
    let mut try_with = |habits| {
        let mut place = ihex::Place::default();
        let token = |whole: &[u8], line: &Line, _, data: &mut Vec<u8>| {
            ihex::token(whole, line, &mut place, data)
        };
        text::<HexWriter>(file, (Format::IntelHex, INTEL_HEX), habits, token, budget)
    };
    let made = try_with(habits)?;
    if made.as_ref().is_some_and(|made| made.template.len() <= REGULAR) {
        return Ok(made);
    }
    // Some writers do not cut records at multiples of 64 KiB.
    let crossing = try_with(Habits { crossing: true, ..habits })?;
    Ok(made.into_iter().chain(crossing).min_by_key(|made| made.template.len()))
}

pub(super) fn srec(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Made>, Stop> {
    let mut habits = text_habits(file, 2, 3, |line, data| srec::token(file, line, 0, data));
    habits.small_letter = file.iter().find(|b| b.is_ascii_alphabetic()) == Some(&b's');
    text::<SrecWriter>(file, (Format::Srec, SREC), habits, srec::token, budget)
}

pub(super) fn titxt(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Made>, Stop> {
    let mut address = 0;
    let mut habits =
        text_habits(file, 0, 0, |line, data| titxt::token(file, line, &mut address, data));
    habits.kind = titxt::layout(file);
    let mut address = 0;
    let token = |whole: &[u8], line: &Line, _, data: &mut Vec<u8>| {
        titxt::token(whole, line, &mut address, data)
    };
    text::<TiTxtWriter>(file, (Format::TiTxt, TI_TXT), habits, token, budget)
}

/// Takes a text file apart, with records that are aligned or not, whichever is shorter.
fn text<W: Writer>(
    file: &[u8],
    (format, code): (Format, u8),
    mut habits: Habits,
    mut token: impl FnMut(&[u8], &Line, u32, &mut Vec<u8>) -> Token,
    budget: &mut Budget<'_>,
) -> Result<Option<Made>, Stop> {
    habits.final_line_end = file.ends_with(habits.line_end);
    let whole = if habits.final_line_end {
        Cow::Borrowed(file)
    } else {
        let mut whole = room::with_capacity(file.len() + habits.line_end.len())?;
        whole.extend_from_slice(file);
        whole.extend_from_slice(habits.line_end);
        Cow::Owned(whole)
    };
    let maker = |aligned| Maker::<W>::new(&whole, Habits { aligned, ..habits });
    let mut makers = [Some(maker(false)?), Some(maker(true)?)];
    let mut data = Vec::with_capacity(256);
    for line in Lines::new(&whole) {
        budget.work(line.whole.len() as u64)?;
        data.clear();
        let count = makers.iter().flatten().next().map_or(0, |maker| maker.count);
        let found = token(&whole, &line, count, &mut data);
        // The maker that needs more by far is given up.
        if let [Some(plain), Some(aligned)] = &makers {
            let (one, two) = (plain.len_so_far(), aligned.len_so_far());
            if one.abs_diff(two) > 256 {
                makers[usize::from(one < two)] = None;
            }
        }
        for maker in makers.iter_mut().flatten() {
            maker.make_room(line.whole.len(), data.len())?;
            maker.token(line.whole.clone(), found.clone(), &data);
        }
    }
    let made = makers.into_iter().flatten().filter_map(|maker| maker.finish(format, code));
    Ok(made.min_by_key(|made| made.template.len()))
}

/// What is being collected.
enum Open {
    Nothing,
    /// Data, `len` bytes so far. `full`: the last record was, so that more can follow.
    Data {
        len: usize,
        full: bool,
    },
    /// A range of the file.
    Text(Range<usize>),
}

pub(super) struct Maker<'a, W> {
    file: &'a [u8],
    pub(super) writer: W,
    /// What the data that comes next is for.
    target: Target,
    habits: Habits,
    open: Open,
    /// Address records that have not been written yet: from where on, and what they are.
    pending: Vec<(Range<usize>, Control)>,
    /// One past the last data.
    end: u32,
    /// Length of the last data record.
    last_len: usize,
    /// Data records so far.
    count: u32,
    out: Vec<u8>,
    data: Vec<u8>,
    placed: Vec<Placed>,
    scratch: Vec<u8>,
}

impl<'a, W: Writer> Maker<'a, W> {
    pub(super) fn new(file: &'a [u8], habits: Habits) -> Result<Self, Stop> {
        Ok(Self {
            file,
            writer: W::new(habits),
            target: Target::default(),
            habits,
            open: Open::Nothing,
            pending: Vec::new(),
            end: 0,
            last_len: 0,
            count: 0,
            out: Vec::new(),
            data: room::with_capacity(file.len() / 2)?,
            placed: Vec::new(),
            scratch: Vec::with_capacity(1024),
        })
    }

    /// Makes room for what a token adds at most: of `len` bytes of the file, `data` of them data.
    pub(super) fn make_room(&mut self, len: usize, data: usize) -> Result<(), Stop> {
        /// Operations without their bytes.
        const OPERATIONS: usize = 64;
        room::reserve(&mut self.data, data)?;
        // What waits is written with it.
        let waiting = self.pending.iter().map(|(range, _)| range.len() + OPERATIONS).sum::<usize>();
        room::reserve(&mut self.out, len + waiting + OPERATIONS)?;
        room::reserve(&mut self.pending, 1)?;
        room::reserve(&mut self.placed, 1)
    }

    pub(super) fn token(&mut self, range: Range<usize>, token: Token, data: &[u8]) {
        match token {
            Token::Data { address, kind, target } if !data.is_empty() => {
                self.target = target;
                self.data(range, address, kind, data)
            }
            Token::Base(control) => self.pending.push((range, control)),
            Token::Control(control) => {
                self.write_pending();
                self.control(range, &control);
            }
            Token::Data { .. } | Token::Other => {
                self.write_pending();
                self.text(range);
            }
        }
    }

    fn data(&mut self, range: Range<usize>, address: u32, kind: u8, data: &[u8]) {
        let habit = self.writer.habits().kind;
        if kind != 0 && W::kind_of_data(habit, kind) != habit {
            self.set_kind(W::kind_of_data(habit, kind));
        }
        let len = data.len();
        let expected = self.writer.next_len(address);
        if (len > expected || len < expected && len == self.last_len) && len <= W::MAX_LEN {
            let old = core::mem::replace(&mut self.writer.habits().len, len);
            if self.writer.next_len(address) == len {
                self.close();
                self.out.push(op::LEN);
                push_number(&mut self.out, len as u64);
            } else {
                // A record that no length explains.
                self.writer.habits().len = old;
            }
        }
        self.last_len = len;
        if self.record(&range, address, data) {
            return;
        }
        // An address record of the other type.
        if let Some((_, Control::Record { kind, .. })) = self.pending.last() {
            let old = self.writer.habits().kind;
            let new = W::kind_of_base(old, *kind);
            self.writer.habits().kind = new;
            let found = old != new && self.matches(&range, address, data, false).is_some();
            self.writer.habits().kind = old;
            if found {
                self.set_kind(new);
                if self.record(&range, address, data) {
                    return;
                }
            }
        }
        let waiting = !self.pending.is_empty();
        self.write_pending();
        if !(waiting && self.record(&range, address, data)) {
            self.text(range);
        }
    }

    /// Adds a data record, if the writer writes it (and the address records before it) as it is
    /// in the file.
    fn record(&mut self, range: &Range<usize>, address: u32, data: &[u8]) -> bool {
        let len = data.len();
        let expected = self.writer.next_len(address);
        if len > expected {
            return false;
        }
        let (force, writer) = match self.matches(range, address, data, false) {
            Some(writer) => (false, writer),
            None if self.pending.is_empty() => return false,
            None => match self.matches(range, address, data, true) {
                Some(writer) => (true, writer),
                None => return false,
            },
        };
        self.writer = writer;
        self.pending.clear();
        let now_full = len == expected;
        match &mut self.open {
            Open::Data { len: so_far, full } if *full && !force && address == self.end => {
                *so_far += len;
                *full = now_full;
            }
            _ => {
                self.close();
                let (offset, target) = (self.data.len(), self.target);
                self.placed.push(Placed { offset, address, target });
                self.start_block(address, force);
                self.open = Open::Data { len, full: now_full };
            }
        }
        self.data.extend_from_slice(data);
        self.end = address.wrapping_add(len as u32);
        self.count = self.count.wrapping_add(1);
        true
    }

    /// Writes the beginning of a data operation; its length follows when it is closed.
    fn start_block(&mut self, address: u32, force: bool) {
        push_data(&mut self.out, i64::from(address) - i64::from(self.end), force);
    }

    /// The writer after it has written these bytes, if they are those of the file.
    fn matches(
        &mut self,
        range: &Range<usize>,
        address: u32,
        data: &[u8],
        force: bool,
    ) -> Option<W> {
        let start = self.pending.first().map_or(range.start, |(first, _)| first.start);
        let mut writer = self.writer.clone();
        self.scratch.clear();
        writer.data(address, data, force, &mut self.scratch);
        (self.file.get(start..range.end) == Some(self.scratch.as_slice())).then_some(writer)
    }

    fn set_kind(&mut self, kind: u8) {
        self.close();
        self.writer.habits().kind = kind;
        self.out.extend([op::KIND, kind]);
    }

    fn write_pending(&mut self) {
        for (range, control) in core::mem::take(&mut self.pending) {
            self.control(range, &control);
        }
    }

    fn control(&mut self, range: Range<usize>, control: &Control) {
        if matches!(control, Control::Count(count) if *count != self.count) {
            // Data that is carried as text is not counted when the file is written again.
            self.text(range);
            return;
        }
        let mut writer = self.writer.clone();
        self.scratch.clear();
        writer.control(control, &mut self.scratch);
        if self.file.get(range.clone()) != Some(self.scratch.as_slice()) {
            self.text(range);
            return;
        }
        self.close();
        self.writer = writer;
        push_control(&mut self.out, control);
    }

    /// Tells the writer what it cannot know. Nothing is written to the file.
    pub(super) fn tell(&mut self, control: &Control) {
        self.write_pending();
        self.close();
        self.scratch.clear();
        self.writer.control(control, &mut self.scratch);
        push_control(&mut self.out, control);
    }

    fn text(&mut self, range: Range<usize>) {
        match &mut self.open {
            Open::Text(text) if text.end == range.start => text.end = range.end,
            _ => {
                self.close();
                self.open = Open::Text(range);
            }
        }
    }

    /// Length of the template so far, about.
    fn len_so_far(&self) -> usize {
        let open = match &self.open {
            Open::Text(range) => range.len(),
            _ => 0,
        };
        self.out.len() + open
    }

    fn close(&mut self) {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Data { len, .. } => push_number(&mut self.out, len as u64),
            Open::Text(range) => {
                let text = self.file.get(range).unwrap_or_default();
                self.out.push(op::TEXT);
                push_number(&mut self.out, text.len() as u64);
                self.out.extend_from_slice(text);
            }
        }
    }

    pub(super) fn finish(mut self, format: Format, code: u8) -> Option<Made> {
        self.write_pending();
        self.close();
        let Habits {
            lower,
            small_letter,
            aligned,
            crossing,
            line_end,
            final_line_end,
            len,
            kind,
            block,
        } = self.habits;
        let end = LINE_ENDS.iter().position(|known| *known == line_end).unwrap_or(0) as u8;
        let is_block = block != [0; 3];
        let flags = u8::from(lower)
            | u8::from(aligned) << 1
            | end << 2
            | u8::from(!final_line_end) << 4
            | u8::from(is_block) << 5
            | u8::from(crossing) << 6
            | u8::from(small_letter) << 7;
        let mut template = vec![code, flags];
        push_number(&mut template, len as u64);
        template.push(kind);
        if is_block {
            for value in block {
                push_number(&mut template, u64::from(value));
            }
        }
        template.extend_from_slice(&self.out);
        let worth = !self.data.is_empty()
            && (template.len() <= SMALL || template.len() <= self.file.len() / 4);
        worth.then_some(Made { data: self.data, template, placed: self.placed, format })
    }
}

/// Appends the operation of a record other than data, or of what a writer is told.
fn push_control(out: &mut Vec<u8>, control: &Control) {
    match control {
        Control::End => out.push(op::END),
        Control::Count(_) => out.push(op::COUNT),
        Control::Record { kind, address, data } => {
            out.extend([op::RECORD, *kind]);
            push_number(out, u64::from(*address));
            push_number(out, data.len() as u64);
            out.extend_from_slice(data);
        }
        Control::Series(series) => {
            let fields = [series.flags, series.family, series.total, series.number];
            let is_there = fields.map(|field| u8::from(field.is_some()));
            let falling = if series.is_falling { op::FALLING } else { 0 };
            let mask = is_there.iter().rev().fold(0, |mask, bit| mask << 1 | bit) | falling;
            out.extend([op::SERIES, mask]);
            fields.into_iter().flatten().for_each(|value| push_number(out, value.into()));
        }
        Control::Tail(Tail::Md5) => out.extend([op::TAIL, op::TAIL_MD5]),
        Control::Tail(Tail::Bytes(bytes)) => {
            out.extend([op::TAIL, op::TAIL_BYTES]);
            push_number(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
}
