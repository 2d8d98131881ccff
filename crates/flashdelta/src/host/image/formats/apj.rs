//! Firmware of ArduPilot and PX4 (`.apj`, `.px4`): JSON in which the image is, compressed by
//! zlib, in base64.
//!
//! Source: `uploader.py` and `px_mkfw.py` of PX4, `chibios.py` of ArduPilot; RFC 1950 (zlib), RFC
//! 4648 (base64). Both say `"magic"` and `"image"`; all else is for people and for boot loaders.

use core::ops::Range;

use base64ct::{Base64, Base64Unpadded, Encoding as _};

use super::super::bytes::{array, text, u16_be};
use super::handler::{Handler, Reading};
use super::payload::payload;
use crate::host::budget::{unwatched, Budget, Halt, Stop};
use crate::host::deflate::{analyse, inflate, recreate, DeflateError};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::memory::{Image, ReadOptions, Segment};
use crate::host::image::template::{push_number, APJ};
use crate::host::image::{AddressMap, Format, ImageError, Split};
use crate::host::json::Json;
use crate::host::room;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    check,
    details: |file, tell| {
        const SHOWN: [(&str, &str); 6] = [
            ("board_id", "board"),
            ("summary", "summary"),
            ("description", "description"),
            ("version", "version"),
            ("git_identity", "git"),
            ("git_hash", "git"),
        ];
        let told = details(file);
        for (key, name) in SHOWN {
            if let Some((_, value)) = told.iter().find(|(found, _)| found == key) {
                tell(name, text(value.as_bytes()));
            }
        }
    },
    reading: Reading::Own(parse_within),
    ..Handler::PLAIN
};

/// What `"magic"` says.
const MAGIC: [&[u8]; 2] = [b"APJFWv1", b"PX4FWv1"];
/// The image may become this long, in bytes: no flash of these boards comes near.
const MOST: usize = 1 << 27;
/// CMF and FLG of zlib before the data, Adler-32 after it.
const HEADER: usize = 2;
const TRAILER: usize = 4;

/// Whether it is such a file.
pub fn is(file: &[u8]) -> bool {
    image_text(file).is_some()
}

/// Where the base64 of the image is.
fn image_text(file: &[u8]) -> Option<Range<usize>> {
    if file.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let (mut is_ours, mut image) = (false, None);
    let mut strings = Strings { file, at: 0, depth: 0 };
    // A string that is followed by a colon is a key.
    while let Some((depth, text)) = strings.next() {
        let is_key = file.get(text.end + 1..)?.trim_ascii_start().first() == Some(&b':');
        let key = file.get(text)?;
        if depth != 1 || !is_key || !matches!(key, b"magic" | b"image") {
            continue;
        }
        let value = strings.value()?;
        match key {
            b"magic" => is_ours = MAGIC.contains(&file.get(value)?),
            // Twice: it is not clear which one counts.
            _ if image.is_some() => return None,
            _ => image = Some(value),
        }
    }
    image.filter(|image| is_ours && !image.is_empty())
}

/// The strings of a JSON text.
struct Strings<'a> {
    file: &'a [u8],
    at: usize,
    depth: usize,
}

impl Strings<'_> {
    /// The next one, as it is between its quotes, and how deep.
    fn next(&mut self) -> Option<(usize, Range<usize>)> {
        loop {
            let byte = *self.file.get(self.at)?;
            self.at += 1;
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b'"' => return Some((self.depth, self.string()?)),
                _ => {}
            }
        }
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        loop {
            let rest = self.file.get(self.at..)?;
            let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at += end + 1;
            if rest.get(end) == Some(&b'"') {
                return Some(start..self.at - 1);
            }
            self.at += 1;
        }
    }

    /// The string after the colon that comes next.
    fn value(&mut self) -> Option<Range<usize>> {
        let is_quote = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b':';
        let start = self.file.get(self.at..)?.iter().position(is_quote)?;
        if self.file.get(self.at + start) != Some(&b'"') {
            return None;
        }
        self.at += start + 1;
        self.string()
    }
}

/// What is in such a file.
struct Unpacked {
    text: Range<usize>,
    /// The zlib stream.
    stream: Vec<u8>,
    image: Vec<u8>,
    /// Length of the deflate stream in it.
    len: usize,
}

impl Unpacked {
    fn of(file: &[u8], budget: &mut Budget<'_>) -> Result<Self, ImageError> {
        Self::within(file, MOST, budget)
    }

    /// The same of an image of at most this many bytes.
    fn within(file: &[u8], most: usize, budget: &mut Budget<'_>) -> Result<Self, ImageError> {
        let bad =
            |offset, problem| ImageError::BadContainer { format: Format::Apj, offset, problem };
        let text = image_text(file).ok_or(bad(0, "there is no image in it"))?;
        let start = text.start;
        let stream = decode(file.get(text.clone()).unwrap_or_default())?
            .ok_or(bad(start, "the image is not in base64"))?;
        budget.work(text.len() as u64)?;
        let head = u16_be(&stream, 0).unwrap_or(0);
        if head & 0x0f20 != 0x0800 || !head.is_multiple_of(31) {
            return Err(bad(start, "the image is not compressed by zlib"));
        }
        let data = stream.get(HEADER..).unwrap_or_default();
        let (image, len) = match inflate(data, most, budget) {
            Ok(found) => found,
            Err(Halt::Bad(DeflateError::TooLong { .. })) => return Err(too_large(file, most)),
            Err(Halt::Bad(error)) => return Err(bad(start, problem(&error))),
            Err(Halt::Stop(stop)) => return Err(stop.into()),
        };
        Ok(Self { text, stream, image, len })
    }

    /// How many bytes there are of the Adler-32 after the data.
    fn sum_len(&self) -> usize {
        self.stream.len().saturating_sub(HEADER + self.len).min(TRAILER)
    }

    /// The Adler-32 after the data, and whether anything follows it.
    fn sum(&self) -> (Option<u32>, bool) {
        let at = HEADER + self.len;
        (array(&self.stream, at).map(u32::from_be_bytes), self.stream.len() == at + TRAILER)
    }
}

/// An image that is longer than the limit. How long it is, the file may say.
fn too_large(file: &[u8], most: usize) -> ImageError {
    let (limit, least) = (most as u64, most as u64 + 1);
    let found = stated_len(file).map_or(least, |stated| stated.max(least));
    ImageError::PackedTooLarge { format: Format::Apj, found, limit }
}

/// The length of the image that the file states.
fn stated_len(file: &[u8]) -> Option<u64> {
    details(file).into_iter().find(|(key, _)| key == "image_size")?.1.parse().ok()
}

/// What is wrong with the compressed image.
fn problem(error: &DeflateError) -> &'static str {
    match error {
        DeflateError::CutShort => "the compressed image is cut off",
        _ => "the compressed image cannot be read",
    }
}

/// Reads the image. It is at `options.base`, or where its code says, or at 0.
///
/// # Errors
///
/// [`ImageError::BadContainer`] if there is none, or it cannot be unpacked;
/// [`ImageError::PackedTooLarge`] for one of more than 128 MiB; [`ImageError::Empty`] for one of no
/// bytes.
pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Image, ImageError> {
    unwatched(|budget| parse_within(file, options, budget))
}

pub(crate) fn parse_within(
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<Image, ImageError> {
    let data = Unpacked::of(file, budget)?.image;
    if data.is_empty() {
        return Err(ImageError::Empty);
    }
    let guess = || map_of(&data).address_of(0);
    let address = options.base.or_else(guess).unwrap_or(0);
    // What would lie beyond the address space has no address.
    let room = usize::try_from((1u64 << 32) - u64::from(address)).unwrap_or(usize::MAX);
    if data.len() > room {
        return Err(ImageError::AddressOverflow { line: 0, column: 0, address: 1 << 32 });
    }
    let segments = vec![Segment { address, data }];
    Ok(Image { format: Format::Apj, segments, entry: None, header: None })
}

fn map_of(image: &[u8]) -> AddressMap {
    let mut found = AddressMap::empty(Format::Apj);
    payload(image, 0..image.len(), &mut found);
    found.finish()
}

/// Takes a file apart into image and template; `None` if it resists.
pub(crate) fn split(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Split<'static>>, Stop> {
    let unpacked = match Unpacked::of(file, budget) {
        Ok(unpacked) => unpacked,
        Err(ImageError::OutOfMemory { needed }) => return Err(Stop::OutOfMemory { needed }),
        Err(ImageError::Cancelled) => return Err(Stop::Cancelled),
        Err(_) => return Ok(None),
    };
    if unpacked.sum() != (Some(adler32(&unpacked.image)), true) {
        return Ok(None);
    }
    let data = unpacked.stream.get(HEADER..HEADER + unpacked.len).unwrap_or_default();
    let recipe = match analyse(data, MOST, budget) {
        Ok(recipe) => recipe,
        Err(Halt::Bad(_)) => return Ok(None),
        Err(Halt::Stop(stop)) => return Err(stop),
    };
    let header = array(&unpacked.stream, 0).unwrap_or_default();
    let Some(template) = template(file, &unpacked.text, header, &recipe) else { return Ok(None) };
    let map = map_of(&unpacked.image);
    Ok(Some(Split { data: unpacked.image.into(), map, template, placed: Vec::new() }))
}

/// What old and new files have in common around their images: the template without a recipe. Unlike
/// that it takes no time.
pub(crate) fn frame(file: &[u8]) -> Option<Vec<u8>> {
    let text = image_text(file)?;
    let start = decode(file.get(text.start..text.end.min(text.start + 4))?).ok()??;
    template(file, &text, array(&start, 0)?, &[])
}

/// Text before, zlib's header, recipe, text after.
fn template(
    file: &[u8],
    text: &Range<usize>,
    header: [u8; HEADER],
    recipe: &[u8],
) -> Option<Vec<u8>> {
    let mut template = vec![APJ];
    push_number(&mut template, text.start as u64);
    template.extend_from_slice(file.get(..text.start)?);
    template.extend_from_slice(&header);
    push_number(&mut template, recipe.len() as u64);
    template.extend_from_slice(recipe);
    template.extend_from_slice(file.get(text.end..)?);
    Some(template)
}

/// The file of an image and the fields of its template.
pub(crate) fn join(
    image: &[u8],
    [before, header, recipe, after]: [&[u8]; 4],
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, ImageError> {
    let problem = "its recipe does not belong to the image";
    let data = recreate(image, recipe, limit, budget).map_err(|halt| match halt {
        Halt::Bad(_) => ImageError::BadTemplate { offset: 0, problem },
        Halt::Stop(stop) => stop.into(),
    })?;
    let sum = adler32(image).to_be_bytes();
    let mut stream = room::with_capacity(header.len() + data.len() + sum.len())?;
    [header, &data, &sum].into_iter().for_each(|part| stream.extend_from_slice(part));
    let mut file = room::copy(before)?;
    encode(&stream, &mut file)?;
    room::extend(&mut file, after)?;
    match file.len() <= limit {
        true => Ok(file),
        false => Err(ImageError::TooLarge { needed: file.len() as u64, limit: limit as u64 }),
    }
}

/// Checks the sum of the image and the length that is stated.
pub(crate) fn check(
    file: &[u8],
    found: &mut Vec<Finding>,
    budget: &mut Budget<'_>,
) -> Result<(), Stop> {
    // What cannot be unpacked is refused where it is read.
    let Ok(unpacked) = Unpacked::of(file, budget) else { return budget.ask() };
    let start = unpacked.text.start;
    found.extend(match unpacked.sum().0 {
        Some(stated) => Finding::of_sums(Check::ApjSum, start, stated, adler32(&unpacked.image)),
        None => {
            let (len, found) = (TRAILER as u64, unpacked.sum_len() as u64);
            Some(Finding::of_lengths(Check::ApjSum, start, len, found))
        }
    });
    if let Some(stated) = stated_len(file) {
        let len = unpacked.image.len() as u64;
        if stated != len {
            found.push(Finding::of_lengths(Check::ApjLength, start, stated, len));
        }
    }
    Ok(())
}

/// What the JSON says besides the image: keys and values that are texts or numbers.
pub(crate) fn details(file: &[u8]) -> Vec<(String, String)> {
    let Ok(Json::Object(entries)) = Json::parse(file) else { return Vec::new() };
    let told = |(key, value)| match value {
        Json::Text(text) if key != "image" => Some((key, text)),
        Json::Integer(number) => Some((key, number.to_string())),
        _ => None,
    };
    entries.into_iter().filter_map(told).collect()
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1u32, 0u32);
    // The sums of this many bytes fit into 32 bits.
    for piece in bytes.chunks(5552) {
        for byte in piece {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % MODULUS, b % MODULUS);
    }
    b << 16 | a
}

/// Appends bytes in base64, filled up with `=`.
fn encode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Stop> {
    let start = out.len();
    let len = bytes.len().div_ceil(3) * 4;
    room::reserve(out, len)?;
    out.resize(start + len, 0);
    let text = Base64::encode(bytes, out.get_mut(start..).unwrap_or_default()).map(str::len);
    debug_assert_eq!(text, Ok(len), "the length is that of the text");
    Ok(())
}

/// The bytes of base64, which may be filled up; `None` if it is something else.
fn decode(text: &[u8]) -> Result<Option<Vec<u8>>, Stop> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or(text);
    let mut bytes = room::filled(text.len() / 4 * 3 + 2, 0)?;
    let len = Base64Unpadded::decode(text, &mut bytes).map(<[u8]>::len);
    Ok(len.ok().map(|len| {
        bytes.truncate(len);
        bytes
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::{check, detect, join, split, Facts};

    /// A file with the image in stored blocks.
    fn file(image: &[u8]) -> Vec<u8> {
        let mut stream = vec![0x78, 0x01, 1];
        stream.extend((image.len() as u16).to_le_bytes());
        stream.extend((!(image.len() as u16)).to_le_bytes());
        stream.extend(image);
        stream.extend(adler32(image).to_be_bytes());
        let mut text = br#"{"board_id": 140, "summary": "a \"b\"", "image_size": "#.to_vec();
        text.extend(image.len().to_string().bytes());
        text.extend(br#", "magic":"APJFWv1","parts": {"image": "x"}, "image" : ""#);
        encode(&stream, &mut text).unwrap();
        text.extend(b"\"}\n");
        text
    }

    #[test]
    fn an_image_in_json_is_found_and_comes_back() {
        for len in [1, 2, 3, 1000] {
            let image: Vec<u8> = (0..len).map(|n| (n * 7) as u8).collect();
            let file = file(&image);
            assert_eq!(detect(&file), Format::Apj);
            let found = parse(&file, &ReadOptions::new().base(0x0800_8000)).unwrap();
            assert_eq!(found.segments, [Segment { address: 0x0800_8000, data: image.clone() }]);
            let split = split(&file);
            assert!(split.is_apart() && *split.data == image);
            assert_eq!(join(&split.data, &split.template, file.len()).unwrap(), file);
            assert!(join(&split.data, &split.template, file.len() - 1).is_err());
            for end in 0..split.template.len() {
                let _ = join(&split.data, &split.template[..end], 1 << 16);
            }
            assert_eq!(check(&file), []);
            let details = Facts::of(&file, &split.data).details;
            assert!(details.contains(&("board", "140".into())), "{details:?}");
        }
    }

    #[test]
    fn too_large_an_image_says_so() {
        let file = file(&[9; 300]);
        let within = |file: &[u8], most| {
            unwatched(|budget| Unpacked::within(file, most, budget)).map(|found| found.image.len())
        };
        let too_large =
            |found, limit| Err(ImageError::PackedTooLarge { format: Format::Apj, found, limit });
        assert_eq!(within(&file, 300), Ok(300));
        // As the file says; if it says nothing, or less than was found, as far as was looked.
        assert_eq!(within(&file, 299), too_large(300, 299));
        let silent = String::from_utf8(file).unwrap().replace("image_size", "other_size");
        assert_eq!(within(silent.as_bytes(), 200), too_large(201, 200));
        let lies = silent.replace("\"other_size\": 300", "\"image_size\": 3");
        assert_eq!(within(lies.as_bytes(), 200), too_large(201, 200));
        let error = within(lies.as_bytes(), 200).unwrap_err();
        assert_eq!((error.code(), error.class().exit_code()), ("packed-too-large", 6));
        assert_eq!(error.remedy(), None);
    }

    #[test]
    fn damage_is_told() {
        let good = file(&[9; 300]);
        let replace = |from: &str, to: &str| {
            String::from_utf8(good.clone()).unwrap().replace(from, to).into_bytes()
        };
        assert_eq!(detect(&replace("APJFWv1", "other")), Format::Raw);
        let problem = |file: &[u8]| match parse(file, &ReadOptions::default()) {
            Err(ImageError::BadContainer { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            problem(&replace("\"image\" : \"eA", "\"image\" : \"e!")),
            "the image is not in base64"
        );
        assert_eq!(
            problem(&replace("\"image\" : \"eA", "\"image\" : \"AA")),
            "the image is not compressed by zlib"
        );
        assert_eq!(problem(&replace("CQkJCQkJ", "")), "the compressed image is cut off");
        let found = check(&replace("\"image_size\": 300", "\"image_size\": 301"));
        assert_eq!(found[0].check, Check::ApjLength);
        let at = good.len() - 8;
        let mut wrong = good.clone();
        wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(check(&wrong)[0].check, Check::ApjSum);
        // Without its last two bytes the sum is cut off, not another one.
        let found = check(&[&good[..good.len() - 7], b"\"}\n"].concat());
        let told = found[0].to_string();
        assert!(told.ends_with("expected 4 bytes, found 2 bytes: it is cut off"), "{told}");
        // What does not come back is patched as it is.
        assert!(!split(&wrong).is_apart());
    }
}
