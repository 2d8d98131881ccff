//! `flashdelta convert`

use std::path::PathBuf;

use clap::ValueEnum;
use flashdelta::door::{self, ConvertRequest, ConvertWarning};
use flashdelta::image::{Format, Image, WriteError, WriteOptions};
use flashdelta::ErrorClass;

use crate::args::{self, OutputArgs, RecordArgs};
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::outputs::{print_json, Target};
use crate::text::{grouped, remark};
use crate::writing::Writing;
use crate::{inputs, text};

const HELP: &str = "\
Examples:
  flashdelta convert app.elf -o app.bin
      The stored bytes, as objcopy -O binary gives them; gaps become 0xff.
  flashdelta convert app.bin -o app.hex --base 0x08020000
      A plain binary does not tell at which address it is.
  flashdelta convert full.hex -o app.s19 --range 0x26000..0x7e000 --record-length 32
      Part of the memory, in records of 32 bytes.

The format of OUT is told by --to, or by its name: .bin, .hex, .ihex, .s19, .s28, .s37, .srec, \
.mot, .uf2, .ti-txt, and more.";

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
    /// Bytes in each record [default: 16]
    #[arg(long, value_name = "NUMBER")]
    record_length: Option<usize>,
    /// Bytes of address in S-records, 2 to 4 [default: as few as are needed]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(2..=4))]
    address_length: Option<u8>,
    /// End lines with CR LF
    #[arg(long)]
    crlf: bool,
    /// Digits in lower case
    #[arg(long)]
    lower_case: bool,
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

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let format = self.format()?;
        self.records.check()?;
        let target = Target::new(&self.output, &[&self.input])?;
        target.refuse_json(self.output_args.json)?;
        let input = inputs::read_verbatim(&self.input)?;
        let request =
            ConvertRequest::new().read(self.records.read().base(self.base)).write(self.options());
        let converted = while_nothing_is_written(|| door::convert(input, format, &request));
        let converted = converted.map_err(|error| Failure::convert(&self.input, &error))?;
        let name = text::path(&self.input);
        let warnings: Vec<String> = converted
            .warnings
            .iter()
            .map(|warning| format!("{name}: {}", words(warning)))
            .collect();
        self.output_args.warn(&warnings);
        let mut file = Writing::create(&target)?;
        converted.write_with(|piece| file.append(piece)).map_err(|error| match error {
            WriteError::Sink(failure) => failure,
            WriteError::Image(error) => Failure::image(&self.output, &error),
            _ => Failure::new(ErrorClass::Internal, "the file was not written"),
        })?;
        let image = &converted.image;
        let written = file.finish()?;
        if !self.output_args.quiet {
            let (from, bytes) = (image.format, grouped(image.len() as u64));
            remark!(
                "{}: {format}, {} bytes",
                text::path(&self.output),
                grouped(u64::from(written))
            );
            let segments = match image.segments.len() {
                1 => "1 segment".to_owned(),
                count => format!("{count} segments"),
            };
            remark!("  from {from} with {bytes} bytes in {segments}");
        }
        if self.output_args.json {
            print_json(&self.document(format, written, image, &warnings))?;
        }
        Ok(())
    }

    /// What is asked for, or what the name of the output says.
    fn format(&self) -> Outcome<Format> {
        let named = self.to.map(Format::from).or_else(|| Format::to_write(&self.output));
        named.ok_or_else(|| {
            let message = format!("the name {} does not tell a format", text::path(&self.output));
            Failure::new(ErrorClass::Misuse, message).hint("say which with --to")
        })
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::new()
            .fill(self.records.fill())
            .range(self.records.range())
            .record_len(self.record_length)
            .address_len(self.address_length)
            .crlf(self.crlf)
            .lower_case(self.lower_case)
    }

    fn document(
        &self,
        format: Format,
        size: u32,
        image: &Image,
        warnings: &[String],
    ) -> serde_json::Value {
        let segments: Vec<_> = image
            .segments
            .iter()
            .map(|segment| {
                serde_json::json!({ "address": segment.address, "size": segment.data.len() })
            })
            .collect();
        serde_json::json!({
            "input": text::path(&self.input),
            "input_format": image.format.to_string(),
            "output": text::path(&self.output),
            "format": format.to_string(),
            "size": size,
            "entry": image.entry,
            "segments": segments,
            "warnings": warnings,
        })
    }
}

/// A warning with the options that are about it.
fn words(warning: &ConvertWarning) -> String {
    match warning {
        ConvertWarning::AddressAssumed => format!("{warning}; --base gives another"),
        ConvertWarning::FarApart { data, whole, largest: (start, end) } => format!(
            "its {} bytes are far apart: the binary has {} bytes, nearly all of them filling; \
             --range {start:#010x}-{end:#010x} takes the largest part",
            grouped(*data),
            grouped(*whole),
        ),
        _ => warning.to_string(),
    }
}
