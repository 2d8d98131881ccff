//! `cargo xtask hostile-pairs`: time and memory of the maker on pairs that are hard for it.

use core::time::Duration;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{release_program, target_dir};
use crate::peers::measure::{measure, Cost};

#[allow(unreachable_pub, reason = "the tests of the library use it, too")]
#[path = "../../flashdelta/tests/common/hostile_pairs.rs"]
mod families;

/// Measure the maker on hostile pairs: seconds and memory by size
///
/// Memory has to stay below 16 bytes per byte of both images and 64 MiB, and time grow by little
/// more than the size; lines that break this are marked. Takes an hour for 64 MiB images.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sizes of an image in MiB
    #[arg(
        long,
        value_name = "MIB",
        num_args = 1..,
        value_delimiter = ',',
        default_value = "1,4,16,64"
    )]
    sizes: Vec<usize>,
    /// Only families whose name contains one of these words
    #[arg(long, value_name = "WORD", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// The program to measure, in place of one built from here
    #[arg(long, value_name = "FILE")]
    program: Option<std::path::PathBuf>,
    /// More arguments for `flashdelta diff`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Bytes of memory allowed per byte of both images, and for anything else.
const PER_BYTE: f64 = 16.0;
const BESIDES: f64 = (64 << 20) as f64;

/// Time may grow by this much more than the size.
const GROWTH: f64 = 1.3;

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => release_program()?,
    };
    let folder = target_dir().join("hostile-pairs");
    std::fs::create_dir_all(&folder)?;
    let [old, new, patch] = ["old.bin", "new.bin", "patch.fdp"].map(|name| folder.join(name));
    println!("family            MiB       patch   seconds  of CPUs   MiB RAM     B/B");
    for family in families::FAMILIES {
        if !args.only.is_empty() && !args.only.iter().any(|word| family.name.contains(&word[..])) {
            continue;
        }
        let mut before: Option<(usize, Cost)> = None;
        for mib in &args.sizes {
            let [old_image, new_image] = family.pair(mib << 20);
            let both = (old_image.len() + new_image.len()) as f64;
            std::fs::write(&old, old_image)?;
            std::fs::write(&new, new_image)?;
            let mut command = Command::new(&program);
            command.arg("diff").args([&old, &new]).arg("-o").arg(&patch);
            command.args(["-q", "--no-verify"]).args(&args.arguments);
            let cost = measure(&mut command, Duration::from_secs(7200))
                .with_context(|| format!("{} of {mib} MiB", family.name))?;
            let memory = cost.peak_kib as f64 * 1024.0;
            let is_large = memory > PER_BYTE * both + BESIDES;
            let is_slow = before.is_some_and(|(size, less)| {
                cost.cpu > less.cpu.max(0.2) * GROWTH * *mib as f64 / size as f64
            });
            println!(
                "{:16} {mib:4} {:11} {:9.2} {:8.2} {:9.0} {:7.1}{}{}",
                family.name,
                std::fs::metadata(&patch)?.len(),
                cost.seconds,
                cost.cpu,
                memory / f64::from(1 << 20),
                memory / both,
                if is_large { "  memory!" } else { "" },
                if is_slow { "  time!" } else { "" },
            );
            before = Some((*mib, cost));
        }
    }
    Ok(())
}
