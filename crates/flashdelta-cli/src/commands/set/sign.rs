//! `flashdelta set sign`

use std::path::{Path, PathBuf};

use flashdelta::{set, sign};

use crate::args::OutputArgs;
use crate::failure::{Class, Failure, Outcome};
use crate::outputs::Target;
use crate::text::{self, grouped, hex, print_json};
use crate::{inputs, keys};

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
    /// The private key, or with --attach the public one
    #[arg(long, value_name = "KEY.pem", required_unless_present = "print_message")]
    key: Option<PathBuf>,
    /// Where the signed set goes; a file that is there already is replaced
    #[arg(long, short, value_name = "SIGNED", required_unless_present = "print_message")]
    output: Option<PathBuf>,
    /// Write what is to be signed to standard output, or to -o, as its 48 bytes; sign nothing
    #[arg(long, conflicts_with_all = ["key", "attach"])]
    print_message: bool,
    /// Attach a signature that was made somewhere else
    #[arg(long, value_name = "SIGNATURE")]
    attach: Option<PathBuf>,
    #[command(flatten)]
    output_args: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let standard = PathBuf::from(inputs::STANDARD);
        let output = self.output.clone().unwrap_or(standard);
        let read = [Some(&self.set), self.key.as_ref(), self.attach.as_ref()];
        let read: Vec<&Path> = read.into_iter().flatten().map(PathBuf::as_path).collect();
        inputs::refuse_two_standard_inputs(&read)?;
        let bytes = inputs::bytes(&self.set)?;
        let message = set::message(&bytes).map_err(|error| Failure::set_file(&self.set, &error))?;
        if self.print_message {
            if self.output_args.json {
                return print_json(&serde_json::json!({
                    "set": text::path(&self.set), "message": hex(&message),
                }));
            }
            return Target::new(&output, &[&self.set])?.write(&message);
        }
        let target = Target::new(&output, &read)?;
        target.refuse_json(self.output_args.json)?;
        let Some(key) = &self.key else {
            return Err(Failure::new(Class::Usage, "--key is missing"));
        };
        let signature = match &self.attach {
            Some(attach) => {
                let (key, made) = (keys::public(key)?, inputs::bytes(attach)?);
                let signature = sign::signature_made(&message, &made, &key);
                signature.map_err(|error| Failure::sign(&self.set, attach, &error))?
            }
            None => keys::private(key)?.sign(&message),
        };
        let key_id = keys::id(signature.key_id);
        let signed = set::attach(&bytes, signature);
        let signed = signed.map_err(|error| Failure::set_file(&self.set, &error))?;
        target.write(&signed)?;
        let count = set::signatures(&signed).map_or(0, |signatures| signatures.len());
        let output = text::path(&output);
        if !self.output_args.quiet {
            let all = if count > 1 { format!(", one of {count}") } else { String::new() };
            let (len, before) = (grouped(signed.len() as u64), grouped(bytes.len() as u64));
            eprintln!("{output}: signed with key {key_id}{all}");
            eprintln!("  {len} bytes, {before} before");
        }
        if self.output_args.json {
            print_json(&serde_json::json!({
                "output": output, "key_id": key_id, "signatures": count, "set_size": signed.len(),
            }))?;
        }
        Ok(())
    }
}
