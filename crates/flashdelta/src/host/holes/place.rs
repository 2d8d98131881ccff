//! Where a hole is, as people write it: a range, a symbol of an ELF file, or a marker.

use core::ops::Range;

use super::error::HoleError;
use super::hole::{Hole, HoleSource};
use super::syntax::HoleSyntaxError;
use crate::host::image::{self, elf};

/// Where a hole is in an image.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// These bytes of the image, counted from its start.
    Range(Range<u32>),
    /// What a symbol of the ELF file names that the image was made of.
    Symbol(String),
    /// Where these bytes are, once in the whole image.
    Marker(Vec<u8>),
}

impl Place {
    /// Reads a place: `0x400-0x420`, `symbol:SYM`, `marker:TEXT` or `marker:hex:00112233`.
    ///
    /// # Errors
    ///
    /// [`HoleSyntaxError::Place`], [`HoleSyntaxError::Range`], [`HoleSyntaxError::Digits`].
    pub fn parse(text: &str) -> Result<Self, HoleSyntaxError> {
        if let Some(symbol) = text.strip_prefix("symbol:") {
            return Ok(Self::Symbol(symbol.to_owned()));
        }
        if let Some(marker) = text.strip_prefix("marker:") {
            return parse_bytes(marker).map(Self::Marker);
        }
        let found = || text.to_owned();
        let ends = text.split_once("..").or_else(|| text.split_once('-'));
        match ends.map(|(from, to)| (number(from), number(to))) {
            Some((Some(from), Some(to))) if from < to => Ok(Self::Range(from..to)),
            Some((Some(_), Some(_))) => Err(HoleSyntaxError::Range { found: found() }),
            _ => Err(HoleSyntaxError::Place { found: found() }),
        }
    }

    /// Finds it in an image. `elf`: the ELF file that the image was made of, if that is known.
    ///
    /// # Errors
    ///
    /// [`HoleError::NoSymbol`] and [`HoleError::Marker`].
    pub fn find(
        &self,
        name: &str,
        image: &[u8],
        elf: Option<&[u8]>,
    ) -> Result<Range<u32>, HoleError> {
        match self {
            Self::Range(range) => Ok(range.clone()),
            Self::Symbol(symbol) => of_symbol(symbol, image, elf).ok_or_else(|| {
                HoleError::NoSymbol { name: name.to_owned(), symbol: symbol.clone() }
            }),
            Self::Marker(marker) => {
                let mut found = memchr_like(image, marker);
                match (found.next(), found.next()) {
                    (Some(start), None) => {
                        // Images are below 4 GiB.
                        Ok(start as u32..(start + marker.len()) as u32)
                    }
                    (first, second) => {
                        let count = usize::from(first.is_some()) + usize::from(second.is_some());
                        let found = count + found.count();
                        Err(HoleError::Marker { name: name.to_owned(), found })
                    }
                }
            }
        }
    }
}

/// Where `marker` is in `image`.
fn memchr_like<'a>(image: &'a [u8], marker: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = image.windows(marker.len().max(1)).enumerate();
    windows.filter(move |(_, window)| *window == marker && !marker.is_empty()).map(|(at, _)| at)
}

/// The bytes that a symbol names.
fn of_symbol(symbol: &str, image: &[u8], elf_file: Option<&[u8]>) -> Option<Range<u32>> {
    let elf_file = elf_file.or(Some(image).filter(|image| elf::is(image)))?;
    let (address, len) = elf::symbol(elf_file, symbol)?;
    // A container knows best where its bytes are; of a plain binary the ELF file does.
    let maps = [Some(image::address_map(image)), elf::map_of_binary(elf_file, image.len())];
    let holds = |map: &image::AddressMap| {
        let last = address.checked_add(len.checked_sub(1)?)?;
        let (start, end) = (map.offset_of(address)?, map.offset_of(last)?);
        (end - start == len - 1).then_some(start..end + 1)
    };
    maps.iter().flatten().find_map(holds)
}

/// Bytes as people write them: text, or `hex:` and digits.
///
/// # Errors
///
/// [`HoleSyntaxError::Digits`].
pub fn parse_bytes(text: &str) -> Result<Vec<u8>, HoleSyntaxError> {
    let Some(found) = text.strip_prefix("hex:") else { return Ok(text.as_bytes().to_vec()) };
    let digits: Vec<u8> = found.bytes().filter(|byte| !b" :_".contains(byte)).collect();
    let pair = |pair: &[u8]| {
        let text = core::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'))?;
        u8::from_str_radix(text, 16).ok().filter(|_| pair.len() == 2)
    };
    let bytes = digits.chunks(2).map(pair).collect::<Option<_>>();
    bytes.ok_or_else(|| HoleSyntaxError::Digits { found: found.to_owned() })
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

/// A hole as people declare it, before it is known where it is.
///
/// ```
/// use flashdelta::holes::HoleRequest;
/// let request: HoleRequest = "serial=marker:@@SERIAL@@,old=0x10-0x1a,source=kept".parse()?;
/// let (old, new) = ([0; 64], *b"firmware @@SERIAL@@ firmware");
/// let hole = request.find((&old, None), (&new, None)).unwrap();
/// assert_eq!((hole.old_range(), hole.new_range()), (Some(0x10..0x1a), Some(9..19)));
/// # Ok::<(), flashdelta::holes::HoleSyntaxError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoleRequest {
    name: String,
    new: Option<Place>,
    old: Option<Place>,
    source: HoleSource,
    fill: Option<u8>,
}

impl core::str::FromStr for HoleRequest {
    type Err = HoleSyntaxError;

    /// `NAME=PLACE`, then perhaps `,old=PLACE` (or `none`), `,new=none`,
    /// `,source=kept|given|either`, `,fill=BYTE`. Without `old` it is looked for by the same place
    /// in both images.
    fn from_str(text: &str) -> Result<Self, HoleSyntaxError> {
        let no_name = || HoleSyntaxError::NoName { found: text.to_owned() };
        let (name, rest) = text.split_once('=').ok_or_else(no_name)?;
        let (mut rest, mut options) = (rest, Vec::new());
        // Markers may hold commas: only what is an option is one.
        while let Some((before, last)) = rest.rsplit_once(',') {
            let Some(option) = last.split_once('=').filter(|(key, _)| KEYS.contains(key)) else {
                break;
            };
            options.push(option);
            rest = before;
        }
        let mut hole = Self::new(name, Place::parse(rest)?);
        for (key, value) in options {
            let place = |value: &str| match value {
                "none" => Ok(None),
                place => Place::parse(place).map(Some),
            };
            let found = || value.to_owned();
            match key {
                "old" => hole.old = place(value)?,
                "new" => hole.new = place(value)?,
                "source" => {
                    let source = HoleSource::named(value);
                    hole.source =
                        source.ok_or_else(|| HoleSyntaxError::Source { found: found() })?;
                }
                _ => {
                    let fill = number(value).and_then(|fill| u8::try_from(fill).ok());
                    hole.fill = Some(fill.ok_or_else(|| HoleSyntaxError::Fill { found: found() })?);
                }
            }
        }
        Ok(hole)
    }
}

/// What may follow the place of a hole.
const KEYS: [&str; 4] = ["old", "new", "source", "fill"];

/// An image, and the ELF file that it was made of.
pub type ImageAndElf<'a> = (&'a [u8], Option<&'a [u8]>);

impl HoleRequest {
    /// In the new image and, unless [`old`](Self::old) says otherwise, in the old image, too.
    pub fn new(name: impl Into<String>, place: Place) -> Self {
        let (new, old) = (Some(place.clone()), Some(place));
        Self { name: name.into(), new, old, source: HoleSource::default(), fill: None }
    }

    /// In the old image alone: the new one does not have the hole any more.
    pub fn gone(name: impl Into<String>, place: Place) -> Self {
        Self { new: None, ..Self::new(name, place) }
    }

    /// Where it is in the old image; `None`: that does not have it.
    #[must_use]
    pub fn old(mut self, place: impl Into<Option<Place>>) -> Self {
        self.old = place.into();
        self
    }

    /// Where its value comes from.
    #[must_use]
    pub fn source(mut self, source: HoleSource) -> Self {
        self.source = source;
        self
    }

    /// The byte that stands for each byte of it in both digests; see [`Hole::fill`].
    #[must_use]
    pub fn fill(mut self, fill: impl Into<Option<u8>>) -> Self {
        self.fill = fill.into();
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds the hole in both images, each of which may have an ELF file.
    ///
    /// # Errors
    ///
    /// As [`Place::find`].
    pub fn find(&self, old: ImageAndElf<'_>, new: ImageAndElf<'_>) -> Result<Hole, HoleError> {
        let find = |place: &Option<Place>, (image, elf): ImageAndElf<'_>| {
            place.as_ref().map(|place| place.find(&self.name, image, elf)).transpose()
        };
        let (old, new) = (find(&self.old, old)?, find(&self.new, new)?);
        let (name, source, fill) = (self.name.clone(), self.source, self.fill);
        Ok(Hole { name, new, old, source, fill })
    }

    /// Finds the hole in an image that is to be [personalized](super::personalize).
    ///
    /// # Errors
    ///
    /// As [`Place::find`].
    pub fn find_in(&self, image: ImageAndElf<'_>) -> Result<Hole, HoleError> {
        Self { old: None, ..self.clone() }.find((&[], None), image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        assert_eq!(Place::parse("0x10-0x20"), Ok(Place::Range(16..32)));
        assert_eq!(Place::parse("16..32"), Ok(Place::Range(16..32)));
        assert_eq!(Place::parse("marker:a=b,c"), Ok(Place::Marker(b"a=b,c".to_vec())));
        assert_eq!(Place::parse("marker:hex:00ff"), Ok(Place::Marker(vec![0, 255])));
        assert_eq!(Place::parse("symbol:serial"), Ok(Place::Symbol("serial".to_owned())));
        for wrong in ["", "5", "2-1", "1-1", "-1", "a-b", "marker:hex:0", "marker:hex:+1", "1-+2"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn commas_belong_to_markers_unless_an_option_follows() {
        let read = |text: &str| text.parse::<HoleRequest>().unwrap();
        let marker = read("s=marker:a,b=c,old=none,fill=0x20");
        assert_eq!(marker.new, Some(Place::Marker(b"a,b=c".to_vec())));
        assert_eq!((marker.old, marker.fill), (None, Some(0x20)));
        assert_eq!(read("s=1-2,new=none").new, None);
        for wrong in ["s", "s=1-2,source=x", "s=1-2,fill=256", "s=1-2,old=x"] {
            assert!(wrong.parse::<HoleRequest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_marker_has_to_be_there_once() {
        let find = |image: &[u8]| Place::Marker(b"@@".to_vec()).find("m", image, None);
        assert_eq!(find(b"ab@@cd"), Ok(2..4));
        let wrong = |found| Err(HoleError::Marker { name: "m".to_owned(), found });
        assert_eq!(find(b"abcd"), wrong(0));
        assert_eq!(find(b"@@ab@@"), wrong(2));
    }

    /// The sample is stripped: its symbol table is made here.
    #[test]
    fn a_symbol_is_found_in_the_binary() {
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(0x34, 0);
        let put = |file: &mut Vec<u8>, at: usize, value: u32, len: usize| {
            file[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        };
        let segment = file.len();
        for word in [1u32, 0x100, 0x0800_0000, 0x0800_0000, 64, 64, 4, 4] {
            file.extend(word.to_le_bytes());
        }
        file.resize(0x100 + 64, 7);
        let symbols = file.len();
        for (name, value, size) in [(1u32, 0x0800_0010u32, 8u32), (8, 0x0800_0020, 0)] {
            for word in [name, value, size, 0x11] {
                file.extend(word.to_le_bytes());
            }
        }
        let strings = file.len();
        file.extend(b"\0serial\0other\0");
        let sections = file.len();
        for header in [
            [0u32; 10],
            [0, 2, 0, 0, symbols as u32, 32, 2, 0, 4, 16],
            [0, 3, 0, 0, strings as u32, 14, 0, 0, 1, 0],
        ] {
            for word in header {
                file.extend(word.to_le_bytes());
            }
        }
        for (at, value, len) in [
            (18, 40, 2),
            (28, segment as u32, 4),
            (32, sections as u32, 4),
            (42, 32, 2),
            (44, 1, 2),
            (46, 40, 2),
            (48, 3, 2),
        ] {
            put(&mut file, at, value, len);
        }
        let binary = [7; 64];
        let find = |symbol: &str, image: &[u8], elf| {
            Place::Symbol(symbol.to_owned()).find("s", image, elf)
        };
        assert_eq!(find("serial", &binary, Some(&file[..])), Ok(0x10..0x18));
        assert_eq!(find("serial", &file, None), Ok(0x110..0x118));
        let none = HoleError::NoSymbol { name: "s".to_owned(), symbol: "x".to_owned() };
        assert_eq!(find("x", &binary, Some(&file[..])), Err(none));
        // It has no size, or is cut off.
        assert!(find("other", &binary, Some(&file[..])).is_err());
        assert!(find("serial", &binary[..0x14], Some(&file[..])).is_err());
        for len in 0..file.len() {
            let _ = find("serial", &binary, Some(&file[..len]));
        }
    }
}
