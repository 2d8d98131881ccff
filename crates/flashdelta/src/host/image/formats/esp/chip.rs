//! The chips of the ESP family: identification and memory layout.
//!
//! Sources: `esptool/targets/*.py` (chip ids, `IMAGE_CHIP_ID`, memory maps) and
//! `components/soc/*/include/soc/soc.h` of ESP-IDF (`SOC_DRAM_LOW` and friends).

use crate::device::predict::address_map::SegmentKind::{self, Code, Data};
use crate::host::image::isa_hint::IsaHint;

/// A range of a chip's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u32,
    /// One past the last address.
    pub end: u32,
    /// What firmware puts there; `None`: code and data.
    pub kind: Option<SegmentKind>,
    /// RAM: the firmware has variables there without bytes in the file. Otherwise: a window into
    /// flash.
    pub ram: bool,
}

/// A chip of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// As Espressif writes it.
    pub name: &'static str,
    /// Chip id in the extended header of an application image; `None` for the ESP8266, which has no
    /// such header.
    pub id: Option<u16>,
    /// Instruction set.
    pub isa: IsaHint,
    /// Where firmware is.
    pub regions: &'static [Region],
}

impl Chip {
    /// The region that holds an address.
    pub fn region(&self, address: u32) -> Option<&'static Region> {
        self.regions.iter().find(|r| r.start <= address && address < r.end)
    }
}

/// The chip with this id.
pub fn by_id(id: u16) -> Option<&'static Chip> {
    CHIPS.iter().find(|chip| chip.id == Some(id))
}

const fn ram(start: u32, end: u32, kind: Option<SegmentKind>) -> Region {
    Region { start, end, kind, ram: true }
}

const fn flash(start: u32, end: u32, kind: Option<SegmentKind>) -> Region {
    Region { start, end, kind, ram: false }
}

/// The one chip without an extended header.
pub static ESP8266: Chip = Chip {
    name: "ESP8266",
    id: None,
    isa: IsaHint::XtensaCall0,
    regions: &[
        ram(0x3ffe_8000, 0x4000_0000, Some(Data)),
        ram(0x4010_0000, 0x4011_0000, Some(Code)),
        flash(0x4020_0000, 0x4030_0000, Some(Code)),
    ],
};

/// The chips with an id.
pub static CHIPS: &[Chip] = &[
    Chip {
        name: "ESP32",
        id: Some(0),
        isa: IsaHint::XtensaWindowed,
        regions: &[
            flash(0x3f40_0000, 0x3f80_0000, Some(Data)),
            ram(0x3ff8_0000, 0x3ff8_2000, Some(Data)),
            ram(0x3ffa_e000, 0x4000_0000, Some(Data)),
            ram(0x4007_0000, 0x400c_0000, Some(Code)),
            ram(0x400c_0000, 0x400c_2000, Some(Code)),
            flash(0x400d_0000, 0x4040_0000, Some(Code)),
            ram(0x5000_0000, 0x5000_2000, Some(Data)),
        ],
    },
    Chip {
        name: "ESP32-S2",
        id: Some(2),
        isa: IsaHint::XtensaWindowed,
        regions: &[
            flash(0x3f00_0000, 0x3f50_0000, Some(Data)),
            ram(0x3ff9_e000, 0x3ffa_0000, Some(Data)),
            ram(0x3ffb_0000, 0x4000_0000, Some(Data)),
            ram(0x4002_0000, 0x4007_0000, Some(Code)),
            ram(0x4007_0000, 0x4007_2000, Some(Code)),
            flash(0x4008_0000, 0x4080_0000, Some(Code)),
            ram(0x5000_0000, 0x5000_2000, Some(Data)),
        ],
    },
    Chip {
        name: "ESP32-S3",
        id: Some(9),
        isa: IsaHint::XtensaWindowed,
        regions: &[
            flash(0x3c00_0000, 0x3e00_0000, Some(Data)),
            ram(0x3fc8_8000, 0x3fd0_0000, Some(Data)),
            ram(0x4037_0000, 0x403e_0000, Some(Code)),
            flash(0x4200_0000, 0x4400_0000, Some(Code)),
            ram(0x5000_0000, 0x5000_2000, Some(Data)),
            ram(0x600f_e000, 0x6010_0000, None),
        ],
    },
    Chip {
        name: "ESP32-C3",
        id: Some(5),
        isa: IsaHint::RiscV32,
        regions: &[
            flash(0x3c00_0000, 0x3c80_0000, Some(Data)),
            ram(0x3fc8_0000, 0x3fce_0000, Some(Data)),
            ram(0x4037_c000, 0x403e_0000, Some(Code)),
            flash(0x4200_0000, 0x4280_0000, Some(Code)),
            ram(0x5000_0000, 0x5000_2000, None),
        ],
    },
    Chip {
        name: "ESP32-C2",
        id: Some(12),
        isa: IsaHint::RiscV32,
        regions: &[
            flash(0x3c00_0000, 0x3c40_0000, Some(Data)),
            ram(0x3fca_0000, 0x3fce_0000, Some(Data)),
            ram(0x4037_c000, 0x403c_0000, Some(Code)),
            flash(0x4200_0000, 0x4240_0000, Some(Code)),
        ],
    },
    Chip { name: "ESP32-C6", id: Some(13), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip { name: "ESP32-H2", id: Some(16), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip { name: "ESP32-C61", id: Some(20), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip { name: "ESP32-C5", id: Some(23), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip { name: "ESP32-H21", id: Some(25), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip { name: "ESP32-H4", id: Some(28), isa: IsaHint::RiscV32, regions: UNIFIED },
    Chip {
        name: "ESP32-P4",
        id: Some(18),
        isa: IsaHint::RiscV32,
        regions: &[
            ram(0x3010_0000, 0x3010_2000, None),
            flash(0x4000_0000, 0x4400_0000, None),
            ram(0x4ff0_0000, 0x4ffc_0000, None),
            ram(0x5010_8000, 0x5011_0000, None),
        ],
    },
];

/// The newer RISC-V chips map code and data of the flash into one window, and have one RAM for
/// both.
const UNIFIED: &[Region] = &[
    ram(0x4080_0000, 0x4088_0000, None),
    flash(0x4200_0000, 0x4400_0000, None),
    ram(0x5000_0000, 0x5000_4000, None),
];
