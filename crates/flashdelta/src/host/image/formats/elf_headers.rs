//! The headers of an ELF file: where its tables are, and which bytes of the file they claim.
//!
//! Source: System V ABI, chapters 4 ("Object Files") and 5 ("Program Loading").

use core::ops::Range;

use crate::host::image::bytes::{u8_at, uint};

const PT_LOAD: u64 = 1;
const PF_X: u64 = 1;
const SHT_SYMTAB: u64 = 2;
const SHT_NOBITS: u64 = 8;
const SHF_ALLOC: u64 = 2;
const SHF_EXECINSTR: u64 = 4;

/// How long addresses are in a file, and in which order the bytes of its numbers are.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// 64-bit file.
    pub(super) wide: bool,
    /// Most significant byte first.
    pub(super) big: bool,
}

/// The headers of a file, read once for all that is asked of them.
pub(super) struct Headers {
    pub(super) layout: Layout,
    /// The table of program headers, and that of sections; `None` where the header of the file is
    /// cut off.
    pub(super) segments: Option<Table>,
    pub(super) sections: Option<Table>,
    /// The loadable segments, and where their headers are.
    pub(super) loads: Vec<(usize, Header)>,
    /// The sections that occupy memory, and where their headers are.
    pub(super) occupied: Vec<(usize, Header)>,
    /// The header of the first table of symbols.
    pub(super) symbols: Option<usize>,
}

impl Headers {
    /// Those of a file that begins like an ELF file.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let layout = Layout::of(file)?;
        let (segments, sections) = (layout.segments(file), layout.sections(file));
        let at = |table: &Option<Table>| table.as_ref().map(|table| table.entries(file));
        let loads = at(&segments).into_iter().flatten();
        let loads = loads.filter_map(|at| Some((at, layout.load(file, at)?))).collect();
        let (mut occupied, mut symbols) = (Vec::new(), None);
        for at in at(&sections).into_iter().flatten() {
            occupied.extend(layout.section(file, at).map(|header| (at, header)));
            if symbols.is_none() && layout.word(file, at, 4) == Some(SHT_SYMTAB) {
                symbols = Some(at);
            }
        }
        Some(Self { layout, segments, sections, loads, occupied, symbols })
    }
}

/// A table of headers of equal size.
pub(super) struct Table {
    /// Where it begins.
    pub(super) offset: usize,
    size: usize,
    number: usize,
    /// The size of a header. Smaller ones would overlap: a few bytes could then claim any number of
    /// them, so such a table has none.
    least: usize,
}

/// The header of something that is loaded, or occupies memory.
pub(super) struct Header {
    /// The bytes in the file.
    pub(super) claim: Claim,
    /// Address at run time.
    pub(super) virtual_address: u64,
    /// Address where the bytes are stored; of a section, that at run time.
    pub(super) physical_address: u64,
    /// Length in memory.
    pub(super) memory_len: u64,
    /// Holds code.
    pub(super) executable: bool,
}

/// Bytes of the file that a header says are there.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    /// Where they begin.
    pub(super) offset: u64,
    /// How many there are.
    pub(super) len: u64,
}

impl Layout {
    /// That of a file that begins like an ELF file.
    fn of(file: &[u8]) -> Option<Self> {
        let wide = match u8_at(file, 4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        Some(Self { wide, big: u8_at(file, 5)? == 2 })
    }

    pub(super) fn half(self, file: &[u8], at: usize) -> Option<u16> {
        uint(file, at, 2, self.big).and_then(|value| u16::try_from(value).ok())
    }

    pub(super) fn word(self, file: &[u8], at: usize, offset: usize) -> Option<u64> {
        uint(file, at.checked_add(offset)?, 4, self.big)
    }

    /// A field that is as long as an address, at one of two offsets from `at`.
    pub(super) fn native(self, file: &[u8], at: usize, narrow: usize, wider: usize) -> Option<u64> {
        match self.wide {
            true => uint(file, at.checked_add(wider)?, 8, self.big),
            false => self.word(file, at, narrow),
        }
    }

    /// The table of program headers.
    fn segments(self, file: &[u8]) -> Option<Table> {
        let least = if self.wide { 56 } else { 32 };
        self.table(file, (28, 32), (42, 54), least)
    }

    /// The table of section headers.
    fn sections(self, file: &[u8]) -> Option<Table> {
        let least = if self.wide { 64 } else { 40 };
        let table = self.table(file, (32, 40), (46, 58), least)?;
        let number = if table.offset == 0 { 0 } else { table.number };
        Some(Table { number, ..table })
    }

    fn table(
        self,
        file: &[u8],
        offset: (usize, usize),
        size: (usize, usize),
        least: usize,
    ) -> Option<Table> {
        let size_at = if self.wide { size.1 } else { size.0 };
        Some(Table {
            offset: usize::try_from(self.native(file, 0, offset.0, offset.1)?).ok()?,
            size: self.half(file, size_at)?.into(),
            number: self.half(file, size_at + 2)?.into(),
            least,
        })
    }

    /// The program header at `at`, if it is that of a loadable segment.
    fn load(self, file: &[u8], at: usize) -> Option<Header> {
        if self.word(file, at, 0)? != PT_LOAD {
            return None;
        }
        let native = |narrow, wider| self.native(file, at, narrow, wider);
        let flags = self.word(file, at, if self.wide { 4 } else { 24 })?;
        Some(Header {
            claim: Claim { offset: native(4, 8)?, len: native(16, 32)? },
            virtual_address: native(8, 16)?,
            physical_address: native(12, 24)?,
            memory_len: native(20, 40)?,
            executable: flags & PF_X != 0,
        })
    }

    /// The header at `at`, if it is that of a section that occupies memory.
    fn section(self, file: &[u8], at: usize) -> Option<Header> {
        let native = |narrow, wider| self.native(file, at, narrow, wider);
        let flags = native(8, 8)?;
        if flags & SHF_ALLOC == 0 {
            return None;
        }
        let (address, memory_len) = (native(12, 16)?, native(20, 32)?);
        let len = if self.word(file, at, 4)? == SHT_NOBITS { 0 } else { memory_len };
        Some(Header {
            claim: Claim { offset: native(16, 24)?, len },
            virtual_address: address,
            physical_address: address,
            memory_len,
            executable: flags & SHF_EXECINSTR != 0,
        })
    }
}

impl Table {
    /// Where the headers are that lie inside the file.
    pub(super) fn entries(&self, file: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let Self { offset, size, .. } = *self;
        let held = file.len().saturating_sub(offset) / size.max(1);
        (0..self.number().min(held)).map(move |n| offset + n * size)
    }

    /// The bytes that the table takes.
    pub(super) fn claim(&self) -> Claim {
        Claim { offset: self.offset as u64, len: self.size as u64 * self.number() as u64 }
    }

    fn number(&self) -> usize {
        if self.size < self.least {
            0
        } else {
            self.number
        }
    }
}

impl Claim {
    /// Where they are; empty for none, `None` if they lie outside of the file.
    pub(super) fn range(self, file: &[u8]) -> Option<Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        let end = start.checked_add(usize::try_from(self.len).ok()?)?;
        if start == end {
            return Some(0..0);
        }
        (end <= file.len()).then_some(start..end)
    }
}
