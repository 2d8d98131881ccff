//! `flashdelta verify`

use std::fs::File;
use std::path::{Path, PathBuf};

use flashdelta::apply::{ApplyOptions, MemoryImage};
use flashdelta::file::{Files, Output};

use super::bundle;
use crate::args::{self, DeviceArgs, OutputArgs};
use crate::drive::{self, Drive};
use crate::facts::Facts;
use crate::failure::{Class, Failure, Names, Outcome};
use crate::files;
use crate::progress::Bar;
use crate::text::{grouped, print, print_json, size};

const HELP: &str = "\
Examples:
  flashdelta verify old.bin update.fdp
  flashdelta verify old.bin update.fdp --ram 16KiB --product heron --hardware 3 --security-counter 7
      Would a heron of revision 3 with 16 KiB of RAM take it?";

/// Check a patch against an old image without writing anything
///
/// Applies the patch in memory, in the very workspace that it asks for: everything that a device
/// would find is found. A new image out of all proportion (more than 64 MiB and 16 times old image
/// and patch) is refused: `flashdelta apply` writes it to a file.
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
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if bundle::is_bundle(&self.patch) {
            bundle::refuse_device_options(self.device.device().is_some() || self.ram.is_some())?;
            let OutputArgs { quiet, json } = self.output_args;
            return bundle::verify(&self.old, &self.patch, quiet, json);
        }
        let open =
            |path: &Path| File::open(path).map_err(|error| Failure::io("read", path, &error));
        if let Some(ram) = self.ram {
            let (header, _) = drive::header(&mut open(&self.patch)?, &self.patch)?;
            if header.ram > ram {
                let (needed, given) = (grouped(header.ram), grouped(ram));
                let message = format!(
                    "{}: the patch needs {needed} bytes of RAM, the device has {given}",
                    self.patch.display()
                );
                return Err(Failure::new(Class::DoesNotFit, message)
                    .hint(format!("make it with --ram {}", size(ram))));
            }
        }
        let old = files::read(&self.old)?;
        let patch = files::read(&self.patch)?;
        let mut options = ApplyOptions::default();
        options.device = self.device.device();
        let names = Names { old: &self.old, patch: &self.patch, new: Path::new("new image") };
        let bar = Bar::new(self.output_args.quiet);
        let drive = Drive { options, comfort: 0, names, bar: &bar, doing: "verifying" };
        drive::parse(&patch, &self.patch).map_err(|failure| drive.swapped(failure))?;
        let files = Files::of(&old, &patch).map_err(|error| Failure::file(&error, &drive.names))?;
        let new = MemoryImage::for_patch(old.len() as u64, patch.len() as u64);
        let made = drive.run(&mut &*patch, files.old_image(), new);
        let (header, image) = made.map_err(|failure| drive::explain_text(failure, &old, &files))?;
        let made = files.finish(image.into_bytes(), Output::Same);
        made.map_err(|error| Failure::file(&error, &drive.names))?;
        drop(bar);
        if self.output_args.json {
            print_json(
                &serde_json::json!({ "ok": true, "old": self.old, "patch": self.patch, "header": Facts::new(&header) }),
            )
        } else if self.output_args.quiet {
            Ok(())
        } else {
            let (old, patch) = (self.old.display(), self.patch.display());
            let (new, workspace) =
                (grouped(header.new_size), grouped(header.workspace_len() as u64));
            print(&format!(
                "ok: {patch} turns {old} into the image it promises, {new} bytes, in {workspace} bytes of workspace\n"
            ))
        }
    }
}
