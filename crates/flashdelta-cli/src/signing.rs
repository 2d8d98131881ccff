//! What `sign` and `set sign` have in common: their options, and the way from a message to a
//! signature.

use std::path::{Path, PathBuf};

use flashdelta::facts::hex;
use flashdelta::verify::{KeyId, Message, Signature};
use flashdelta::{sign, ErrorClass};
use serde_json::{json, Value};
use sha2::{Digest as _, Sha256};

use crate::args::OutputArgs;
use crate::failure::{Failure, Outcome};
use crate::outputs::{print_json, Target};
use crate::standard::STANDARD;
use crate::text::{self, grouped, remark};
use crate::{inputs, keys};

/// How something is signed.
#[derive(clap::Args)]
pub(crate) struct SigningArgs {
    /// The private key, or with --attach the public one
    #[arg(long, value_name = "KEY.pem", required_unless_present = "print_message")]
    key: Option<PathBuf>,
    /// Where the signed file goes; a file that is there already is replaced
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

/// What was asked for.
pub(crate) enum Wanted {
    /// The message was written; there is nothing else to do.
    Printed,
    /// This signature is to be put into the file.
    Signature(Box<(Target, Signature)>),
}

impl SigningArgs {
    fn output(&self) -> PathBuf {
        self.output.clone().unwrap_or_else(|| STANDARD.into())
    }

    /// The files that are read besides the one that is signed, and that one.
    fn read<'a>(&'a self, file: &'a Path) -> Vec<&'a Path> {
        let others = [&self.key, &self.attach].into_iter().filter_map(Option::as_deref);
        core::iter::once(file).chain(others).collect()
    }

    /// Reads the file that is to be signed.
    pub(crate) fn bytes(&self, file: &Path) -> Outcome<Vec<u8>> {
        inputs::refuse_two_standard_inputs(&self.read(file))?;
        inputs::bytes(file)
    }

    /// Writes the message, or makes or checks the signature of it. `what` is the file: a patch or a
    /// set.
    pub(crate) fn run(&self, what: &str, file: &Path, message: &Message) -> Outcome<Wanted> {
        let output = self.output();
        if self.print_message {
            if self.output_args.json {
                print_json(&json!({
                    what: text::path(file),
                    "message": hex(message),
                    "sha256": hex(&Sha256::digest(message)),
                }))?;
            } else {
                Target::new(&output, &[file])?.write(message)?;
            }
            return Ok(Wanted::Printed);
        }
        let target = Target::new(&output, &self.read(file))?;
        target.refuse_json(self.output_args.json)?;
        let Some(key) = &self.key else {
            return Err(Failure::new(ErrorClass::Misuse, "--key is missing"));
        };
        let signature = match &self.attach {
            Some(attach) => {
                let (key, made) = (keys::public(key)?, inputs::bytes(attach)?);
                let signature = sign::signature_made(message, &made, &key);
                signature.map_err(|error| Failure::sign(file, attach, &error))?
            }
            None => keys::private(key)?.sign(message),
        };
        Ok(Wanted::Signature(Box::new((target, signature))))
    }

    /// Says what is dubious.
    pub(crate) fn warn(&self, warnings: &[String]) {
        self.output_args.warn(warnings);
    }

    /// Says what was written. `size`: the name of its size in JSON.
    pub(crate) fn tell(
        &self,
        size: &str,
        key_id: KeyId,
        count: usize,
        (len, before): (usize, usize),
    ) -> Outcome {
        let (output, key_id) = (text::path(&self.output()), keys::id(key_id));
        if !self.output_args.quiet {
            let all = if count > 1 { format!(", one of {count}") } else { String::new() };
            let (len, before) = (grouped(len as u64), grouped(before as u64));
            remark!("{output}: signed with key {key_id}{all}");
            remark!("  {len} bytes, {before} before");
        }
        if self.output_args.json {
            let mut report = json!({
                "output": output, "key_id": key_id, "signatures": count,
            });
            report[size] = Value::from(len);
            print_json(&report)?;
        }
        Ok(())
    }
}
