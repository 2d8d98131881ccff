//! How things are written on the command line.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::ValueEnum;
use flashdelta::bundle::BundleOptions;
use flashdelta::diff::ChunkSize;
use flashdelta::file::{MemoryOptions, Output};
use flashdelta::image::{AfterEnd, Overlap, ReadOptions, Selection};
pub(crate) use flashdelta::profile::parse_size as size;
use flashdelta::profile::DeviceProfile;
use flashdelta::{Codec, DeviceIdentity, ErrorClass, Identity, InstructionSet};

use crate::failure::{Failure, Outcome};
use crate::product::Product;
use crate::text::remark;

/// An address: `0x08020000`, or in decimal.
pub(crate) fn address(text: &str) -> Result<u32, String> {
    number(text.trim())
        .ok_or_else(|| "expected an address of up to 32 bits such as 0x08020000".to_owned())
}

/// `--chunks`
pub(crate) fn chunks(text: &str) -> Result<ChunkSize, String> {
    let chunks = match text.trim() {
        "none" => ChunkSize::None,
        "auto" => ChunkSize::Auto,
        other => ChunkSize::Bytes(size(other).map_err(|error| error.to_string())?),
    };
    match chunks.is_possible() {
        true => Ok(chunks),
        false => Err("expected auto, none, or a power of two from 256 to 64KiB".to_owned()),
    }
}

/// A product: a number, or a name that is made into one.
pub(crate) fn product(text: &str) -> Result<Product, String> {
    let text = text.trim();
    match number(text) {
        _ if text.is_empty() => Err("expected a number or a name".to_owned()),
        Some(id) => Ok(Product { id, name: None }),
        None => Ok(Product { id: Identity::product_id(text), name: Some(text.to_owned()) }),
    }
}

/// A profile: a name, which shells complete, or a file.
#[derive(Clone)]
pub(crate) struct ProfileName;

impl TypedValueParser for ProfileName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DeviceProfile::NAMES.into_iter().map(PossibleValue::new)))
    }
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_alphanumeric())
        .then(|| u32::from_str_radix(digits, radix).ok())?
}

/// `--codec`: a codec, or none given: auto.
#[derive(Clone, Copy)]
pub(crate) struct CodecArg(pub(crate) Option<Codec>);

impl ValueEnum for CodecArg {
    fn value_variants<'a>() -> &'a [Self] {
        const COUNT: usize = Codec::ALL.len() + 1;
        // The last ones give the smallest patches.
        const ALL: [CodecArg; COUNT] = {
            let mut all = [CodecArg(None); COUNT];
            let mut i = 1;
            while i < COUNT {
                all[i] = CodecArg(Some(Codec::ALL[COUNT - 1 - i]));
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Some(codec) => PossibleValue::new(codec.name()).help(codec.good_for()),
            None => PossibleValue::new("auto")
                .help("Whichever gives the smallest patch, of those that the device has"),
        })
    }
}

/// `--isa`: an instruction set, or none given: auto.
#[derive(Clone, Copy)]
pub(crate) struct IsaArg(pub(crate) Option<InstructionSet>);

impl ValueEnum for IsaArg {
    fn value_variants<'a>() -> &'a [Self] {
        const COUNT: usize = InstructionSet::ALL.len() + 1;
        const ALL: [IsaArg; COUNT] = {
            let mut all = [IsaArg(None); COUNT];
            let mut i = 1;
            while i < COUNT {
                all[i] = IsaArg(Some(InstructionSet::ALL[i - 1]));
                i += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let Some(isa) = self.0 else {
            return Some(PossibleValue::new("auto").help("Found out from the images"));
        };
        let value = PossibleValue::new(isa.name());
        Some(match isa {
            InstructionSet::None => {
                value.help("Do not predict instructions; units of 4, 2 and 1 bytes are tried")
            }
            InstructionSet::Halves => value.help("Do not predict instructions; units of 2 bytes"),
            InstructionSet::Bytes => value.help("Do not predict instructions; units of 1 byte"),
            _ => value.help(isa.chips()),
        })
    }
}

/// A byte: `0xff`, or in decimal.
pub(crate) fn byte(text: &str) -> Result<u8, String> {
    let byte = number(text.trim()).and_then(|number| u8::try_from(number).ok());
    byte.ok_or_else(|| "expected a byte such as 0xff".to_owned())
}

/// `--accept`: what is refused in text files by default.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accept {
    /// Records that hold the same address: the last one in the file wins
    Overlap,
    /// The same, and the first one wins
    OverlapFirst,
    /// The same, if both hold the same byte
    OverlapSame,
    /// Data after the end record: left out
    AfterEnd,
    /// The same, and read
    AfterEndRead,
    /// Wrong checksums and record counts
    Checksum,
    /// Lines (in UF2: blocks) that are no records
    Comments,
    /// Intel HEX records of unknown types, such as signatures: carried along, not in the memory
    Records,
    /// A manifest.json or flasher_args.json in an archive that is wrong: a file like any other
    Manifest,
}

/// How Intel HEX files, S-records and the like are read.
#[derive(clap::Args)]
#[command(next_help_heading = "Intel HEX, S-records and other files of records")]
pub(crate) struct RecordArgs {
    /// Accept what is refused by default
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    accept: Vec<Accept>,
    /// Refuse damaged archives, and files whose own lengths, checksums or digests are wrong;
    /// `convert` also refuses what the specification of a text format does not allow
    #[arg(long, conflicts_with = "accept")]
    strict: bool,
    /// What gaps between records are filled with; objcopy fills them with 0 [default: 0xff]
    #[arg(long, value_name = "BYTE", value_parser = byte)]
    fill: Option<u8>,
    /// Only these addresses, the last one not included: those that the device holds
    #[arg(long, value_name = "FROM-TO", value_parser = range)]
    range: Option<Range>,
    /// UF2: only the blocks of this family
    #[arg(long, value_name = "NUMBER", value_parser = address)]
    family: Option<u32>,
    /// micro:bit Universal Hex: only this board, 9900 or 9903
    #[arg(long, value_name = "ID", value_parser = board)]
    board: Option<u16>,
    /// UF2 with several images at the same addresses: only this one, from 1
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    image: Option<u16>,
}

/// Addresses from the first on, and up to the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range(pub(crate) u32, pub(crate) u64);

/// `0x8000-0x10000`, or with two dots.
fn range(text: &str) -> Result<Range, String> {
    let expected = "expected two addresses such as 0x08000000-0x08010000";
    let (from, to) = text.split_once("..").or_else(|| text.split_once('-')).ok_or(expected)?;
    let from = address(from)?;
    // The end of the address space does not fit into 32 bits.
    let to = if to.trim() == "0x100000000" { 1 << 32 } else { u64::from(address(to)?) };
    if to <= u64::from(from) {
        return Err("the end is not above the start".to_owned());
    }
    Ok(Range(from, to))
}

/// A board of the micro:bit: always in hexadecimal, as its makers write it.
fn board(text: &str) -> Result<u16, String> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if all { u16::from_str_radix(digits, 16).ok() } else { None };
    id.ok_or_else(|| "expected the id of a board such as 9900 or 9903".to_owned())
}

impl RecordArgs {
    /// Refuses what contradicts itself: one of several ways to settle the same.
    pub(crate) fn check(&self) -> Outcome {
        for ways in [
            &[Accept::Overlap, Accept::OverlapFirst, Accept::OverlapSame][..],
            &[Accept::AfterEnd, Accept::AfterEndRead],
        ] {
            let mut given = ways.iter().filter(|way| self.accept.contains(way));
            if let (Some(one), Some(other)) = (given.next(), given.next()) {
                let [one, other] = [one, other]
                    .map(|way| way.to_possible_value().map(|value| value.get_name().to_owned()));
                let [one, other] = [one, other].map(Option::unwrap_or_default);
                let message = format!("--accept {one} and --accept {other} contradict each other");
                return Err(Failure::new(ErrorClass::Misuse, message));
            }
        }
        Ok(())
    }

    pub(crate) fn read(&self) -> ReadOptions {
        let select = Selection::new().family(self.family).board(self.board).image(self.image);
        let read = ReadOptions::new().strict(self.strict).select(select);
        self.accept.iter().fold(read, |read, accept| match accept {
            Accept::Overlap => read.overlap(Overlap::LastWins),
            Accept::OverlapFirst => read.overlap(Overlap::FirstWins),
            Accept::OverlapSame => read.overlap(Overlap::AcceptSame),
            Accept::AfterEnd => read.after_end(AfterEnd::Ignore),
            Accept::AfterEndRead => read.after_end(AfterEnd::Read),
            Accept::Checksum => read.ignore_checksums(true),
            Accept::Comments => read.skip_garbage(true),
            Accept::Records => read.unknown_records(true),
            Accept::Manifest => read,
        })
    }

    /// The addresses that are meant; `None`: all.
    pub(crate) fn range(&self) -> Option<(u32, u64)> {
        self.range.map(|Range(from, to)| (from, to))
    }

    /// What gaps are filled with.
    pub(crate) fn fill(&self) -> u8 {
        self.fill.unwrap_or(0xff)
    }

    /// How files that hold others are taken.
    pub(crate) fn bundle(&self) -> BundleOptions {
        BundleOptions::new().accept_manifests(self.accept.contains(&Accept::Manifest))
    }

    pub(crate) fn memory(&self) -> MemoryOptions {
        MemoryOptions::new().read(self.read()).fill(self.fill()).range(self.range())
    }
}

/// `--as`
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum As {
    /// The identical file that the patch was made for
    Same,
    /// What a device holds in its slot
    Bin,
    /// Intel HEX
    Hex,
    /// S-records
    Srec,
    /// TI-TXT
    TiTxt,
    /// UF2
    Uf2,
}

impl From<As> for Output {
    fn from(arg: As) -> Self {
        match arg {
            As::Same => Self::Same,
            As::Bin => Self::Binary,
            As::Hex => Self::IntelHex,
            As::Srec => Self::Srec,
            As::TiTxt => Self::TiTxt,
            As::Uf2 => Self::Uf2,
        }
    }
}

/// How results are told.
#[derive(clap::Args)]
pub(crate) struct OutputArgs {
    /// Report to standard output in JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl OutputArgs {
    /// Says what is dubious, also if nothing else is to be said.
    pub(crate) fn warn(&self, warnings: &[String]) {
        warnings.iter().for_each(|warning| remark!("warning: {warning}"));
    }
}

/// Which devices a patch is for.
#[derive(clap::Args)]
#[command(next_help_heading = "Which devices the patch is for (others refuse it)")]
pub(crate) struct IdentityArgs {
    /// Product: a number, or a name that is hashed into one
    #[arg(long, value_name = "NAME|NUMBER", value_parser = product)]
    product: Option<Product>,
    /// First hardware revision that the new image runs on [default: 0]
    #[arg(long, value_name = "REVISION", requires = "product")]
    hardware_from: Option<u16>,
    /// Last hardware revision that the new image runs on [default: 65535]
    #[arg(long, value_name = "REVISION", requires = "product")]
    hardware_to: Option<u16>,
    /// Security counter of the new image: devices that are further on refuse it (anti-rollback)
    /// [default: 0]
    #[arg(long, value_name = "NUMBER", requires = "product")]
    security_counter: Option<u32>,
}

impl IdentityArgs {
    pub(crate) fn identity(&self) -> Outcome<Option<Identity>> {
        let Some(product) = self.product.as_ref().map(|product| product.id) else {
            return Ok(None);
        };
        let (hardware_from, hardware_to) =
            (self.hardware_from.unwrap_or(0), self.hardware_to.unwrap_or(u16::MAX));
        if hardware_from > hardware_to {
            let message =
                format!("--hardware-from {hardware_from} is above --hardware-to {hardware_to}");
            return Err(Failure::new(ErrorClass::Misuse, message));
        }
        let security_counter = self.security_counter.unwrap_or(0);
        Ok(Some(Identity { product, hardware_from, hardware_to, security_counter }))
    }
}

/// What the device says about itself.
#[derive(clap::Args)]
#[command(next_help_heading = "The device (patches for others are refused)")]
pub(crate) struct DeviceArgs {
    /// Product: a number, or a name that is hashed into one
    #[arg(long, value_name = "NAME|NUMBER", value_parser = product)]
    product: Option<Product>,
    /// Hardware revision [default: 0]
    #[arg(long, value_name = "REVISION", requires = "product")]
    hardware: Option<u16>,
    /// Lowest security counter that the device installs [default: 0]
    #[arg(long, value_name = "NUMBER", requires = "product")]
    security_counter: Option<u32>,
}

impl DeviceArgs {
    pub(crate) fn device(&self) -> Option<DeviceIdentity> {
        let (hardware, security_counter) =
            (self.hardware.unwrap_or(0), self.security_counter.unwrap_or(0));
        let product = self.product.as_ref().map(|product| product.id);
        product.map(|product| DeviceIdentity { product, hardware, security_counter })
    }

    /// What the device is, for messages.
    pub(crate) fn product(&self) -> Option<&Product> {
        self.product.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_boards() {
        for text in ["0x8000..0x10000", "0x8000-0x10000", "32768 - 65536"] {
            assert_eq!(range(text), Ok(Range(0x8000, 0x1_0000)), "{text}");
        }
        assert_eq!(range("0x0-0x100000000"), Ok(Range(0, 1 << 32)));
        assert!(["0x8000", "1-1", "2..1", "-1", "a-b"].iter().all(|text| range(text).is_err()));
        assert_eq!((board("9903"), board("0x9900")), (Ok(0x9903), Ok(0x9900)));
        assert!(["", "+1", "99999", "v2"].iter().all(|text| board(text).is_err()));
    }

    #[test]
    fn addresses_and_products() {
        assert_eq!(address("0x08020000"), Ok(0x0802_0000));
        assert_eq!(address("134348800"), Ok(0x0802_0000));
        assert!(["08020000h", "0x100000000", "-1", ""].iter().all(|text| address(text).is_err()));
        assert_eq!(product("7"), Ok(Product { id: 7, name: None }));
        let heron = Product { id: Identity::product_id("heron"), name: Some("heron".to_owned()) };
        assert_eq!(product("heron"), Ok(heron));
    }
}
