//! `flashdelta personalize`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flashdelta::diff::DiffError;
use flashdelta::holes::{HoleError, HoleRequest, Values};
use flashdelta::{file, ErrorClass};

use crate::args::OutputArgs;
use crate::failure::{Failure, Outcome};
use crate::outputs::{print_json, Target};
use crate::text::{self, remark};
use crate::values::{self, Setting};
use crate::{inputs, outputs};

const HELP: &str = "\
Examples:
  flashdelta personalize app.bin --hole serial=0x400-0x420 --set serial=A-042 -o a-042.bin
      One image, for one device.
  flashdelta personalize app.bin --hole serial=symbol:serial_number --elf app.elf \\
    --table devices.csv -o 'out/app-{serial}.bin'
      One file for each line of a table, whose first line names the holes.
  flashdelta personalize flash.bin --hole key=marker:@@KEY-OF-THE-DEVICE@ \\
    --set key=file:key.bin -o - | esptool write-flash 0 -
      Straight to the device.

Values are text, hex:00112233 or file:PATH, in tables too. Zeros follow a value that is shorter than
its hole.";

/// Fill the holes of an image with the values of a device, or of each device of a table
///
/// Checksums and digests of ESP images are corrected, and checksums of records. What is signed, or
/// checked by MCUboot, cannot have holes.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The image, or a file of records (Intel HEX, S-records, TI-TXT, UF2); of an ESP chip also a
    /// whole flash
    image: PathBuf,
    /// Where a hole is: NAME=0x400-0x420, NAME=symbol:SYM or NAME=marker:TEXT, as for `diff`
    #[arg(long, value_name = "NAME=PLACE", required = true)]
    hole: Vec<HoleRequest>,
    /// A value: text, hex:00112233 or file:PATH
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = values::setting)]
    set: Vec<Setting>,
    /// A table of devices (CSV): the first line names the holes, each other line is a device
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// The ELF file that the image was made of, for symbols
    #[arg(long, value_name = "ELF")]
    elf: Option<PathBuf>,
    /// Where the image goes; with a table a name with {NAME} in it, or `-`: all images, one after
    /// the other
    #[arg(long, short, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    output_args: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let named: Vec<&Path> = [Some(&self.image), self.table.as_ref(), self.elf.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect();
        inputs::refuse_two_standard_inputs(&named)?;
        let image = inputs::bytes(&self.image)?;
        let elf = self.elf.as_ref().map(|elf| inputs::bytes(elf)).transpose()?;
        let common = values::of(&self.set)?;
        let fill = |values: &Values| file::personalize(&image, elf.as_deref(), &self.hole, values);
        match &self.table {
            None => self.one(fill, &common, &named),
            Some(table) => self.all(fill, &common, table),
        }
    }

    /// One image.
    fn one(&self, fill: impl Fill, values: &Values, named: &[&Path]) -> Outcome {
        let target = Target::new(&self.output, named)?;
        target.refuse_json(self.output_args.json)?;
        let filled = fill(values).map_err(failure)?;
        target.write(&filled)?;
        self.tell(&[text::path(&self.output)])
    }

    /// An image for each line of a table. Nothing is written unless all can be made.
    fn all(&self, fill: impl Fill, common: &Values, table: &Path) -> Outcome {
        let lines = read_table(table)?;
        let is_stream = self.output == Path::new("-");
        let pattern = self.output.to_string_lossy();
        let (mut files, mut stream) = (Vec::<(PathBuf, Vec<u8>)>::new(), Vec::new());
        let mut names = BTreeSet::new();
        for (number, line) in &lines {
            let wrong = |what: String| {
                Failure::new(
                    ErrorClass::Misuse,
                    format!("{}, line {number}: {what}", text::path(table)),
                )
            };
            let (mut values, mut name) = (common.clone(), pattern.clone().into_owned());
            for (column, cell) in line {
                let place = format!("{{{column}}}");
                let is_hole = self.hole.iter().any(|hole| hole.name() == column);
                if !is_hole && !pattern.contains(&place) {
                    return Err(wrong(format!("no hole is called {column}")));
                }
                if is_hole {
                    values.set(column, values::bytes(cell)?);
                }
                if pattern.contains(&place) {
                    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                    if cell.is_empty() || cell.starts_with('.') || !cell.chars().all(is_plain) {
                        return Err(wrong(format!("\"{cell}\" cannot be part of a file name")));
                    }
                    name = name.replace(&place, cell);
                }
            }
            let filled = fill(&values).map_err(|error| wrong(error.to_string()))?;
            if is_stream {
                stream.extend(filled);
                continue;
            }
            // Not every file system keeps capitals and small letters apart.
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(wrong(format!(
                    "{name} is the file of another device already, perhaps in other capitals: put \
                     the name of a column that differs, in braces, into OUT"
                )));
            }
            files.push((name.into(), filled));
        }
        if is_stream {
            let target = Target::new(&self.output, &[])?;
            target.refuse_json(self.output_args.json)?;
            return target.write(&stream);
        }
        for (path, _) in &files {
            Target::new(path, &[])?.refuse_json(self.output_args.json)?;
        }
        for (path, filled) in &files {
            outputs::write(path, filled)?;
        }
        let names: Vec<_> = files.iter().map(|(path, _)| text::path(path)).collect();
        self.tell(&names)
    }

    fn tell(&self, files: &[String]) -> Outcome {
        if !self.output_args.quiet {
            match files {
                [file] => remark!("{file}: made for one device"),
                files => remark!("{} files made, one for each device", files.len()),
            }
        }
        match self.output_args.json {
            true => print_json(&serde_json::json!({ "outputs": files })),
            false => Ok(()),
        }
    }
}

/// Makes the image of a device with these values.
trait Fill: Fn(&Values) -> Result<Vec<u8>, HoleError> {}

impl<F: Fn(&Values) -> Result<Vec<u8>, HoleError>> Fill for F {}

/// Columns and cells of a line.
type Line = Vec<(String, String)>;

/// The lines of a table after the first one, with their numbers.
fn read_table(path: &Path) -> Outcome<Vec<(u64, Line)>> {
    let bytes = inputs::bytes(path)?;
    let wrong = |error: csv::Error| {
        Failure::new(ErrorClass::BadFile, format!("{}: {error}", text::path(path)))
    };
    // Spreadsheets begin with a mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let columns = reader.headers().map_err(wrong)?.clone();
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let number = record.position().map_or(0, csv::Position::line);
        let cells = columns.iter().zip(record.iter());
        lines.push((number, cells.map(|(a, b)| (a.to_owned(), b.to_owned())).collect()));
    }
    if lines.is_empty() {
        let what = format!("{}: the table has no devices", text::path(path));
        return Err(Failure::new(ErrorClass::BadFile, what));
    }
    Ok(lines)
}

fn failure(error: HoleError) -> Failure {
    Failure::diff(&DiffError::Hole(error))
}
