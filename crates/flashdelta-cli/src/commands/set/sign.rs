//! `flashdelta set sign`

use std::path::PathBuf;

use flashdelta::set;

use crate::failure::{Failure, Outcome};
use crate::signing::{SigningArgs, Wanted};

const HELP: &str = "\
Examples:
  flashdelta set sign update.fds --key release.pem -o signed.fds
  flashdelta set sign signed.fds --key next.pem -o both.fds
      With a second key, for devices that know only that one. A set has at most four.

Where the key is in a device of its own or with a service, it signs a message of 48 bytes:
  flashdelta set sign update.fds --print-message > message
  flashdelta set sign update.fds --attach signature --key release.pub.pem -o signed.fds
      As `flashdelta sign` has it.";

/// Sign a set, so that devices know who made it
///
/// One signature vouches for every byte of the set. Payloads without chunk digests get them.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The set; it may have signatures already
    set: PathBuf,
    #[command(flatten)]
    signing: SigningArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let bytes = self.signing.bytes(&self.set)?;
        let failed = |error| Failure::set_file(&self.set, &error);
        let message = set::message(&bytes).map_err(failed)?;
        let Wanted::Signature(made) = self.signing.run("set", &self.set, &message)? else {
            return Ok(());
        };
        let (target, signature) = *made;
        let key_id = signature.key_id;
        let signed = set::attach(&bytes, signature).map_err(failed)?;
        target.write(&signed)?;
        let count = set::signatures(&signed).map_or(0, |signatures| signatures.len());
        self.signing.tell("set_size", key_id, count, (signed.len(), bytes.len()))
    }
}
