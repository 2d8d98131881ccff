//! Zip archives: where the data of the members is.
//!
//! Source: PKWARE, *APPNOTE.TXT*, version 6.3.10, sections 4.3 and 4.4. The central directory
//! counts; local headers are only looked at to find the data. Zip64, archives in several parts, and
//! archives whose places contradict each other are refused. What stands before the archive
//! (self-extractors), comments, extra fields and data descriptors are no data, so they belong to
//! the template.

use core::ops::ControlFlow;

use super::container::{ContainerError, Member};
use super::deflate::inflate;
use crate::device::format::crc32;
use crate::host::budget::Budget;

const LOCAL: u32 = 0x0403_4B50;
const CENTRAL: u32 = 0x0201_4B50;
const END: u32 = 0x0605_4B50;
const END64_LOCATOR: u32 = 0x0706_4B50;

const LOCAL_LEN: usize = 30;
const CENTRAL_LEN: usize = 46;
const END_LEN: usize = 22;
const END64_LOCATOR_LEN: usize = 20;

/// The method "deflated".
const DEFLATED: u32 = 8;
/// The flag "encrypted".
const ENCRYPTED: u32 = 1;

/// Is there the end of an archive at the end of the file?
pub fn is(file: &[u8]) -> bool {
    find_end(file).is_some()
}

/// Does the file begin with the header of a member?
pub(crate) fn begins(file: &[u8]) -> bool {
    u32_at(file, 0) == Some(LOCAL)
}

/// The members that have data, in the order of their data.
///
/// # Errors
///
/// [`ContainerError`], if the archive contradicts itself or uses zip64 or several parts.
pub fn members(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let end = find_end(file).ok_or(ContainerError::Expected {
        what: "the end of a zip archive",
        offset: file.len() as u64,
    })?;
    let archive = Archive::new(file, end)?;
    let mut members = Vec::new();
    let mut at = archive.directory;
    for _ in 0..archive.count {
        let (member, next) = archive.member(at)?;
        at = next;
        members.extend(member);
    }
    if at != end {
        let (expected, found) = (end as u64, at as u64);
        return Err(ContainerError::Contradiction {
            what: "end of the central directory",
            offset: found,
            expected,
            found,
        });
    }
    members.sort_by_key(|member| member.data.start);
    for (first, second) in members.iter().zip(members.iter().skip(1)) {
        if first.data.end > second.data.start {
            return Err(ContainerError::Overlap {
                first: first.name.clone(),
                second: second.name.clone(),
            });
        }
    }
    Ok(members)
}

/// A member whose data does not have the CRC-32 that the archive states.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BadCrc {
    /// Its name.
    pub name: String,
    /// The CRC-32 in the central directory.
    pub expected: u32,
    /// That of its data; `None` if the data cannot be inflated.
    pub found: Option<u32>,
}

/// Members are inflated up to this length, in bytes, to check them.
const MOST_CHECKED: usize = 1 << 27;

/// Checks the CRC-32 of the members, in the order of the central directory. Encrypted members, other
/// methods than "stored" and "deflated", and what is longer than 128 MiB are left out.
///
/// # Errors
///
/// Those of [`members`].
pub fn check(file: &[u8]) -> Result<Vec<BadCrc>, ContainerError> {
    members(file)?;
    let Some(end) = find_end(file) else { return Ok(Vec::new()) };
    let archive = Archive::new(file, end)?;
    let (mut bad, mut at) = (Vec::new(), archive.directory);
    let mut go_on = |_: u32| ControlFlow::Continue(());
    for _ in 0..archive.count {
        let entry = file.get(at..).unwrap_or_default();
        let (member, next) = archive.member(at)?;
        at = next;
        let (flags, method) = (u16_at(entry, 8).unwrap_or(0), u16_at(entry, 10).unwrap_or(0));
        let (Some(member), Some(expected)) = (member, u32_at(entry, 16)) else { continue };
        let data = file.get(member.data.clone()).unwrap_or_default();
        let is_too_long = member.stated_len.unwrap_or(0) as usize > MOST_CHECKED;
        let found = match method {
            0 if flags & ENCRYPTED == 0 => Some(crc32(data)),
            _ if member.is_deflated && !is_too_long => {
                let len = member.stated_len.unwrap_or(0) as usize;
                let mut budget = Budget::new(len as u64, &mut go_on);
                inflate(data, len, &mut budget).ok().map(|(plain, _)| crc32(&plain))
            }
            _ => continue,
        };
        if found != Some(expected) {
            bad.push(BadCrc { name: member.name, expected, found });
        }
    }
    Ok(bad)
}

/// Where the end record is: the last one whose comment ends with the file.
fn find_end(file: &[u8]) -> Option<usize> {
    let last = file.len().checked_sub(END_LEN)?;
    let first = last.saturating_sub(0xFFFF);
    (first..=last).rev().find(|at| {
        u32_at(file, *at) == Some(END)
            && u16_at(file, at + 20)
                .is_some_and(|comment| at + END_LEN + comment as usize == file.len())
    })
}

struct Archive<'a> {
    file: &'a [u8],
    /// Where the central directory begins.
    directory: usize,
    /// How many members it lists.
    count: usize,
    /// What stands before the archive: all offsets count from its end.
    before: usize,
}

impl<'a> Archive<'a> {
    fn new(file: &'a [u8], end: usize) -> Result<Self, ContainerError> {
        let field = |at: usize| u16_at(file, end + at).unwrap_or(0);
        let unsupported = |what| ContainerError::Unsupported { what, offset: end as u64 };
        let locator = end.checked_sub(END64_LOCATOR_LEN).and_then(|at| u32_at(file, at));
        let (size, offset) =
            (u32_at(file, end + 12).unwrap_or(0), u32_at(file, end + 16).unwrap_or(0));
        if locator == Some(END64_LOCATOR)
            || field(10) == 0xFFFF
            || size == u32::MAX
            || offset == u32::MAX
        {
            return Err(unsupported("zip64"));
        }
        if field(4) != 0 || field(6) != 0 || field(8) != field(10) {
            return Err(unsupported("a zip archive in several parts"));
        }
        let out_of_bounds =
            |what, at: usize, found: u32, limit: usize| ContainerError::OutOfBounds {
                what,
                offset: (end + at) as u64,
                found: found.into(),
                limit: limit as u64,
            };
        let directory = end.checked_sub(size as usize);
        let directory = directory
            .ok_or_else(|| out_of_bounds("size of the central directory", 12, size, end))?;
        let before = directory.checked_sub(offset as usize);
        let before = before.ok_or_else(|| {
            out_of_bounds("offset of the central directory", 16, offset, directory)
        })?;
        Ok(Self { file, directory, count: field(10) as usize, before })
    }

    /// The member that is listed at `at`, if it has data, and where the next one is listed.
    fn member(&self, at: usize) -> Result<(Option<Member>, usize), ContainerError> {
        let file = self.file;
        let cut_short =
            ContainerError::CutShort { what: "entry of the central directory", offset: at as u64 };
        let entry = file.get(at..at + CENTRAL_LEN).ok_or_else(|| cut_short.clone())?;
        if u32_at(entry, 0) != Some(CENTRAL) {
            return Err(ContainerError::Expected {
                what: "an entry of the central directory",
                offset: at as u64,
            });
        }
        let short = |at: usize| u16_at(entry, at).unwrap_or(0) as usize;
        let long = |at: usize| u32_at(entry, at).unwrap_or(0);
        let (flags, method) = (short(8) as u32, short(10) as u32);
        let (size, offset) = (long(20), long(42));
        if size == u32::MAX || offset == u32::MAX || long(24) == u32::MAX {
            return Err(ContainerError::Unsupported { what: "zip64", offset: at as u64 });
        }
        let name = file.get(at + CENTRAL_LEN..at + CENTRAL_LEN + short(28)).ok_or(cut_short)?;
        let next = at + CENTRAL_LEN + short(28) + short(30) + short(32);
        let start = self.data(at, offset)?;
        let limit = self.directory.saturating_sub(start);
        if size as usize > limit {
            let (offset, found, limit) = (at as u64 + 20, u64::from(size), limit as u64);
            return Err(ContainerError::OutOfBounds {
                what: "size of a member",
                offset,
                found,
                limit,
            });
        }
        let is_deflated = method == DEFLATED && flags & ENCRYPTED == 0;
        let member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            data: start..start + size as usize,
            is_deflated,
            stated_len: is_deflated.then(|| long(24)),
        };
        Ok(((size > 0).then_some(member), next))
    }

    /// Where the data behind the local header is that an entry points to.
    fn data(&self, entry: usize, offset: u32) -> Result<usize, ContainerError> {
        let at = self.before + offset as usize;
        let limit = self.directory.saturating_sub(self.before + LOCAL_LEN) as u64;
        if u64::from(offset) > limit {
            let (what, found) = ("offset of a member", u64::from(offset));
            return Err(ContainerError::OutOfBounds {
                what,
                offset: entry as u64 + 42,
                found,
                limit,
            });
        }
        if u32_at(self.file, at) != Some(LOCAL) {
            return Err(ContainerError::Expected {
                what: "the local header of a member",
                offset: at as u64,
            });
        }
        let short = |offset: usize| u16_at(self.file, at + offset).unwrap_or(0) as usize;
        let start = at + LOCAL_LEN + short(26) + short(28);
        if start > self.directory {
            return Err(ContainerError::CutShort {
                what: "local header of a member",
                offset: at as u64,
            });
        }
        Ok(start)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with one member.
    fn archive(method: u16, stored: &[u8], plain: &[u8]) -> Vec<u8> {
        let (crc, lens) = (crc32(plain), [stored.len() as u32, plain.len() as u32]);
        let common = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0]);
            out.extend(method.to_le_bytes());
            out.extend([0; 4]);
            for word in [crc, lens[0], lens[1]] {
                out.extend(word.to_le_bytes());
            }
            out.extend([1, 0, 0, 0]);
        };
        let mut file = LOCAL.to_le_bytes().to_vec();
        common(&mut file);
        file.push(b'a');
        file.extend(stored);
        let directory = file.len() as u32;
        file.extend(CENTRAL.to_le_bytes());
        file.extend([20, 0]);
        common(&mut file);
        file.extend([0; 14]);
        file.push(b'a');
        let size = file.len() as u32 - directory;
        file.extend(END.to_le_bytes());
        file.extend([0, 0, 0, 0, 1, 0, 1, 0]);
        for word in [size, directory] {
            file.extend(word.to_le_bytes());
        }
        file.extend([0, 0]);
        file
    }

    #[test]
    fn a_wrong_crc_of_a_member_is_found() {
        // "aaaaa" by deflate with fixed codes (RFC 1951, 3.2.6), as zlib writes it.
        let deflated = [0x4b, 0x4c, 0x4c, 0x4c, 0x4c, 0x04, 0x00];
        let mut go_on = |_: u32| ControlFlow::Continue(());
        let plain = inflate(&deflated, 100, &mut Budget::new(100, &mut go_on)).unwrap().0;
        for (method, stored) in [(0, &b"stored"[..]), (8, &deflated)] {
            let plain = if method == 0 { stored } else { &plain };
            let good = archive(method, stored, plain);
            assert_eq!(members(&good).unwrap().len(), 1);
            assert_eq!(check(&good), Ok(Vec::new()), "{method}");
            let mut bad = good;
            bad[32] ^= 4;
            let found = check(&bad).unwrap();
            assert_eq!((found.len(), &*found[0].name), (1, "a"), "{method}");
            assert_ne!(found[0].found, Some(found[0].expected));
        }
    }
}
