//! Files of any format as images.

use super::bytes::index;
use super::finding::{Check, Finding};
use super::formats::handler::Reading;
use super::formats::payload::payload;
use super::formats::table::handler;
use super::memory::Collector;
use super::{check_within, dfu, AddressMap, Format, Image, ImageError, ReadOptions};
use crate::host::budget::{unwatched, Budget};
use crate::host::room;

/// Refuses a file whose name promises records, or a packed image, and which holds none, with the
/// place where it goes wrong. `extension`: the ending of its name, in lower case. An empty file
/// breaks no promise.
///
/// # Errors
///
/// Those of [`Image::parse_as`].
pub fn check_promise(
    extension: &str,
    file: &[u8],
    options: &ReadOptions,
) -> Result<(), ImageError> {
    unwatched(|budget| check_promise_within(extension, file, options, budget))
}

/// The same, within a budget.
pub(crate) fn check_promise_within(
    extension: &str,
    file: &[u8],
    options: &ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<(), ImageError> {
    match Format::by_extension(extension).filter(|format| format.is_unpacked()) {
        Some(format) if !file.is_empty() && super::detect(file) == Format::Raw => {
            Image::parse_within(format, file, options, budget).map(drop)
        }
        _ => Ok(()),
    }
}

impl Image {
    /// Reads a file of any format that has addresses. A plain binary is at `options.base`, or
    /// where its code says, or at 0.
    ///
    /// Of an ELF file the *stored* bytes are taken (physical addresses, as objcopy does); of an
    /// Espressif image the segments.
    ///
    /// # Errors
    /// See the `parse` functions of the formats; [`ImageError::CheckFailed`] in strict mode;
    /// [`ImageError::Empty`] if there are no bytes (and no records without any);
    /// [`ImageError::NoAddress`] of a container that tells no address, without `options.base`,
    /// where it is otherwise, whole; [`ImageError::AddressesStated`] with `options.base`, of a file
    /// that does say it.
    pub fn parse(file: &[u8], options: &ReadOptions) -> Result<Self, ImageError> {
        Self::parse_as(super::detect(file), file, options)
    }

    /// The same for a file of this format, as its name says: one that is damaged may not be
    /// recognised.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn parse_as(
        format: Format,
        file: &[u8],
        options: &ReadOptions,
    ) -> Result<Self, ImageError> {
        unwatched(|budget| Self::parse_within(format, file, options, budget))
    }

    /// The same, within a budget.
    pub(crate) fn parse_within(
        format: Format,
        file: &[u8],
        options: &ReadOptions,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ImageError> {
        if options.strict {
            // The readers of records say at which line they end.
            let is_of_container = |finding: &Finding| finding.check != Check::EndRecord;
            if let Some(finding) = check_within(file, budget)?.into_iter().find(is_of_container) {
                return Err(ImageError::CheckFailed(finding));
            }
        }
        let handler = handler(format);
        let states_addresses = matches!(handler.reading, Reading::Own(_) | Reading::Pieces(_));
        if options.base.is_some() && states_addresses {
            return Err(ImageError::AddressesStated { format });
        }
        if let Reading::Own(parse) = handler.reading {
            return parse(file, options, budget);
        }
        let mut collector = Collector::with_capacity(file.len())?;
        let mut add = |range: core::ops::Range<usize>, address: u64| {
            let start = collector.data.len();
            // Segments of an ELF file may share bytes.
            room::extend(&mut collector.data, file.get(range).unwrap_or_default())?;
            collector.place(start, address, (0, 0))
        };
        let mut entry = None;
        match handler.reading {
            Reading::Own(_) => {}
            Reading::Pieces(pieces) => {
                let damaged = |problem| ImageError::BadContainer { format, offset: 0, problem };
                let found = pieces(file).map_err(damaged)?;
                for (range, address) in found.places {
                    add(range, address)?;
                }
                entry = found.entry;
            }
            Reading::Plain => {
                let (end, base) = plain_binary(file, format, options);
                add(0..end, base.into())?;
            }
            Reading::Mapped(find_entry) => {
                entry = find_entry(file);
                let map = super::address_map(file);
                if options.base.is_some() && !map.segments.is_empty() {
                    return Err(ImageError::AddressesStated { format });
                }
                if map.segments.is_empty() {
                    // As MCUboot's, which are the same in any slot.
                    let base = options.base.ok_or(ImageError::NoAddress { format })?;
                    add(0..file.len(), base.into())?;
                }
                for segment in map.segments {
                    let start = index(segment.offset);
                    add(start..start + index(segment.len), u64::from(segment.address))?;
                }
            }
        }
        let segments = collector.finish(options.overlap)?;
        if segments.is_empty() {
            return Err(ImageError::Empty);
        }
        Ok(Self { format, segments, entry, header: None })
    }

    /// [`parse`](Self::parse) of a file that is not needed any more: a plain binary is not copied.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn parse_owned(mut file: Vec<u8>, options: &ReadOptions) -> Result<Self, ImageError> {
        let format = super::detect(&file);
        if format != Format::Raw || options.strict {
            return Self::parse(&file, options);
        }
        let (end, base) = plain_binary(&file, format, options);
        file.truncate(end);
        let collector = Collector::of_plain_binary(file, base)?;
        let segments = collector.finish(options.overlap)?;
        if segments.is_empty() {
            return Err(ImageError::Empty);
        }
        Ok(Self { format, segments, entry: None, header: None })
    }
}

/// Reads a file as what it holds; if that tells no format, as what the ending of its name, in lower
/// case, promises.
///
/// # Errors
///
/// Those of [`Image::parse`].
pub(crate) fn parse_named(
    file: Vec<u8>,
    extension: &str,
    options: &ReadOptions,
) -> Result<Image, ImageError> {
    let format = match (super::detect(&file), Format::by_extension(extension)) {
        (Format::Raw, Some(format)) if format.is_unpacked() => format,
        // Words of one byte look like TI-TXT; that ends with a `q`.
        (Format::Raw | Format::TiTxt, Some(Format::Vmem)) => Format::Vmem,
        (Format::Raw, _) => return Image::parse_owned(file, options),
        (found, _) => found,
    };
    Image::parse_as(format, &file, options)
}

/// Where a plain binary ends, and at which address it is.
fn plain_binary(file: &[u8], format: Format, options: &ReadOptions) -> (usize, u32) {
    let end = dfu::content_len(file);
    let mut guess = AddressMap::empty(format);
    if options.base.is_none() {
        payload(file, 0..end, &mut guess);
    }
    (end, options.base.or_else(|| guess.address_of(0)).unwrap_or(0))
}
