//! The index of a set: what there is in it, and for whom.

use super::SetError;
use crate::device::format::chunks::{MOST_SIGNATURES, SIGNATURE_LEN};
use crate::device::format::header::{MAX_RAM_UNITS, RAM_UNIT};
use crate::device::format::reading::frame;
use crate::device::format::{Feature, HeaderError, Identity, Reader, MAX_SIZE};

/// No index is longer than this, in bytes.
pub const MAX_INDEX_LEN: usize = 4096;

/// No set has more components.
pub const MOST_COMPONENTS: u8 = 32;

/// No name of a component is longer than this, in bytes.
pub const MAX_NAME_LEN: usize = 32;

pub(crate) const MAGIC: [u8; 3] = *b"FDS";
pub(crate) const VERSION: u8 = 0;

/// Bytes of the digest of a payload's header: the first ones of its SHA-256.
pub(crate) const HEADER_DIGEST_LEN: usize = 16;

/// Checking chunks takes no more RAM: the digests of the most chunks, and the largest one.
const MOST_CHUNK_RAM: u32 = (1 << 20) + (1 << 16);

/// What a component is.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The firmware of the device.
    Application = 0,
    /// What starts it.
    Bootloader = 1,
    /// Where everything is in the flash.
    PartitionTable = 2,
    /// A file system.
    FileSystem = 3,
    /// The firmware of a radio.
    Radio = 4,
    /// The firmware of a child device.
    Child = 5,
    /// Data: sounds, logos, certificates.
    Data = 6,
    /// Anything else.
    Other = 7,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Application,
        Self::Bootloader,
        Self::PartitionTable,
        Self::FileSystem,
        Self::Radio,
        Self::Child,
        Self::Data,
        Self::Other,
    ];

    /// The kind of a number in an index.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The name, as files and machines have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Bootloader => "bootloader",
            Self::PartitionTable => "partition-table",
            Self::FileSystem => "file-system",
            Self::Radio => "radio",
            Self::Child => "child",
            Self::Data => "data",
            Self::Other => "other",
        }
    }
}

/// Which part of a device it is. Names are 1 to 32 printable ASCII characters.
#[allow(clippy::exhaustive_enums)] // Devices must decide about each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target<'a> {
    /// A partition, by its name.
    Partition(&'a [u8]),
    /// What starts at an address of the flash.
    Address(u32),
    /// A child device, by a number, and by a name that may be empty.
    Child {
        /// The number.
        id: u32,
        /// The name.
        name: &'a [u8],
    },
    /// Whatever the device knows by this name.
    Name(&'a [u8]),
}

/// What has to be there before the update.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Precondition {
    /// Whatever: the payload needs no old image.
    Any,
    /// Nothing.
    Absent,
    /// This image; more may follow it.
    Image {
        /// Its length in bytes.
        size: u32,
        /// The first 12 bytes of its SHA-256.
        digest: [u8; 12],
    },
}

/// The patch that makes the new image of a component.
#[allow(clippy::exhaustive_structs)] // As the format has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Payload {
    /// Where in the set it starts, in bytes.
    pub offset: u32,
    /// Its length in bytes.
    pub len: u32,
    /// The first 16 bytes of the SHA-256 of its header.
    pub header: [u8; HEADER_DIGEST_LEN],
}

/// What an index says about a component.
#[allow(clippy::exhaustive_structs)] // As the format has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// What it is.
    pub kind: Kind,
    /// Which part of the device it is.
    pub target: Target<'a>,
    /// The first and the last hardware revision that has it; devices of other revisions leave it
    /// out.
    pub hardware: Option<(u16, u16)>,
    /// What has to be there before.
    pub precondition: Precondition,
    /// The patch. Without one, the component must be right already.
    pub payload: Option<Payload>,
    /// Length of the new image in bytes.
    pub size: u32,
    /// SHA-256 of the new image.
    pub sha256: [u8; 32],
}

/// What an index says, but for its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    /// Length of the index in bytes; 0 if there is none yet.
    pub(super) len: u32,
    pub(super) ram: u32,
    pub(super) chunk_ram: u32,
    pub(super) identity: Option<Identity>,
    pub(super) signatures: u8,
    pub(super) count: u8,
    /// Where the entries are.
    entries: u16,
}

/// A whole index, checked: what a set says about itself.
///
/// [`parse`](Self::parse) takes it from the first bytes of a set; a [`SetUpdate`](super::SetUpdate)
/// does so by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Index<'a> {
    head: Head,
    bytes: &'a [u8],
}

impl<'a> Index<'a> {
    /// Reads the index at the start of `bytes`; `None` if it goes on after them.
    ///
    /// # Errors
    ///
    /// [`SetError::NotASet`], [`SetError::Index`].
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, SetError> {
        let mut head = Head::default();
        Ok(if head.read(bytes)? { Some(Self { head, bytes }) } else { None })
    }

    pub(super) fn of(head: Head, bytes: &'a [u8]) -> Self {
        Self { head, bytes }
    }

    /// Its length in bytes.
    pub fn index_len(&self) -> u32 {
        self.head.len
    }

    /// The number of signatures, 0 to 4. The bytes of their block follow the index.
    pub fn signatures(&self) -> u8 {
        self.head.signatures
    }

    /// Where the first payload starts: after index and signatures.
    pub fn payloads_offset(&self) -> u32 {
        self.head.front_len()
    }

    /// Which devices the set is for, if it says so.
    pub fn identity(&self) -> Option<Identity> {
        self.head.identity
    }

    /// RAM in bytes that the payloads need, as [`PatchHeader::ram`](crate::PatchHeader::ram) has
    /// it: the most that one of them needs.
    pub fn ram(&self) -> u32 {
        self.head.ram
    }

    /// RAM in bytes that checking the chunks of the payloads takes, as
    /// [`PatchHeader::chunk_ram`](crate::PatchHeader::chunk_ram) has it.
    pub fn chunk_ram(&self) -> u32 {
        self.head.chunk_ram
    }

    /// Bytes of the whole set.
    pub fn set_len(&self) -> u64 {
        let payloads = self.entries().filter_map(|entry| entry.payload);
        let front = u64::from(self.payloads_offset());
        payloads.fold(front, |len, payload| len.wrapping_add(payload.len.into()))
    }

    /// The components, in the order in which they are written.
    pub fn entries(&self) -> Entries<'a> {
        self.head.entries(self.bytes)
    }
}

impl Head {
    /// Reads an index as [`Index::parse`] does; false if it goes on after `bytes`, or if the number
    /// of signatures does.
    #[inline(never)] // One copy in the device's flash; so below.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<bool, HeaderError> {
        let Some(mut reader) = frame(bytes, &MAGIC, VERSION, MAX_INDEX_LEN)? else {
            return Ok(false);
        };
        let len = reader.end_of_frame();
        let reader = &mut reader;
        let features = reader.varint();
        let has = |feature: Feature| features >> feature as u32 & 1 == 1;
        let known = 1u32 << Feature::Identity as u32 | 1 << Feature::Signatures as u32;
        if features & !known != 0 {
            let bit = (features & !known).trailing_zeros();
            reader.fail(HeaderError::UnknownFeature { bit });
        }
        self.ram = reader.limited(MAX_RAM_UNITS) * RAM_UNIT;
        self.chunk_ram = reader.limited(MOST_CHUNK_RAM);
        if has(Feature::Identity) {
            self.identity = Some(Identity::parse(reader));
        }
        let count = reader.byte().into();
        self.count = reader.at_most(count, MOST_COMPONENTS.into()) as u8;
        if self.count == 0 {
            reader.bad_number(0);
        }
        self.entries = reader.offset() as u16;
        let mut total = 0u32;
        for _ in 0..self.count {
            let entry = read_entry(reader, total);
            if let Some(payload) = entry.payload {
                total = reader.at_most(total.wrapping_add(payload.len), MAX_SIZE);
            }
        }
        reader.end()?;
        self.len = len as u32;
        if !has(Feature::Signatures) {
            return Ok(true);
        }
        let follows = bytes.get(len).copied();
        self.signatures = follows.unwrap_or(1);
        if self.signatures == 0 || self.signatures > MOST_SIGNATURES {
            return Err(HeaderError::BadNumber { offset: self.len });
        }
        Ok(follows.is_some())
    }

    /// The length that the first bytes of an index state.
    pub(super) fn stated_len(bytes: &[u8]) -> Option<u32> {
        let mut reader = Reader::new(bytes, MAGIC.len().wrapping_add(1));
        let len = reader.limited(MAX_INDEX_LEN as u32);
        reader.check().ok().map(|()| len)
    }

    /// Bytes of index and signatures.
    pub(super) fn front_len(&self) -> u32 {
        let block = u32::from(self.signatures).wrapping_mul(SIGNATURE_LEN as u32);
        self.len.wrapping_add(block).wrapping_add(u32::from(self.signatures != 0))
    }

    /// The entry of this number, of the index that this is the head of.
    #[inline(never)]
    pub(super) fn entry<'a>(&self, index: &'a [u8], number: u8) -> Option<Entry<'a>> {
        let mut entries = self.entries(index);
        for _ in 0..number {
            entries.next()?;
        }
        entries.next()
    }

    /// The entries of the index that this is the head of.
    pub(super) fn entries<'a>(&self, index: &'a [u8]) -> Entries<'a> {
        let content = index.get(..self.len as usize).unwrap_or(&[]);
        let reader = Reader::new(content, self.entries.into());
        Entries { reader, left: self.count, offset: self.front_len() }
    }
}

/// The components of a set, in the order in which they are written: see [`Index::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    left: u8,
    /// Where the next payload starts.
    offset: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Entry<'a>> {
        self.left = self.left.checked_sub(1)?;
        let entry = read_entry(&mut self.reader, self.offset);
        if let Some(payload) = entry.payload {
            self.offset = self.offset.wrapping_add(payload.len);
        }
        Some(entry)
    }
}

/// Bits of the second byte of an entry.
pub(crate) const HAS_HARDWARE: u8 = 1;
pub(crate) const HAS_PAYLOAD: u8 = 2;
const PRECONDITION_SHIFT: u8 = 2;

fn read_entry<'a>(reader: &mut Reader<'a>, offset: u32) -> Entry<'a> {
    let (what, flags) = (reader.byte(), reader.byte());
    // What is not known is noted by the reader, and what stands in for it is not used: Options that
    // are taken apart at the end take 120 bytes more of code on a Cortex-M3.
    let kind = Kind::from_number(what & 15).unwrap_or_else(|| {
        reader.bad_number(0);
        Kind::Other
    });
    let target = match what >> 4 {
        0 => Target::Partition(read_name(reader, 1)),
        1 => Target::Address(reader.varint()),
        2 => {
            let id = reader.varint();
            Target::Child { id, name: read_name(reader, 0) }
        }
        3 => Target::Name(read_name(reader, 1)),
        _ => {
            reader.bad_number(0);
            Target::Address(0)
        }
    };
    let hardware = (flags & HAS_HARDWARE != 0).then(|| {
        let from = reader.limited(0xFFFF);
        let count = reader.varint();
        (from as u16, reader.at_most(from.saturating_add(count), 0xFFFF) as u16)
    });
    let mut entry = Entry {
        kind,
        target,
        hardware,
        precondition: Precondition::Any,
        payload: None,
        size: 0,
        sha256: [0; 32],
    };
    match flags >> PRECONDITION_SHIFT {
        0 => {}
        1 => entry.precondition = Precondition::Absent,
        2 => {
            let size = reader.limited(MAX_SIZE);
            let mut digest = [0; 12];
            reader.bytes(&mut digest);
            entry.precondition = Precondition::Image { size, digest };
        }
        _ => reader.bad_number(0),
    }
    if flags & HAS_PAYLOAD != 0 {
        let len = reader.limited(MAX_SIZE);
        let mut header = [0; HEADER_DIGEST_LEN];
        reader.bytes(&mut header);
        entry.payload = Some(Payload { offset, len, header });
    }
    entry.size = reader.limited(MAX_SIZE);
    reader.bytes(&mut entry.sha256);
    entry
}

/// A name of at least this many bytes.
fn read_name<'a>(reader: &mut Reader<'a>, least: usize) -> &'a [u8] {
    let len = reader.byte().into();
    let len = reader.at_most(len, MAX_NAME_LEN as u32) as usize;
    let name = reader.slice(len);
    // Printable ASCII, so that a name looks the same wherever it is shown.
    if len < least || name.iter().any(|byte| !(0x20..0x7F).contains(byte)) {
        reader.bad_number(0);
    }
    name
}

impl Precondition {
    /// The bits of it in the second byte of an entry.
    pub(crate) fn flags(self) -> u8 {
        let number = match self {
            Self::Any => 0,
            Self::Absent => 1,
            Self::Image { .. } => 2,
        };
        number << PRECONDITION_SHIFT
    }
}
