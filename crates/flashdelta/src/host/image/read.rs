//! Files of any format as images.

use super::bytes::index;
use super::finding::{Check, Finding};
use super::formats::payload::payload;
use super::memory::Collector;
use super::{
    apj, check_within, dfu, elf, esp, ihex, srec, titxt, uf2, vmem, AddressMap, Format, Image,
    ImageError, ReadOptions,
};
use crate::host::budget::{unwatched, Budget};
use crate::host::room;

/// Refuses a file whose name promises records, or a packed image, and which holds none, with the place where it goes
/// wrong. `extension`: the ending of its name, in lower case. An empty file breaks no promise.
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
    /// [`ImageError::NoAddress`] of a container that tells no address, without `options.base`, where
    /// it is otherwise, whole; [`ImageError::AddressesStated`] with `options.base`, of a file that
    /// does say it.
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
        let states_addresses =
            format.is_unpacked() || matches!(format, Format::Vmem | Format::Elf | Format::DfuSe);
        if options.base.is_some() && states_addresses {
            return Err(ImageError::AddressesStated { format });
        }
        match format {
            Format::IntelHex => return ihex::parse_within(file, options, budget),
            Format::Srec => return srec::parse_within(file, options, budget),
            Format::TiTxt => return titxt::parse_within(file, options, budget),
            Format::Uf2 => return uf2::parse_within(file, options, budget),
            Format::Vmem => return vmem::parse_within(file, options, budget),
            Format::Apj => return apj::parse_within(file, options, budget),
            _ => {}
        }
        let damaged = |problem| ImageError::BadContainer { format, offset: 0, problem };
        let mut collector = Collector::with_capacity(file.len())?;
        let mut add = |range: core::ops::Range<usize>, address: u64| {
            let start = collector.data.len();
            // Segments of an ELF file may share bytes.
            room::extend(&mut collector.data, file.get(range).unwrap_or_default())?;
            collector.place(start, address, (0, 0))
        };
        let mut entry = None;
        match format {
            Format::Elf => {
                let parsed = elf::ElfFile::parse(file)
                    .ok_or_else(|| damaged("the headers lie outside of the file (cut off?)"))?;
                let found = check_within(file, budget)?;
                if found.iter().any(|finding| finding.check == Check::ElfSegment) {
                    return Err(damaged("a segment lies outside of the file (cut off?)"));
                }
                for (range, address) in elf::stored(&parsed) {
                    add(range, address)?;
                }
                entry = u32::try_from(parsed.entry).ok();
            }
            Format::DfuSe => {
                for element in dfu::elements(file) {
                    add(element.range, u64::from(element.address))?;
                }
            }
            Format::Raw | Format::Dfu | Format::Telink => {
                let (end, base) = plain_binary(file, format, options);
                add(0..end, base.into())?;
            }
            _ => {
                if format == Format::Esp {
                    entry = esp::EspImage::parse(file, 0).map(|image| image.entry);
                }
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

/// Reads a file as what it holds; if that tells no format, as what the ending of its name, in lower case,
/// promises.
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
