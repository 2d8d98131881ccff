//! TI-TXT: `@address` lines, lines of two-digit bytes, and `q` at the end.
//!
//! Source: Texas Instruments SLAU101 / SLAU131 "MSP430 Assembly Language Tools", "TI-TXT Hex
//! Format".

use super::handler::{Handler, Reading};
use crate::host::budget::{unwatched, Budget};
use crate::host::image::lines::{self, Line, Lines};
use crate::host::image::memory::{AfterEnd, Collector, Image, ReadOptions};
use crate::host::image::record_lines::record_text;
use crate::host::image::template::{Control, Habits, Token, Writer};
use crate::host::image::{Format, ImageError, Target};

/// What is done with files of this format.
pub(crate) static HANDLER: Handler =
    Handler { reading: Reading::Own(parse_within), ..Handler::PLAIN };

/// Reads a file.
///
/// Where tools disagree, these are accepted: lines of more or fewer than 16 bytes, odd addresses,
/// blanks at the ends of lines, blank lines, `Q` for `q`.
///
/// # Errors
/// Bad digits, data before the first address or after `q`, addresses beyond 32 bits, and overlaps,
/// each with line and column; no `q`, since there is no checksum that would tell of a file that was
/// cut off.
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    unwatched(|budget| parse_within(file, options, budget))
}

pub(crate) fn parse_within(
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    lines::check_encoding(file)?;
    Collector::collect(file.len() / 3 + 1, |collector| parse_into(collector, file, options, budget))
}

fn parse_into(
    mut collector: Collector,
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    let (mut address, mut ended, mut last) = (None::<u64>, false, 0);
    for line in Lines::new(file) {
        budget.work(line.whole.len() as u64)?;
        last = line.number;
        let lenient = ReadOptions { strict: false, ..options.clone() };
        let Some(range) = record_text(file, &line, &lenient)? else { continue };
        if ended && options.after_end == AfterEnd::Ignore {
            break;
        }
        let text = file.get(range.clone()).unwrap_or_default();
        let column = range.start - line.text.start;
        match text.first() {
            Some(b'@') => {
                address = Some(
                    parse_address(text).ok_or_else(|| bad_digit(text, 1, line.number, column))?,
                )
            }
            Some(b'q' | b'Q') if text.len() == 1 => ended = true,
            _ => {
                let start = collector.data.len();
                if decode(text, &mut collector.data).is_none() {
                    if options.skip_garbage && !options.strict {
                        continue;
                    }
                    return Err(bad_digit(text, 0, line.number, column));
                }
                if ended && options.after_end == AfterEnd::Refuse {
                    return Err(ImageError::DataAfterEnd { line: line.number, column: column + 1 });
                }
                let Some(at) = address else {
                    return Err(ImageError::BadRecord {
                        line: line.number,
                        column: column + 1,
                        problem: "data before the first address",
                    });
                };
                collector.place(start, at, (line.number, column + 1))?;
                address = Some(at + (collector.data.len() - start) as u64);
            }
        }
    }
    if last == 0 {
        return Err(ImageError::Empty);
    }
    if !ended {
        return Err(ImageError::MissingEnd { format: Format::TiTxt, line: last });
    }
    let segments = collector.finish(options.overlap)?;
    Ok(Image { format: Format::TiTxt, segments, entry: None, header: None })
}

fn bad_digit(text: &[u8], from: usize, line: usize, before: usize) -> ImageError {
    let mut in_byte = 0;
    for (at, byte) in text.iter().enumerate().skip(from) {
        let is_digit = byte.is_ascii_hexdigit();
        in_byte = if is_digit { in_byte + 1 } else { 0 };
        let is_blank = byte.is_ascii_whitespace() && from == 0;
        if !is_digit && !is_blank || from == 0 && in_byte > 2 {
            return ImageError::BadDigit { line, column: before + at + 1, found: Some(*byte) };
        }
    }
    ImageError::BadDigit { line, column: before + text.len() + 1, found: None }
}

/// An address line: at most 8 digits.
fn parse_address(text: &[u8]) -> Option<u64> {
    let digits = text.get(1..).filter(|digits| (1..=8).contains(&digits.len()))?;
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = lines::VALUES[usize::from(*digit)];
        (digit != lines::NOT_HEX).then(|| (value << 4) | u64::from(digit))
    })
}

/// Bytes with blanks in between. Nothing is appended if something else is among them.
fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let done =
        text.split(u8::is_ascii_whitespace).filter(|byte| !byte.is_empty()).try_for_each(|byte| {
            out.push(lines::byte_at(byte, 0).filter(|_| byte.len() == 2)?);
            Some(())
        });
    if done.is_none() {
        out.truncate(start);
    }
    done
}

/// How a file is laid out: bit 0: a blank at the end of each line; from bit 1: digits of an
/// address.
pub(crate) fn layout(file: &[u8]) -> u8 {
    let mut layout = 4 << 1;
    for line in Lines::new(file).take(2) {
        let text = file.get(line.text).unwrap_or_default();
        match text.first() {
            Some(b'@') => layout = (layout & 1) | ((text.len() - 1).min(8) as u8) << 1,
            _ => layout = layout & !1 | u8::from(text.ends_with(b" ")),
        }
    }
    layout
}

/// Writes lines.
#[derive(Clone)]
pub(crate) struct TiTxtWriter {
    habits: Habits,
    /// Where the next line goes without an address.
    next: Option<u32>,
}

impl Writer for TiTxtWriter {
    const MAX_LEN: usize = 255;

    fn new(habits: Habits) -> Self {
        Self { habits, next: None }
    }

    fn habits(&mut self) -> &mut Habits {
        &mut self.habits
    }

    fn next_len(&self, address: u32) -> usize {
        self.habits.len_at(address)
    }

    fn data(&mut self, address: u32, data: &[u8], force: bool, out: &mut Vec<u8>) {
        let digits = self.habits.digits();
        if force || self.next != Some(address) {
            out.push(b'@');
            let width = usize::from(self.habits.kind >> 1).clamp(1, 8);
            let needed = (35 - address.leading_zeros() as usize) / 4;
            for n in (0..width.max(needed)).rev() {
                out.push(digits[(address >> (4 * n) & 15) as usize]);
            }
            out.extend_from_slice(self.habits.line_end);
        }
        for (n, byte) in data.iter().enumerate() {
            if n != 0 {
                out.push(b' ');
            }
            lines::push_hex(out, *byte, digits);
        }
        if self.habits.kind & 1 != 0 {
            out.push(b' ');
        }
        out.extend_from_slice(self.habits.line_end);
        self.next = Some(address.wrapping_add(data.len() as u32));
    }

    fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        if *control == Control::End {
            out.push(b'q');
            out.extend_from_slice(self.habits.line_end);
        }
    }
}

/// Cuts a file into tokens; data is appended to `data`. `address` is the state between lines, 0 at
/// first.
pub(crate) fn token(file: &[u8], line: &Line, address: &mut u32, data: &mut Vec<u8>) -> Token {
    let text = file.get(line.text.clone()).unwrap_or_default();
    match text.first() {
        Some(b'@') => match parse_address(text).and_then(|value| u32::try_from(value).ok()) {
            Some(value) => {
                *address = value;
                Token::Base(Control::Record { kind: 0, address: value, data: Vec::new() })
            }
            None => Token::Other,
        },
        Some(b'q') if text.len() == 1 => Token::Control(Control::End),
        _ => {
            let start = data.len();
            if decode(text, data).is_none() {
                return Token::Other;
            }
            let here = *address;
            *address = here.wrapping_add((data.len() - start) as u32);
            Token::Data { address: here, kind: 0, target: Target::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file that is recognised as TI-TXT.
    fn error(text: &str) -> String {
        assert_eq!(crate::host::image::detect(text.as_bytes()), Format::TiTxt, "{text}");
        Image::parse(text.as_bytes(), &ReadOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn damaged_files_are_recognised_and_refused_with_their_place() {
        assert!(error("@01GE\n21 46 01 36\nq\n")
            .starts_with("line 1, column 4: expected a hexadecimal digit, found 'G'"));
        assert!(error("21 46 01 36\nq\n")
            .starts_with("line 1, column 1: data before the first address"));
        assert!(
            error("@0100\n21 46 01 36\n").starts_with("line 2: the file ends without the line `q`")
        );
        assert!(error("@0100\n21 46\nq\n01 36\n")
            .starts_with("line 4, column 1: data after the end record"));
        // Lines of any length lose nothing.
        let text = b"@0100\n21 46 01\n36 00 7E FE 09 D2 19 01 21 46 01 7E 17 C2 00 01 FF\nq\n";
        assert_eq!(parse(text, &ReadOptions::default()).unwrap().len(), 20);
    }

    #[test]
    fn other_texts_are_not_recognised() {
        for text in [
            "@startuml\nA -> B\n",
            "@media\n21 46 01 36 xx\n",
            "21 46 01 36\n",
            "12 is a number\nq",
        ] {
            assert_eq!(crate::host::image::detect(text.as_bytes()), Format::Raw, "{text}");
        }
    }
}
