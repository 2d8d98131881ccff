//! Writing UF2 files.

use std::rc::Rc;

use md5::{Digest as _, Md5};

use super::uf2::{
    Block, BLOCK, FLAG_FILE, FLAG_MD5, FLAG_NOT_FLASH, MAGIC, MAGIC_END, MAX_PAYLOAD, MD5_PART,
};
use crate::host::image::template::{Control, Habits, Series, Tail, Writer};

impl Tail {
    /// The tail of a block.
    pub(crate) fn of(bytes: &[u8], block: &Block, payload: &[u8]) -> Self {
        if block.flags & FLAG_MD5 != 0 {
            let mut made = Vec::new();
            Self::Md5.write(block.address, payload, bytes.len(), &mut made);
            if made == bytes {
                return Self::Md5;
            }
        }
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Self::Bytes(bytes.get(..end).unwrap_or(bytes).into())
    }

    /// Appends `len` bytes.
    fn write(&self, address: u32, payload: &[u8], len: usize, out: &mut Vec<u8>) {
        let end = out.len() + len;
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes.get(..len).unwrap_or(bytes)),
            Self::Md5 => {
                if let Some(zeros) = len.checked_sub(MD5_PART) {
                    out.resize(out.len() + zeros, 0);
                    out.extend_from_slice(&address.to_le_bytes());
                    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                    out.extend_from_slice(&Md5::digest(payload));
                }
            }
        }
        out.resize(end, 0);
    }
}

/// Writes blocks.
#[derive(Clone)]
pub(crate) struct Uf2Writer {
    habits: Habits,
    number: u32,
    is_falling: bool,
    tail: Tail,
}

impl Uf2Writer {
    /// What has to change so that this block is written; `None` if nothing has.
    pub(crate) fn series_for(&self, block: &Block) -> Option<Series> {
        let [flags, family, total] = self.habits.block;
        let change = |old: u32, new: u32| (old != new).then_some(new);
        let number = change(self.number, block.number);
        // After the number `last` the writer expects the next one, in its direction.
        let last = match self.is_falling {
            true => self.number.wrapping_add(1),
            false => self.number.wrapping_sub(1),
        };
        let is_falling = match number {
            Some(number) => number.wrapping_add(1) == last,
            None => self.is_falling,
        };
        let series = Series {
            flags: change(flags, block.flags),
            family: change(family, block.family),
            total: change(total, block.total),
            number,
            is_falling,
        };
        let nothing = Series { is_falling: self.is_falling, ..Series::default() };
        (series != nothing).then_some(series)
    }

    /// Whether the tail of this block is as it would be written.
    pub(crate) fn has_tail(&self, bytes: &[u8], block: &Block, payload: &[u8]) -> bool {
        let mut made = Vec::with_capacity(BLOCK);
        self.tail.write(block.address, payload, bytes.len(), &mut made);
        made == bytes
    }

    fn advance(&mut self) {
        self.number = match self.is_falling {
            true => self.number.wrapping_sub(1),
            false => self.number.wrapping_add(1),
        };
    }
}

impl Writer for Uf2Writer {
    const MAX_LEN: usize = MAX_PAYLOAD as usize;

    fn new(habits: Habits) -> Self {
        let habits = Habits { line_end: b"", ..habits };
        Self { habits, number: 0, is_falling: false, tail: Tail::Bytes(Rc::default()) }
    }

    fn habits(&mut self) -> &mut Habits {
        &mut self.habits
    }

    fn next_len(&self, _address: u32) -> usize {
        self.habits.len
    }

    fn data(&mut self, address: u32, data: &[u8], _force: bool, out: &mut Vec<u8>) {
        let [flags, family, total] = self.habits.block;
        for word in
            [MAGIC[0], MAGIC[1], flags, address, data.len() as u32, self.number, total, family]
        {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(data);
        // A record holds at most the payload of a block.
        let room = Self::MAX_LEN.saturating_sub(data.len());
        self.tail.write(address, data, room, out);
        out.extend_from_slice(&MAGIC_END.to_le_bytes());
        self.advance();
    }

    /// A record is a whole block, which tells what the following ones look like.
    fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        match control {
            Control::Record { data, .. } => {
                if let Some(block) = Block::parse(data, 0) {
                    self.habits.block =
                        [block.flags & !(FLAG_NOT_FLASH | FLAG_FILE), block.family, block.total];
                    self.number = block.number;
                    self.is_falling = false;
                    self.advance();
                }
                out.extend_from_slice(data);
            }
            Control::Series(series) => {
                let [flags, family, total] = &mut self.habits.block;
                *flags = series.flags.unwrap_or(*flags);
                *family = series.family.unwrap_or(*family);
                *total = series.total.unwrap_or(*total);
                self.number = series.number.unwrap_or(self.number);
                self.is_falling = series.is_falling;
            }
            Control::Tail(tail) => self.tail = tail.clone(),
            Control::End | Control::Count(_) => {}
        }
    }
}
