//! The commands below it.

use clap::Subcommand;

use super::{apply, create, info, sign, verify};
use crate::failure::Outcome;

const HELP: &str = "\
Examples:
  flashdelta set create update.toml -o update.fds
  flashdelta set create build-1.0 build-1.1 -o update.fds
  flashdelta set info update.fds
  flashdelta set sign update.fds --key release.pem -o signed.fds
  flashdelta set verify signed.fds --key release.pub.pem --old build-1.0
  flashdelta set apply build-1.0 update.fds -o build-1.1

A set is not a bundle: bundles are patches between archives, for computers.";

/// Component sets: several parts of a device, updated as one, all or nothing
///
/// A set (.fds) is one file with an index and a patch for each component that changes: application,
/// bootloader, file system, the firmware of a radio or of a child device. Nothing becomes active
/// before every component is complete and right.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: SetCommand,
}

#[derive(Subcommand)]
enum SetCommand {
    Create(create::Args),
    Info(info::Args),
    Verify(verify::Args),
    Sign(sign::Args),
    Apply(apply::Args),
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        match self.command {
            SetCommand::Create(args) => args.run(),
            SetCommand::Info(args) => args.run(),
            SetCommand::Verify(args) => args.run(),
            SetCommand::Sign(args) => args.run(),
            SetCommand::Apply(args) => args.run(),
        }
    }
}
