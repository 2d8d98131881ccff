//! Zip archives: where the data of the members is.
//!
//! Source: PKWARE, *APPNOTE.TXT*, version 6.3.10, sections 4.3 and 4.4. The central directory
//! counts; local headers are only looked at to find the data. Zip64, archives in several parts, and
//! archives whose places contradict each other are refused. What is before the archive
//! (self-extractors), comments, extra fields and data descriptors are no data, so they belong to
//! the template.

use super::member::{ContainerError, Member};
use crate::host::budget::{Budget, Halt};
use crate::host::deflate::inflate;

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

/// Whether the end of an archive is at the end of the file.
pub fn is(file: &[u8]) -> bool {
    find_end(file).is_some()
}

/// Whether the file begins with the header of a member.
pub(crate) fn begins(file: &[u8]) -> bool {
    u32_at(file, 0) == Some(LOCAL)
}

/// The members that have data, in the order of their data.
///
/// # Errors
///
/// [`ContainerError`], if the archive contradicts itself or uses zip64 or several parts.
pub fn members(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let mut members = files(file)?;
    members.retain(|member| !member.data.is_empty());
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

/// All members, in the order of the central directory.
pub(super) fn files(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
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
        members.push(member);
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
    Ok(members)
}

/// Members are inflated up to this length, in bytes, to check them.
const MOST_CHECKED: usize = 1 << 27;

/// A member, looked at.
pub(crate) struct Looked<'m> {
    pub(crate) member: &'m Member,
    /// Where in the central directory its CRC-32 is.
    pub(crate) offset: usize,
    /// That CRC-32.
    pub(crate) crc: u32,
    /// What it holds; `None` if that cannot be inflated to the length that the archive states.
    pub(crate) content: Option<&'m [u8]>,
}

/// Looks at what the members hold, in the order of the central directory. Encrypted members, other
/// methods than "stored" and "deflated", and what is longer than 128 MiB are left out. What is
/// inflated is taken from the budget.
pub(crate) fn look(
    file: &[u8],
    budget: &mut Budget<'_>,
    mut visit: impl FnMut(Looked<'_>),
) -> Result<(), Halt<ContainerError>> {
    members(file)?;
    let Some(end) = find_end(file) else { return Ok(()) };
    let archive = Archive::new(file, end)?;
    let mut at = archive.directory;
    for _ in 0..archive.count {
        let entry = file.get(at..).unwrap_or_default();
        let (member, next) = archive.member(at)?;
        let offset = at + 16;
        at = next;
        let (flags, method) = (u16_at(entry, 8).unwrap_or(0), u16_at(entry, 10).unwrap_or(0));
        let Some(crc) = u32_at(entry, 16).filter(|_| !member.data.is_empty()) else { continue };
        let data = file.get(member.data.clone()).unwrap_or_default();
        let len = member.stated_len.unwrap_or(0) as usize;
        budget.work(data.len() as u64)?;
        let inflated;
        let content = match method {
            0 if flags & ENCRYPTED == 0 => Some(data),
            _ if member.is_deflated && len <= MOST_CHECKED => {
                inflated = match inflate(data, len, budget) {
                    Ok((plain, _)) => Some(plain),
                    Err(Halt::Bad(_)) => None,
                    Err(Halt::Stop(stop)) => return Err(stop.into()),
                };
                inflated.as_deref()
            }
            _ => continue,
        };
        visit(Looked { member: &member, offset, crc, content });
    }
    Ok(())
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
    /// What is before the archive: all offsets count from its end.
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
    fn member(&self, at: usize) -> Result<(Member, usize), ContainerError> {
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
        Ok((member, next))
    }

    /// Where the data after the local header is that an entry points to.
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
    use core::ops::ControlFlow;

    use super::*;
    use crate::device::format::crc32;

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
    fn members_are_looked_at() {
        // "aaaaa" by deflate with fixed codes (RFC 1951, 3.2.6), as zlib writes it.
        let deflated = [0x4b, 0x4c, 0x4c, 0x4c, 0x4c, 0x04, 0x00];
        for (method, data, plain) in
            [(0, &b"stored"[..], &b"stored"[..]), (8, &deflated, b"aaaaa"), (8, b"bad", b"aaaaa")]
        {
            let file = archive(method, data, plain);
            let mut go_on = |_: u32| ControlFlow::Continue(());
            let mut found = Vec::new();
            look(&file, &mut Budget::new(100, &mut go_on), |looked| {
                found.push((looked.crc, looked.content.map(<[u8]>::to_vec)));
            })
            .unwrap();
            let content = (data != b"bad").then(|| plain.to_vec());
            assert_eq!(found, [(crc32(plain), content)], "{method}");
        }
    }
}
