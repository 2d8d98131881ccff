//! What is wrong with what a container says about itself.

use core::fmt;

/// Something that a container says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Check {
    /// Length of an MCUboot image, by its header and its TLV areas.
    McubootLength,
    /// Size of the header of an MCUboot image.
    McubootHeader,
    /// Size of a TLV area of an MCUboot image, or length of a TLV in it.
    McubootTlv,
    /// Digest in the TLVs of an MCUboot image.
    McubootDigest,
    /// CRC in a DFU suffix.
    DfuCrc,
    /// Length in the prefix of a DfuSe file.
    DfuSeLength,
    /// Number of targets in the prefix of a DfuSe file.
    DfuSeTargets,
    /// Size of a target of a DfuSe file.
    DfuSeTargetSize,
    /// Number of elements of a target of a DfuSe file.
    DfuSeElements,
    /// Size of an element of a DfuSe file.
    DfuSeElementSize,
    /// Length in the header of a Zigbee upgrade file.
    ZigbeeLength,
    /// Length of the header of a Zigbee upgrade file.
    ZigbeeHeader,
    /// Length of an element of a Zigbee upgrade file.
    ZigbeeElement,
    /// Length of an Espressif image, by its segments.
    EspLength,
    /// Number of segments of an Espressif image.
    EspSegments,
    /// Length of a segment of an Espressif image.
    EspSegment,
    /// Checksum of an Espressif image.
    EspChecksum,
    /// SHA-256 at the end of an Espressif image.
    EspDigest,
    /// MD5 in a block of UF2.
    Uf2Md5,
    /// Region of the MD5 in a block of UF2.
    Uf2Region,
    /// Length of an extension tag in a block of UF2.
    Uf2Tag,
    /// CRC of the header of an RT-Thread package.
    RblHeaderCrc,
    /// Length of the body of an RT-Thread package.
    RblLength,
    /// CRC of the body of an RT-Thread package.
    RblBodyCrc,
    /// Checksum of the packed image in an APJ file.
    ApjSum,
    /// Length of the image that an APJ file states.
    ApjLength,
    /// CRC of a member of a zip archive.
    ZipCrc,
    /// CRC of what a gzip file holds.
    GzipCrc,
    /// Length of what a gzip file holds.
    GzipLength,
    /// End of a gzip file.
    GzipEnd,
    /// Table of program headers or of sections of an ELF file.
    ElfTable,
    /// Loadable segment of an ELF file.
    ElfSegment,
    /// Section of an ELF file that occupies memory.
    ElfSection,
    /// End tag of a Gecko bootloader file.
    GblEnd,
    /// CRC of a Gecko bootloader file.
    GblCrc,
    /// Length in the header of a Telink image.
    TelinkLength,
    /// End record of Intel HEX or S-records.
    EndRecord,
}

impl Check {
    /// What is checked.
    pub fn name(self) -> &'static str {
        match self {
            Self::McubootLength => "length of the MCUboot image",
            Self::McubootHeader => "size of the MCUboot header",
            Self::McubootTlv => "length in the MCUboot TLVs",
            Self::McubootDigest => "digest of the MCUboot image",
            Self::DfuCrc => "CRC of the DFU suffix",
            Self::DfuSeLength => "length in the DfuSe prefix",
            Self::DfuSeTargets => "number of DfuSe targets",
            Self::DfuSeTargetSize => "size of a DfuSe target",
            Self::DfuSeElements => "number of elements of a DfuSe target",
            Self::DfuSeElementSize => "size of a DfuSe element",
            Self::ZigbeeLength => "length in the Zigbee header",
            Self::ZigbeeHeader => "length of the Zigbee header",
            Self::ZigbeeElement => "length of a Zigbee element",
            Self::EspLength => "length of the Espressif image",
            Self::EspSegments => "number of segments of the Espressif image",
            Self::EspSegment => "length of a segment of the Espressif image",
            Self::EspChecksum => "checksum of the Espressif image",
            Self::EspDigest => "SHA-256 of the Espressif image",
            Self::Uf2Md5 => "MD5 of a UF2 block",
            Self::Uf2Region => "region of the MD5 of a UF2 block",
            Self::Uf2Tag => "length of a UF2 extension tag",
            Self::RblHeaderCrc => "CRC of the RT-Thread header",
            Self::RblLength => "length of the RT-Thread package",
            Self::RblBodyCrc => "CRC of the RT-Thread package",
            Self::ApjSum => "Adler-32 of the image in the APJ file",
            Self::ApjLength => "image_size of the APJ file",
            Self::ZipCrc => "CRC of the zip member",
            Self::GzipCrc => "CRC of what the gzip file holds",
            Self::GzipLength => "length of what the gzip file holds",
            Self::GzipEnd => "end of the gzip file",
            Self::ElfTable => "end of a table of the ELF file",
            Self::ElfSegment => "end of a segment of the ELF file",
            Self::ElfSection => "end of a section of the ELF file",
            Self::GblEnd => "end of the last tag of the GBL file",
            Self::GblCrc => "CRC of the GBL file",
            Self::TelinkLength => "length of the Telink image",
            Self::EndRecord => "end records",
        }
    }

    /// A stable name for machines.
    pub fn code(self) -> &'static str {
        match self {
            Self::McubootLength => "mcuboot-length",
            Self::McubootHeader => "mcuboot-header",
            Self::McubootTlv => "mcuboot-tlv",
            Self::McubootDigest => "mcuboot-digest",
            Self::DfuCrc => "dfu-crc",
            Self::DfuSeLength => "dfuse-length",
            Self::DfuSeTargets => "dfuse-targets",
            Self::DfuSeTargetSize => "dfuse-target-size",
            Self::DfuSeElements => "dfuse-elements",
            Self::DfuSeElementSize => "dfuse-element-size",
            Self::ZigbeeLength => "zigbee-length",
            Self::ZigbeeHeader => "zigbee-header",
            Self::ZigbeeElement => "zigbee-element",
            Self::EspLength => "esp-length",
            Self::EspSegments => "esp-segments",
            Self::EspSegment => "esp-segment",
            Self::EspChecksum => "esp-checksum",
            Self::EspDigest => "esp-digest",
            Self::Uf2Md5 => "uf2-md5",
            Self::Uf2Region => "uf2-region",
            Self::Uf2Tag => "uf2-tag",
            Self::RblHeaderCrc => "rbl-header-crc",
            Self::RblLength => "rbl-length",
            Self::RblBodyCrc => "rbl-body-crc",
            Self::ApjSum => "apj-sum",
            Self::ApjLength => "apj-length",
            Self::ZipCrc => "zip-crc",
            Self::GzipCrc => "gzip-crc",
            Self::GzipLength => "gzip-length",
            Self::GzipEnd => "gzip-end",
            Self::ElfTable => "elf-table",
            Self::ElfSegment => "elf-segment",
            Self::ElfSection => "elf-section",
            Self::GblEnd => "gbl-end",
            Self::GblCrc => "gbl-crc",
            Self::TelinkLength => "telink-length",
            Self::EndRecord => "end-record",
        }
    }

    /// Whether the file is shorter than it should be.
    fn is_length(self) -> bool {
        matches!(
            self,
            Self::McubootLength
                | Self::DfuSeLength
                | Self::ZigbeeLength
                | Self::ZigbeeElement
                | Self::EspLength
                | Self::RblLength
                | Self::ElfTable
                | Self::ElfSegment
                | Self::ElfSection
                | Self::GblEnd
                | Self::GzipEnd
                | Self::TelinkLength
        )
    }
}

/// A check that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// Name of the member of an archive or a folder that it is about; empty for the file itself.
    pub member: String,
    /// Which one.
    pub check: Check,
    /// Where in the file the value that is wrong is, or what it is about.
    pub offset: usize,
    /// What the file says, or must be.
    pub expected: Value,
    /// What is there.
    pub found: Value,
}

/// One side of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Value {
    /// A length in bytes.
    Length(u64),
    /// How many there are.
    Count(u64),
    /// A checksum.
    Number(u32),
    /// A digest.
    Digest(Vec<u8>),
    /// There is none, since the data cannot be read.
    Unreadable,
}

impl Finding {
    pub(crate) fn new(check: Check, offset: usize, expected: Value, found: Value) -> Self {
        Self { member: String::new(), check, offset, expected, found }
    }

    /// The check, if the two lengths differ.
    pub(crate) fn of_lengths(check: Check, offset: usize, expected: u64, found: u64) -> Self {
        Self::new(check, offset, Value::Length(expected), Value::Length(found))
    }

    /// The check, if the two counts differ.
    pub(crate) fn of_counts(check: Check, offset: usize, expected: u64, found: u64) -> Self {
        Self::new(check, offset, Value::Count(expected), Value::Count(found))
    }

    /// The finding about a member of an archive or a folder.
    pub(crate) fn in_member(mut self, name: &str) -> Self {
        self.member = match self.member.is_empty() {
            true => name.to_owned(),
            false => format!("{name}: {}", self.member),
        };
        self
    }

    /// The finding, unless both checksums are equal.
    pub(crate) fn of_sums(check: Check, offset: usize, expected: u32, found: u32) -> Option<Self> {
        let value = Value::Number;
        (expected != found).then(|| Self::new(check, offset, value(expected), value(found)))
    }

    /// The finding, unless both digests are equal.
    pub(crate) fn of_digests(
        check: Check,
        offset: usize,
        expected: &[u8],
        found: &[u8],
    ) -> Option<Self> {
        let value = |digest: &[u8]| Value::Digest(digest.to_vec());
        (expected != found).then(|| Self::new(check, offset, value(expected), value(found)))
    }
}

/// Of a digest its start, or with `#` all of it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "{len} bytes"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(sum) => write!(f, "{sum:#x}"),
            Self::Digest(digest) => {
                let shown = if f.alternate() { digest.len() } else { 8 };
                digest.iter().take(shown).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str(if digest.len() > shown { "..." } else { "" })
            }
            Self::Unreadable => f.write_str("data that cannot be read"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, check, offset, expected, found } = self;
        if !member.is_empty() {
            write!(f, "{member}: ")?;
        }
        let cut = matches!((expected, found), (Value::Length(a), Value::Length(b)) if a > b);
        let cut = if cut && (check.is_length() || *check == Check::ApjSum) {
            ": it is cut off"
        } else {
            ""
        };
        let name = check.name();
        let is_alike = expected.to_string() == found.to_string();
        write!(f, "{name} (offset {offset:#x}): expected ")?;
        match is_alike {
            true => write!(f, "{expected:#}, found {found:#}"),
            false => write!(f, "{expected}, found {found}{cut}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_that_differ_at_their_ends_do_not_look_the_same() {
        let told = |at: usize| {
            let (expected, mut found) = ([0xab; 32], [0xab; 32]);
            found[at] = 0xcd;
            Finding::of_digests(Check::EspDigest, 0, &expected, &found).unwrap().to_string()
        };
        assert!(told(0).ends_with("expected abababababababab..., found cdababababababab..."));
        assert!(told(31).ends_with(&format!("found {}cd", "ab".repeat(31))), "{}", told(31));
    }
}
