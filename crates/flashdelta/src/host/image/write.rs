//! Images written out: plain binary, Intel HEX, S-records, TI-TXT and UF2.

use core::fmt;

use super::formats::uf2_writer::Uf2Writer;
use super::ihex::{self, HexWriter};
use super::srec::SrecWriter;
use super::template::{Control, Habits, Writer};
use super::titxt::TiTxtWriter;
use super::uf2::FLAG_FAMILY;
use super::write_options::WriteOptions;
use super::{Format, Image, ImageError, Segment};
use crate::device::error::codes;
use crate::host::room;

impl Image {
    /// Writes the image as a file.
    ///
    /// # Errors
    /// As for [`write_with`](Self::write_with).
    pub fn write(&self, format: Format, options: &WriteOptions) -> Result<Vec<u8>, ImageError> {
        let mut file = Vec::new();
        let written = self.write_with(format, options, |piece| room::extend(&mut file, piece));
        match written {
            Ok(()) => Ok(file),
            Err(WriteError::Image(error)) => Err(error),
            Err(WriteError::Sink(stop)) => Err(stop.into()),
        }
    }

    /// Writes the image as a file, which `sink` gets in pieces. A text is up to three times as
    /// large as the image: in pieces it never has to be in memory as a whole.
    ///
    /// # Errors
    /// Whatever `sink` returns; and before it gets the first piece: [`ImageError::TooLarge`] for a
    /// plain binary beyond the limit; [`ImageError::Unwritable`] for a format that cannot be
    /// written, a record length that it does not have, or an address that does not fit;
    /// [`ImageError::Empty`] if nothing is left in the range.
    pub fn write_with<E>(
        &self,
        format: Format,
        options: &WriteOptions,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), WriteError<E>> {
        let segments = self.cut(options.range);
        // An image without data can be written where there are other records; a range that leaves
        // nothing is a mistake, also where it would be filled.
        let can_be_empty = self.segments.is_empty()
            && matches!(format, Format::Raw | Format::IntelHex | Format::Srec);
        if segments.is_empty() && !can_be_empty {
            return Err(ImageError::Empty.into());
        }
        let out = &mut Pieces { waiting: Vec::new(), sink: &mut sink };
        match format {
            Format::Raw => binary(&segments, options, out)?,
            Format::IntelHex => self.hex(&segments, options, out)?,
            Format::Srec => self.srec(&segments, options, out)?,
            Format::TiTxt => ti_txt(&segments, options, out)?,
            Format::Uf2 => uf2_file(&segments, options, out)?,
            _ => {
                let problem =
                    "only plain binary, Intel HEX, S-records, TI-TXT and UF2 can be written";
                return Err(ImageError::Unwritable { format, problem }.into());
            }
        }
        out.pass_on(1)
    }

    /// The parts of the segments inside a range.
    fn cut(&self, range: Option<(u32, u64)>) -> Vec<(u32, &[u8])> {
        let (from, to) = range.map_or((0, 1 << 32), |(from, to)| (u64::from(from), to));
        let part = |segment: &'_ Segment| {
            let start = u64::from(segment.address).max(from);
            let end = segment.end().min(to);
            let at = |address: u64| {
                usize::try_from(address.checked_sub(u64::from(segment.address))?).ok()
            };
            Some((u32::try_from(start).ok()?, at(start)?..at(end)?))
                .filter(|(_, range)| !range.is_empty())
        };
        self.segments
            .iter()
            .filter_map(|segment| {
                part(segment).and_then(|(address, range)| Some((address, segment.data.get(range)?)))
            })
            .collect()
    }

    fn hex<E>(
        &self,
        segments: &[(u32, &[u8])],
        options: &WriteOptions,
        out: &mut Pieces<'_, E>,
    ) -> Result<(), WriteError<E>> {
        let mut writer = start::<HexWriter>(Format::IntelHex, options, 16, ihex::kind::LINEAR)?;
        records(&mut writer, segments, out)?;
        if let Some(entry) = self.entry {
            let data = entry.to_be_bytes().to_vec();
            let start = Control::Record { kind: ihex::kind::START_LINEAR, address: 0, data };
            writer.control(&start, &mut out.waiting);
        }
        writer.control(&Control::End, &mut out.waiting);
        Ok(())
    }

    fn srec<E>(
        &self,
        segments: &[(u32, &[u8])],
        options: &WriteOptions,
        out: &mut Pieces<'_, E>,
    ) -> Result<(), WriteError<E>> {
        let unwritable =
            |problem| Err(ImageError::Unwritable { format: Format::Srec, problem }.into());
        let last = segments
            .iter()
            .map(|(address, data)| u64::from(*address) + data.len() as u64 - 1)
            .max()
            .unwrap_or(0);
        let last = last.max(u64::from(self.entry.unwrap_or(0)));
        let needed = if last < 1 << 16 {
            2
        } else if last < 1 << 24 {
            3
        } else {
            4
        };
        let address_len = options.address_len.unwrap_or(needed);
        if !(2..=4).contains(&address_len) {
            return unwritable("addresses have 2, 3 or 4 bytes");
        }
        if address_len < needed {
            return unwritable("the addresses need more bytes than the option allows");
        }
        if options.record_len.is_some_and(|len| len > 254 - usize::from(address_len)) {
            return unwritable(
                "a record holds at most 252, 251 or 250 bytes (with addresses of 2, 3 or 4 bytes)",
            );
        }
        let kind = address_len - 1;
        let mut writer = start::<SrecWriter>(Format::Srec, options, 16, kind)?;
        let header = self.header.as_deref().unwrap_or_default();
        writer.record(0, 0, header.get(..252).unwrap_or(header), &mut out.waiting);
        records(&mut writer, segments, out)?;
        writer.record(10 - kind, self.entry.unwrap_or(0), &[], &mut out.waiting);
        Ok(())
    }
}

/// Why an image was not written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// It cannot be written in this format with these options. Nothing was written.
    Image(ImageError),
    /// What gets the bytes failed.
    Sink(E),
}

impl<E> From<ImageError> for WriteError<E> {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

codes! {
    impl[E] WriteError<E> {
        Self::Sink(_) => "write", Io, CheckFile;
    } else {
        Self::Image(error) => error;
    }
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Image(error) => Some(error),
            Self::Sink(error) => Some(error),
        }
    }
}

/// The written file on its way: what is gathered goes on in pieces that fit a processor's cache.
struct Pieces<'a, E> {
    waiting: Vec<u8>,
    sink: &'a mut dyn FnMut(&[u8]) -> Result<(), E>,
}

impl<E> Pieces<'_, E> {
    const SIZE: usize = 256 << 10;

    /// Passes on what waits, if it is at least so much.
    fn pass_on(&mut self, least: usize) -> Result<(), WriteError<E>> {
        if self.waiting.len() >= least {
            (self.sink)(&self.waiting).map_err(WriteError::Sink)?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn fill(&mut self, fill: u8, mut len: u64) -> Result<(), WriteError<E>> {
        while len > 0 {
            let part = len.min(Self::SIZE as u64);
            self.waiting.resize(self.waiting.len() + part as usize, fill);
            self.pass_on(Self::SIZE)?;
            len -= part;
        }
        Ok(())
    }
}

fn binary<E>(
    segments: &[(u32, &[u8])],
    options: &WriteOptions,
    out: &mut Pieces<'_, E>,
) -> Result<(), WriteError<E>> {
    let first = segments.first().map_or(0, |(address, _)| u64::from(*address));
    let last =
        segments.last().map_or(first, |(address, data)| u64::from(*address) + data.len() as u64);
    let (from, to) = options
        .range
        .map_or((first, last), |(from, to)| (u64::from(from), to.max(u64::from(from))));
    let needed = to - from;
    if needed > options.limit || usize::try_from(needed).is_err() {
        return Err(ImageError::TooLarge { needed, limit: options.limit }.into());
    }
    let mut at = from;
    for (address, data) in segments {
        out.fill(options.fill, u64::from(*address).saturating_sub(at))?;
        out.pass_on(1)?;
        (out.sink)(data).map_err(WriteError::Sink)?;
        at = u64::from(*address) + data.len() as u64;
    }
    out.fill(options.fill, to.saturating_sub(at))
}

fn ti_txt<E>(
    segments: &[(u32, &[u8])],
    options: &WriteOptions,
    out: &mut Pieces<'_, E>,
) -> Result<(), WriteError<E>> {
    let mut writer = start::<TiTxtWriter>(Format::TiTxt, options, 16, 4 << 1)?;
    records(&mut writer, segments, out)?;
    writer.control(&Control::End, &mut out.waiting);
    Ok(())
}

/// Blocks of 256 bytes at multiples of 256, gaps inside them filled.
fn uf2_file<E>(
    segments: &[(u32, &[u8])],
    options: &WriteOptions,
    out: &mut Pieces<'_, E>,
) -> Result<(), WriteError<E>> {
    const PAYLOAD: usize = 256;
    let mut blocks: Vec<(u32, [u8; PAYLOAD])> = Vec::new();
    for (address, data) in segments {
        let mut at = *address;
        let mut rest = *data;
        while !rest.is_empty() {
            let (base, into) = (at & !0xff, (at & 0xff) as usize);
            let (part, after) = rest.split_at(rest.len().min(PAYLOAD - into));
            if blocks.last().is_none_or(|(last, _)| *last != base) {
                blocks.push((base, [options.fill; PAYLOAD]));
            }
            if let Some(place) =
                blocks.last_mut().and_then(|(_, block)| block.get_mut(into..into + part.len()))
            {
                place.copy_from_slice(part);
            }
            at = at.wrapping_add(part.len() as u32);
            rest = after;
        }
    }
    let Ok(total) = u32::try_from(blocks.len()) else {
        return Err(
            ImageError::Unwritable { format: Format::Uf2, problem: "too many blocks" }.into()
        );
    };
    let mut habits = Habits::new(PAYLOAD, 0);
    habits.block = [
        if options.family.is_some() { FLAG_FAMILY } else { 0 },
        options.family.unwrap_or(0),
        total,
    ];
    let mut writer = Uf2Writer::new(habits);
    for (address, block) in &blocks {
        writer.data(*address, block, false, &mut out.waiting);
        out.pass_on(Pieces::<E>::SIZE)?;
    }
    Ok(())
}

/// A writer of a text format.
fn start<W: Writer>(
    format: Format,
    options: &WriteOptions,
    default_len: usize,
    kind: u8,
) -> Result<W, ImageError> {
    let len = options.record_len.unwrap_or(default_len);
    if len == 0 || len > W::MAX_LEN {
        return Err(ImageError::Unwritable {
            format,
            problem: "a record cannot hold this many bytes",
        });
    }
    let mut habits = Habits::new(len, kind);
    habits.lower = options.lower_case;
    habits.line_end = if options.crlf { b"\r\n" } else { b"\n" };
    Ok(W::new(habits))
}

fn records<W: Writer, E>(
    writer: &mut W,
    segments: &[(u32, &[u8])],
    out: &mut Pieces<'_, E>,
) -> Result<(), WriteError<E>> {
    for (address, data) in segments {
        let (mut at, mut rest) = (*address, *data);
        while !rest.is_empty() {
            let (record, after) = rest.split_at(writer.next_len(at).clamp(1, rest.len()));
            writer.data(at, record, false, &mut out.waiting);
            out.pass_on(Pieces::<E>::SIZE)?;
            at = at.wrapping_add(record.len() as u32);
            rest = after;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::ReadOptions;
    use super::*;

    fn image() -> Image {
        let data: Vec<u8> = (0..1000u32).map(|n| (n * 7) as u8).collect();
        Image {
            format: Format::Raw,
            segments: vec![
                Segment { address: 0x0800_fff0, data: data.clone() },
                Segment { address: 0x0801_1000, data: data[..300].to_vec() },
            ],
            entry: Some(0x0801_0001),
            header: Some(b"demo".to_vec()),
        }
    }

    #[test]
    fn every_text_format_reads_back_what_it_wrote() {
        let image = image();
        for format in [Format::IntelHex, Format::Srec, Format::TiTxt] {
            for (len, crlf, lower) in [
                (None, false, false),
                (Some(1), true, true),
                (Some(32), true, false),
                (Some(250), false, true),
            ] {
                let options = WriteOptions {
                    record_len: len,
                    crlf,
                    lower_case: lower,
                    ..WriteOptions::default()
                };
                let file = image.write(format, &options).unwrap();
                assert_eq!(super::super::detect(&file), format);
                let again = Image::parse(&file, &ReadOptions::new().strict(true)).unwrap();
                assert_eq!(again.segments, image.segments, "{format} {len:?}");
                assert_eq!(again.entry, if format == Format::TiTxt { None } else { image.entry });
            }
        }
    }

    #[test]
    fn what_is_taken_over_is_read_the_same() {
        let binary = image().write(Format::Raw, &WriteOptions::default()).unwrap();
        let hex = image().write(Format::IntelHex, &WriteOptions::default()).unwrap();
        let high = ReadOptions { base: Some(0xffff_ffff), ..ReadOptions::default() };
        let low = ReadOptions { base: Some(0x8000), ..ReadOptions::default() };
        for options in [ReadOptions::default(), low, high] {
            for file in [&binary, &hex, &Vec::new()] {
                assert_eq!(
                    Image::parse_owned(file.clone(), &options),
                    Image::parse(file, &options)
                );
            }
        }
    }

    #[test]
    fn pieces_are_the_file_and_their_failure_is_told() {
        let data: Vec<u8> = (0..300_000u32).map(|n| (n >> 3) as u8).collect();
        let image = Image {
            segments: vec![
                Segment { address: 0x100, data: data.clone() },
                Segment { address: 0x10_0000, data },
            ],
            ..image()
        };
        for format in [Format::Raw, Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2] {
            let (mut pieces, mut file) = (0, Vec::new());
            let written = image.write_with(format, &WriteOptions::default(), |piece| {
                pieces += 1;
                file.extend_from_slice(piece);
                Ok::<(), &str>(())
            });
            assert_eq!((written, pieces > 1), (Ok(()), true), "{format}");
            assert_eq!(Ok(file), image.write(format, &WriteOptions::default()));
            let failed = image.write_with(format, &WriteOptions::default(), |_| Err("full"));
            assert_eq!(failed, Err(WriteError::Sink("full")));
        }
    }

    #[test]
    fn binary_with_gaps_ranges_and_limits() {
        let image = image();
        let file = image.write(Format::Raw, &WriteOptions::default()).unwrap();
        assert_eq!(file.len(), 0x1010 + 300);
        assert_eq!(&file[1000..1002], [0xff, 0xff]);
        let options = WriteOptions {
            fill: 0,
            range: Some((0x0800_ffe8, 0x0800_fff8)),
            ..WriteOptions::default()
        };
        assert_eq!(
            image.write(Format::Raw, &options).unwrap(),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 14, 21, 28, 35, 42, 49]
        );
        let options = WriteOptions { limit: 100, ..WriteOptions::default() };
        assert_eq!(
            image.write(Format::Raw, &options),
            Err(ImageError::TooLarge { needed: 0x1010 + 300, limit: 100 })
        );
        let options = WriteOptions { range: Some((0, 16)), ..WriteOptions::default() };
        for format in [Format::IntelHex, Format::Raw] {
            assert_eq!(image.write(format, &options), Err(ImageError::Empty));
        }
    }

    #[test]
    fn uf2_fills_blocks() {
        let options = WriteOptions { family: Some(0xe48b_ff56), ..WriteOptions::default() };
        let file = image().write(Format::Uf2, &options).unwrap();
        assert_eq!(file.len() % 512, 0);
        let again = Image::parse(&file, &ReadOptions::default()).unwrap();
        assert_eq!(again.segments[0].address, 0x0800_ff00);
        assert_eq!(again.segments[0].data[..0xf0], [0xff; 0xf0]);
        assert_eq!(again.segments[0].data[0xf0..0xf0 + 1000], image().segments[0].data);
    }

    #[test]
    fn nothing_is_written_where_records_tell_so() {
        let nothing = Image { segments: Vec::new(), entry: None, ..image() };
        for format in [Format::IntelHex, Format::Srec] {
            let file = nothing.write(format, &WriteOptions::default()).unwrap();
            assert_eq!(Image::parse(&file, &ReadOptions::new().strict(true)).unwrap().segments, []);
        }
        assert_eq!(nothing.write(Format::Raw, &WriteOptions::default()), Ok(Vec::new()));
        // `q` alone would not be recognised.
        assert_eq!(nothing.write(Format::TiTxt, &WriteOptions::default()), Err(ImageError::Empty));
        assert_eq!(nothing.write(Format::Uf2, &WriteOptions::default()), Err(ImageError::Empty));
    }

    #[test]
    fn impossible_options_are_refused() {
        for (format, options) in [
            (Format::Srec, WriteOptions { address_len: Some(2), ..WriteOptions::default() }),
            (Format::Srec, WriteOptions { record_len: Some(252), ..WriteOptions::default() }),
            (Format::IntelHex, WriteOptions { record_len: Some(0), ..WriteOptions::default() }),
            (Format::IntelHex, WriteOptions { record_len: Some(256), ..WriteOptions::default() }),
            (Format::Elf, WriteOptions::default()),
        ] {
            assert!(matches!(image().write(format, &options), Err(ImageError::Unwritable { .. })));
        }
    }
}
