//! Files compressed by gzip: where the compressed data is.
//!
//! Source: RFC 1952. Only the first of several concatenated members is found; the others belong to
//! the template.

use core::ops::ControlFlow;

use super::member::{ContainerError, Member};
use crate::host::budget::{Budget, Halt};
use crate::host::deflate::inflate;

const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const HEADER_CRC: u8 = 2;
const RESERVED: u8 = 0xE0;

const HEADER_LEN: usize = 10;
/// CRC-32 and length of what is compressed.
const TRAILER_LEN: usize = 8;

/// The data may become this long, in bytes.
const MOST: usize = 1 << 27;

/// Whether it begins as a gzip file with the only method there is.
pub fn is(file: &[u8]) -> bool {
    file.starts_with(&[0x1F, 0x8B, 8])
}

/// The compressed data. Its name is the one in the header, if there is one.
///
/// # Errors
///
/// [`ContainerError`], if the header is cut short or has unknown flags, or the data is damaged, or
/// holds more than 128 MiB.
pub fn members(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let mut watch = |_| ControlFlow::Continue(());
    match take_apart(file, &mut Budget::new(u64::MAX, &mut watch)) {
        Ok((member, _)) => Ok(vec![member]),
        Err(Halt::Bad(error)) => Err(error),
        Err(Halt::Stop(_)) => Ok(Vec::new()),
    }
}

/// The same, and what it holds, which is taken from the budget.
pub(super) fn take_apart(
    file: &[u8],
    budget: &mut Budget<'_>,
) -> Result<(Member, Vec<u8>), Halt<ContainerError>> {
    let (name, start) = header(file)?;
    let data = file.get(start..).unwrap_or_default();
    let (plain, len) = inflate(data, MOST, budget).map_err(|halt| match halt {
        Halt::Bad(error) => Halt::Bad(ContainerError::Deflate { error }),
        Halt::Stop(stop) => Halt::Stop(stop),
    })?;
    let stated_len = u32::try_from(plain.len()).ok();
    Ok((Member { name, data: start..start + len, is_deflated: true, stated_len }, plain))
}

/// The same by header and trailer alone, as if there were only one member and nothing after it.
///
/// # Errors
///
/// [`ContainerError`], if the header or the trailer is cut short, or there are unknown flags.
pub fn list(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let (name, start) = header(file)?;
    let cut_short = ContainerError::CutShort { what: "trailer of gzip", offset: file.len() as u64 };
    let end = file.len().checked_sub(TRAILER_LEN).filter(|end| *end >= start).ok_or(cut_short)?;
    let stated_len = file.last_chunk::<4>().map(|len| u32::from_le_bytes(*len));
    Ok(vec![Member { name, data: start..end, is_deflated: true, stated_len }])
}

/// The name in the header, and where the data after it begins.
fn header(file: &[u8]) -> Result<(String, usize), ContainerError> {
    let cut_short = || ContainerError::CutShort { what: "gzip header", offset: 0 };
    if !is(file) {
        return Err(ContainerError::Expected { what: "a gzip header", offset: 0 });
    }
    let flags = *file.get(3).ok_or_else(cut_short)?;
    if flags & RESERVED != 0 {
        return Err(ContainerError::Unsupported { what: "a reserved flag of gzip", offset: 3 });
    }
    let mut at = HEADER_LEN;
    if flags & EXTRA != 0 {
        let len = file.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut_short)?;
        at += 2 + usize::from(u16::from_le_bytes(*len));
    }
    let mut name = String::new();
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let rest = file.get(at..).ok_or_else(cut_short)?;
            let len = rest.iter().position(|byte| *byte == 0).ok_or_else(cut_short)?;
            if flag == NAME {
                // RFC 1952: the name is in Latin-1.
                name = rest[..len].iter().map(|byte| char::from(*byte)).collect();
            }
            at += len + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        at += 2;
    }
    if at > file.len() {
        return Err(cut_short());
    }
    Ok((name, at))
}
