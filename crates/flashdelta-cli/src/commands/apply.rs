//! `flashdelta apply`

use std::fs::File;
use std::path::PathBuf;

use flashdelta::apply::{ApplyOptions, NewFile, OldFile};

use super::bundle;
use crate::args::{DeviceArgs, OutputArgs};
use crate::drive::Drive;
use crate::facts::Facts;
use crate::failure::{Failure, Names, Outcome};
use crate::files;
use crate::progress::Bar;
use crate::text::{grouped, print_json};

/// Reading a file in larger pieces is cheaper.
const COMFORT: usize = 256 * 1024;

const HELP: &str = "\
Examples:
  flashdelta apply old.bin update.fdp -o new.bin
  flashdelta apply old.bin update.fdp -o new.bin --product heron --hardware 3
      As a heron of revision 3 would do it: a patch for others is refused.";

/// Apply a patch to an image
///
/// The old image is checked before anything is written, the new one at the end, by their SHA-256. Until then the new image
/// has a temporary name beside OUT; if anything goes wrong, it is removed.
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
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if bundle::is_bundle(&self.patch) {
            bundle::refuse_device_options(self.device.device().is_some())?;
            let OutputArgs { quiet, json } = self.output_args;
            return bundle::apply(&self.old, &self.patch, &self.output, quiet, json);
        }
        let output = files::output(&self.output, &[&self.old, &self.patch])?;
        let old = OldFile::open(&self.old).map_err(|error| Failure::io("read", &self.old, &error))?;
        let mut patch = File::open(&self.patch).map_err(|error| Failure::io("read", &self.patch, &error))?;
        let new = NewFile::create(output).map_err(|error| Failure::io("write", &self.output, &error))?;
        let mut options = ApplyOptions::default();
        options.device = self.device.device();
        let names = Names { old: &self.old, patch: &self.patch, new: &self.output };
        let bar = Bar::new(self.output_args.quiet);
        let drive = Drive { options, comfort: COMFORT, names, bar: &bar, doing: "applying" };
        let (header, _) = drive.run(&mut patch, old, new)?;
        drop(bar);
        if !self.output_args.quiet {
            eprintln!("{}: {} bytes, SHA-256 as promised", self.output.display(), grouped(header.new_size));
        }
        if self.output_args.json {
            let document =
                serde_json::json!({ "output": self.output, "patch": self.patch, "header": Facts::new(&header) });
            print_json(&document)?;
        }
        Ok(())
    }
}
