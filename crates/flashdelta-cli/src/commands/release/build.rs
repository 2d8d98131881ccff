//! `flashdelta release build`

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use flashdelta_fleet::release::Build;

use crate::args::OutputArgs;
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::outputs::print_json;
use crate::progress::Bar;
use crate::text::{self, grouped, remark};

const HELP: &str = "\
Examples:
  flashdelta release build RELEASE.toml -o public
  rsync -a --exclude .cache --exclude index.json public/ server:heron/
  rsync -a public/index.json public/index.json.sig server:heron/
      The index last, so that what it names is there.

RELEASE.toml. Paths in it are relative to its folder:
  product = \"heron\"
  profiles = [\"esp32\"]            # names or files of device profiles [default: esp32]
  effort = 6                      # as of `diff`
  chunks = \"none\"                 # as of `diff`: none, auto, or a size
  identity = false                # patches say for which product and hardware they are
  sign-key = \"release.pem\"        # signs the patches and the index
  to = [\"1.2\"]                    # releases that patches lead to [default: the latest]
  from = [\"1.0\", \"1.1\"]           # releases that they start from [default: all earlier ones]
  whole = true                    # patches from nothing, for devices with an unknown image
  files = true                    # the files as they are, for devices without an applier

  [[release]]                     # the history
  version = \"1.0\"
  file = \"1.0/app.bin\"
  hardware = [0, 65535]           # first and last revision
  security-counter = 0
  auxiliary = [\"1.0/NOTES.txt\"]   # what goes with it and is no firmware";

/// Make every patch that is needed, sign it, and write the folder with its index
///
/// What the folder has already is not made again; a build that was broken off goes on. The same
/// files give the same folder on every machine.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// What is to be built
    #[arg(value_name = "RELEASE.toml")]
    description: PathBuf,
    /// The folder; it is made if need be
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Number of threads, 0 for one per processor; the folder does not depend on it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=1024)
    )]
    threads: usize,
    #[command(flatten)]
    output_args: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let failed = |error| Failure::release(&error);
        // At most an empty folder is made.
        let open = || Build::open(&self.description, &self.output);
        let build = while_nothing_is_written(open).map_err(failed)?;
        let bar = Bar::new(self.output_args.quiet);
        let ran = build.run(self.threads, &|made, all| {
            bar.update("patches", made as f32 / all.max(1) as f32);
            interrupt::flow()
        });
        bar.clear();
        ran.map_err(failed)?;
        let summary = build.finish().map_err(failed)?;
        if self.output_args.json {
            return print_json(&summary);
        }
        if !self.output_args.quiet {
            let signed = if summary.is_signed { "signed" } else { "not signed" };
            remark!(
                "{}: release {}, {} patches, {} bytes, {signed}",
                text::path(&self.output),
                summary.latest,
                summary.patches,
                grouped(summary.bytes)
            );
        }
        let left_out = summary.left_out.iter();
        let left_out: Vec<String> = left_out.map(|(_, why)| format!("left out: {why}")).collect();
        self.output_args.warn(&left_out);
        Ok(())
    }
}
