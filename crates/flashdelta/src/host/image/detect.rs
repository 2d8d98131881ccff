//! Which container a file is, and for which chips it is.

use super::bytes;
use super::format::Format;
use super::formats::table::handler;
use super::formats::{ihex, srec};
use super::lines::{self, Lines};
use super::select::Target;

/// Recognises the container of a file by its content. What is not recognised is [`Format::Raw`].
pub fn detect(file: &[u8]) -> Format {
    if let Some(records) = detect_records(file) {
        return records;
    }
    Format::ALL.into_iter().find(|format| (handler(*format).is)(file)).unwrap_or(Format::Raw)
}

/// What the data of a file is for, each once, in the order of the file; nothing for a format that
/// does not tell.
pub fn targets(file: &[u8]) -> Vec<Target> {
    (handler(detect(file)).targets)(file)
}

/// This many bytes are searched for a record.
const PROBE: usize = 4096;

/// The three formats of lines of records show in the first line that is not blank: `:` and hex
/// digits, `S` and a digit, `@` and hex digits; or in the first record that is right, if comments
/// are before it.
fn detect_records(file: &[u8]) -> Option<Format> {
    if lines::is_utf16(file) {
        // Recognised, so that it can be refused for what it is.
        let start = file.get(2..PROBE).or_else(|| file.get(2..)).unwrap_or_default();
        let ascii: Vec<u8> = start.iter().copied().filter(|byte| *byte != 0).collect();
        return first_line(&ascii).or_else(|| first_record(&ascii));
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    first_line(file).or_else(|| first_record(file.get(..PROBE).unwrap_or(file)))
}

/// The first line of a text that is a whole record, with the right checksum.
fn first_record(text: &[u8]) -> Option<Format> {
    if text.iter().any(|b| !(b.is_ascii_graphic() || b.is_ascii_whitespace() || *b >= 0x80)) {
        return None;
    }
    let mut data = Vec::new();
    Lines::new(text).find_map(|line| {
        data.clear();
        let record = text.get(lines::trim(text, line.text))?;
        match record.first()? {
            b':' => ihex::read(record, &mut data, false).ok().map(|_| Format::IntelHex),
            b'S' | b's' => srec::read(record, &mut data, false).ok().map(|_| Format::Srec),
            _ => None,
        }
    })
}

fn first_line(file: &[u8]) -> Option<Format> {
    let start = file.iter().position(|b| !b.is_ascii_whitespace())?;
    let digits = |from: usize, count: usize| {
        bytes::slice(file, start + from, count)
            .is_some_and(|run| run.iter().all(u8::is_ascii_hexdigit))
    };
    match file.get(start)? {
        b':' if digits(1, 10) => Some(Format::IntelHex),
        b'S' | b's' if digits(1, 5) && file.get(start + 1).is_some_and(u8::is_ascii_digit) => {
            Some(Format::Srec)
        }
        // GNU objcopy's "symbolsrec": the table of symbols may be long.
        b'$' if file.get(start + 1) == Some(&b'$') => first_record(file),
        b'@' => {
            // Verilog's vmem files have data after the address.
            let mut lines = Lines::new(file.get(start..)?)
                .map(|line| file.get(start + line.text.start..start + line.text.end));
            let mut address = lines.next()??.trim_ascii_end().get(1..)?.iter();
            let is_address = digits(1, 4) && address.clone().all(u8::is_ascii_hexdigit);
            // A damaged address, but lines of bytes.
            let is_damaged = address.all(u8::is_ascii_alphanumeric)
                && lines.next().flatten().is_some_and(is_bytes);
            (is_address || is_damaged).then_some(Format::TiTxt)
        }
        // Lines of bytes and a `q`: the address is missing.
        byte if byte.is_ascii_hexdigit() => {
            let is_bytes =
                is_bytes(file.get(start..)?.split(|byte| matches!(byte, b'\r' | b'\n')).next()?);
            let text = file.trim_ascii_end();
            (is_bytes && (text.ends_with(b"\nq") || text.ends_with(b"\rq")))
                .then_some(Format::TiTxt)
        }
        _ => None,
    }
}

/// Whether it is a line of TI-TXT: two digits and a blank, at least four times.
fn is_bytes(line: &[u8]) -> bool {
    let mut bytes = line.trim_ascii_end().chunks(3);
    let is_byte = |byte: &[u8]| match byte {
        [high, low, rest @ ..] => {
            high.is_ascii_hexdigit() && low.is_ascii_hexdigit() && matches!(rest, [] | [b' '])
        }
        _ => false,
    };
    line.len() >= 11 && bytes.all(is_byte)
}
