//! Filling the holes of firmware files for flashing, those of records too.

use super::memory;
use super::{Memory, MemoryOptions};
use crate::host::holes::{self, Hole, HoleError, HoleRequest, Values};
use crate::host::image;

/// Fills the holes of a firmware file with the values of a device, for flashing: each hole needs
/// one. `elf`: the ELF file that it was made of, for symbols.
///
/// Of a file of records (Intel HEX, S-records, TI-TXT, UF2) holes are in the memory that it holds,
/// as in the images of a patch; what comes out has the same records, with checksums that are right.
/// Anything else is as for [`holes::personalize`].
///
/// ```
/// use flashdelta::file;
/// use flashdelta::holes::Values;
/// let hex = b":0800000040404E414D454040D7\r\n:00000001FF\r\n";
/// let holes = ["name=marker:@@NAME@@".parse()?];
/// let values = Values::new().with("name", "heron");
/// let filled = file::personalize(hex, None, &holes, &values).unwrap();
/// assert_eq!(filled, b":080000006865726F6E000000DC\r\n:00000001FF\r\n");
/// # Ok::<(), flashdelta::holes::HoleSyntaxError>(())
/// ```
///
/// # Errors
///
/// [`HoleError`]: as [`holes::personalize`]; also a file of records that cannot be read, or has
/// several memories, or no data where a hole is.
pub fn personalize(
    file: &[u8],
    elf: Option<&[u8]>,
    holes: &[HoleRequest],
    values: &Values,
) -> Result<Vec<u8>, HoleError> {
    let memory = Memory::read(file, &MemoryOptions::default())?;
    let find = |hole: &HoleRequest| hole.find_in((&memory.image, elf));
    let found = holes.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let filled = holes::personalize(&memory.image, &found, values)?;
    match memory.is_memory() {
        true => written(file, &memory, &found, &filled),
        false => Ok(filled),
    }
}

/// The same records with other memory in them.
fn written(
    file: &[u8],
    memory: &Memory<'_>,
    holes: &[Hole],
    filled: &[u8],
) -> Result<Vec<u8>, HoleError> {
    let split = image::split(file);
    let blocks = image::blocks(&split.template)?;
    let gather = |image: &[u8]| {
        memory::gather(image, &memory.parts, &blocks, 0, split.data.len()).ok().flatten()
    };
    // Several memories, or bytes that are there twice: it is not known which one a device gets.
    if !split.is_apart() || gather(&memory.image).as_deref() != Some(&split.data[..]) {
        return Err(HoleError::Format { format: image::detect(file) });
    }
    let data = gather(filled).unwrap_or_default();
    let made = image::join(&data, &split.template, usize::MAX)?;
    let again = Memory::read(&made, &MemoryOptions::default())?;
    let is_there = |hole: &&Hole| {
        hole.new_range().is_none_or(|range| {
            let range = range.start as usize..range.end as usize;
            again.image.get(range.clone()) == filled.get(range)
        })
    };
    match holes.iter().find(|hole| !is_there(hole)) {
        Some(hole) => Err(HoleError::Gap { name: hole.name().to_owned() }),
        None => Ok(made),
    }
}
