//! `flashdelta apply`

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use flashdelta::apply::{ApplyOptions, NewFile, OldFile};
use flashdelta::file::{Files, Output};
use flashdelta::image;
use flashdelta::PatchHeader;

use super::bundle;
use crate::args::{self, As, DeviceArgs, OutputArgs};
use crate::drive::{self, Drive};
use crate::facts::Facts;
use crate::failure::{Class, Failure, Names, Outcome};
use crate::files;
use crate::progress::Bar;
use crate::text::{grouped, print_json};

/// Reading a file in larger pieces is cheaper.
const COMFORT: usize = 256 * 1024;

const HELP: &str = "\
Examples:
  flashdelta apply old.bin update.fdp -o new.bin
  flashdelta apply old.hex update.fdp -o new.hex
      Gives back the very file that the patch was made for.
  flashdelta apply old.hex update.fdp -o slot.bin --as bin
      What a device has in its slot after the update.
  flashdelta apply old.bin update.fdp -o new.bin --product heron --hardware 3
      As a heron of revision 3 would do it: a patch for others is refused.";

/// Apply a patch to an image
///
/// The old image is checked before anything is written, the new one at the end, by their SHA-256.
/// Until then the new image has a temporary name beside OUT; if anything goes wrong, it is removed.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The image that the patch was made from; it may be longer, as the content of a flash slot is
    old: PathBuf,
    /// The patch
    patch: PathBuf,
    /// Where the new image goes; a file that is there already is replaced
    #[arg(long, short, value_name = "OUT")]
    output: PathBuf,
    /// What is written: the file that the patch was made for, or its memory in another format
    #[arg(long = "as", value_enum, value_name = "FORMAT", default_value_t = As::Same)]
    format: As,
    /// Most bytes of the new file [default: of a bundle 64 MiB and 16 times both files; else none]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    limit: Option<u32>,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if bundle::is_bundle(&self.patch) {
            bundle::refuse_device_options(
                self.device.device().is_some() || !matches!(self.format, As::Same),
            )?;
            let OutputArgs { quiet, json } = self.output_args;
            let (old, patch, output, limit) = (&self.old, &self.patch, &self.output, self.limit);
            return bundle::apply(&bundle::Apply { old, patch, output, limit, quiet, json });
        }
        let output = files::output(&self.output, &[&self.old, &self.patch])?;
        let mut options = ApplyOptions::default();
        options.device = self.device.device();
        let names = Names { old: &self.old, patch: &self.patch, new: &self.output };
        let bar = Bar::new(self.output_args.quiet);
        let drive = Drive { options, comfort: COMFORT, names, bar: &bar, doing: "applying" };
        let old =
            OldFile::open(&self.old).map_err(|error| Failure::io("read", &self.old, &error))?;
        let mut patch =
            File::open(&self.patch).map_err(|error| Failure::io("read", &self.patch, &error))?;
        let (header, size) = if self.is_plain(&drive)? {
            let new = NewFile::create(output)
                .map_err(|error| Failure::io("write", &self.output, &error))?;
            let (header, _) = drive.run(&mut patch, old, new)?;
            (header, header.new_size as usize)
        } else {
            let (header, file) = self.in_memory(&drive)?;
            files::write(&output, &file)?;
            (header, file.len())
        };
        drop(bar);
        if !self.output_args.quiet {
            eprintln!(
                "{}: {} bytes, SHA-256 as promised",
                self.output.display(),
                grouped(size as u64)
            );
        }
        if self.output_args.json {
            let document = serde_json::json!({ "output": self.output, "patch": self.patch, "header": Facts::new(&header) });
            print_json(&document)?;
        }
        Ok(())
    }

    /// Are the files images as they are? Then the new one is written as it is made.
    fn is_plain(&self, drive: &Drive<'_>) -> Outcome<bool> {
        let mut patch =
            File::open(&self.patch).map_err(|error| Failure::io("read", &self.patch, &error))?;
        let header =
            drive::header(&mut patch, &self.patch).map_err(|failure| drive.swapped(failure))?.0;
        if let Some(limit) = self.limit.filter(|limit| header.new_size > *limit) {
            let (patch, needed) = (self.patch.display(), grouped(header.new_size));
            let message = format!(
                "{patch}: the new image has {needed} bytes, more than --limit {}",
                grouped(limit)
            );
            return Err(Failure::new(Class::DoesNotFit, message)
                .hint("raise the limit, if you trust whoever made the patch"));
        }
        let mut start = Vec::new();
        let read = File::open(&self.old).and_then(|old| old.take(4096).read_to_end(&mut start));
        read.map_err(|error| Failure::io("read", &self.old, &error))?;
        let is_plain =
            matches!(self.format, As::Same | As::Bin) && !image::detect(&start).is_records();
        Ok(header.host_len == 0 && is_plain)
    }

    /// Reads the image from the old file, and makes the new file around the new image.
    fn in_memory(&self, drive: &Drive<'_>) -> Outcome<(PatchHeader, Vec<u8>)> {
        let failure = |error| Failure::file(&error, &drive.names);
        let (old, patch) = (files::read(&self.old)?, files::read(&self.patch)?);
        let files = Files::of(&old, &patch).map_err(failure)?;
        let made = drive.run(&mut &*patch, files.old_image(), Vec::new());
        let (header, image) = made.map_err(|failure| drive::explain_text(failure, &old, &files))?;
        if files.reads_memory() && header.host_len == 0 && !self.output_args.quiet {
            eprintln!(
                "{}: the patch was made from plain binaries; it fits the memory in this {} file",
                self.old.display(),
                image::detect(&old)
            );
        }
        Ok((header, files.finish(image, Output::from(self.format)).map_err(failure)?))
    }
}
