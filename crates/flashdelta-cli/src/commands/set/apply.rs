//! `flashdelta set apply`

use std::path::PathBuf;

use flashdelta::archive::folder;
use flashdelta::set;

use crate::args::{DeviceArgs, OutputArgs};
use crate::failure::{Failure, Outcome};
use crate::keys::KeyArgs;
use crate::outputs::print_json;
use crate::text::{self, remark};
use crate::{inputs, was_read};

const HELP: &str = "\
Examples:
  flashdelta set apply device update.fds -o updated
      device/ has a file for each component: ota for partition ota, 0x10000 for an address, motor
      or child-3 for a child.
  flashdelta set apply build-1.0 update.fds -o build-1.1
      Where the folder has a manifest, the files that it names.";

/// Apply a set to the files of a folder, all or nothing
///
/// This is what a device does, with files in place of its flash. The new folder appears when all of
/// it is complete and right; files that the set does not name are copied.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The folder with the components as they are, each a file
    old: PathBuf,
    /// The set
    set: PathBuf,
    /// Where the new folder goes; it must not be there yet
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut keys = self.keys.read()?;
        let set_bytes = inputs::bytes(&self.set)?;
        let old = inputs::read(&self.old)?;
        was_read::refuse(&self.output)?;
        let made = set::apply_to_folder(&set_bytes, &old, self.device.device(), keys.as_mut());
        let made = made
            .map_err(|error| Failure::set_folder(&self.set, &error))
            .map_err(|failure| failure.naming(self.device.product()))?;
        folder::write(&made.packed, &self.output).map_err(|error| Failure::folder(&error))?;
        let output = text::path(&self.output);
        if !self.output_args.quiet {
            for (name, path) in &made.written {
                let (name, path) = (text::escaped(&name.to_string()), text::escaped(path));
                remark!("{output}: {name} is new, in {path}");
            }
            if made.written.is_empty() {
                remark!("{output}: all components were right already");
            }
        }
        if self.output_args.json {
            let files = made.written.iter();
            let files = files.map(
                |(name, path)| serde_json::json!({ "component": name.to_string(), "file": path }),
            );
            print_json(&serde_json::json!({
                "output": output,
                "set": text::path(&self.set),
                "updated": files.collect::<Vec<_>>(),
            }))?;
        }
        Ok(())
    }
}
