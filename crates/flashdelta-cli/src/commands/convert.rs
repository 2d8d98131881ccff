//! `flashdelta convert`

use std::path::PathBuf;

use clap::ValueEnum;
use flashdelta::archive::Container;
use flashdelta::image::{
    self, BaseConflict, Format, Image, ImageError, Selection, WriteError, WriteOptions,
};

use crate::args::{self, OutputArgs, RecordArgs};
use crate::failure::{Class, Failure, Outcome};
use crate::interrupt::while_nothing_is_written;
use crate::outputs::Target;
use crate::text::{grouped, print_json, remark};
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
        if let Some(what) = self.options().not_in(format) {
            let message = format!("{what}: {format} has none of that");
            return Err(Failure::new(Class::Usage, message).hint("leave out that option"));
        }
        let target = Target::new(&self.output, &[&self.input])?;
        target.refuse_json(self.output_args.json)?;
        let read = self.records.read().base(self.base);
        let file = inputs::bytes(&self.input)?;
        while_nothing_is_written(|| files::check_named(&self.input, &file, &read))?;
        let targets = image::targets(&file);
        let conflict = self.base.and_then(|base| image::base_conflict(&file, base));
        // Of a file for one chip the option says what the result is for.
        let family = self.records.family();
        let family = family.filter(|_| targets.iter().any(|target| target.family == family));
        let select = self.records.select(family);
        let read = read.select(select);
        if let Some(wrapping) = image::wrapping(&file) {
            let message =
                format!("{}: this is {wrapping}, not one firmware file", text::path(&self.input));
            return Err(Failure::new(Class::Usage, message).hint("unpack it first"));
        }
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
        let mut warnings: Vec<String> = match self.records.is_strict() {
            true => Vec::new(),
            false => {
                let found = while_nothing_is_written(|| image::check(&file));
                found.iter().map(ToString::to_string).collect()
            }
        };
        let family = self.records.family().or(single_family(&targets, select));
        let options = self.options().family(family);
        let image = while_nothing_is_written(|| files::parse_owned(&self.input, file, &read))?;
        if image.is_empty() {
            return Err(Failure::image(&self.input, &ImageError::Empty));
        }
        if let (Some(BaseConflict::Shown { address }), Some(base)) = (conflict, self.base) {
            warnings.push(format!(
                "its code seems to run at {address:#010x}, and not at the base address given, \
                 {base:#010x}"
            ));
        }
        let start = image.segments.first().map(|segment| segment.address);
        if image.format == Format::Raw
            && format != Format::Raw
            && start == Some(0)
            && self.base.is_none()
        {
            warnings
                .push("it does not tell its address: 0 is taken; --base gives another".to_owned());
        }
        warnings
            .extend((format == Format::Raw).then(|| gaps(&image, self.records.range())).flatten());
        let name = text::path(&self.input);
        let warnings: Vec<String> = warnings.iter().map(|text| format!("{name}: {text}")).collect();
        self.output_args.warn(&warnings);
        let mut file = files::Writing::create(&target)?;
        image.write_with(format, &options, |piece| file.append(piece)).map_err(
            |error| match error {
                WriteError::Sink(failure) => failure,
                error => Failure::new(
                    Class::DoesNotFit,
                    format!("{}: {error}", text::path(&self.output)),
                ),
            },
        )?;
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
            print_json(&self.document(format, written, &image, &warnings))?;
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
            "warnings": warnings,
        })
    }
}

/// The family of what is read from a UF2 file, if it is but one.
fn single_family(targets: &[image::Target], select: Selection) -> Option<u32> {
    let mut families = targets.iter().filter(|t| select.takes(t)).map(|target| target.family);
    let first = families.next()?;
    if families.all(|family| family == first) {
        first
    } else {
        None
    }
}

/// Says that most of a plain binary will be filling.
fn gaps(image: &Image, range: Option<(u32, u64)>) -> Option<String> {
    const SMALL: u64 = 64 << 10;
    let parts: Vec<(u64, u64)> = {
        let (from, to) = range.map_or((0, 1 << 32), |(from, to)| (u64::from(from), to));
        let cut = |s: &image::Segment| (u64::from(s.address).max(from), s.end().min(to));
        image.segments.iter().map(cut).filter(|(start, end)| start < end).collect()
    };
    let filled: u64 = parts.windows(2).map(|pair| pair[1].0 - pair[0].1).sum();
    let data: u64 = parts.iter().map(|(start, end)| end - start).sum();
    if filled <= SMALL.max(data) {
        return None;
    }
    let (start, end) = parts.iter().max_by_key(|(start, end)| end - start)?;
    let (whole, data) = (grouped(filled + data), grouped(data));
    Some(format!(
        "its {data} bytes are far apart: the binary has {whole} bytes, nearly all of them filling; \
         --range {start:#010x}-{end:#010x} takes the largest part"
    ))
}
