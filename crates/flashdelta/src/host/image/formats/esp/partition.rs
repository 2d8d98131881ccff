//! The partition table of ESP-IDF: entries of 32 bytes, up to 95 of them, in a sector that mostly
//! is at 0x8000.
//!
//! Source: ESP-IDF Programming Guide, "Partition Tables", and `esp_flash_partitions.h`.

use crate::host::image::bytes::{array, slice, u16_le, u32_le, u8_at};

/// Where the table mostly is in the flash.
pub const DEFAULT_OFFSET: usize = 0x8000;

const ENTRY: usize = 32;
const MAX_ENTRIES: usize = 95;
const MAGIC: u16 = 0x50aa;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Name, up to 16 bytes, padded with zeros.
    pub label: [u8; 16],
    /// 0 application, 1 data, from 0x40 on the user's own.
    pub kind: u8,
    /// For applications: 0 factory, 0x10 to 0x1f OTA slots. For data: 0 OTA data, 1 PHY, 2 NVS, ...
    pub subtype: u8,
    /// Offset in the flash, in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// Bit 0: encrypted; bit 1: read-only.
    pub flags: u32,
}

impl Partition {
    /// The name as text.
    pub fn name(&self) -> String {
        let len = self.label.iter().position(|b| *b == 0).unwrap_or(self.label.len());
        String::from_utf8_lossy(self.label.get(..len).unwrap_or_default()).into_owned()
    }

    /// Whether it is one of the slots that an update may be written to.
    pub fn is_ota_slot(&self) -> bool {
        self.kind == 0 && (0x10..0x20).contains(&self.subtype)
    }
}

/// Reads the table that begins at `at`. `None` if there is none; ends at the first entry without
/// the magic (the digest, or erased flash).
pub fn parse(flash: &[u8], at: usize) -> Option<Vec<Partition>> {
    let mut partitions = Vec::new();
    for index in 0..MAX_ENTRIES {
        let Some(entry) = slice(flash, at.checked_add(index * ENTRY)?, ENTRY) else { break };
        if u16_le(entry, 0) != Some(MAGIC) {
            break;
        }
        partitions.push(Partition {
            kind: u8_at(entry, 2)?,
            subtype: u8_at(entry, 3)?,
            offset: u32_le(entry, 4)?,
            size: u32_le(entry, 8)?,
            label: array(entry, 12)?,
            flags: u32_le(entry, 28)?,
        });
    }
    (!partitions.is_empty()).then_some(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entries_up_to_the_digest() {
        let mut table = Vec::new();
        for (n, name) in [(0u8, b"ota_0"), (1, b"ota_1")] {
            table.extend([0xaa, 0x50, 0, 0x10 + n]);
            table.extend((0x1_0000 + u32::from(n) * 0x10_0000).to_le_bytes());
            table.extend(0x10_0000u32.to_le_bytes());
            table.extend(name);
            table.resize(table.len().next_multiple_of(32), 0);
        }
        table.extend([0xeb, 0xeb]);
        table.resize(0xc00, 0xff);
        let partitions = parse(&table, 0).unwrap();
        assert_eq!(partitions.len(), 2);
        assert_eq!(partitions[1].name(), "ota_1");
        assert!(partitions[1].is_ota_slot());
        assert_eq!((partitions[1].offset, partitions[1].size), (0x11_0000, 0x10_0000));
        assert_eq!(parse(&table, 64), None);
        assert_eq!(parse(&table, usize::MAX - 3), None);
    }
}
