//! `flashdelta set create`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::RangedU64ValueParser;
use flashdelta::diff::DiffOptions;
use flashdelta::set::{self, Component, SetOptions};

use super::info;
use crate::args::{self, IdentityArgs, OutputArgs};
use crate::commands::diff::watched;
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::outputs::{print_json, Target};
use crate::progress::Bar;
use crate::text::remark;
use crate::{inputs, profile, text, was_read};

const HELP: &str = "\
Examples:
  flashdelta set create update.toml -o update.fds
      From a description, see below.
  flashdelta set create build-1.0 build-1.1 -o update.fds
      From two build folders of ESP-IDF, or their flasher_args.json.
  flashdelta set create 1.0/manifest.json 1.1/manifest.json --chip ESP32-C3 -o update.fds
      From two manifests of ESP Web Tools with the parts beside them.
  flashdelta set create dfu_application-1.0.zip dfu_application-1.1.zip -o update.fds
      From two packages of Nordic's SDKs.

A description is TOML. Paths in it are relative to its folder:
  product = \"heron\"                # a name or a number; without it, any device takes the set
  hardware = [1, 4]                # first and last revision; may be left out
  security-counter = 7
  profile = \"small\"                # as --profile has it

  [[component]]                    # in the order in which they are written and activated
  kind = \"child\"                   # application, bootloader, partition-table, file-system, radio,
                                   # child, data, other
  child = 3                        # or: partition = \"ota\", address = 0x10000, name = \"logo\"
  name = \"motor\"                   # of a child, if it has one
  old = \"1.0/motor.bin\"            # or: absent = true; or neither: whatever is there
  new = \"1.1/motor.bin\"            # or: require = \"1.1/motor.bin\", which is not sent
  hardware = [2, 3]                # only these revisions have it
  base = 0x08000000                # address at which a raw image runs";

/// Make a set
///
/// Each patch in it is applied, and the result compared, before the set is written. The same
/// arguments give the same set on every machine. Parts that are the same in both releases are left
/// out.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// A description of the set (TOML), or the old and the new release
    #[arg(required = true, num_args = 1..=2, value_name = "SET.toml|OLD NEW")]
    inputs: Vec<PathBuf>,
    /// Where the set goes; a file that is there already is replaced
    #[arg(long, short, value_name = "SET.fds")]
    output: PathBuf,
    /// The device: tiny, small, esp32, micropython, linux, or a file
    #[arg(
        long,
        value_name = "NAME|FILE",
        default_value = "esp32",
        value_parser = args::ProfileName,
        hide_possible_values = true
    )]
    profile: String,
    /// RAM of the device, in place of the profile's
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    ram: Option<u32>,
    /// The chip family, of a manifest for several
    #[arg(long, value_name = "NAME")]
    chip: Option<String>,
    /// How hard to try, 1 (fast) to 9 (thorough)
    #[arg(
        long,
        value_name = "1-9",
        default_value_t = 6,
        value_parser = clap::value_parser!(u8).range(1..=9)
    )]
    effort: u8,
    /// Number of threads, 0 for one per processor; the set does not depend on it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=1024)
    )]
    threads: usize,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    identity: IdentityArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let identity = self.identity.identity()?;
        let options = self.options()?;
        let read: Vec<&Path> = self.inputs.iter().map(PathBuf::as_path).collect();
        let target = Target::new(&self.output, &read)?;
        target.refuse_json(self.output_args.json)?;
        let bar = Arc::new(Bar::new(self.output_args.quiet));
        let options = watched(options, &bar);
        let (components, mut options, left_out) = self.components(options)?;
        target.refuse_read()?;
        if identity.is_some() {
            options = options.identity(identity);
        }
        let made = while_nothing_is_written(|| set::make(&components, &options));
        let made = made.map_err(|error| Failure::set_make(&error))?;
        bar.clear();
        target.write(&made)?;
        if !self.output_args.quiet {
            remark!(
                "{}",
                info::summary(&self.output, &info::facts(&self.output, &made)?).trim_end()
            );
            left_out.iter().for_each(|line| remark!("  {}", text::escaped(line)));
        }
        if self.output_args.json {
            print_json(&info::document(&self.output, &made)?)?;
        }
        Ok(())
    }

    fn options(&self) -> Outcome<DiffOptions> {
        let mut options = DiffOptions::new()
            .profile(profile::load(&self.profile)?)
            .effort(self.effort)
            .threads(self.threads);
        if let Some(ram) = self.ram {
            options = options.ram(ram);
        }
        options.check().map_err(|error| Failure::diff(&error))?;
        Ok(options)
    }

    /// What goes into the set, and what is to be said of what does not.
    fn components(&self, diff: DiffOptions) -> Outcome<(Vec<Component>, SetOptions, Vec<String>)> {
        let [old, new] = &self.inputs[..] else {
            let [path] = &self.inputs[..] else { return Err(Failure::interrupted()) };
            let read = while_nothing_is_written(|| set::read_description(path, diff));
            let read = read.map_err(|error| Failure::set_source(&error))?;
            was_read::note(read.sources);
            return Ok((read.components, read.options, Vec::new()));
        };
        inputs::refuse_two_standard_inputs(&[old, new])?;
        let read = |path: &PathBuf| {
            let input = inputs::read(path)?.named(text::path(path));
            set::read_release(&input, self.chip.as_deref())
                .map_err(|error| Failure::set_source(&error))
        };
        let difference = set::between(read(old)?, read(new)?);
        let difference = difference.map_err(|error| Failure::set_source(&error))?;
        let unchanged = difference.unchanged.iter().map(|name| format!("unchanged: {name}"));
        let gone = difference.gone.iter().map(|name| format!("not removed by the set: {name}"));
        let left_out = unchanged.chain(gone).collect();
        Ok((difference.components, SetOptions::new().diff(diff), left_out))
    }
}
