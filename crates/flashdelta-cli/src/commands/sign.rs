//! `flashdelta sign`

use std::path::{Path, PathBuf};

use flashdelta::sign;
use flashdelta::verify::{KeyId, Message};
use sha2::{Digest as _, Sha256};

use crate::args::OutputArgs;
use crate::failure::{Class, Failure, Outcome};
use crate::outputs::Target;
use crate::text::{self, grouped, hex, print_json};
use crate::{inputs, keys};

const HELP: &str = "\
Examples:
  flashdelta sign update.fdp --key release.pem -o signed.fdp
  flashdelta sign signed.fdp --key next.pem -o both.fdp
      With a second key, for devices that know only that one. A patch has at most four.

Where the key is in a device of its own or with a service, it signs a message of 48 bytes:
  flashdelta sign update.fdp --print-message > message
  openssl pkeyutl -sign -rawin -inkey release.pem -in message -out signature
      Ed25519. For P-256: openssl dgst -sha256 -sign release.pem -out signature message
  flashdelta sign update.fdp --attach signature --key release.pub.pem -o signed.fdp
      The signature is checked. It has 64 bytes, or is in DER as OpenSSL and services write it.

Signing changes no byte of what is decoded: the patch leads to the same image. One without chunk
digests (`diff --chunks`) gets them.";

/// Sign a patch, so that devices know who made it
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The patch; it may have signatures already
    patch: PathBuf,
    /// The private key, or with --attach the public one
    #[arg(long, value_name = "KEY.pem", required_unless_present = "print_message")]
    key: Option<PathBuf>,
    /// Where the signed patch goes; a file that is there already is replaced
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
        let read: Vec<&Path> = [Some(&self.patch), self.key.as_ref(), self.attach.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect();
        inputs::refuse_two_standard_inputs(&read)?;
        let patch = inputs::bytes(&self.patch)?;
        if flashdelta::bundle::is_bundle(&patch) {
            let message = format!(
                "{}: this is a bundle, for computers: only patches for devices are signed",
                text::path(&self.patch)
            );
            return Err(Failure::new(Class::Usage, message));
        }
        if self.print_message {
            return self.print(&patch, &output);
        }
        let target = Target::new(&output, &read)?;
        target.refuse_json(self.output_args.json)?;
        let Some(key) = &self.key else {
            return Err(Failure::new(Class::Usage, "--key is missing"));
        };
        let (signed, key_id) = match &self.attach {
            Some(signature) => self.attached(&patch, signature, key)?,
            None => {
                let key = keys::private(key)?;
                let signed = sign::sign(&patch, &key);
                let signed = signed.map_err(|error| Failure::seal(&self.patch, &error))?;
                (signed, key.public().key_id())
            }
        };
        target.write(&signed)?;
        self.tell(&output, &patch, &signed, key_id)
    }

    fn message(&self, patch: &[u8]) -> Outcome<Message> {
        sign::message(patch).map_err(|error| Failure::seal(&self.patch, &error))
    }

    fn print(&self, patch: &[u8], output: &Path) -> Outcome {
        let message = self.message(patch)?;
        if self.output_args.json {
            return print_json(&serde_json::json!({
                "patch": text::path(&self.patch),
                "message": hex(&message),
                "sha256": hex(&Sha256::digest(message)),
            }));
        }
        Target::new(output, &[&self.patch])?.write(&message)
    }

    fn attached(&self, patch: &[u8], signature: &Path, key: &Path) -> Outcome<(Vec<u8>, KeyId)> {
        let key = keys::public(key)?;
        let made = inputs::bytes(signature)?;
        let signed = sign::attach_made(patch, &made, &key);
        let signed = signed.map_err(|error| Failure::sign(&self.patch, signature, &error))?;
        Ok((signed, key.key_id()))
    }

    fn tell(&self, output: &Path, patch: &[u8], signed: &[u8], key_id: KeyId) -> Outcome {
        let (output, key_id) = (text::path(output), keys::id(key_id));
        let count = sign::signatures(signed).map_or(0, |signatures| signatures.len());
        if !self.output_args.quiet {
            let all = if count > 1 { format!(", one of {count}") } else { String::new() };
            let (len, before) = (grouped(signed.len() as u64), grouped(patch.len() as u64));
            eprintln!("{output}: signed with key {key_id}{all}");
            eprintln!("  {len} bytes, {before} before");
        }
        if self.output_args.json {
            print_json(&serde_json::json!({
                "output": output, "key_id": key_id, "signatures": count,
                "patch_size": signed.len(),
            }))?;
        }
        Ok(())
    }
}
