//! A firmware file in another format.

use core::fmt;

use super::error::ConvertError;
use crate::host::archive::Container;
use crate::host::image::{
    self, BaseConflict, Finding, Format, Image, ImageError, ReadOptions, Selection, Target,
    WriteError, WriteOptions,
};
use crate::host::input::Input;

/// How a firmware file is converted. All of it has defaults.
#[derive(Clone, Debug, Default)]
pub struct ConvertRequest {
    read: ReadOptions,
    write: WriteOptions,
}

impl ConvertRequest {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the file is read. A family that it says nothing of is that of what is written.
    #[must_use]
    pub fn read(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// How the other one is written. If it says no family, that of what was read is written.
    #[must_use]
    pub fn write(mut self, options: WriteOptions) -> Self {
        self.write = options;
        self
    }
}

/// What a firmware file holds, to be written in another format.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Converted {
    /// What it holds.
    pub image: Image,
    /// The format in which it will be written.
    pub format: Format,
    /// What is dubious about it.
    pub warnings: Vec<ConvertWarning>,
    write: WriteOptions,
}

impl Converted {
    /// The file in the other format.
    ///
    /// # Errors
    ///
    /// See [`ImageError`]: the format cannot hold it with these options, or it would be too large.
    pub fn bytes(&self) -> Result<Vec<u8>, ImageError> {
        self.image.write(self.format, &self.write)
    }

    /// The same in pieces, so that it never has to be in memory as a whole.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: those of [`bytes`](Self::bytes), and of `sink`.
    pub fn write_with<E>(
        &self,
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), WriteError<E>> {
        self.image.write_with(self.format, &self.write, sink)
    }
}

/// What is dubious about a conversion.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub enum ConvertWarning {
    /// A length, checksum or digest in the file is wrong.
    Damaged(Finding),
    /// A base address was given, and the code in the file shows another one.
    OtherBase {
        /// The address that was given.
        base: u32,
        /// Where the first byte of the file seems to be.
        found: u32,
    },
    /// It does not tell its address, and none was given: 0 is taken.
    AddressAssumed,
    /// The segments are far apart: most of the plain binary is filling.
    FarApart {
        /// Bytes of data.
        data: u64,
        /// Bytes of the binary.
        whole: u64,
        /// The addresses of the largest segment, the second one past its end.
        largest: (u64, u64),
    },
}

impl ConvertWarning {
    /// A stable name of it, for machines. `docs/errors.md` lists all.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::OtherBase { .. } => "other-base",
            Self::AddressAssumed => "address-assumed",
            Self::FarApart { .. } => "far-apart",
        }
    }
}

impl fmt::Display for ConvertWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(finding) => finding.fmt(f),
            Self::OtherBase { base, found } => write!(
                f,
                "its code seems to run at {found:#010x}, and not at the base address given, \
                 {base:#010x}"
            ),
            Self::AddressAssumed => f.write_str("it does not tell its address: 0 is taken"),
            Self::FarApart { data, whole, .. } => write!(
                f,
                "its {data} bytes are far apart: the binary has {whole} bytes, nearly all of them \
                 filling"
            ),
        }
    }
}

/// Reads a firmware file, to be written in another format.
///
/// ```
/// use flashdelta::door::{self, ConvertRequest};
/// use flashdelta::image::{Format, ReadOptions};
/// use flashdelta::Input;
///
/// let input = Input::from_bytes(&b"a plain binary"[..]);
/// let request = ConvertRequest::new().read(ReadOptions::new().base(0x0802_0000));
/// let converted = door::convert(input, Format::Srec, &request)?;
/// assert!(converted.bytes()?.starts_with(b"S0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// See [`ConvertError`].
pub fn convert(
    input: Input<'_>,
    format: Format,
    request: &ConvertRequest,
) -> Result<Converted, ConvertError> {
    if let Some(what) = request.write.not_in(format) {
        return Err(ConvertError::NotInFormat { what, format });
    }
    let file = input.bytes();
    if input.is_patch() {
        return Err(ConvertError::Patch);
    }
    if let Some(wrapping) = image::wrapping(file) {
        return Err(ConvertError::Wrapped(wrapping));
    }
    match Container::detect(file) {
        Container::Whole => {}
        container => return Err(ConvertError::Archive(container)),
    }
    let extension = input.extension();
    image::check_promise(&extension, file, &request.read).map_err(ConvertError::File)?;
    let targets = image::targets(file);
    // Of a file for one chip the option says what the result is for.
    let asked = request.read.select;
    let family = asked.family.filter(|_| targets.iter().any(|t| t.family == asked.family));
    let select = Selection { family, ..asked };
    let read = request.read.clone().select(select);
    let family = request.write.family.or(asked.family).or(single_family(&targets, select));
    let write = request.write.clone().family(family);
    let mut warnings = Vec::new();
    if !read.strict {
        warnings.extend(image::check(file).into_iter().map(ConvertWarning::Damaged));
    }
    let conflict = read.base.and_then(|base| Some((image::base_conflict(file, base)?, base)));
    let image = image::parse_named(input.into_bytes(), &extension, &read);
    let image = image.map_err(ConvertError::File)?;
    if image.is_empty() {
        return Err(ConvertError::File(ImageError::Empty));
    }
    if let Some((BaseConflict::Shown { address: found }, base)) = conflict {
        warnings.push(ConvertWarning::OtherBase { base, found });
    }
    let start = image.segments.first().map(|segment| segment.address);
    let is_raw = |format| format == Format::Raw;
    if is_raw(image.format) && !is_raw(format) && start == Some(0) && read.base.is_none() {
        warnings.push(ConvertWarning::AddressAssumed);
    }
    if is_raw(format) {
        warnings.extend(far_apart(&image, write.range));
    }
    Ok(Converted { image, format, warnings, write })
}

/// The family of what is read from a UF2 file, if it is but one.
fn single_family(targets: &[Target], select: Selection) -> Option<u32> {
    let mut families = targets.iter().filter(|t| select.takes(t)).map(|target| target.family);
    let first = families.next()?;
    families.all(|family| family == first).then_some(first)?
}

/// Whether most of a plain binary will be filling.
fn far_apart(image: &Image, range: Option<(u32, u64)>) -> Option<ConvertWarning> {
    const SMALL: u64 = 64 << 10;
    let (from, to) = range.map_or((0, 1 << 32), |(from, to)| (u64::from(from), to));
    let cut =
        |segment: &image::Segment| (u64::from(segment.address).max(from), segment.end().min(to));
    let parts = image.segments.iter().map(cut).filter(|(start, end)| start < end);
    let parts: Vec<(u64, u64)> = parts.collect();
    let filled: u64 = parts.windows(2).map(|pair| pair[1].0 - pair[0].1).sum();
    let data: u64 = parts.iter().map(|(start, end)| end - start).sum();
    let largest = *parts.iter().max_by_key(|(start, end)| end - start)?;
    let is_small = filled <= SMALL.max(data);
    (!is_small).then_some(ConvertWarning::FarApart { data, whole: filled + data, largest })
}
