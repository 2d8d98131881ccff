//! `flashdelta diff`

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::RangedU64ValueParser;
use flashdelta::diff::{ChunkSize, DiffOptions};
use flashdelta::door::{self, MakeRequest};
use flashdelta::holes::HoleRequest;
use flashdelta::InstructionSet;

use super::made;
use crate::args::{self, CodecArg, IdentityArgs, IsaArg, OutputArgs, RecordArgs};
use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::outputs::Target;
use crate::progress::{doing, Bar};
use crate::warnings;
use crate::{inputs, interrupt, profile};

const HELP: &str = "\
Examples:
  flashdelta diff old.bin new.bin -o update.fdp
      For an ESP32 or another device with 64 KiB of RAM to spare.
  flashdelta diff old.bin new.bin -o update.fdp --profile small --base 0x08020000
      For a Cortex-M with 16 KiB; the images are raw and run at this address.
  flashdelta diff old.zip new.zip -o update.fdp
      Archives (zip, tar, gzip), folders, and manifests with the parts beside them: a bundle,
      for computers.
  flashdelta diff old.bin new.bin -o update.fdp --product heron --hardware-to 4 --security-counter 7
      Refused by devices other than herons up to revision 4, and by those that require a counter
      above 7.
  flashdelta diff old.hex new.s19 -o update.fdp
      The memory in both files is patched; `apply` gives back new.s19 as it is, a device makes
      the memory.
  flashdelta diff old.bin new.bin -o update.fdp --old-elf old.elf --new-elf new.elf
      Addresses, and what is code, from the ELF files that the images were made of.
  flashdelta diff old.bin new.bin -o update.fdp \\
    --hole serial=marker:@@SERIAL-NUMBER@@ --hole key=0x400-0x420,old=none
      One patch for devices with serial numbers, which they keep; each is given a key with the
      update.
  flashdelta diff old.bin new.bin -o update.fdp --in-place --slot 256KiB --scratch 1 --chunks auto
      For a device with one slot of 256 KiB, and a sector apart from it.

Profiles:
  tiny   4 KiB of RAM          small  16 KiB of RAM
  esp32  64 KiB of RAM         linux  16 MiB of RAM
  micropython  32 KiB of RAM: the applier in MicroPython
  The codec is model unless --codec names another; for linux the smallest of all, for micropython
  the smaller of lz4 and raw.

  A profile file is TOML. Every key may be left out:
    like = \"small\"                   # what is not said here; without it: esp32
    name = \"heron\"                   # for messages
    ram = \"24KiB\"                    # all that the applier may use
    sector = 4096                    # erase unit of the flash
    page = 8                         # write unit of the flash
    slot = \"256KiB\"                  # the only slot, for --in-place
    scratch = 1                      # sectors apart from it, for --in-place
    codecs = [\"raw\", \"lz4\"]         # what the applier was built with; without it: model
    isas = [\"thumb\"]                 # and which of: {ISAS}

Sizes are written 65536, 64KiB, 64K or 0x10000.";

/// [`HELP`] with the names of the instruction sets.
fn help() -> String {
    let all = InstructionSet::ALL.into_iter().filter(|isa| !isa.is_none());
    let names: Vec<&str> = all.map(InstructionSet::name).collect();
    HELP.replace("{ISAS}", &names.join(", "))
}

/// Make a patch that turns one firmware image into another
///
/// The patch fits the device that --profile and --ram describe, or the command fails and says what
/// would fit. The same arguments give the same patch on every machine. Before it is written, the
/// patch is applied and the result compared.
#[derive(clap::Args)]
#[command(after_long_help = help())]
pub(crate) struct Args {
    /// The image that devices have, in any format; or an archive, a folder, a manifest.json or a
    /// flasher_args.json
    old: PathBuf,
    /// The image that they shall have, in any format
    new: PathBuf,
    /// Where the patch goes; a file that is there already is replaced
    #[arg(long, short, value_name = "PATCH")]
    output: PathBuf,
    /// The device: tiny, small, esp32, micropython, linux, or a file
    #[arg(
        long,
        value_name = "NAME|FILE",
        default_value = "esp32",
        value_parser = args::ProfileName,
        hide_possible_values = true
    )]
    profile: String,
    /// RAM of the device, in place of the profile's
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    ram: Option<u32>,
    /// How the patch is coded
    #[arg(long, value_enum, default_value_t = CodecArg(None))]
    codec: CodecArg,
    /// Instruction set whose branches and address loads are predicted
    #[arg(long, value_enum, default_value_t = IsaArg(None))]
    isa: IsaArg,
    /// Address at which both images run, where they are raw and do not tell
    #[arg(long, value_name = "ADDRESS", value_parser = args::address)]
    base: Option<u32>,
    /// The ELF file that the old image was made of
    #[arg(long, value_name = "ELF", conflicts_with = "base")]
    old_elf: Option<PathBuf>,
    /// The ELF file that the new image was made of
    #[arg(long, value_name = "ELF", conflicts_with = "base")]
    new_elf: Option<PathBuf>,
    /// Take both files byte by byte, also text, archives and manifests: for damaged files, or if no
    /// device applies the patch
    #[arg(long, conflicts_with_all = ["old_elf", "new_elf"])]
    verbatim: bool,
    /// Digests of pieces of the patch, so that a damaged piece is noticed before it is decoded:
    /// auto (a size that the device has the RAM for), none, or the size of a piece
    #[arg(long, value_name = "auto|none|SIZE", default_value = "none", value_parser = args::chunks)]
    chunks: ChunkSize,
    /// A range of the image that each device has for itself: NAME=0x400-0x420, NAME=symbol:SYM (of
    /// the ELF files) or NAME=marker:TEXT; then, perhaps, ,old=PLACE or ,old=none,
    /// ,source=kept|given|either and ,fill=BYTE. May be given several times
    #[arg(long, value_name = "NAME=PLACE")]
    hole: Vec<HoleRequest>,
    /// The device has one slot only: the new image is written over the old one
    #[arg(long)]
    in_place: bool,
    /// Bytes of that slot, in place of the profile's
    #[arg(long, value_name = "SIZE", value_parser = args::size, requires = "in_place")]
    slot: Option<u32>,
    /// Erase unit of its flash, in place of the profile's
    #[arg(long, value_name = "SIZE", value_parser = args::size, requires = "in_place")]
    sector: Option<u32>,
    /// Sectors apart from the slot that an update in it may use, in place of the profile's
    #[arg(long, value_name = "SECTORS", requires = "in_place")]
    scratch: Option<u32>,
    /// How hard to try, 1 (fast) to 9 (thorough)
    #[arg(
        long,
        value_name = "1-9",
        default_value_t = 6,
        value_parser = clap::value_parser!(u8).range(1..=9)
    )]
    effort: u8,
    /// Number of threads, 0 for one per processor; the patch does not depend on it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        value_parser = RangedU64ValueParser::<usize>::new().range(0..=1024)
    )]
    threads: usize,
    /// Make a patch to an empty new file, too: mostly that is a failed build, and refused
    #[arg(long)]
    allow_empty: bool,
    /// Do not apply the patch to see whether it works
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    output_args: OutputArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    identity: IdentityArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        // What cannot be is refused before anything is read.
        self.records.check()?;
        let options = self.options()?;
        self.check(&options)?;
        let mut request = self.request();
        let named =
            [Some(&self.old), Some(&self.new), self.old_elf.as_ref(), self.new_elf.as_ref()];
        let named: Vec<_> = named.into_iter().flatten().map(PathBuf::as_path).collect();
        inputs::refuse_two_standard_inputs(&named)?;
        let target = Target::new(&self.output, &named)?;
        target.refuse_json(self.output_args.json)?;
        let bar = Arc::new(Bar::new(self.output_args.quiet));
        let read = if self.verbatim { inputs::read_verbatim } else { inputs::read };
        let (old, new) = (read(&self.old)?, read(&self.new)?);
        if let Some(elf) = &self.old_elf {
            request = request.old_elf(inputs::bytes(elf)?);
        }
        if let Some(elf) = &self.new_elf {
            request = request.new_elf(inputs::bytes(elf)?);
        }
        target.refuse_read()?;
        let request = request.diff(watched(options, &bar));
        let made = while_nothing_is_written(|| door::make(&old, &new, &request));
        let names = [self.old.as_path(), self.new.as_path()];
        let elfs = [self.old_elf.as_deref(), self.new_elf.as_deref()];
        let made = made.map_err(|error| Failure::door(&error, names, elfs))?;
        bar.clear();
        self.output_args.warn(&warnings::lines(&made.warnings, names));
        target.write(&made.bytes)?;
        if !self.output_args.quiet {
            made::summarize(&self.output, &made, &new);
        }
        if self.output_args.json {
            let warnings = warnings::documents(&made.warnings, names);
            made::print_document(&self.output, &made, warnings)?;
        }
        Ok(())
    }

    /// Refuses what cannot be before anything is read.
    fn check(&self, options: &DiffOptions) -> Outcome {
        let len = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
        let lengths = [&self.old, &self.new].map(len);
        options
            .check()
            .and_then(|()| flashdelta::diff::check_lengths(lengths[0], lengths[1]))
            .map_err(|error| Failure::diff(&error))
    }

    fn request(&self) -> MakeRequest {
        let holes = self.hole.iter().cloned();
        holes
            .fold(MakeRequest::new(), MakeRequest::hole)
            .memory(self.records.memory())
            .bundle(self.records.bundle())
            .allow_empty(self.allow_empty)
            .verify(!self.no_verify)
    }

    fn options(&self) -> Outcome<DiffOptions> {
        let mut profile = profile::load(&self.profile)?;
        profile.slot = self.slot.unwrap_or(profile.slot);
        profile.sector = self.sector.unwrap_or(profile.sector);
        profile.scratch = self.scratch.unwrap_or(profile.scratch);
        let mut options = DiffOptions::new()
            .profile(profile)
            .in_place(self.in_place)
            .codec(self.codec.0)
            .isa(self.isa.0)
            .chunks(self.chunks)
            .effort(self.effort)
            .threads(self.threads);
        if let Some(ram) = self.ram {
            options = options.ram(ram);
        }
        if let Some(base) = self.base {
            options = options.base(base);
        }
        if let Some(identity) = self.identity.identity()? {
            options = options.identity(identity);
        }
        Ok(options)
    }
}

/// The options with a bar, and Ctrl-C.
pub(super) fn watched(options: DiffOptions, bar: &Arc<Bar>) -> DiffOptions {
    let bar = Arc::clone(bar);
    options.progress(move |at| {
        bar.update(doing(at.phase), at.fraction);
        interrupt::flow()
    })
}
