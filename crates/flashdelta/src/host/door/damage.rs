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
    let mut found = image::check(file);
    let mut watch = |_| ControlFlow::Continue(());
    let mut budget = Budget::new(total_limit(file.len() as u64, 0, 0), &mut watch);
    // What cannot be taken apart is said elsewhere, and nobody is asked whether to go on.
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
                let after = || file.get(member.data.end..)?.first_chunk::<4>();
                if let Some(crc) = after().filter(|_| container == Container::Gzip) {
                    let (expected, actual) = (u32::from_le_bytes(*crc), crc32(content));
                    let offset = member.data.end;
                    found.extend(Finding::of_sums(Check::GzipCrc, offset, expected, actual));
                }
                found.extend(image::check(content).into_iter().map(|f| f.in_member(&member.name)));
            }
        }
    }
    Ok(())
}
