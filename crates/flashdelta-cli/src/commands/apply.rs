//! `flashdelta apply`

use std::path::{Path, PathBuf};

use flashdelta::apply::{apply_in_slot, ApplyOptions, NewFile, Progress};
use flashdelta::bundle;
use flashdelta::door::{self, Applied, ApplyRequest};
use flashdelta::file::Output;
use flashdelta::sign;
use flashdelta::verify::Verifier;
use flashdelta::ErrorClass;

use super::bundle::counts;
use crate::args::{self, As, DeviceArgs, OutputArgs};
use crate::failure::{Failure, Outcome};
use crate::keys::KeyArgs;
use crate::outputs::{print_json, Target};
use crate::progress::Bar;
use crate::text::{self, grouped, remark};
use crate::values::{self, Setting};
use crate::{inputs, interrupt, was_read};

const HELP: &str = "\
Examples:
  flashdelta apply old.bin update.fdp -o new.bin
  flashdelta apply old.hex update.fdp -o new.hex
      Gives back the very file that the patch was made for.
  flashdelta apply old.hex update.fdp -o slot.bin --as bin
      What a device has in its slot after the update.
  flashdelta apply old.bin update.fdp -o new.bin --product heron --hardware 3
      As a heron of revision 3 would do it: a patch for others is refused.
  flashdelta apply old.bin signed.fdp -o new.bin --key release.pub.pem
      Only if it is signed with that key.
  flashdelta apply old.bin update.fdp -o new.bin --set key=hex:00112233445566778899aabbccddeeff
      With a value for a hole that the old image does not have.
  flashdelta apply --in-place slot.bin update.fdp
      As a device with one slot: slot.bin becomes the new image, also after a kill.";

/// Apply a patch to an image
///
/// The old image is checked before anything is written, the new one at the end, by their SHA-256.
/// Until then the new image has a temporary name beside OUT; if anything goes wrong, it is removed.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The image that the patch was made from; it may be longer, as the content of a flash slot is
    old: PathBuf,
    /// The patch
    patch: PathBuf,
    /// Where the new image goes; a file that is there already is replaced
    #[arg(long, short, value_name = "OUT", required_unless_present = "in_place")]
    output: Option<PathBuf>,
    /// Update the file OLD itself, as a device with one slot does it: with a journal, so that it
    /// goes on with the same command after it was killed. The patch has to be made with --in-place
    #[arg(long, conflicts_with_all = ["output", "set", "format", "limit"])]
    in_place: bool,
    /// The journal, and the scratch area [default: OLD.journal]
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    journal: Option<PathBuf>,
    /// What is written: the file that the patch was made for, or its memory in another format
    #[arg(long = "as", value_enum, value_name = "FORMAT", default_value_t = As::Same)]
    format: As,
    /// Most bytes of the new file [default: of a bundle 64 MiB and 16 times both files; else none]
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    limit: Option<u32>,
    /// A value for a hole of the new image: text, hex:00112233 or file:PATH. May be given several
    /// times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = values::setting)]
    set: Vec<Setting>,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        match &self.output {
            Some(output) => self.run_to(output),
            None => self.run_in_place(),
        }
    }

    /// Updates the old file itself.
    fn run_in_place(&self) -> Outcome {
        let (slot, patch) = (self.old.as_path(), self.patch.as_path());
        let journal = self.journal.clone().unwrap_or_else(|| {
            let mut name = slot.as_os_str().to_owned();
            name.push(".journal");
            name.into()
        });
        let patch_bytes = inputs::bytes(patch)?;
        let mut keys = self.keys.read()?;
        was_read::refuse(slot)?;
        was_read::refuse(&journal)?;
        // It is read back: a pipe would be waited for.
        if std::fs::metadata(&journal).is_ok_and(|journal| !journal.is_file()) {
            let message = format!("{}: it is there, and is no file", text::path(&journal));
            return Err(Failure::new(ErrorClass::Misuse, message)
                .hint("choose a name that is not there yet"));
        }
        sign::authenticate(&patch_bytes, keys.as_mut().map(|keys| keys as &mut dyn Verifier))
            .map_err(|error| Failure::patch(&error.into(), [slot, patch, slot]))?;
        let mut options = ApplyOptions::default();
        options.device = self.device.device();
        let bar = Bar::new(self.output_args.quiet);
        let watch = |at: Progress| {
            bar.update("applying", at.written as f32 / at.total.max(1) as f32);
            interrupt::flow()
        };
        let made = apply_in_slot(slot, &journal, &patch_bytes, options, watch);
        drop(bar);
        let header = made.map_err(|error| {
            let names = [slot, patch, journal.as_path()];
            Failure::slot_file(&error, names).naming(self.device.product())
        })?;
        let (name, len) = (text::path(slot), header.new_size);
        if !self.output_args.quiet {
            remark!("{name}: {} bytes, SHA-256 as promised", grouped(len));
        }
        if !self.output_args.json {
            return Ok(());
        }
        print_json(
            &serde_json::json!({ "output": name, "patch": text::path(patch), "length": len }),
        )
    }

    fn run_to(&self, output: &Path) -> Outcome {
        let (old, patch) = (self.old.as_path(), self.patch.as_path());
        inputs::refuse_two_standard_inputs(&[old, patch])?;
        let target = Target::new(output, &[old, patch])?;
        target.refuse_json(self.output_args.json)?;
        let mut keys = self.keys.read()?;
        let patch_bytes = inputs::bytes(patch)?;
        let bar = Bar::new(self.output_args.quiet);
        let mut watch = |at: Progress| {
            bar.update("applying", at.written as f32 / at.total.max(1) as f32);
            interrupt::flow()
        };
        let request = ApplyRequest::new()
            .device(self.device.device())
            .output(Output::from(self.format))
            .values(values::of(&self.set)?)
            .limit(self.limit)
            .require_signature(keys.as_mut().map(|keys| keys as &mut dyn Verifier))
            .watch(&mut watch);
        let applied = self.apply(&patch_bytes, output, &target, request)?;
        drop(bar);
        self.tell(&applied, output, patch_bytes.len())
    }

    /// From file to file where that is possible, so that large images need no memory.
    fn apply(
        &self,
        patch: &[u8],
        output: &Path,
        target: &Target,
        request: ApplyRequest<'_>,
    ) -> Outcome<Applied> {
        let names = [self.old.as_path(), &self.patch, output];
        let failure = |error| Failure::patch(&error, names).naming(self.device.product());
        let new = target.path().filter(|new| NewFile::is_replaceable(new));
        // Others are read here, where it is known what they are read from, and where a Ctrl-C ends
        // the waiting for a pipe.
        if let (Some(new), true, false) = (new, self.old.is_file(), bundle::is_bundle(patch)) {
            target.refuse_read()?;
            return door::apply_file(&self.old, patch, new, request).map_err(failure);
        }
        let old = inputs::read_old(&self.old, patch)?;
        target.refuse_read()?;
        let applied = door::apply(&old, patch, request).map_err(failure)?;
        match new {
            Some(new) => door::write(applied, new).map_err(failure),
            None => target.write(&applied.bytes).map(|()| applied),
        }
    }

    fn tell(&self, applied: &Applied, output: &Path, patch_len: usize) -> Outcome {
        let output = text::path(output);
        let warnings = applied.memory_warnings.iter().map(|warning| {
            format!(
                "{output}: {warning}: here they follow each other, without what is between; \
                 `flashdelta convert` of the whole file fills the gaps"
            )
        });
        let warnings: Vec<String> = warnings.collect();
        self.output_args.warn(&warnings);
        if !self.output_args.quiet {
            if applied.used_memory_of_records {
                remark!(
                    "{}: the patch was made from plain binaries; it fits the memory in this file",
                    text::path(&self.old),
                );
            }
            match &applied.bundle {
                Some(info) if applied.is_folder => {
                    remark!("{output}: {}, SHA-256 as promised", counts(info));
                }
                _ => remark!("{output}: {} bytes, SHA-256 as promised", grouped(applied.len)),
            }
        }
        if !self.output_args.json {
            return Ok(());
        }
        let patch = text::path(&self.patch);
        print_json(&serde_json::json!({
            "output": output, "patch": patch, "header": applied.facts(patch_len),
            "warnings": warnings,
        }))
    }
}
