//! Files that hold the memories of several chips, or several images of one chip, and which of them
//! is meant.

use core::fmt;

/// What a piece of data in a file is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Target {
    /// UF2: the family id of the block, if it has one.
    pub family: Option<u32>,
    /// micro:bit Universal Hex: the board id of the section; `None` outside of one.
    pub board: Option<u16>,
    /// UF2: which of several images that begin at the same addresses, from 0.
    pub part: u16,
}

/// Which of several memories in one file is meant. The default is all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Selection {
    pub(crate) family: Option<u32>,
    pub(crate) board: Option<u16>,
    pub(crate) part: Option<u16>,
}

impl Selection {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// UF2: only the blocks of this family, and those without a family.
    #[must_use]
    pub fn family(mut self, family: impl Into<Option<u32>>) -> Self {
        self.family = family.into();
        self
    }

    /// micro:bit Universal Hex: only the sections of this board (0x9900 or 0x9903), and what is
    /// outside of all sections.
    #[must_use]
    pub fn board(mut self, board: impl Into<Option<u16>>) -> Self {
        self.board = board.into();
        self
    }

    /// UF2: of several images that begin at the same addresses only this one, from 0.
    #[must_use]
    pub fn part(mut self, part: impl Into<Option<u16>>) -> Self {
        self.part = part.into();
        self
    }

    /// The same, as people count: from 1. There is no image of the number 0.
    #[must_use]
    pub fn image(self, number: impl Into<Option<u16>>) -> Self {
        let number: Option<u16> = number.into();
        self.part(number.map(|number| number.wrapping_sub(1)))
    }

    /// Whether everything is meant.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it chooses between these targets at all: files for one device say nothing of
    /// families and boards.
    pub(crate) fn chooses(&self, targets: &[Target]) -> bool {
        let family = self.family.is_none() || targets.iter().any(|target| target.family.is_some());
        let board = self.board.is_none() || targets.iter().any(|target| target.board.is_some());
        family && board
    }

    /// Whether data for this target is meant.
    pub fn takes(&self, target: &Target) -> bool {
        let family = self.family.is_none_or(|family| target.family.is_none_or(|f| f == family));
        let board = self.board.is_none_or(|board| target.board.is_none_or(|b| b == board));
        family && board && self.part.is_none_or(|part| part == target.part)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_names(f, self.family, self.board, (self.part > 0).then_some(self.part))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_names(f, self.family, self.board, self.part)
    }
}

/// Images are counted from 1 for people.
fn write_names(
    f: &mut fmt::Formatter<'_>,
    family: Option<u32>,
    board: Option<u16>,
    part: Option<u16>,
) -> fmt::Result {
    let mut before = "";
    if let Some(family) = family {
        write!(f, "family {family:#010x}")?;
        before = ", ";
    }
    if let Some(board) = board {
        write!(f, "{before}board {board:04x}")?;
        before = ", ";
    }
    match part {
        Some(part) => write!(f, "{before}image {}", part.saturating_add(1)),
        None if before.is_empty() => f.write_str("any chip"),
        None => Ok(()),
    }
}
