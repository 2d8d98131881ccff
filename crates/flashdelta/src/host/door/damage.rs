//! What files say about themselves, held against what is there; of archives and folders, also what
//! their members say.

use core::ops::ControlFlow;

use crate::device::format::crc32;
use crate::host::archive::{zip, Container, ContainerError, Contents};
use crate::host::budget::{total_limit, Budget, Halt};
use crate::host::image::{self, Check, Finding, Value};

/// What is wrong with what a file says about itself: lengths, checksums and digests, see
/// [`image::check`]. Of an archive or a folder, also what is wrong with its members: the CRC of
/// those of zip and gzip, and what the firmware files among them say about themselves. Members are
/// inflated for it, within the limits of [`bundle::apply`](crate::bundle::apply); those beyond are
/// not looked at.
pub fn findings(file: &[u8]) -> Vec<Finding> {
    findings_while(file, || ControlFlow::Continue(()))
}

/// The [`findings`] as long as `goes_on` says so: those before the break.
pub(super) fn findings_while(
    file: &[u8],
    mut goes_on: impl FnMut() -> ControlFlow<()>,
) -> Vec<Finding> {
    let mut found = image::check(file);
    let mut watch = |_| goes_on();
    let mut budget = Budget::new(total_limit(file.len() as u64, 0, 0), &mut watch);
    // What cannot be taken apart is said elsewhere.
    let _ = members(file, &mut budget, &mut found);
    found
}

fn members(
    file: &[u8],
    budget: &mut Budget<'_>,
    found: &mut Vec<Finding>,
) -> Result<(), Halt<ContainerError>> {
    match Container::detect(file) {
        Container::Whole | Container::WholeFolder => {}
        Container::Zip => {
            zip::look(file, budget, |zip::Looked { member, offset, crc, content }| {
                let actual =
                    content.map_or(Value::Unreadable, |content| Value::Number(crc32(content)));
                let expected = Value::Number(crc);
                let crc = (expected != actual)
                    .then(|| Finding::new(Check::ZipCrc, offset, expected, actual));
                let inside = image::check(content.unwrap_or_default());
                found.extend(crc.into_iter().chain(inside).map(|f| f.in_member(&member.name)));
            })?
        }
        container => {
            let contents = Contents::new(file, container, budget)?;
            for (index, member) in contents.members.iter().enumerate() {
                let content = contents.content(index);
                if container == Container::Gzip {
                    gzip_trailer(file, member.data.end, content, found);
                }
                found.extend(image::check(content).into_iter().map(|f| f.in_member(&member.name)));
            }
        }
    }
    Ok(())
}

/// The CRC and the length after what gzip compressed, of which 32 bits are there (RFC 1952, section
/// 2.3.1).
fn gzip_trailer(file: &[u8], at: usize, content: &[u8], found: &mut Vec<Finding>) {
    let word = |at: usize| file.get(at..)?.first_chunk::<4>().map(|word| u32::from_le_bytes(*word));
    let (Some(crc), Some(len)) = (word(at), word(at + 4)) else {
        let expected = at as u64 + 8;
        found.push(Finding::of_lengths(Check::GzipEnd, at, expected, file.len() as u64));
        return;
    };
    found.extend(Finding::of_sums(Check::GzipCrc, at, crc, crc32(content)));
    if len != content.len() as u32 {
        let (expected, found_len) = (len.into(), content.len() as u64);
        found.push(Finding::of_lengths(Check::GzipLength, at + 4, expected, found_len));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip with one stored member of this length, whose CRC is wrong.
    fn damaged_zip(len: u32) -> Vec<u8> {
        let sizes = [!0, len, len].map(u32::to_le_bytes).concat();
        let start = [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58][..], &sizes, &[1, 0, 0, 0]].concat();
        let local = [b"PK\x03\x04", &start[..], b"m", &vec![7; len as usize]].concat();
        let entry = [b"PK\x01\x02\x14\x03", &start[..], &[0; 14], b"m"].concat();
        let [size, offset] = [entry.len(), local.len()].map(|n| (n as u32).to_le_bytes());
        let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size[..], &offset, &[0, 0]].concat();
        [local, entry, end].concat()
    }

    /// So that Ctrl-C ends it although what is inflated here is inflated before anything is made.
    #[test]
    fn looking_ends_when_it_is_told_to() {
        let zip = damaged_zip(1 << 16);
        assert_eq!(findings(&zip).len(), 1);
        assert_eq!(findings_while(&zip, || ControlFlow::Break(())), []);
        // Of little work nobody is told.
        assert_eq!(findings_while(&damaged_zip(9), || ControlFlow::Break(())).len(), 1);
    }
}
