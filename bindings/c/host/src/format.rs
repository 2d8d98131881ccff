//! Formats of files, by number.

use flashdelta::archive::Container;
use flashdelta::bundle;
use flashdelta::file::Output;
use flashdelta::image::{self, Format};
use flashdelta_c_abi::flashdelta_status::*;

use crate::error::Failure;

/// What a file is. It is told by the content, never by the name.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum flashdelta_format {
    /// A plain binary, or something unknown.
    FLASHDELTA_FORMAT_RAW = 0,
    /// Intel HEX.
    FLASHDELTA_FORMAT_INTEL_HEX = 1,
    /// Motorola S-records.
    FLASHDELTA_FORMAT_SREC = 2,
    /// TI-TXT.
    FLASHDELTA_FORMAT_TI_TXT = 3,
    /// UF2.
    FLASHDELTA_FORMAT_UF2 = 4,
    /// Espressif image, or a flash image merged from some.
    FLASHDELTA_FORMAT_ESP = 5,
    /// ELF.
    FLASHDELTA_FORMAT_ELF = 6,
    /// MCUboot image.
    FLASHDELTA_FORMAT_MCUBOOT = 7,
    /// Zigbee over-the-air upgrade file.
    FLASHDELTA_FORMAT_ZIGBEE_OTA = 8,
    /// Silicon Labs Gecko Bootloader file.
    FLASHDELTA_FORMAT_GBL = 9,
    /// Ember bootloader file.
    FLASHDELTA_FORMAT_EBL = 10,
    /// Telink image.
    FLASHDELTA_FORMAT_TELINK = 11,
    /// ST DfuSe file.
    FLASHDELTA_FORMAT_DFUSE = 12,
    /// Plain binary with a DFU suffix.
    FLASHDELTA_FORMAT_DFU = 13,
    /// RT-Thread over-the-air package.
    FLASHDELTA_FORMAT_RBL = 14,
    /// Verilog memory file (`$readmemh`).
    FLASHDELTA_FORMAT_VMEM = 15,
    /// JSON of ArduPilot or PX4 that holds the image.
    FLASHDELTA_FORMAT_APJ = 16,
    /// Zip archive.
    FLASHDELTA_FORMAT_ZIP = 32,
    /// Tar archive.
    FLASHDELTA_FORMAT_TAR = 33,
    /// A file compressed by gzip.
    FLASHDELTA_FORMAT_GZIP = 34,
    /// Another kind of archive.
    FLASHDELTA_FORMAT_PACKAGE = 35,
    /// A patch for devices: flashdelta_read_patch_info() tells more.
    FLASHDELTA_FORMAT_PATCH = 48,
    /// A bundle, that is, a patch between archives, for hosts: flashdelta_read_bundle_info() tells
    /// more.
    FLASHDELTA_FORMAT_BUNDLE = 49,
}

use flashdelta_format::*;

impl flashdelta_format {
    /// That of a file.
    pub(crate) fn of(file: &[u8]) -> Self {
        match Container::detect(file) {
            _ if bundle::is_bundle(file) => FLASHDELTA_FORMAT_BUNDLE,
            _ if file.starts_with(b"FDP") => FLASHDELTA_FORMAT_PATCH,
            Container::Whole => image::detect(file).into(),
            Container::Zip => FLASHDELTA_FORMAT_ZIP,
            Container::Tar => FLASHDELTA_FORMAT_TAR,
            Container::Gzip => FLASHDELTA_FORMAT_GZIP,
            _ => FLASHDELTA_FORMAT_PACKAGE,
        }
    }

    /// What applying a patch gives back, by number.
    pub(crate) fn output(number: u32) -> Result<Output, Failure> {
        Ok(Output::of(writable(number)?).unwrap_or(Output::Binary))
    }
}

impl From<Format> for flashdelta_format {
    fn from(format: Format) -> Self {
        match format {
            Format::IntelHex => FLASHDELTA_FORMAT_INTEL_HEX,
            Format::Srec => FLASHDELTA_FORMAT_SREC,
            Format::TiTxt => FLASHDELTA_FORMAT_TI_TXT,
            Format::Uf2 => FLASHDELTA_FORMAT_UF2,
            Format::Esp => FLASHDELTA_FORMAT_ESP,
            Format::Elf => FLASHDELTA_FORMAT_ELF,
            Format::Mcuboot => FLASHDELTA_FORMAT_MCUBOOT,
            Format::ZigbeeOta => FLASHDELTA_FORMAT_ZIGBEE_OTA,
            Format::Gbl => FLASHDELTA_FORMAT_GBL,
            Format::Ebl => FLASHDELTA_FORMAT_EBL,
            Format::Telink => FLASHDELTA_FORMAT_TELINK,
            Format::DfuSe => FLASHDELTA_FORMAT_DFUSE,
            Format::Dfu => FLASHDELTA_FORMAT_DFU,
            Format::Rbl => FLASHDELTA_FORMAT_RBL,
            Format::Vmem => FLASHDELTA_FORMAT_VMEM,
            Format::Apj => FLASHDELTA_FORMAT_APJ,
            _ => FLASHDELTA_FORMAT_RAW,
        }
    }
}

/// A format that files are written in, by number.
pub(crate) fn writable(number: u32) -> Result<Format, Failure> {
    let mut formats = Format::ALL.into_iter().filter(|format| format.is_written());
    let known = formats.find(|format| flashdelta_format::from(*format) as u32 == number);
    known.ok_or_else(|| {
        let message = format!(
            "nothing is written in format {number}: expected plain binary, Intel HEX, S-record, \
             TI-TXT or UF2"
        );
        Failure::new(FLASHDELTA_ERR_INVALID_ARGUMENT, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_a_number_of_its_own() {
        let mut numbers = Format::ALL.map(|format| flashdelta_format::from(format) as u32);
        numbers.sort_unstable();
        assert!(numbers.iter().zip(0..).all(|(number, expected)| *number == expected));
    }
}
