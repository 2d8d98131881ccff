//! `flashdelta diff`

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::RangedU64ValueParser;
use flashdelta::diff::{self, AddressMap, DiffOptions, Patch, Phase};
use flashdelta::file::{Memory, MemoryOptions};
use flashdelta::image::{self, elf};
use serde::Serialize;

use super::bundle;
use crate::args::{self, CodecArg, IdentityArgs, IsaArg, OutputArgs, RecordArgs};
use crate::drive;
use crate::facts::Facts;
use crate::failure::{Class, Failure, Outcome};
use crate::progress::Bar;
use crate::text::{self, grouped, percent, print_json};
use crate::{files, interrupt, profile, warnings};

const HELP: &str = "\
Examples:
  flashdelta diff old.bin new.bin -o update.fdp
      For an ESP32 or another device with 64 KiB of RAM to spare.
  flashdelta diff old.bin new.bin -o update.fdp --profile small --base 0x08020000
      For a Cortex-M with 16 KiB; the images are raw and run at this address.
  flashdelta diff old.zip new.zip -o update.fdp
      Archives (zip, tar, gzip), folders, and manifests with the parts beside them: a bundle, for computers.
  flashdelta diff old.bin new.bin -o update.fdp --product heron --hardware-to 4 --security-counter 7
      Refused by devices other than herons up to revision 4, and by those that require a counter above 7.
  flashdelta diff old.hex new.s19 -o update.fdp
      The memory in both files is patched; `apply` gives back new.s19 as it is, a device makes the memory.
  flashdelta diff old.bin new.bin -o update.fdp --old-elf old.elf --new-elf new.elf
      Addresses, and what is code, from the ELF files that the images were made of.

Profiles:
  tiny   4 KiB of RAM          small  16 KiB of RAM
  esp32  64 KiB of RAM         linux  16 MiB of RAM, and codec zstd

  A profile file is TOML. Every key may be left out:
    like = \"small\"                   # what is not said here; without it: esp32
    name = \"heron\"                   # for messages
    ram = \"24KiB\"                    # all that the applier may use
    sector = 4096                    # erase unit of the flash
    page = 8                         # write unit of the flash
    codecs = [\"raw\", \"lz4\", \"model\"] # what the applier was built with
    isas = [\"thumb\"]                 # and which of: thumb, riscv, xtensa, tc32, mcs51

Sizes are written 65536, 64KiB, 64K or 0x10000.";

/// Make a patch that turns one firmware image into another
///
/// The patch fits the device that --profile and --ram describe, or the command fails and says what
/// would fit. The same arguments give the same patch on every machine. Before it is written, the
/// patch is applied and the result compared.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// The image that devices have, in any format; or an archive, a folder, a manifest.json or a
    /// flasher_args.json
    old: PathBuf,
    /// The image that they shall have, in any format
    new: PathBuf,
    /// Where the patch goes; a file that is there already is replaced
    #[arg(long, short, value_name = "PATCH")]
    output: PathBuf,
    /// The device: tiny, small, esp32, linux, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "esp32")]
    profile: String,
    /// RAM of the device, in place of the profile's
    #[arg(long, value_name = "SIZE", value_parser = args::size)]
    ram: Option<u32>,
    /// How the patch is coded
    #[arg(long, value_enum, default_value_t = CodecArg::Auto)]
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
    /// How hard to try, 1 (fast) to 9 (thorough)
    #[arg(long, value_name = "1-9", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=9))]
    effort: u8,
    /// Number of threads, 0 for one per processor; the patch does not depend on it
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = RangedU64ValueParser::<usize>::new().range(0..=1024))]
    threads: usize,
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
        let mut options = self.options()?;
        let output = files::output(&self.output, &[&self.old, &self.new])?;
        let bar = Arc::new(Bar::new(self.output_args.quiet));
        let taken = self.records.bundle();
        let read = |path| {
            if self.verbatim {
                bundle::read_verbatim(path)
            } else {
                bundle::read(path, &taken)
            }
        };
        let [old, new] = [read(&self.old)?, read(&self.new)?];
        if old.is_container() || new.is_container() {
            self.refuse_options_of_images(if old.is_container() { &self.old } else { &self.new })?;
            let OutputArgs { quiet, json } = self.output_args;
            let job = bundle::Diff {
                names: [&self.old, &self.new],
                output: &self.output,
                target: &output,
                options: watched(options, &bar),
                taken: &taken,
                bar: &bar,
                verify: !self.no_verify,
                quiet,
                json,
            };
            return bundle::diff(&old, &new, &job);
        }
        let mut warnings = warnings::lines(&[old.warnings, new.warnings].concat());
        let memory = self.records.memory();
        let read = |path| {
            if self.verbatim {
                files::read(path)
            } else {
                files::firmware(path, &memory.read)
            }
        };
        let [old, new] = [read(&self.old)?, read(&self.new)?];
        if self.old_elf.is_some() || self.new_elf.is_some() {
            let map = |file, path, elf: &Option<PathBuf>| {
                self.address_map(file, path, elf.as_deref(), &memory)
            };
            options = options.address_maps(
                map(&old, &self.old, &self.old_elf)?,
                map(&new, &self.new, &self.new_elf)?,
            );
        }
        warnings.extend(self.packed(&new, &memory));
        self.output_args.warn(&warnings);
        let patch = self.make([&old, &new], options, &memory, &bar)?;
        if !self.no_verify {
            drive::prove(&old, &new, &patch.bytes, &bar)?;
        }
        bar.clear();
        files::write(&output, &patch.bytes)?;
        self.summarize(&patch, &new);
        if self.output_args.json {
            print_json(&Report::new(&self.output, !self.no_verify, &patch, warnings))?;
        }
        Ok(())
    }

    fn options(&self) -> Outcome<DiffOptions> {
        let mut options = DiffOptions::new()
            .profile(profile::load(&self.profile)?)
            .codec(Option::from(self.codec))
            .isa(self.isa.0)
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

    /// Archives are for computers: what only concerns one image would be ignored.
    fn refuse_options_of_images(&self, archive: &Path) -> Outcome {
        let option = match (&self.old_elf, &self.new_elf) {
            (Some(_), _) => "--old-elf",
            (None, Some(_)) => "--new-elf",
            _ if self.records.concerns_records() => "--accept and --fill",
            _ => return Ok(()),
        };
        let message =
            format!("{option}: not for archives and folders, and {} is one", archive.display());
        Err(Failure::new(Class::Usage, message).hint(
            "leave it out, or unpack the archives and make a patch for each member that needs it",
        ))
    }

    /// Says that little can be saved before the time is spent.
    fn packed(&self, new: &[u8], memory: &MemoryOptions) -> Option<String> {
        let packed = Memory::read(new, memory).map_or(0.0, |found| image::packed(&found.image));
        let share = percent((packed * 1000.0) as u64, 1000);
        let said = || {
            format!(
                "{share} of {} looks encrypted or compressed: {}",
                self.new.display(),
                text::PACKED
            )
        };
        (packed >= 0.5).then(said)
    }

    /// Where an image stands: what its ELF file says, or else what can be found out.
    fn address_map(
        &self,
        file: &[u8],
        path: &Path,
        elf: Option<&Path>,
        memory: &MemoryOptions,
    ) -> Outcome<AddressMap> {
        let found = Memory::read(file, memory).map_err(|error| Failure::image(path, &error))?;
        let own = || Ok(AddressMap::from(&image::address_map(&found.image)));
        let Some(elf) = elf else { return own() };
        let bytes = files::read(elf)?;
        let map = elf::map_of_binary(&bytes, found.image.len());
        let map = map.ok_or_else(|| {
            Failure::new(
                Class::BadFile,
                format!("{}: this is no ELF file with bytes to load", elf.display()),
            )
        })?;
        if !files::is_made_of(&found.image, &bytes) {
            let (image, elf) = (path.display(), elf.display());
            self.output_args.warn(&[format!(
                "{image} does not hold the bytes of {elf}, which is not used: are they of the same build?"
            )]);
            return own();
        }
        Ok(AddressMap::from(&map))
    }

    /// Makes the patch, with a bar, until Ctrl-C.
    fn make(
        &self,
        [old, new]: [&[u8]; 2],
        options: DiffOptions,
        memory: &MemoryOptions,
        bar: &Arc<Bar>,
    ) -> Outcome<Patch> {
        let options = watched(options, bar);
        let made = interrupt::while_nothing_is_written(|| match self.verbatim {
            true => diff::diff(old, new, &options).map_err(Into::into),
            false => flashdelta::file::diff_with(old, new, &options, memory),
        });
        made.map_err(|error| Failure::make(&error, &self.old, &self.new))
    }

    fn summarize(&self, patch: &Patch, new: &[u8]) {
        if self.output_args.quiet {
            return;
        }
        let (header, bytes) = (&patch.header, patch.bytes.len() as u64);
        let of_new = percent(bytes, header.new_size.into());
        eprintln!("{}: {} bytes, {of_new} of the new image", self.output.display(), grouped(bytes));
        eprintln!("  codec {}, instruction set {}", header.codec, header.isa);
        let format = image::detect(new);
        if header.host_len > 0 {
            let host = grouped(header.host_len);
            eprintln!("  of it {host} bytes for hosts, which give back the {format} file; devices may do without");
        } else if format.is_records() {
            let why = if self.verbatim { "--verbatim" } else { "the new file is too irregular" };
            eprintln!("  {why}: the files are patched as they are, so no device can apply this");
        }
        let workspace = grouped(header.workspace_len() as u64);
        eprintln!(
            "  needs {} bytes of RAM on the device, {workspace} of it workspace",
            grouped(header.ram)
        );
        match self.no_verify {
            true => eprintln!("  not verified"),
            false => eprintln!("  verified: it turns the old image into the new one"),
        }
    }
}

/// The options with a bar, and Ctrl-C.
fn watched(options: DiffOptions, bar: &Arc<Bar>) -> DiffOptions {
    let bar = Arc::clone(bar);
    options.progress(move |at| {
        bar.update(doing(at.phase), at.fraction);
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Match => "matching",
        Phase::Parse => "choosing",
        Phase::Encode => "coding",
        _ => "working",
    }
}

/// How a patch came about, as machines read it.
#[derive(Serialize)]
struct Report<'a> {
    patch: &'a Path,
    percent_of_new: Option<f64>,
    verified: bool,
    /// What is not taken as it seems to be meant, or promises little.
    warnings: Vec<String>,
    #[serde(flatten)]
    facts: Facts,
    address_map_size: u32,
    /// Bytes of the body by what they are spent on; empty for the byte codecs.
    parts: BTreeMap<&'static str, u64>,
    copies_from_old: u32,
    bytes_from_old: u32,
    copies_from_new: u32,
    bytes_from_new: u32,
    literals: u32,
    tried: Vec<Tried>,
    /// All threads together.
    seconds: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct Tried {
    codec: &'static str,
    isa: &'static str,
    /// None: given up, because it was larger.
    patch_size: Option<u64>,
}

impl<'a> Report<'a> {
    fn new(path: &'a Path, verified: bool, patch: &Patch, warnings: Vec<String>) -> Self {
        let (header, report) = (&patch.header, &patch.report);
        let tried = |t: &diff::Tried| Tried {
            codec: t.codec.name(),
            isa: t.isa.name(),
            patch_size: t.bytes,
        };
        let percent = |new: u32| 100.0 * patch.bytes.len() as f64 / f64::from(new);
        Self {
            patch: path,
            percent_of_new: (header.new_size > 0).then(|| percent(header.new_size)),
            verified,
            warnings,
            facts: Facts::new(header),
            address_map_size: report.address_map_len,
            parts: report.parts.iter().map(|part| (part.name, part.bytes)).collect(),
            copies_from_old: report.copies_from_old,
            bytes_from_old: report.bytes_from_old,
            copies_from_new: report.copies_from_new,
            bytes_from_new: report.bytes_from_new,
            literals: report.literals,
            tried: report.tried.iter().map(tried).collect(),
            seconds: report
                .phases
                .iter()
                .map(|(phase, time)| (doing(*phase), time.as_secs_f64()))
                .collect(),
        }
    }
}
