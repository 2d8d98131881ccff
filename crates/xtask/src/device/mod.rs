//! `cargo xtask device`: the applier on emulated microcontrollers, measured.

mod args;
mod board;
mod budgets;
mod chore;
mod feature_sets;
mod guests;
mod hostile;
mod profile;
mod qemu;
mod recipe;
mod report;
mod samples;
mod sections;
mod session;
mod suspended;
mod toolchain;
mod xtensa;

pub(crate) use args::Args;
pub(crate) use chore::{run, test};
pub(crate) use guests::link_on_host;
pub(crate) use toolchain::Target;
