//! Template and data to file.

use crate::host::budget::Budget;
use crate::host::image::bytes::slice;
use crate::host::image::template::{
    op, unzigzag, Block, Control, Habits, Series, Tail, Writer, LINE_ENDS,
};
use crate::host::image::ImageError;
use crate::host::room;

/// Writes the file.
pub(super) fn render<W: Writer>(
    data: &[u8],
    template: &[u8],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, ImageError> {
    /// What a record takes at most beside its data: a block of UF2, or a line with an address
    /// record.
    const AROUND: usize = 600;
    /// Digits and a blank for each byte.
    const DIGITS: usize = 3;
    let mut input = Reader { template, at: 1 };
    let habits = input.habits(W::MAX_LEN)?;
    let mut writer = W::new(habits);
    let mut out = room::with_capacity(limit.min(data.len().saturating_mul(DIGITS)))?;
    let (mut at, mut end, mut count) = (0usize, 0u32, 0u32);
    while input.at < template.len() {
        let start = input.at;
        let damaged = |problem| ImageError::BadTemplate { offset: start, problem };
        match input.operation()? {
            Operation::Data { distance, len, mut force } => {
                end = end.wrapping_add(distance);
                let block =
                    slice(data, at, len).ok_or_else(|| damaged("more data than there is"))?;
                at += len;
                let mut rest = block;
                while !rest.is_empty() {
                    let (record, after) = rest.split_at(writer.next_len(end).clamp(1, rest.len()));
                    room::reserve(&mut out, DIGITS * record.len() + AROUND)?;
                    budget.work(record.len() as u64)?;
                    writer.data(end, record, force, &mut out);
                    force = false;
                    count = count.wrapping_add(1);
                    end = end.wrapping_add(record.len() as u32);
                    rest = after;
                    check(out.len(), limit.saturating_add(habits.line_end.len()))?;
                }
            }
            Operation::End => writer.control(&Control::End, &mut out),
            Operation::Record { kind, address, data } => {
                writer.control(&Control::Record { kind, address, data: data.to_vec() }, &mut out);
            }
            Operation::Count => writer.control(&Control::Count(count), &mut out),
            Operation::Len(len) if len > W::MAX_LEN => {
                return Err(damaged("a record length that the format does not have"));
            }
            Operation::Len(len) => writer.habits().len = len,
            Operation::Kind(kind) => writer.habits().kind = kind,
            Operation::Text(text) => room::extend(&mut out, text)?,
            Operation::Tell(control) => writer.control(&control, &mut out),
        }
        check(out.len(), limit.saturating_add(habits.line_end.len()))?;
    }
    if at != data.len() {
        return Err(ImageError::BadTemplate {
            offset: template.len(),
            problem: "data is left over",
        });
    }
    if !habits.final_line_end {
        out.truncate(out.len().saturating_sub(habits.line_end.len()));
    }
    check(out.len(), limit)?;
    Ok(out)
}

/// Where the data is, in the order of the file; blocks that go on where the one before ends are
/// one.
pub(super) fn blocks(template: &[u8]) -> Result<Vec<Block>, ImageError> {
    let mut input = Reader { template, at: 1 };
    input.habits(usize::MAX)?;
    let (mut blocks, mut end) = (Vec::<Block>::new(), 0u32);
    while input.at < template.len() {
        let Operation::Data { distance, len, .. } = input.operation()? else { continue };
        let address = end.wrapping_add(distance);
        let Ok(short) = u32::try_from(len) else {
            return Err(input.damaged("a block that is too long"));
        };
        end = address.wrapping_add(short);
        match blocks.last_mut() {
            Some(last) if distance == 0 && end >= last.address => {
                last.len = last.len.saturating_add(len)
            }
            _ => room::push(&mut blocks, Block { address, len })?,
        }
    }
    Ok(blocks)
}

/// The fields of a template around a packed image: text before, zlib's header, recipe, text after.
pub(super) fn packed(template: &[u8]) -> Result<[&[u8]; 4], ImageError> {
    let mut input = Reader { template, at: 1 };
    let len = input.size()?;
    let (before, header) = (input.bytes(len)?, input.bytes(2)?);
    let len = input.size()?;
    let recipe = input.bytes(len)?;
    Ok([before, header, recipe, template.get(input.at..).unwrap_or_default()])
}

/// See [`super::data_operations`].
pub(super) fn data_operations(template: &[u8]) -> Vec<(core::ops::Range<usize>, u32, u32)> {
    let mut input = Reader { template, at: 1 };
    let mut found = Vec::new();
    if input.habits(usize::MAX).is_err() {
        return found;
    }
    loop {
        let start = input.at;
        match input.operation() {
            Ok(Operation::Data { distance, len, force: false }) if distance < 1 << 31 => {
                let Some(len) = u32::try_from(len).ok().filter(|len| *len != 0) else { continue };
                found.push((start..input.at, distance, len));
            }
            Ok(_) => {}
            Err(_) => return found,
        }
    }
}

fn check(len: usize, limit: usize) -> Result<(), ImageError> {
    if len > limit {
        return Err(ImageError::TooLarge { needed: len as u64, limit: limit as u64 });
    }
    Ok(())
}

/// One operation of a template.
enum Operation<'a> {
    /// Data, `distance` past the end of the data before it (wrapping).
    Data {
        distance: u32,
        len: usize,
        force: bool,
    },
    End,
    Record {
        kind: u8,
        address: u32,
        data: &'a [u8],
    },
    Count,
    /// Never 0.
    Len(usize),
    Kind(u8),
    Text(&'a [u8]),
    /// What the writer writes from here on; nothing by itself.
    Tell(Control),
}

struct Reader<'a> {
    template: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn habits(&mut self, max_len: usize) -> Result<Habits, ImageError> {
        let flags = self.byte()?;
        let len = self.size()?;
        if len == 0 || len > max_len {
            return Err(self.damaged("a record length that the format does not have"));
        }
        let mut habits = Habits::new(len, self.byte()?);
        habits.lower = flags & 1 != 0;
        habits.aligned = flags & 2 != 0;
        habits.crossing = flags & 64 != 0;
        habits.small_letter = flags & 128 != 0;
        habits.line_end = LINE_ENDS[usize::from(flags >> 2 & 3)];
        habits.final_line_end = flags & 16 == 0;
        if flags & 32 != 0 {
            for value in &mut habits.block {
                *value = u32::try_from(self.number()?)
                    .map_err(|_| self.damaged("a number beyond 32 bits"))?;
            }
        }
        Ok(habits)
    }

    fn operation(&mut self) -> Result<Operation<'a>, ImageError> {
        let start = self.at;
        let damaged = |problem| ImageError::BadTemplate { offset: start, problem };
        Ok(match self.byte()? {
            code @ 0..=3 => {
                let distance = if code & op::DATA_AT != 0 { unzigzag(self.number()?) } else { 0 };
                let force = code & op::FORCE != 0;
                Operation::Data {
                    distance: (distance & 0xffff_ffff) as u32,
                    len: self.size()?,
                    force,
                }
            }
            op::END => Operation::End,
            op::RECORD => {
                let (kind, address, len) = (self.byte()?, self.number()?, self.size()?);
                let data = self.bytes(len)?;
                let address =
                    u32::try_from(address).map_err(|_| damaged("an address beyond 32 bits"))?;
                if len > 512 {
                    return Err(damaged("a record that is too long"));
                }
                Operation::Record { kind, address, data }
            }
            op::COUNT => Operation::Count,
            op::LEN => match self.size()? {
                0 => return Err(damaged("a record length of 0")),
                len => Operation::Len(len),
            },
            op::KIND => Operation::Kind(self.byte()?),
            op::TEXT => {
                let len = self.size()?;
                Operation::Text(self.bytes(len)?)
            }
            op::SERIES => Operation::Tell(Control::Series(self.series()?)),
            op::TAIL => match self.byte()? {
                op::TAIL_BYTES => {
                    let len = self.size()?;
                    Operation::Tell(Control::Tail(Tail::Bytes(self.bytes(len)?.into())))
                }
                op::TAIL_MD5 => Operation::Tell(Control::Tail(Tail::Md5)),
                _ => return Err(damaged("an unknown kind of tail (made by a newer version?)")),
            },
            _ => return Err(damaged("an unknown operation (made by a newer version?)")),
        })
    }

    fn series(&mut self) -> Result<Series, ImageError> {
        let mask = self.byte()?;
        if mask & !(op::FALLING * 2 - 1) != 0 {
            return Err(self.damaged("an unknown field of a series (made by a newer version?)"));
        }
        let mut fields = [None; 4];
        for (bit, field) in fields.iter_mut().enumerate() {
            if mask >> bit & 1 != 0 {
                let value = u32::try_from(self.number()?)
                    .map_err(|_| self.damaged("a number beyond 32 bits"))?;
                *field = Some(value);
            }
        }
        let [flags, family, total, number] = fields;
        Ok(Series { flags, family, total, number, is_falling: mask & op::FALLING != 0 })
    }

    fn byte(&mut self) -> Result<u8, ImageError> {
        let byte = self.template.get(self.at).copied().ok_or_else(|| self.damaged("cut off"))?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64, ImageError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number that is too long"))
    }

    fn size(&mut self) -> Result<usize, ImageError> {
        let value = self.number()?;
        usize::try_from(value).map_err(|_| self.damaged("a number that is too large"))
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], ImageError> {
        let bytes = slice(self.template, self.at, len).ok_or_else(|| self.damaged("cut off"))?;
        self.at += len;
        Ok(bytes)
    }

    fn damaged(&self, problem: &'static str) -> ImageError {
        ImageError::BadTemplate { offset: self.at, problem }
    }
}
