//! A file, taken apart: its members, what deflated ones hold, and the template around them.

use super::container::Container;
use super::gzip;
use super::member::{ContainerError, Member};
use crate::host::budget::{Budget, Halt, Stop};
use crate::host::deflate::inflate;

/// Inflated members of one container take this much at most, in bytes: 128 MiB, several times what
/// any release holds. Those beyond are treated as they are in the container.
const MOST_INFLATED: usize = 1 << 27;

/// A file, taken apart.
pub(crate) struct Contents<'a> {
    file: &'a [u8],
    pub(crate) container: Container,
    pub(crate) members: Vec<Member>,
    /// What the deflated ones hold, where that can be told.
    pub(crate) plain: Vec<Option<Vec<u8>>>,
    /// What was taken from the budget for it.
    pub(crate) taken: u64,
}

impl<'a> Contents<'a> {
    /// Takes a file apart. If it is no container, or not in order, it is one member; and what it
    /// seems to be, and why it is not.
    pub(crate) fn of(
        file: &'a [u8],
        budget: &mut Budget<'_>,
    ) -> Result<(Self, Option<(Container, ContainerError)>), Stop> {
        let container = Container::resembles(file);
        match Self::new(file, container, budget) {
            Ok(contents) => Ok((contents, None)),
            Err(Halt::Bad(error)) => Ok((Self::whole(file), Some((container, error)))),
            Err(Halt::Stop(stop)) => Err(stop),
        }
    }

    /// A file as one member; of a packed folder it is remembered that it is one.
    pub(crate) fn whole(file: &'a [u8]) -> Self {
        let container = match Container::detect(file) {
            Container::Folder if Container::Folder.members(file).is_ok() => Container::WholeFolder,
            _ => Container::Whole,
        };
        Self { file, container, members: vec![Member::whole(file)], plain: vec![None], taken: 0 }
    }

    /// Takes a container of a kind apart. What is inflated is taken from the budget.
    pub(crate) fn new(
        file: &'a [u8],
        container: Container,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Halt<ContainerError>> {
        let before = budget.taken();
        if container == Container::Gzip {
            let (member, plain) = gzip::take_apart(file, budget)?;
            let (members, plain) = (vec![member], vec![Some(plain)]);
            return Ok(Self { file, container, members, plain, taken: budget.taken() - before });
        }
        let members = container.members(file)?;
        budget.work(file.len() as u64 / 16)?;
        let mut left = MOST_INFLATED;
        let mut plain = Vec::new();
        for member in &members {
            let data = member.is_deflated.then(|| file.get(member.data.clone())).flatten();
            let inflated = match data.map(|data| (data, inflate(data, left, budget))) {
                Some((data, Ok((inflated, len)))) if len == data.len() => Some(inflated),
                Some((_, Err(Halt::Stop(stop)))) => return Err(stop.into()),
                _ => None,
            };
            left -= inflated.as_ref().map_or(0, Vec::len);
            plain.push(inflated);
        }
        Ok(Self { file, container, members, plain, taken: budget.taken() - before })
    }

    /// The file.
    pub(crate) fn file(&self) -> &'a [u8] {
        self.file
    }

    /// The data of a member as it is in the container.
    pub(crate) fn raw(&self, index: usize) -> &'a [u8] {
        self.members
            .get(index)
            .and_then(|member| self.file.get(member.data.clone()))
            .unwrap_or_default()
    }

    /// What a member holds: inflated, where that is possible.
    pub(crate) fn content(&self, index: usize) -> &[u8] {
        self.plain.get(index).and_then(Option::as_deref).unwrap_or_else(|| self.raw(index))
    }

    /// The first member of a name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// All bytes that are not data of members, and the number of them before each member.
    pub(crate) fn template(&self) -> (Vec<u8>, Vec<usize>) {
        let (mut template, mut gaps, mut at) = (Vec::new(), Vec::new(), 0);
        for member in &self.members {
            let gap = self.file.get(at..member.data.start).unwrap_or_default();
            gaps.push(gap.len());
            template.extend_from_slice(gap);
            at = member.data.end;
        }
        template.extend_from_slice(self.file.get(at..).unwrap_or_default());
        (template, gaps)
    }
}
