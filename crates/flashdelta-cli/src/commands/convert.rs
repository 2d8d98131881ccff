//! `flashdelta convert`

use std::path::PathBuf;

use clap::ValueEnum;
use flashdelta::archive::Container;
use flashdelta::image::{Format, Image, WriteError, WriteOptions};

use crate::args::{self, OutputArgs, RecordArgs};
use crate::failure::{Class, Failure, Outcome};
use crate::outputs::Target;
use crate::text::{grouped, print_json};
use crate::{files, inputs, text};

const HELP: &str = "\
Examples:
  flashdelta convert app.elf -o app.bin
      The stored bytes, as objcopy -O binary gives them; gaps become 0xff.
  flashdelta convert app.bin -o app.hex --base 0x08020000
      A plain binary does not tell where it stands.
  flashdelta convert full.hex -o app.s19 --range 0x26000..0x7e000 --record-length 32
      Part of the memory, in records of 32 bytes.

The format of OUT is told by --to, or by its name: .bin, .hex, .ihex, .s19, .s28, .s37, .srec, .mot, .uf2, .ti-txt, and more.";

/// Write a firmware file in another format
///
/// Reads Intel HEX, S-records, TI-TXT, UF2, ELF, Espressif images and plain binaries; what a format
/// cannot hold is left out.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// A firmware file in any format
    input: PathBuf,
    /// Where the result goes; a file that is there already is replaced
    #[arg(long, short, value_name = "OUT")]
    output: PathBuf,
    /// The format of the result [default: as the name of OUT says]
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Option<To>,
    /// Address of a plain binary
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    base: Option<u32>,
    /// Only these addresses, the last one not included; a plain binary gets exactly these
    #[arg(long, value_name = "FROM..TO", value_parser = range)]
    range: Option<Range>,
    /// Bytes in each record [default: 16]
    #[arg(long, value_name = "NUMBER")]
    record_length: Option<usize>,
    /// Bytes of address in S-records, 2 to 4 [default: as few as are needed]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(2..=4))]
    address_length: Option<u8>,
    /// Family of the chip, for UF2
    #[arg(long, value_name = "NUMBER", value_parser = args::address)]
    family: Option<u32>,
    /// End lines with CR LF
    #[arg(long)]
    crlf: bool,
    /// Digits in lower case
    #[arg(long)]
    lower_case: bool,
    /// Accept only what the specification of the input's format allows
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    records: RecordArgs,
}

/// `--to`
#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Plain binary
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

impl From<To> for Format {
    fn from(to: To) -> Self {
        match to {
            To::Bin => Self::Raw,
            To::Hex => Self::IntelHex,
            To::Srec => Self::Srec,
            To::TiTxt => Self::TiTxt,
            To::Uf2 => Self::Uf2,
        }
    }
}

/// Addresses from the first on, and up to the second.
#[derive(Clone, Copy)]
struct Range(u32, u64);

/// `0x8000..0x10000`
fn range(text: &str) -> Result<Range, String> {
    let expected = "expected two addresses such as 0x08000000..0x08010000";
    let (from, to) = text.split_once("..").ok_or(expected)?;
    let from = args::address(from)?;
    // The end of the address space does not fit into 32 bits.
    let to = if to.trim() == "0x100000000" { 1 << 32 } else { u64::from(args::address(to)?) };
    if to <= u64::from(from) {
        return Err("the end is not above the start".to_owned());
    }
    Ok(Range(from, to))
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let format = self.format()?;
        let target = Target::new(&self.output, &[&self.input])?;
        target.refuse_json(self.output_args.json)?;
        let mut read = self.records.read();
        (read.strict, read.base) = (self.strict, self.base);
        let file = inputs::bytes(&self.input)?;
        files::check_named(&self.input, &file, &read)?;
        let container = Container::detect(&file);
        if container != Container::Whole {
            let message = format!(
                "{}: this is an archive ({container}), not one firmware file",
                text::path(&self.input)
            );
            return Err(
                Failure::new(Class::Usage, message).hint("unpack it, and convert its members")
            );
        }
        let image = files::parse_owned(&self.input, file, &read)?;
        let mut file = files::Writing::create(&target)?;
        image.write_with(format, &self.options(), |piece| file.append(piece)).map_err(|error| {
            match error {
                WriteError::Sink(failure) => failure,
                error => Failure::new(
                    Class::DoesNotFit,
                    format!("{}: {error}", text::path(&self.output)),
                ),
            }
        })?;
        let written = file.finish()?;
        if !self.output_args.quiet {
            let (from, bytes) = (image.format, grouped(image.len() as u64));
            eprintln!(
                "{}: {format}, {} bytes",
                text::path(&self.output),
                grouped(u64::from(written))
            );
            let segments = match image.segments.len() {
                1 => "1 segment".to_owned(),
                count => format!("{count} segments"),
            };
            eprintln!("  from {from} with {bytes} bytes in {segments}");
        }
        if self.output_args.json {
            print_json(&self.document(format, written, &image))?;
        }
        Ok(())
    }

    /// What is asked for, or what the name of the output says.
    fn format(&self) -> Outcome<Format> {
        let named = self.to.map(Format::from).or_else(|| files::format_by_name(&self.output));
        named.ok_or_else(|| {
            let message = format!("the name {} does not tell a format", text::path(&self.output));
            Failure::new(Class::Usage, message).hint("say which with --to")
        })
    }

    fn options(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.fill = self.records.fill();
        options.range = self.range.map(|Range(from, to)| (from, to));
        options.record_len = self.record_length;
        options.address_len = self.address_length;
        options.family = self.family;
        options.crlf = self.crlf;
        options.lower_case = self.lower_case;
        options
    }

    fn document(&self, format: Format, size: u32, image: &Image) -> serde_json::Value {
        let segments: Vec<_> = image
            .segments
            .iter()
            .map(|segment| serde_json::json!({ "address": segment.address, "size": segment.data.len() }))
            .collect();
        serde_json::json!({
            "input": text::path(&self.input),
            "input_format": image.format.to_string(),
            "output": text::path(&self.output),
            "format": format.to_string(),
            "size": size,
            "entry": image.entry,
            "segments": segments,
        })
    }
}
