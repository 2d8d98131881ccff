//! The commands below it.

use clap::Subcommand;

use super::{build, resolve};
use crate::failure::Outcome;

const HELP: &str = "\
Examples:
  flashdelta release build RELEASE.toml -o public
  flashdelta release resolve public --product heron --digest 3f5c... --key release.pub.pem";

/// Static releases: every patch made once, in a folder that any file server serves
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: ReleaseCommand,
}

#[derive(Subcommand)]
enum ReleaseCommand {
    Build(build::Args),
    Resolve(resolve::Args),
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            ReleaseCommand::Build(args) => args.run(),
            ReleaseCommand::Resolve(args) => args.run(),
        }
    }
}
