//! `flashdelta sign`

use std::path::PathBuf;

use flashdelta::{sign, ErrorClass, PatchHeader};

use crate::failure::{Failure, Outcome};
use crate::signing::{SigningArgs, Wanted};
use crate::text::{self, grouped};

const HELP: &str = "\
Examples:
  flashdelta sign update.fdp --key release.pem -o signed.fdp
  flashdelta sign signed.fdp --key next.pem -o both.fdp
      With a second key, for devices that know only that one. A patch has at most four.

Where the key is in a device of its own or with a service, it signs a message of 48 bytes:
  flashdelta sign update.fdp --print-message > message
  openssl pkeyutl -sign -rawin -inkey release.pem -in message -out signature
      Ed25519, OpenSSL 3. For P-256 the same with -digest sha256 after -rawin.
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
    #[command(flatten)]
    signing: SigningArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let patch = self.signing.bytes(&self.patch)?;
        if flashdelta::bundle::is_bundle(&patch) {
            let message = format!(
                "{}: this is a bundle, for computers: only patches for devices are signed",
                text::path(&self.patch)
            );
            return Err(Failure::new(ErrorClass::Misuse, message));
        }
        let failed = |error| Failure::seal(&self.patch, &error);
        let message = sign::message(&patch).map_err(failed)?;
        let Wanted::Signature(made) = self.signing.run("patch", &self.patch, &message)? else {
            return Ok(());
        };
        let (target, signature) = *made;
        let key_id = signature.key_id;
        let signed = sign::attach(&patch, signature).map_err(failed)?;
        target.write(&signed)?;
        self.signing.warn(&ram_warning(&patch, &signed));
        let count = sign::signatures(&signed).map_or(0, |signatures| signatures.len());
        self.signing.tell("patch_size", key_id, count, (signed.len(), patch.len()))
    }
}

/// What devices pay for chunk digests that the patch did not have before.
fn ram_warning(before: &[u8], after: &[u8]) -> Vec<String> {
    let [before, after] = [before, after].map(|patch| PatchHeader::parse(patch).ok().flatten());
    match (before, after) {
        (Some(before), Some(after)) if before.chunks.is_none() => {
            let (ram, chunk_ram) = (after.ram, after.chunk_ram());
            vec![format!(
                "the patch had no chunk digests: to check them as it streams in, a device lends \
                 {} bytes of RAM \
                 beyond the {} that it states, {} in all (`diff --chunks auto` stays within --ram)",
                grouped(chunk_ram),
                grouped(ram),
                grouped(ram.saturating_add(chunk_ram)),
            )]
        }
        _ => Vec::new(),
    }
}
