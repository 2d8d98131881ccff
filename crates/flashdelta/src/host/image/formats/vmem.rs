//! Verilog memory files, as `$readmemh` reads them: words in hexadecimal, `@` and a hexadecimal
//! address, comments.
//!
//! Source: IEEE 1364-2005, 17.2.9 "Loading memory data from a file". Addresses count words. Which
//! byte of a word comes first in the memory is said nowhere, so only words of one byte are read:
//! what `objcopy -O verilog` writes by default.

use super::handler::{Handler, Reading};
use crate::host::budget::{unwatched, Budget};
use crate::host::image::lines::{self, Lines};
use crate::host::image::memory::{Collector, Image, ReadOptions};
use crate::host::image::{Format, ImageError};
use crate::host::room;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is: |file| is(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file)),
    reading: Reading::Own(parse_within),
    ..Handler::PLAIN
};

/// Reads a file whose words are bytes.
///
/// # Errors
/// [`ImageError::WordWidth`] for words of more than two digits; bad digits, and overlaps.
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    unwatched(|budget| parse_within(file, options, budget))
}

pub(crate) fn parse_within(
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    lines::check_encoding(file)?;
    let mut collector = Collector::with_capacity(file.len() / 3)?;
    let (mut address, mut in_comment) = (0u64, false);
    for line in Lines::new(file) {
        budget.work(line.whole.len() as u64)?;
        // A byte may have a single digit.
        room::reserve(&mut collector.data, line.whole.len() / 2 + 1)?;
        let text = file.get(line.text.clone()).unwrap_or_default();
        let start = collector.data.len();
        let mut first = (start, address, (line.number, 1));
        for (at, word) in words(text, &mut in_comment) {
            let place = (line.number, at + 1);
            let bad = |found| ImageError::BadDigit { line: line.number, column: at + 1, found };
            if let Some(digits) = word.strip_prefix(b"@") {
                collector.place(first.0, first.1, first.2)?;
                address = number(digits).ok_or(bad(word.get(1).copied()))?;
                first = (collector.data.len(), address, place);
                continue;
            }
            if let Some(not) = word.iter().position(|byte| !byte.is_ascii_hexdigit()) {
                let (line, column) = (line.number, at + not + 1);
                return Err(ImageError::BadDigit { line, column, found: word.get(not).copied() });
            }
            if word.len() > 2 {
                let (line, digits) = (line.number, word.len());
                return Err(ImageError::WordWidth { line, column: at + 1, digits });
            }
            let byte = number(word).and_then(|value| u8::try_from(value).ok());
            collector.data.push(byte.ok_or(bad(word.first().copied()))?);
            address += 1;
        }
        collector.place(first.0, first.1, first.2)?;
    }
    let segments = collector.finish(options.overlap)?;
    if segments.is_empty() {
        return Err(ImageError::Empty);
    }
    Ok(Image { format: Format::Vmem, segments, entry: None, header: None })
}

/// Whether this begins like such a file: perhaps comments, then an address with words in its line.
pub fn is(file: &[u8]) -> bool {
    let (mut in_comment, mut any_comment) = (false, false);
    for line in Lines::new(file).take(64) {
        let text = file.get(line.text).unwrap_or_default();
        if text.iter().any(|byte| !byte.is_ascii_graphic() && !byte.is_ascii_whitespace()) {
            return false;
        }
        any_comment |= text.windows(2).any(|two| matches!(two, b"//" | b"/*"));
        let mut words = words(text, &mut in_comment).into_iter().map(|(_, word)| word);
        let Some(address) = words.next() else { continue };
        let is_address = address.strip_prefix(b"@").is_some_and(|digits| number(digits).is_some());
        let mut rest = words.peekable();
        let has_words = rest.peek().is_some() || any_comment;
        return is_address && has_words && rest.all(|word| word.iter().all(u8::is_ascii_hexdigit));
    }
    false
}

/// The words of a line outside of comments, with the columns (from 0) where they begin.
fn words<'a>(line: &'a [u8], in_comment: &mut bool) -> Vec<(usize, &'a [u8])> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let ends = |mark: &[u8]| rest.windows(2).position(|two| two == mark);
        if *in_comment {
            let Some(end) = ends(b"*/") else { break };
            *in_comment = false;
            at += end + 2;
        } else if rest.starts_with(b"//") {
            break;
        } else if rest.starts_with(b"/*") {
            *in_comment = true;
            at += 2;
        } else if rest.first().is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        } else {
            let is_end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
            let len = rest.iter().skip(1).position(is_end).map_or(rest.len(), |len| len + 1);
            words.push((at, rest.get(..len).unwrap_or(rest)));
            at += len;
        }
    }
    words
}

/// A number of 1 to 8 digits.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = core::str::from_utf8(digits).ok()?;
    let is_number = (1..=8).contains(&digits.len()) && !digits.starts_with('+');
    if is_number {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(u32, Vec<u8>)>, ImageError> {
        let image = Image::parse(text.as_bytes(), &ReadOptions::default())?;
        assert_eq!(image.format, Format::Vmem, "{text}");
        Ok(image.segments.into_iter().map(|segment| (segment.address, segment.data)).collect())
    }

    #[test]
    fn bytes_at_addresses_between_comments() {
        let text = "/* made\n by hand */\n@100 01 02\n03 4\n@0 a0 // remark\n";
        assert_eq!(read(text).unwrap(), [(0, vec![0xa0]), (0x100, vec![1, 2, 3, 4])]);
    }

    #[test]
    fn words_whose_order_nobody_tells_are_refused() {
        let error = read("@00000000 7C0802A6 9421FFF0\n").unwrap_err();
        assert_eq!(error, ImageError::WordWidth { line: 1, column: 11, digits: 8 });
        assert_eq!(
            read("@0 01\n0x 3\n").unwrap_err(),
            ImageError::BadDigit { line: 2, column: 2, found: Some(b'x') }
        );
    }
    #[test]
    fn a_base_address_beside_those_in_the_file_is_refused() {
        let error = Image::parse(b"@100 01 02\n", &ReadOptions::new().base(0x8000)).unwrap_err();
        assert_eq!(error, ImageError::AddressesStated { format: Format::Vmem });
    }
}
