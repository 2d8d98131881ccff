//! A bundle as bytes: specified in `docs/format.md`, section "Bundles".

use core::fmt;

use super::BundleError;
use crate::device::format::{crc32, Reader, MAX_SIZE};
use crate::host::archive::{Container, MOST_MEMBERS};
use crate::host::put;

/// Bundles in bundles: a member that is a container itself.
pub(super) const MOST_LEVELS: usize = 3;

/// A name in a bundle is cut to this many bytes: it is for people only.
pub(super) const MOST_OF_A_NAME: usize = 1024;

const MAGIC: [u8; 3] = *b"FDB";
const VERSION: u8 = 0;
const CHECKSUM: usize = 4;

/// Flags beside the method of a member.
const OLD_IS_INFLATED: u8 = 0x10;
const IS_DEFLATED: u8 = 0x20;

/// A deflate stream can hold this many bytes per byte at most: a match of 258 bytes in two bits.
const MOST_PER_BYTE: u64 = 1032;

/// How a member of the new file is made.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Method {
    /// As a member of the old file is.
    Same = 0,
    /// By a patch for a member of the old file.
    Patch = 1,
    /// By the common patch, together with other small ones and the template.
    Common = 2,
    /// By a patch for an empty file: compressed, but not by anything old.
    Full = 3,
    /// As it is.
    #[default]
    Verbatim = 4,
    /// By a bundle for a member of the old file: it is a container itself.
    Bundle = 5,
}

impl Method {
    const ALL: [Self; 6] =
        [Self::Same, Self::Patch, Self::Common, Self::Full, Self::Verbatim, Self::Bundle];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Patch => "patch",
            Self::Common => "common",
            Self::Full => "full",
            Self::Verbatim => "verbatim",
            Self::Bundle => "bundle",
        }
    }

    /// Whether there is a member of the old file to start from.
    fn has_old(self) -> bool {
        matches!(self, Self::Same | Self::Patch | Self::Bundle)
    }

    /// Whether there is a part of the bundle for it.
    fn has_body(self) -> bool {
        matches!(self, Self::Patch | Self::Full | Self::Verbatim | Self::Bundle)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a bundle says about itself.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleInfo {
    /// What the old file is.
    pub old_container: Container,
    /// What the new file is.
    pub new_container: Container,
    /// Length of the old file in bytes.
    pub old_size: u32,
    /// Length of the new file in bytes.
    pub new_size: u32,
    /// First 12 bytes of the SHA-256 of the old file.
    pub old_digest: [u8; 12],
    /// SHA-256 of the new file.
    pub new_digest: [u8; 32],
    /// Length of the header, in bytes.
    pub header_len: u32,
    /// Length of the common patch: for the template, small members, and how compressed ones are to
    /// be compressed.
    pub common_len: u32,
    /// The members of the new file that have data, in its order.
    pub members: Vec<MemberInfo>,
}

/// How a bundle makes one member.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemberInfo {
    /// Its name: the start of it, if it is very long.
    pub name: String,
    /// How it is made.
    pub method: Method,
    /// Bytes of the bundle for this member alone.
    pub bytes: u32,
    /// Length of its data in the new file.
    pub size: u32,
    /// Length of what it holds; the same, if it is not compressed.
    pub content_size: u32,
    /// Index of the member of the old file that it starts from.
    pub old: Option<u32>,
    /// Bytes of the template before it.
    pub(super) gap: u32,
    /// Whether the old member is taken as what it holds, and not as it is in the old file.
    pub(super) old_is_inflated: bool,
    /// The length of its recipe, if it is compressed.
    pub(super) recipe: Option<u32>,
}

/// Whether it begins as a bundle.
pub fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads what a bundle says about itself, and checks that it is complete.
///
/// # Errors
///
/// [`BundleError`], if it is no bundle, damaged, or not complete.
pub fn info(bytes: &[u8]) -> Result<BundleInfo, BundleError> {
    BundleInfo::parse(bytes)
}

/// The core patch in a bundle that holds nothing else: between files that are no containers, or
/// better not taken as such. `None` where one of them is a packed folder: the core patch could not
/// say so, and would be applied to something else.
pub fn plain_patch(bytes: &[u8]) -> Option<&[u8]> {
    let info = BundleInfo::parse(bytes).ok()?;
    match (info.old_container, info.new_container, info.members.as_slice()) {
        (Container::Whole, Container::Whole, [member])
            if matches!(member.method, Method::Patch) =>
        {
            bytes.get((info.header_len + info.common_len) as usize..)
        }
        _ => None,
    }
}

impl BundleInfo {
    fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if let Some(offset) =
            (0..MAGIC.len()).find(|i| bytes.get(*i).is_some_and(|byte| *byte != MAGIC[*i]))
        {
            return Err(BundleError::NotABundle { offset: offset as u32 });
        }
        let found = bytes.len() as u64;
        let incomplete = BundleError::Truncated { expected: None, found };
        let version = *bytes.get(MAGIC.len()).ok_or_else(|| incomplete.clone())?;
        if version != VERSION {
            return Err(BundleError::UnsupportedVersion { found: version });
        }
        let mut start = Reader::new(bytes, 0);
        start.skip(MAGIC.len() + 1);
        let header_len = start.checked(|r| r.varint()).map_err(|_| incomplete.clone())?;
        let header = bytes.get(..header_len as usize).ok_or(incomplete)?;
        let Some((content, checksum)) = header.split_last_chunk::<CHECKSUM>() else {
            return Err(BundleError::BadField {
                field: "header length",
                offset: start.offset() as u32,
            });
        };
        let (expected, found_crc) = (u32::from_le_bytes(*checksum), crc32(content));
        if expected != found_crc {
            return Err(BundleError::Checksum { expected, found: found_crc });
        }
        let mut fields = Fields { bytes: content, reader: Reader::new(content, 0) };
        fields.reader.skip(start.offset());
        let info = fields.info(header_len)?;
        if fields.reader.offset() != content.len() {
            return Err(fields.bad("end of the header"));
        }
        let parts = info.members.iter().map(|member| u64::from(member.bytes));
        let expected = u64::from(header_len) + u64::from(info.common_len) + parts.sum::<u64>();
        match found {
            _ if found < expected => {
                Err(BundleError::Truncated { expected: Some(expected), found })
            }
            _ if found > expected => Err(BundleError::Trailing { expected, found }),
            _ => Ok(info),
        }
    }

    /// Bytes of all recipes.
    pub(super) fn recipes_len(&self) -> u64 {
        self.members.iter().filter_map(|member| member.recipe).map(u64::from).sum()
    }

    /// Bytes that the common patch makes.
    pub(super) fn common_result_len(&self) -> u64 {
        let small = self.members.iter().filter(|member| member.method == Method::Common);
        let small: u64 = small.map(|member| u64::from(member.content_size)).sum();
        self.recipes_len() + self.template_len() as u64 + small
    }

    /// Bytes of the template of the new file; those of its members are no more than the file.
    pub(super) fn template_len(&self) -> usize {
        let members: u64 = self.members.iter().map(|member| u64::from(member.size)).sum();
        u64::from(self.new_size).saturating_sub(members) as usize
    }

    /// The header as bytes. Sets its length.
    pub(super) fn emit(&mut self) -> Vec<u8> {
        let mut fields = Vec::new();
        put::varint(&mut fields, 0);
        fields.push(self.old_container as u8 | (self.new_container as u8) << 4);
        put::varint(&mut fields, self.old_size);
        put::varint(&mut fields, self.new_size);
        fields.extend_from_slice(&self.old_digest);
        fields.extend_from_slice(&self.new_digest);
        put::varint(&mut fields, self.common_len);
        put::varint(&mut fields, self.members.len() as u32);
        let mut expected_old = 0;
        for member in &self.members {
            member.emit(&mut fields, &mut expected_old);
        }
        let rest = MAGIC.len() + 1 + fields.len() + CHECKSUM;
        let mut len = Vec::new();
        while len.len() + rest != self.header_len as usize {
            self.header_len = (len.len() + rest) as u32;
            len.clear();
            put::varint(&mut len, self.header_len);
        }
        let mut bytes = [&MAGIC[..], &[VERSION], &len, &fields].concat();
        bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
        bytes
    }
}

impl MemberInfo {
    fn emit(&self, out: &mut Vec<u8>, expected_old: &mut u32) {
        let flags = [(self.old_is_inflated, OLD_IS_INFLATED), (self.recipe.is_some(), IS_DEFLATED)];
        let flags = flags.into_iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
        out.push(self.method as u8 | flags);
        put::varint(out, self.gap);
        put::varint(out, self.size);
        if let Some(old) = self.old {
            put::signed(out, old.wrapping_sub(*expected_old) as i32);
            *expected_old = old.wrapping_add(1);
        }
        if let Some(recipe) = self.recipe {
            put::varint(out, self.content_size);
            put::varint(out, recipe);
        }
        if self.method.has_body() {
            put::varint(out, self.bytes);
        }
        put::varint(out, self.name.len() as u32);
        out.extend_from_slice(self.name.as_bytes());
    }
}

/// The fields of a header, one after the other.
struct Fields<'a> {
    bytes: &'a [u8],
    reader: Reader<'a>,
}

impl Fields<'_> {
    fn bad(&self, field: &'static str) -> BundleError {
        BundleError::BadField { field, offset: self.reader.offset() as u32 }
    }

    fn number(&mut self, field: &'static str) -> Result<u32, BundleError> {
        self.reader.checked(|r| r.varint()).map_err(|_| self.bad(field))
    }

    /// The size of a file.
    fn size(&mut self, field: &'static str) -> Result<u32, BundleError> {
        let size = self.number(field)?;
        if size > MAX_SIZE {
            Err(self.bad(field))
        } else {
            Ok(size)
        }
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, BundleError> {
        self.reader.checked(|r| r.byte()).map_err(|_| self.bad(field))
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], BundleError> {
        let mut array = [0; N];
        self.reader.checked(|r| r.bytes(&mut array)).map_err(|_| self.bad(field))?;
        Ok(array)
    }

    fn info(&mut self, header_len: u32) -> Result<BundleInfo, BundleError> {
        let features = self.number("required features")?;
        if features != 0 {
            return Err(BundleError::UnknownFeature { bit: features.trailing_zeros() });
        }
        let containers = self.byte("containers")?;
        let container = |number| Container::from_number(number);
        let (Some(old), Some(new)) = (container(containers & 15), container(containers >> 4))
        else {
            return Err(self.bad("containers"));
        };
        let mut info = BundleInfo {
            old_container: old,
            new_container: new,
            old_size: self.size("old size")?,
            new_size: self.size("new size")?,
            old_digest: self.array("old digest")?,
            new_digest: self.array("new digest")?,
            header_len,
            common_len: self.number("length of the common patch")?,
            members: Vec::new(),
        };
        let mut left = info.new_size;
        let mut expected_old = 0;
        let count = self.number("number of members")?;
        if count as usize > MOST_MEMBERS {
            return Err(self.bad("number of members"));
        }
        for _ in 0..count {
            let member = self.member(&mut expected_old)?;
            let rest = left.checked_sub(member.gap).and_then(|left| left.checked_sub(member.size));
            left = rest.ok_or_else(|| self.bad("size of a member"))?;
            info.members.push(member);
        }
        Ok(info)
    }

    fn member(&mut self, expected_old: &mut u32) -> Result<MemberInfo, BundleError> {
        let head = self.byte("method")?;
        let method = Method::ALL.get(usize::from(head & 15)).copied();
        let Some(method) = method.filter(|_| head & !(15 | OLD_IS_INFLATED | IS_DEFLATED) == 0)
        else {
            return Err(self.bad("method"));
        };
        let (gap, size) = (self.number("gap")?, self.number("size of a member")?);
        let mut member =
            MemberInfo { method, gap, size, content_size: size, ..MemberInfo::default() };
        member.old_is_inflated = head & OLD_IS_INFLATED != 0;
        if method.has_old() {
            let step = self.reader.checked(|r| r.signed()).map_err(|_| self.bad("old member"))?;
            let old = expected_old.wrapping_add(step as u32);
            *expected_old = old.wrapping_add(1);
            member.old = Some(old);
        }
        if head & IS_DEFLATED != 0 {
            member.content_size = self.number("content of a member")?;
            if u64::from(member.content_size) > MOST_PER_BYTE * u64::from(size) {
                return Err(self.bad("content of a member"));
            }
            member.recipe = Some(self.number("length of a recipe")?);
        }
        if method.has_body() {
            member.bytes = self.number("bytes of a member")?;
        }
        let len = self.number("length of a name")? as usize;
        if len > MOST_OF_A_NAME {
            return Err(self.bad("length of a name"));
        }
        let start = self.reader.offset();
        let name = self
            .bytes
            .get(start..start.saturating_add(len))
            .ok_or_else(|| self.bad("length of a name"))?;
        member.name = core::str::from_utf8(name).map_err(|_| self.bad("name"))?.to_owned();
        self.reader.skip(len);
        Ok(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> BundleInfo {
        let member = |name: &str, method, old| MemberInfo {
            name: name.to_owned(),
            method,
            bytes: if method == Method::Patch { 3 } else { 0 },
            size: 1000,
            content_size: 1000,
            old,
            gap: 30,
            ..MemberInfo::default()
        };
        let deflated = MemberInfo {
            recipe: Some(12),
            content_size: 5000,
            old_is_inflated: true,
            ..member("ünïcode.bin", Method::Patch, Some(0))
        };
        BundleInfo {
            old_container: Container::Zip,
            new_container: Container::Tar,
            old_size: 70_000,
            new_size: 80_000,
            old_digest: [1; 12],
            new_digest: [2; 32],
            header_len: 0,
            common_len: 5,
            members: vec![
                member("app.bin", Method::Same, Some(4)),
                deflated,
                member("b", Method::Common, None),
            ],
        }
    }

    #[test]
    fn a_header_comes_back() {
        let mut info = sample();
        let header = info.emit();
        let bytes = [&header[..], &[0; 8]].concat();
        assert_eq!(info.header_len as usize, header.len());
        assert_eq!(BundleInfo::parse(&bytes), Ok(info));
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(
            BundleInfo::parse(&longer),
            Err(BundleError::Trailing { expected: bytes.len() as u64, found: longer.len() as u64 })
        );
        for len in 4..bytes.len() {
            assert!(
                matches!(BundleInfo::parse(&bytes[..len]), Err(BundleError::Truncated { .. })),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let header = sample().emit();
        for bit in 0..header.len() * 8 {
            let mut damaged = [&header[..], &[0; 8]].concat();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(BundleInfo::parse(&damaged).is_err(), "bit {bit}");
        }
    }
}
