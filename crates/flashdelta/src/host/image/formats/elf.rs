//! ELF files, 32 and 64 bit, both byte orders: program headers for the bytes and addresses, section
//! headers to tell code from data.
//!
//! Source: System V ABI, chapters 4 ("Object Files") and 5 ("Program Loading"); machine numbers
//! from the gABI registry.

use core::ops::Range;

use super::elf_check;
use super::elf_headers::{Claim, Headers};
use super::handler::{Handler, Pieces, Reading};
use crate::device::predict::address_map::SegmentKind;
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::map::AddressMap;
use crate::host::image::Format;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    map,
    check: |file, found, _| {
        elf_check::check(file, found);
        Ok(())
    },
    details: |file, tell| {
        if let Some(elf) = ElfFile::parse(file) {
            tell("machine", elf.machine.to_string());
            tell("entry", format!("{:#x}", elf.entry));
        }
    },
    reading: Reading::Pieces(|file| {
        let headers = Headers::read(file);
        let elf = headers.as_ref().and_then(|headers| ElfFile::of(headers, file));
        let (headers, elf) =
            headers.zip(elf).ok_or("the headers lie outside of the file (cut off?)")?;
        if headers.loads.iter().any(|(_, load)| load.claim.range(file).is_none()) {
            return Err("a segment lies outside of the file (cut off?)");
        }
        Ok(Pieces { places: stored(&elf), entry: u32::try_from(elf.entry).ok() })
    }),
    ..Handler::PLAIN
};

/// Loadable segments that are mapped; more are not firmware.
const MAX_LOADS: usize = 64;

/// One loadable segment (a program header of type `PT_LOAD`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The bytes, as a range of the file; empty for pure `.bss`.
    pub range: Range<usize>,
    /// Address at run time.
    pub virtual_address: u64,
    /// Address where the bytes are stored (in flash), which is what a binary made from the ELF file
    /// goes by.
    pub physical_address: u64,
    /// Length in memory; what exceeds the bytes is zero.
    pub memory_len: u64,
    /// Holds code.
    pub executable: bool,
}

/// One section with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The bytes, as a range of the file; empty for `.bss` and the like.
    pub range: Range<usize>,
    /// Address at run time.
    pub address: u64,
    /// Length in memory.
    pub memory_len: u64,
    /// Holds code.
    pub executable: bool,
}

/// What an ELF file says about the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElfFile {
    /// `e_machine`.
    pub machine: u16,
    /// 64-bit file.
    pub is_64_bit: bool,
    /// Most significant byte first.
    pub big_endian: bool,
    /// Entry point.
    pub entry: u64,
    /// Loadable segments whose bytes lie inside the file.
    pub loads: Vec<Load>,
    /// Sections that occupy memory, if the file has a section table.
    pub sections: Vec<Section>,
}

/// Whether this begins like an ELF file.
pub fn is(file: &[u8]) -> bool {
    file.starts_with(b"\x7fELF")
}

impl ElfFile {
    /// Reads the headers. `None` if this is no ELF file, or if its tables lie outside.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let headers = is(file).then(|| Headers::read(file))??;
        Self::of(&headers, file)
    }

    /// What its headers say. `None` if the tables lie outside.
    fn of(headers: &Headers, file: &[u8]) -> Option<Self> {
        headers.segments.as_ref().and(headers.sections.as_ref())?;
        let loads = headers.loads.iter().filter_map(|(_, header)| {
            Some(Load {
                range: header.claim.range(file)?,
                virtual_address: header.virtual_address,
                physical_address: header.physical_address,
                memory_len: header.memory_len,
                executable: header.executable,
            })
        });
        let sections = headers.occupied.iter().filter_map(|(_, header)| {
            Some(Section {
                range: header.claim.range(file)?,
                address: header.virtual_address,
                memory_len: header.memory_len,
                executable: header.executable,
            })
        });
        let layout = headers.layout;
        Some(Self {
            machine: layout.half(file, 18)?,
            is_64_bit: layout.wide,
            big_endian: layout.big,
            entry: layout.native(file, 0, 24, 24)?,
            loads: loads.collect(),
            sections: sections.collect(),
        })
    }

    /// The instruction set.
    pub fn isa(&self, file: &[u8]) -> IsaHint {
        match self.machine {
            40 if self.entry % 2 == 1 || self.entry == 0 => IsaHint::Thumb,
            40 => IsaHint::Arm,
            83 => IsaHint::Avr,
            94 if self.is_windowed(file) => IsaHint::XtensaWindowed,
            94 => IsaHint::XtensaCall0,
            183 => IsaHint::AArch64,
            243 if self.is_64_bit => IsaHint::RiscV64,
            243 => IsaHint::RiscV32,
            _ => IsaHint::Other,
        }
    }

    /// Xtensa: functions of the windowed ABI begin with ENTRY (`x6 .1 ..` with s = a1) at multiples
    /// of 4.
    fn is_windowed(&self, file: &[u8]) -> bool {
        let code =
            self.loads.iter().filter(|l| l.executable).filter_map(|l| file.get(l.range.clone()));
        let entries: usize = code
            .map(|bytes| bytes.chunks_exact(4).filter(|w| w[0] == 0x36 && w[1] & 0x0f == 1).count())
            .sum();
        entries >= 4
    }
}

/// Bytes of the file that are loaded, with what is known about them.
struct Piece {
    range: Range<usize>,
    address: u64,
    stored: u64,
    kind: Option<SegmentKind>,
    /// Inside a section (not a header, not padding).
    section: bool,
}

/// The loadable bytes, cut at section boundaries.
fn pieces(elf: &ElfFile) -> Vec<Piece> {
    let mut sections: Vec<&Section> = elf.sections.iter().filter(|s| !s.range.is_empty()).collect();
    sections.sort_by_key(|s| s.range.start);
    let mut pieces = Vec::new();
    for load in elf.loads.iter().take(MAX_LOADS) {
        let mut push = |range: Range<usize>, kind: Option<SegmentKind>, section: bool| {
            let into = (range.start - load.range.start) as u64;
            let address = load.virtual_address.wrapping_add(into);
            let stored = load.physical_address.wrapping_add(into);
            pieces.push(Piece { range, address, stored, kind, section });
        };
        let default = (!load.executable).then_some(SegmentKind::Data);
        let mut at = load.range.start;
        for section in sections
            .iter()
            .filter(|s| load.range.start <= s.range.start && s.range.end <= load.range.end)
        {
            if section.range.start < at {
                continue;
            }
            let kind = if section.executable { SegmentKind::Code } else { SegmentKind::Data };
            push(at..section.range.start, default, false);
            push(section.range.clone(), Some(kind), true);
            at = section.range.end;
        }
        push(at..load.range.end, default, false);
    }
    pieces.retain(|piece| !piece.range.is_empty());
    pieces
}

/// The bytes that objcopy copies, with the addresses where they are stored: sections, or segments
/// where there is no section table.
pub(crate) fn stored(elf: &ElfFile) -> Vec<(Range<usize>, u64)> {
    pieces_of_binary(elf).into_iter().map(|piece| (piece.range, piece.stored)).collect()
}

fn pieces_of_binary(elf: &ElfFile) -> Vec<Piece> {
    let mut pieces = pieces(elf);
    if pieces.iter().any(|piece| piece.section) {
        pieces.retain(|piece| piece.section);
    }
    pieces
}

/// Adds what the file says about the chip: the instruction set, and the addresses without bytes.
fn describe(elf: &ElfFile, file: &[u8], map: &mut AddressMap) {
    map.isa = Some(elf.isa(file));
    for load in elf.loads.iter().take(MAX_LOADS) {
        let len = load.range.len() as u64;
        if load.memory_len > len {
            let end = load.virtual_address.saturating_add(load.memory_len);
            map.reserve(
                low(load.virtual_address.wrapping_add(len)),
                u32::try_from(end).unwrap_or(u32::MAX),
            );
        }
    }
    for bss in elf.sections.iter().filter(|s| s.range.is_empty()) {
        map.reserve(low(bss.address), low(bss.address).saturating_add(low(bss.memory_len)));
    }
}

/// Maps the loadable bytes.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let Some(elf) = ElfFile::parse(file) else { return };
    describe(&elf, file, map);
    for piece in pieces(&elf) {
        map.push(piece.range, low(piece.address), piece.kind);
    }
}

/// The address map of the plain binary that `objcopy -O binary` makes of an ELF file: the ELF file
/// as a *side file* tells what the binary does not. `None` if this is no ELF file, or one without
/// loadable bytes.
///
/// `binary_len` is the length of the binary: bytes that it does not have (it may have been cut) are
/// left out.
pub fn map_of_binary(elf_file: &[u8], binary_len: usize) -> Option<AddressMap> {
    let elf = ElfFile::parse(elf_file)?;
    let mut map = AddressMap::empty(Format::Raw);
    describe(&elf, elf_file, &mut map);
    let pieces = pieces_of_binary(&elf);
    let first = pieces.iter().map(|piece| piece.stored).min()?;
    for piece in &pieces {
        let Ok(start) = usize::try_from(piece.stored - first) else { continue };
        let end = start.saturating_add(piece.range.len()).min(binary_len);
        if start < end {
            map.push(start..end, low(piece.address), piece.kind);
        }
    }
    Some(map.finish())
}

/// The low 32 bits of an address.
fn low(address: u64) -> u32 {
    (address & 0xffff_ffff) as u32
}

/// Address and size of what a symbol names, from the symbol table; `None` if there is none of this
/// name that has a size.
pub(crate) fn symbol(file: &[u8], name: &str) -> Option<(u32, u32)> {
    let headers = is(file).then(|| Headers::read(file))??;
    let (layout, header) = (headers.layout, headers.symbols?);
    let bytes = |header: usize| {
        let (offset, len) =
            (layout.native(file, header, 16, 24)?, layout.native(file, header, 20, 32)?);
        Claim { offset, len }.range(file)
    };
    // The section that holds the names.
    let link = layout.word(file, header, if layout.wide { 40 } else { 24 })?;
    let mut all = headers.sections?.entries(file);
    let strings = bytes(all.nth(usize::try_from(link).ok()?)?)?;
    let entry = if layout.wide { 24 } else { 16 };
    let range = bytes(header)?;
    let mut all = (range.start..range.end).step_by(entry).filter(|at| at + entry <= range.end);
    all.find_map(|at| {
        let name_at = usize::try_from(layout.word(file, at, 0)?).ok()?;
        let start = strings.start.checked_add(name_at)?;
        let rest = file.get(start..strings.end)?.strip_prefix(name.as_bytes())?;
        let (value, len) = (layout.native(file, at, 4, 8)?, layout.native(file, at, 8, 16)?);
        let len = u32::try_from(len).ok().filter(|len| *len > 0)?;
        (rest.first() == Some(&0)).then_some((low(value), len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::isa::AddressRange;
    use crate::host::image::address_map;

    /// A little-endian 32-bit file with one segment of 16 bytes in the file and 48 in memory.
    fn elf32(machine: u16, entry: u32) -> Vec<u8> {
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend(2u16.to_le_bytes());
        file.extend(machine.to_le_bytes());
        for word in [1u32, entry, 52, 0, 0] {
            file.extend(word.to_le_bytes());
        }
        for half in [52u16, 32, 1, 40, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        for word in [1u32, 84, 0x2000_0000, 0x0800_0000, 16, 48, 5, 4] {
            file.extend(word.to_le_bytes());
        }
        file.extend([7; 16]);
        file
    }

    #[test]
    fn segments_and_bss() {
        let map = address_map(&elf32(40, 0x2000_0001));
        assert_eq!((map.format, map.isa), (Format::Elf, Some(IsaHint::Thumb)));
        assert_eq!(
            (map.segments[0].offset, map.segments[0].len, map.segments[0].address),
            (84, 16, 0x2000_0000)
        );
        assert_eq!(map.reserved, [AddressRange { start: 0x2000_0010, end: 0x2000_0030 }]);
        let load = &ElfFile::parse(&elf32(243, 0)).unwrap().loads[0];
        assert_eq!((load.physical_address, load.memory_len), (0x0800_0000, 48));
    }

    #[test]
    fn a_side_file_for_a_plain_binary() {
        let map = map_of_binary(&elf32(40, 0x2000_0001), 12).unwrap();
        assert_eq!((map.format, map.isa), (Format::Raw, Some(IsaHint::Thumb)));
        assert_eq!(
            (map.segments[0].offset, map.segments[0].len, map.segments[0].address),
            (0, 12, 0x2000_0000)
        );
        assert_eq!(map_of_binary(b"no ELF file", 12), None);
    }

    #[test]
    fn a_table_of_entries_without_size_claims_nothing() {
        let mut file = elf32(40, 1);
        // 65,280 sections and as many segments, each 0 bytes long, all at the one segment header.
        file[32..36].copy_from_slice(&52u32.to_le_bytes());
        for (at, half) in [(42, 0u16), (44, 0xff00), (46, 0), (48, 0xff00)] {
            file[at..at + 2].copy_from_slice(&half.to_le_bytes());
        }
        let elf = ElfFile::parse(&file).unwrap();
        assert_eq!((elf.loads.len(), elf.sections.len()), (0, 0));
        // Entries of the right size are read as far as the file goes.
        file[42..44].copy_from_slice(&32u16.to_le_bytes());
        assert_eq!(ElfFile::parse(&file).unwrap().loads.len(), 1);
    }

    #[test]
    fn cut_files_do_not_panic() {
        let file = elf32(40, 1);
        for len in 0..file.len() {
            let _ = address_map(&file[..len]);
        }
    }
}
