//! Tar archives: where the data of the files is.
//!
//! Source: POSIX.1-2017, *pax*, "ustar Interchange Format" and "pax Extended Header"; GNU tar
//! manual, "Basic Tar Format" (long names, sizes in base 256). Headers, padding, links, folders and
//! whatever is past the end belong to the template.

use super::member::{ContainerError, Member, MOST_MEMBERS};

const BLOCK: usize = 512;

/// Whether it begins with a tar header.
pub fn is(file: &[u8]) -> bool {
    file.first_chunk::<BLOCK>().is_some_and(|block| block[0] != 0 && is_header(block))
}

/// Whether it begins with the magic word of POSIX and GNU tar, whatever its checksum.
pub(crate) fn begins(file: &[u8]) -> bool {
    file.first_chunk::<BLOCK>()
        .is_some_and(|block| block[0] != 0 && block[257..].starts_with(b"ustar"))
}

/// The files that have data, in their order.
///
/// # Errors
///
/// [`ContainerError`], if a header is damaged, or data reaches beyond the end, or files are sparse.
pub fn members(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    files(file, |len| len > 0)
}

/// The files whose length is `wanted`.
pub(super) fn files(
    file: &[u8],
    wanted: impl Fn(u64) -> bool,
) -> Result<Vec<Member>, ContainerError> {
    let mut members = Vec::new();
    let mut at = 0;
    // What the headers before say about the next file.
    let mut next = Extended::default();
    while let Some(block) = file.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        if !is_header(block) {
            return Err(ContainerError::Expected {
                what: "a tar header with a right checksum",
                offset: at as u64,
            });
        }
        let kind = block[156];
        let has_data = !matches!(kind, b'1'..=b'6');
        let is_about_next = matches!(kind, b'L' | b'K' | b'x');
        let mut size = number(&block[124..136], at)?;
        if !is_about_next && kind != b'g' {
            size = next.size.unwrap_or(size);
        }
        let start = at + BLOCK;
        let len = if has_data { size } else { 0 };
        let limit = file.len() - start;
        if len > limit as u64 {
            return Err(ContainerError::OutOfBounds {
                what: "size of a file in a tar archive",
                offset: at as u64 + 124,
                found: len,
                limit: limit as u64,
            });
        }
        let data = start..start + len as usize;
        let content = &file[data.clone()];
        match kind {
            b'L' => next.name = Some(text(content)),
            b'x' => next.read(content),
            b'K' | b'g' => {}
            b'S' => {
                return Err(ContainerError::Unsupported {
                    what: "a sparse file in a tar archive",
                    offset: at as u64,
                })
            }
            _ => {
                let name = next.name.take().unwrap_or_else(|| ustar_name(block));
                if matches!(kind, b'0' | 0 | b'7') && wanted(len) {
                    if members.len() == MOST_MEMBERS {
                        let (offset, limit) = (at as u64, MOST_MEMBERS as u64);
                        return Err(ContainerError::TooManyMembers { offset, limit });
                    }
                    members.push(Member { name, data, is_deflated: false, stated_len: None });
                }
                next = Extended::default();
            }
        }
        at = start + (len as usize).next_multiple_of(BLOCK).min(limit);
    }
    Ok(members)
}

/// What an extended header says about the next file.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    size: Option<u64>,
}

impl Extended {
    /// Records: `length key=value\n`, the length being that of the record.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|byte| *byte == b' ') {
            let len = core::str::from_utf8(&records[..space])
                .ok()
                .and_then(|digits| digits.parse::<usize>().ok());
            let Some((record, rest)) = len.and_then(|len| records.split_at_checked(len)) else {
                return;
            };
            let Some(record) =
                record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n"))
            else {
                return;
            };
            if let Some(path) = record.strip_prefix(b"path=") {
                self.name = Some(text(path));
            }
            if let Some(size) = record.strip_prefix(b"size=") {
                self.size = core::str::from_utf8(size).ok().and_then(|digits| digits.parse().ok());
            }
            records = rest;
        }
    }
}

/// Whether the checksum is right. Old programs added the bytes as signed numbers.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let Ok(stated) = number(&block[148..156], 0) else { return false };
    let bytes = || {
        block.iter().enumerate().map(|(i, byte)| if (148..156).contains(&i) { b' ' } else { *byte })
    };
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte as i8)).sum();
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// A number in octal, or big-endian if the first bit is set.
fn number(field: &[u8], header: usize) -> Result<u64, ContainerError> {
    let bad = ContainerError::Expected { what: "a number in a tar header", offset: header as u64 };
    if field.first().is_some_and(|byte| *byte >= 0x80) {
        let value = field.iter().skip(1).try_fold(0u64, |value, byte| {
            value.checked_mul(256).map(|value| value | u64::from(*byte))
        });
        return value.filter(|_| field[0] == 0x80).ok_or(bad);
    }
    let digits = field.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    digits.iter().try_fold(0u64, |value, digit| match digit {
        b'0'..=b'7' => Ok(value << 3 | u64::from(digit - b'0')),
        _ => Err(bad.clone()),
    })
}

fn ustar_name(block: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
    if block[257..263] == *b"ustar\0" && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

/// Text up to the first zero.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}
