//! `flashdelta demo`

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use flashdelta::diff::{diff, DiffOptions, Patch};
use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::outputs;
use crate::outputs::print;
use crate::text::{grouped, percent, Table};

/// Two releases of the same program for one board.
struct Sample {
    board: &'static str,
    old: &'static [u8],
    new: &'static [u8],
}

// In this package, as links to the test data: what is packaged is whole.
const SAMPLES: [Sample; 2] = [
    Sample {
        board: "riscv",
        old: include_bytes!("../../samples/riscv-1.0.bin"),
        new: include_bytes!("../../samples/riscv-1.1.bin"),
    },
    Sample {
        board: "cortex-m",
        old: include_bytes!("../../samples/cortex-m-1.0.bin"),
        new: include_bytes!("../../samples/cortex-m-1.1.bin"),
    },
];

/// RAM of the devices, in KiB.
const RAM: [u32; 2] = [16, 64];

/// See it work: update two sample firmware images
///
/// Makes patches for releases 1.0 to 1.1 of a small program for two boards, applies them, and shows
/// the sizes. Needs no files and no network.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also write the images and the patches into this folder, to play with
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        if let Some(folder) = &self.files {
            fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
            write_images(folder)?;
        }
        print(
            "flashdelta turns an old and a new firmware image into a small patch, and applies it \
             in the RAM of a microcontroller.\n\
             Here: a field logger, from release 1.0 to 1.1, for two boards.\n\n",
        )?;
        let mut table = Table::default();
        table.row([
            "board",
            "device RAM",
            "full image",
            "patch",
            "of the image",
            "times smaller",
            "workspace",
        ]);
        let mut checks = String::new();
        for sample in &SAMPLES {
            for ram in RAM {
                let patch = sample.update(ram)?;
                sample.add_row(ram, &patch, &mut table);
                let board = sample.board;
                let _ = writeln!(
                    checks,
                    "ok  {board}, {ram} KiB: 1.0 and the patch give 1.1, byte for byte"
                );
                if let Some(folder) = &self.files {
                    outputs::write(&folder.join(format!("{board}-{ram}k.fdp")), &patch.bytes)?;
                }
            }
        }
        print(&format!("{}\n{checks}\n{}", table.render("lrrrrrr"), next(self.files.as_deref())))
    }
}

impl Sample {
    /// Makes a patch for a device, and applies it there.
    fn update(&self, ram: u32) -> Outcome<Patch> {
        let options = DiffOptions::new().ram(ram << 10);
        let patch = diff(self.old, self.new, &options).map_err(|error| Failure::diff(&error))?;
        let made = flashdelta::apply::apply(self.old, &patch.bytes);
        if made.as_deref() != Ok(self.new) {
            let message = format!("{}: the patch that was made does not work", self.board);
            return Err(Failure::new(ErrorClass::Internal, message));
        }
        Ok(patch)
    }

    fn add_row(&self, ram: u32, patch: &Patch, table: &mut Table) {
        let (new, bytes) = (self.new.len() as u64, patch.bytes.len() as u64);
        table.row([
            self.board,
            &format!("{ram} KiB"),
            &grouped(new),
            &grouped(bytes),
            &percent(bytes, new),
            &format!("{:.1}", new as f64 / bytes as f64),
            &grouped(patch.header.workspace_len() as u64),
        ]);
    }
}

fn write_images(folder: &Path) -> Outcome {
    for Sample { board, old, new } in &SAMPLES {
        outputs::write(&folder.join(format!("{board}-1.0.bin")), old)?;
        outputs::write(&folder.join(format!("{board}-1.1.bin")), new)?;
    }
    Ok(())
}

/// What to try next.
fn next(folder: Option<&Path>) -> String {
    let Some(folder) = folder else {
        return "\
Next:
  flashdelta demo --files sample                       get these images and patches as files
  flashdelta diff old.bin new.bin -o update.fdp        make a patch for images of your own
  flashdelta help                                      everything else
"
        .to_owned();
    };
    let file = |name: &str| folder.join(name).display().to_string();
    let [old, new, patch, update] =
        ["riscv-1.0.bin", "riscv-1.1.bin", "riscv-16k.fdp", "update.fdp"].map(file);
    format!(
        "Next:\n  flashdelta info {patch}\n  flashdelta verify {old} {patch}\n  \
         flashdelta diff {old} {new} -o {update} --ram 4KiB\n"
    )
}
