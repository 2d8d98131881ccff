//! `flashdelta set verify`

use std::path::PathBuf;

use flashdelta::set;

use super::info;
use crate::args::{DeviceArgs, OutputArgs};
use crate::failure::{Failure, Outcome};
use crate::inputs;
use crate::keys::KeyArgs;
use crate::outputs::{print, print_json};
use crate::text;

/// Check a set: all of its digests, and whether it fits what is there
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The set
    set: PathBuf,
    /// A folder with the components that a device has, each a file, or the old release: the set is
    /// applied in memory
    #[arg(long, value_name = "FOLDER")]
    old: Option<PathBuf>,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let mut keys = self.keys.read()?;
        let bytes = inputs::bytes(&self.set)?;
        info::checked(&self.set, &bytes)?;
        let mut key_id = None;
        if let Some(keys) = &mut keys {
            let authentic = set::authenticate(&bytes, keys);
            key_id = Some(authentic.map_err(|error| Failure::set_file(&self.set, &error))?);
        }
        let key_id = key_id.map(crate::keys::id);
        let mut written = None;
        if let Some(old) = &self.old {
            let input = inputs::read(old)?;
            let made = set::apply_to_folder(&bytes, &input, self.device.device(), keys.as_mut());
            let failed = |error| Failure::set_folder(&self.set, &error);
            let made = made.map_err(failed).map_err(|f| f.naming(self.device.product()))?;
            written = Some(made.written.len());
        }
        let path = text::path(&self.set);
        if self.output_args.json {
            return print_json(&serde_json::json!({
                "ok": true, "set": path, "key_id": key_id, "updated": written,
            }));
        }
        if self.output_args.quiet {
            return Ok(());
        }
        let fits = match (&self.old, written) {
            (Some(old), Some(written)) => {
                format!("; it updates {written} components of {}", text::path(old))
            }
            _ => String::new(),
        };
        if let Some(key_id) = key_id {
            print(&format!("ok: {path} is signed with key {key_id}\n"))?;
        }
        print(&format!("ok: {path} is whole, and its digests are right{fits}\n"))
    }
}
