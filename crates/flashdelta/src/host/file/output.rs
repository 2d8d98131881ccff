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

    /// All that a file is converted to.
    const FORMATS: [(Self, Format); 5] = [
        (Self::Binary, Format::Raw),
        (Self::IntelHex, Format::IntelHex),
        (Self::Srec, Format::Srec),
        (Self::TiTxt, Format::TiTxt),
        (Self::Uf2, Format::Uf2),
    ];

    /// The output of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "same" => Some(Self::Same),
            _ => Self::of(Format::named(name)?),
        }
    }

    /// The output in this format, if it [is written](Format::is_written).
    pub fn of(format: Format) -> Option<Self> {
        Self::FORMATS.into_iter().find(|(_, known)| *known == format).map(|(output, _)| output)
    }

    /// The format to convert to.
    pub(super) fn format(self) -> Option<Format> {
        let known = Self::FORMATS.into_iter().find(|(output, _)| *output == self);
        known.map(|(_, format)| format).filter(|format| *format != Format::Raw)
    }
}
