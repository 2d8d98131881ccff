//! What is made of a patch.

use crate::host::image::Format;

/// What is to be made of a patch.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Output {
    /// The identical file that the patch was made for.
    #[default]
    Same,
    /// What a device holds in its slot: of a file of records, an ELF or a DFU file its memory, of
    /// any other the file.
    Binary,
    /// Intel HEX.
    IntelHex,
    /// S-records.
    Srec,
    /// TI-TXT.
    TiTxt,
    /// UF2.
    Uf2,
}

impl Output {
    /// The names of all, for machines: `same`, and those of the formats, [`Format::name`].
    pub const NAMES: [&'static str; 6] = ["same", "raw", "ihex", "srec", "ti-txt", "uf2"];

    /// The output of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "same" => Self::Same,
            _ => match Format::named(name)? {
                Format::Raw => Self::Binary,
                Format::IntelHex => Self::IntelHex,
                Format::Srec => Self::Srec,
                Format::TiTxt => Self::TiTxt,
                Format::Uf2 => Self::Uf2,
                _ => return None,
            },
        })
    }

    /// The format to convert to.
    pub(super) fn format(self) -> Option<Format> {
        match self {
            Self::Same | Self::Binary => None,
            Self::IntelHex => Some(Format::IntelHex),
            Self::Srec => Some(Format::Srec),
            Self::TiTxt => Some(Format::TiTxt),
            Self::Uf2 => Some(Format::Uf2),
        }
    }
}
