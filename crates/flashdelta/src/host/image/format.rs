//! Which container a file is.

use core::fmt;

use super::lines::{self, Lines};
use super::{
    apj, bytes, dfu, ebl, elf, esp, gbl, ihex, mcuboot, rbl, srec, telink, uf2, vmem, zigbee,
};

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
    /// All formats with their names for machines: in JSON, in Python.
    const NAMES: [(Self, &'static str); 17] = [
        (Self::Raw, "raw"),
        (Self::IntelHex, "ihex"),
        (Self::Srec, "srec"),
        (Self::TiTxt, "ti-txt"),
        (Self::Uf2, "uf2"),
        (Self::Elf, "elf"),
        (Self::Esp, "esp"),
        (Self::Mcuboot, "mcuboot"),
        (Self::ZigbeeOta, "zigbee-ota"),
        (Self::Gbl, "gbl"),
        (Self::Ebl, "ebl"),
        (Self::Telink, "telink"),
        (Self::DfuSe, "dfuse"),
        (Self::Dfu, "dfu"),
        (Self::Rbl, "rbl"),
        (Self::Vmem, "vmem"),
        (Self::Apj, "apj"),
    ];

    /// A stable name of it, for machines.
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(format, _)| *format == self);
        named.map_or("other", |(_, name)| name)
    }

    /// The format of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
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
            "bin" | "img" | "rom" => Self::Raw,
            _ => return None,
        })
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

/// Recognises the container of a file by its content. What is not recognised is [`Format::Raw`].
pub fn detect(file: &[u8]) -> Format {
    if let Some(text) = detect_text(file) {
        return text;
    }
    match file {
        _ if apj::is(file) => Format::Apj,
        _ if elf::is(file) => Format::Elf,
        _ if uf2::is(file) => Format::Uf2,
        _ if mcuboot::Mcuboot::parse(file).is_some() => Format::Mcuboot,
        _ if dfu::is_dfuse(file) => Format::DfuSe,
        _ if rbl::is(file) => Format::Rbl,
        _ if gbl::is(file) => Format::Gbl,
        _ if telink::is(file) => Format::Telink,
        _ if esp::is(file) => Format::Esp,
        _ if zigbee::is(file) => Format::ZigbeeOta,
        _ if ebl::is(file) => Format::Ebl,
        _ if dfu::Suffix::parse(file).is_some() => Format::Dfu,
        _ => Format::Raw,
    }
}

/// This many bytes are searched for a record.
const PROBE: usize = 4096;

/// The text formats show in the first line that is not blank: `:` and hex digits, `S` and a digit,
/// `@` and hex digits; or in the first record that is right, if comments are before it.
fn detect_text(file: &[u8]) -> Option<Format> {
    if lines::is_utf16(file) {
        // Recognised, so that it can be refused for what it is.
        let start = file.get(2..PROBE).or_else(|| file.get(2..)).unwrap_or_default();
        let ascii: Vec<u8> = start.iter().copied().filter(|byte| *byte != 0).collect();
        return first_line(&ascii).or_else(|| first_record(&ascii));
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    first_line(file)
        .or_else(|| first_record(file.get(..PROBE).unwrap_or(file)))
        .or_else(|| vmem::is(file).then_some(Format::Vmem))
}

/// The first line of a text that is a whole record, with the right checksum.
fn first_record(text: &[u8]) -> Option<Format> {
    if text.iter().any(|b| !(b.is_ascii_graphic() || b.is_ascii_whitespace() || *b >= 0x80)) {
        return None;
    }
    let mut data = Vec::new();
    Lines::new(text).find_map(|line| {
        data.clear();
        let record = text.get(lines::trim(text, line.text))?;
        match record.first()? {
            b':' => ihex::read(record, &mut data, false).ok().map(|_| Format::IntelHex),
            b'S' | b's' => srec::read(record, &mut data, false).ok().map(|_| Format::Srec),
            _ => None,
        }
    })
}

fn first_line(file: &[u8]) -> Option<Format> {
    let start = file.iter().position(|b| !b.is_ascii_whitespace())?;
    let digits = |from: usize, count: usize| {
        bytes::slice(file, start + from, count)
            .is_some_and(|run| run.iter().all(u8::is_ascii_hexdigit))
    };
    match file.get(start)? {
        b':' if digits(1, 10) => Some(Format::IntelHex),
        b'S' | b's' if digits(1, 5) && file.get(start + 1).is_some_and(u8::is_ascii_digit) => {
            Some(Format::Srec)
        }
        // GNU objcopy's "symbolsrec": the table of symbols may be long.
        b'$' if file.get(start + 1) == Some(&b'$') => first_record(file),
        b'@' => {
            // Verilog's vmem files have data after the address.
            let mut lines = Lines::new(file.get(start..)?)
                .map(|line| file.get(start + line.text.start..start + line.text.end));
            let mut address = lines.next()??.trim_ascii_end().get(1..)?.iter();
            let is_address = digits(1, 4) && address.clone().all(u8::is_ascii_hexdigit);
            // A damaged address, but lines of bytes.
            let is_damaged = address.all(u8::is_ascii_alphanumeric)
                && lines.next().flatten().is_some_and(is_bytes);
            (is_address || is_damaged).then_some(Format::TiTxt)
        }
        // Lines of bytes and a `q`: the address is missing.
        byte if byte.is_ascii_hexdigit() => {
            let is_bytes =
                is_bytes(file.get(start..)?.split(|byte| matches!(byte, b'\r' | b'\n')).next()?);
            let text = file.trim_ascii_end();
            (is_bytes && (text.ends_with(b"\nq") || text.ends_with(b"\rq")))
                .then_some(Format::TiTxt)
        }
        _ => None,
    }
}

/// Whether it is a line of TI-TXT: two digits and a blank, at least four times.
fn is_bytes(line: &[u8]) -> bool {
    let mut bytes = line.trim_ascii_end().chunks(3);
    let is_byte = |byte: &[u8]| match byte {
        [high, low, rest @ ..] => {
            high.is_ascii_hexdigit() && low.is_ascii_hexdigit() && matches!(rest, [] | [b' '])
        }
        _ => false,
    };
    line.len() >= 11 && bytes.all(is_byte)
}
