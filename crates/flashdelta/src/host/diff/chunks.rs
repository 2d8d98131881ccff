//! Gives a patch the digests of its chunks.

use super::error::DiffError;
use super::options::DiffOptions;
use super::report::Patch;
use crate::device::format::chunks::SMALLEST_CHUNK;
use crate::device::format::{Chunks, PatchHeader};
use crate::host::seal::{has_too_many, ChunkSize, Parts, CHEAP_CHUNK};

/// The largest chunks that are chosen: larger ones save less than 0.4 % of a patch, and are more to
/// transfer again when one is lost.
const LARGEST_CHOICE: u8 = 12;

/// How often a patch is made again for less RAM. Its body may become longer each time, and then
/// takes more digests.
const MOST_ROUNDS: u32 = 4;

type Make<'a> = dyn Fn(&DiffOptions) -> Result<Patch, DiffError> + 'a;

/// Makes a patch with the chunks that the options ask for.
pub(super) fn with_chunks(options: &DiffOptions, make: &Make<'_>) -> Result<Patch, DiffError> {
    let bad = |size| DiffError::BadChunkSize { size };
    match options.chunks {
        ChunkSize::None => make(options),
        ChunkSize::Bytes(size) if !options.chunks.is_possible() => Err(bad(size)),
        ChunkSize::Bytes(size) => {
            let patch = make(options)?;
            if has_too_many(size, patch.header.body_len as usize) {
                return Err(bad(size));
            }
            Ok(sealed(patch, size.trailing_zeros() as u8, None))
        }
        ChunkSize::Auto => fitting(options, make),
    }
}

/// A patch whose chunks can be checked in the RAM of the device, the applier's included: the
/// smallest of what fits at once and of what fits when the body takes less RAM.
fn fitting(options: &DiffOptions, make: &Make<'_>) -> Result<Patch, DiffError> {
    let patch = make(options)?;
    let ram = options.profile.ram;
    if let Some(cheap) = fit(&patch, ram, CHEAP_CHUNK) {
        return Ok(cheap);
    }
    let unshrunk = fit(&patch, ram, SMALLEST_CHUNK);
    let made = with_less_ram(options, &patch, make, CHEAP_CHUNK);
    match (unshrunk, made) {
        (Some(first), Ok(second)) if second.bytes.len() < first.bytes.len() => Ok(second),
        (Some(first), Ok(_) | Err(DiffError::ProfileTooSmall { .. })) => Ok(first),
        (None, Err(DiffError::ProfileTooSmall { .. })) => {
            with_less_ram(options, &patch, make, SMALLEST_CHUNK)
        }
        (_, other) => other,
    }
}

/// The patch with the largest chunks, down to `least`, that the device has the RAM for.
fn fit(patch: &Patch, ram: u32, least: u8) -> Option<Patch> {
    // With the windows that the maker chose; then with the smallest ones.
    let windows = [None, Some(0)].into_iter();
    windows
        .flat_map(|least_ram| (least..=LARGEST_CHOICE).rev().map(move |log2| (least_ram, log2)))
        .filter(|(_, log2)| !has_too_many(1 << log2, patch.header.body_len as usize))
        .map(|(least_ram, log2)| sealed(patch.clone(), log2, least_ram))
        .find(|sealed| needed(&sealed.header) <= u64::from(ram))
}

/// Makes the patch again for less RAM, until there is enough for chunks, not smaller than `least`.
fn with_less_ram(
    options: &DiffOptions,
    patch: &Patch,
    make: &Make<'_>,
    least: u8,
) -> Result<Patch, DiffError> {
    let (ram, mut reserve, mut patch) = (options.profile.ram, 0, patch.clone());
    for round in 0..MOST_ROUNDS {
        let cheapest = (least..=LARGEST_CHOICE)
            .filter(|log2| !has_too_many(1 << log2, patch.header.body_len as usize))
            .map(|log2| sealed(patch.clone(), log2, Some(0)).header.chunk_ram())
            .min();
        // Patches with more chunks than that fit no device that has to reckon with RAM.
        let Some(cheapest) = cheapest else { break };
        reserve = reserve.max(cheapest.next_multiple_of(256)) + 256 * round;
        let less = options.clone().ram(ram.saturating_sub(reserve));
        patch = make(&less).map_err(|error| match error {
            DiffError::ProfileTooSmall { profile, codec, needed, .. } => {
                DiffError::ProfileTooSmall { profile, ram, codec, needed: needed + reserve }
            }
            other => other,
        })?;
        if let Some(sealed) = fit(&patch, ram, least) {
            return Ok(sealed);
        }
    }
    let sealed = sealed(patch, LARGEST_CHOICE, Some(0));
    let needed = u32::try_from(needed(&sealed.header)).unwrap_or(u32::MAX);
    let (profile, codec) = (options.profile.name.clone(), sealed.header.codec);
    Err(DiffError::ProfileTooSmall { profile, ram, codec, needed })
}

/// RAM that the patch takes where it streams in.
fn needed(header: &PatchHeader) -> u64 {
    u64::from(header.ram) + u64::from(header.chunk_ram())
}

/// The patch with chunks of this size; with `ram`, that much is stated, or as much as it needs.
fn sealed(patch: Patch, size_log2: u8, ram: Option<u32>) -> Patch {
    let Ok(mut parts) = Parts::split(&patch.bytes) else { return patch };
    parts.header.chunks = Some(Chunks { size_log2, root: [0; 32] });
    parts.header.ram = ram.unwrap_or(parts.header.ram);
    let bytes = parts.assemble();
    let header = parts.header;
    let mut report = patch.report;
    report.header_len = header.header_len;
    Patch { bytes, header, report }
}
