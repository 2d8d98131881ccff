//! What is to be measured, and how.

use std::path::PathBuf;

use super::recipe::Language;

/// Bytes of flash that a call may read and write between two resets, if nothing else is said.
pub(super) const BUDGET: &str = "4096";

/// Run the applier on emulated microcontrollers and measure it: code, RAM, stack, instructions
///
/// Builds the applier with a small guest program for each target, runs it in QEMU on the sample
/// pairs or on a pair given, and compares the new image. The link fails if the applier could panic,
/// or had static RAM.
///
/// Code: .text and .rodata of what is linked, less the guest's own; memcpy and its like are in.
/// Stack: below the guest's call of the update, the flash callbacks included (they copy). Applier:
/// the object itself. Instructions: the whole update, both images' SHA-256 included.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these targets: rv32imc, thumbv6m, thumbv7m, lx106, esp32
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub(super) target: Vec<String>,
    /// Only guests in these languages
    #[arg(long, value_enum, num_args = 1.., value_delimiter = ',', default_value = "rust,c")]
    pub(super) guest: Vec<Language>,
    /// Old and new image, in place of the sample pairs; may be given several times
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, action = clap::ArgAction::Append)]
    pub(super) pair: Vec<PathBuf>,
    /// RAM that the patches are made for
    #[arg(
        long,
        value_name = "SIZE",
        num_args = 1..,
        value_delimiter = ',',
        default_value = "4KiB,16KiB,64KiB"
    )]
    pub(super) ram: Vec<String>,
    /// Codec of the patches, as `flashdelta diff` takes it
    #[arg(long, value_name = "CODEC", default_value = "auto")]
    pub(super) codec: String,
    /// Suspend each update, with a reset, after each 100 bytes of its patch, and do so in calls
    /// that read and write at most this many bytes of flash; guests in Rust only
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = BUDGET)]
    pub(super) suspend: Option<u32>,
    /// Optimisation level of the applier: s, z, 2 or 3
    #[arg(long, value_name = "LEVEL", default_value = "s")]
    pub(super) opt: String,
    /// Features of the applier [default: what the patch needs]
    #[arg(long, value_name = "LIST")]
    pub(super) features: Option<String>,
    /// Also apply this many damaged versions of a patch
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(super) hostile: usize,
    /// Also measure the code of several sets of features
    #[arg(long)]
    pub(super) sizes: bool,
    /// Also print the instructions and the stack frame of each function
    #[arg(long)]
    pub(super) profile: bool,
    /// Fail if something exceeds its budget, in crates/xtask/device/budgets.tsv
    #[arg(long)]
    pub(super) budgets: bool,
    /// Make what is measured, and 2 % more, the budgets
    #[arg(long)]
    pub(super) write_budgets: bool,
    /// Put the tables into this block of docs/figures.md; only that of the code, if its name ends
    /// with "-code"
    #[arg(long, value_name = "BLOCK")]
    pub(super) figures: Option<String>,
    /// Seconds that a guest may run
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(super) timeout: u64,
}
