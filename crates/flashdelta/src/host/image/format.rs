//! The container formats.

use core::fmt;
use std::path::Path;

/// A container format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Format {
    /// A plain binary, or something unknown.
    Raw,
    /// Intel HEX: I8HEX, I16HEX or I32HEX.
    IntelHex,
    /// Motorola S-records.
    Srec,
    /// Texas Instruments' text format for MSP430.
    TiTxt,
    /// Espressif image, or a flash image merged from some.
    Esp,
    /// ELF.
    Elf,
    /// UF2.
    Uf2,
    /// MCUboot image.
    Mcuboot,
    /// Zigbee over-the-air upgrade file.
    ZigbeeOta,
    /// Silicon Labs Gecko Bootloader file.
    Gbl,
    /// Ember bootloader file.
    Ebl,
    /// Telink TC32 image.
    Telink,
    /// ST DfuSe file.
    DfuSe,
    /// Plain binary with a DFU suffix.
    Dfu,
    /// RT-Thread OTA package.
    Rbl,
    /// Verilog memory file (`$readmemh`).
    Vmem,
    /// JSON of ArduPilot or PX4 that holds the image.
    Apj,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 17] = [
        Self::Raw,
        Self::IntelHex,
        Self::Srec,
        Self::TiTxt,
        Self::Uf2,
        Self::Elf,
        Self::Esp,
        Self::Mcuboot,
        Self::ZigbeeOta,
        Self::Gbl,
        Self::Ebl,
        Self::Telink,
        Self::DfuSe,
        Self::Dfu,
        Self::Rbl,
        Self::Vmem,
        Self::Apj,
    ];

    /// A stable name of it, for machines: in JSON, in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::IntelHex => "ihex",
            Self::Srec => "srec",
            Self::TiTxt => "ti-txt",
            Self::Uf2 => "uf2",
            Self::Elf => "elf",
            Self::Esp => "esp",
            Self::Mcuboot => "mcuboot",
            Self::ZigbeeOta => "zigbee-ota",
            Self::Gbl => "gbl",
            Self::Ebl => "ebl",
            Self::Telink => "telink",
            Self::DfuSe => "dfuse",
            Self::Dfu => "dfu",
            Self::Rbl => "rbl",
            Self::Vmem => "vmem",
            Self::Apj => "apj",
        }
    }

    /// The format of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that the ending of a file name, in lower case, promises.
    pub fn by_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "hex" | "ihex" | "ihx" | "h86" | "hxl" => Self::IntelHex,
            "s19" | "s28" | "s37" | "s2" | "s3" | "srec" | "sre" | "mot" | "mhx" | "sx" | "s" => {
                Self::Srec
            }
            "ti-txt" => Self::TiTxt,
            "uf2" => Self::Uf2,
            "vmem" => Self::Vmem,
            "apj" | "px4" => Self::Apj,
            "bin" | "img" | "rom" | "raw" => Self::Raw,
            _ => return None,
        })
    }

    /// The format in which a file of this name is written. A `.txt` is TI-TXT: no other text is
    /// written; read it may be any.
    pub fn to_write(path: &Path) -> Option<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match &*extension.to_ascii_lowercase() {
            "txt" => Some(Self::TiTxt),
            extension => Self::by_extension(extension),
        }
    }

    /// Whether it is a format of records, each with an address of its own: then the file is not the
    /// image that a device holds.
    pub fn is_records(self) -> bool {
        matches!(self, Self::IntelHex | Self::Srec | Self::TiTxt | Self::Uf2)
    }

    /// Whether what a device holds is taken out of the file: of records, and of JSON that holds an
    /// image.
    pub fn is_unpacked(self) -> bool {
        self.is_records() || self == Self::Apj
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "plain binary",
            Self::IntelHex => "Intel HEX",
            Self::Srec => "Motorola S-record",
            Self::TiTxt => "TI-TXT",
            Self::Esp => "Espressif image",
            Self::Elf => "ELF",
            Self::Uf2 => "UF2",
            Self::Mcuboot => "MCUboot image",
            Self::ZigbeeOta => "Zigbee OTA",
            Self::Gbl => "Gecko Bootloader file (GBL)",
            Self::Ebl => "Ember bootloader file (EBL)",
            Self::Telink => "Telink image",
            Self::DfuSe => "DfuSe",
            Self::Dfu => "binary with DFU suffix",
            Self::Rbl => "RT-Thread OTA package (RBL)",
            Self::Vmem => "Verilog memory file",
            Self::Apj => "ArduPilot or PX4 firmware (APJ)",
        })
    }
}
