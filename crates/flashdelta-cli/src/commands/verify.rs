//! `flashdelta verify`

use std::path::{Path, PathBuf};

use flashdelta::apply::Progress;
use flashdelta::door::{self, ApplyRequest};
use flashdelta::verify::Verifier;

use crate::args::{self, DeviceArgs, OutputArgs};
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::keys::{self, KeyArgs};
use crate::outputs::{print, print_json};
use crate::progress::Bar;
use crate::text::{self, grouped};
use crate::{inputs, interrupt};

const HELP: &str = "\
Examples:
  flashdelta verify old.bin update.fdp
  flashdelta verify old.bin update.fdp --ram 16KiB --product heron --hardware 3 --security-counter 7
      Would a heron of revision 3 with 16 KiB of RAM take it?
  flashdelta verify old.bin signed.fdp --key release.pub.pem
      Is it signed with that key, and is every byte what was signed?";

/// Check a patch against an old image without writing anything
///
/// Applies the patch in memory, in the very workspace that it asks for: everything that a device
/// would find is found. A new image out of all proportion (more than 64 MiB and 16 times old image
/// and patch) is refused, unless `--limit` allows it.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The image that the patch was made from; it may be longer, as the content of a flash slot is
    old: PathBuf,
    /// The patch
    patch: PathBuf,
    /// RAM of the device: a patch that needs more is refused
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    ram: Option<u32>,
    /// Most bytes of the new image [default: 64 MiB and 16 times old image and patch]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    limit: Option<u32>,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        while_nothing_is_written(|| self.check())
    }

    fn check(&self) -> Outcome {
        inputs::refuse_two_standard_inputs(&[&self.old, &self.patch])?;
        let mut keys = self.keys.read()?;
        let patch = inputs::bytes(&self.patch)?;
        let bar = Bar::new(self.output_args.quiet);
        let mut watch = |at: Progress| {
            bar.update("verifying", at.written as f32 / at.total.max(1) as f32);
            interrupt::flow()
        };
        let request = ApplyRequest::new()
            .device(self.device.device())
            .ram(self.ram)
            .limit(self.limit)
            .require_signature(keys.as_mut().map(|keys| keys as &mut dyn Verifier))
            .watch(&mut watch);
        let old = inputs::read_old(&self.old, &patch)?;
        let names = [self.old.as_path(), &self.patch, Path::new("new image")];
        let applied = door::verify(&old, &patch, request)
            .map_err(|error| Failure::patch(&error, names).naming(self.device.product()))?;
        drop(bar);
        let patch_len = patch.len();
        let key_id = applied.key_id.map(keys::id);
        let (old, patch) = (text::path(&self.old), text::path(&self.patch));
        if self.output_args.json {
            let mut document = serde_json::json!({
                "ok": true, "old": old, "patch": patch, "new_size": applied.len,
                "header": applied.facts(patch_len),
            });
            if let (Some(key_id), Some(map)) = (key_id, document.as_object_mut()) {
                map.insert("key_id".to_owned(), key_id.into());
            }
            return print_json(&document);
        }
        if self.output_args.quiet {
            return Ok(());
        }
        let signed =
            key_id.map_or_else(String::new, |id| format!("ok: {patch} is signed with key {id}\n"));
        print(&match &applied.header {
            Some(header) => format!(
                "{signed}ok: {patch} turns {old} into the image it promises, {} bytes, in {} bytes \
                 of \
                 workspace\n",
                grouped(header.new_size),
                grouped(header.workspace_len() as u64)
            ),
            None => format!(
                "ok: {patch} turns {old} into what it promises, {} bytes\n",
                grouped(applied.len)
            ),
        })
    }
}
