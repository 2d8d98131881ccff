//! `cargo xtask peers`: flashdelta beside the other tools, on the same pairs, in the same run.

mod chart;
mod command;
pub(crate) mod measure;
mod pairs;
mod report;
mod row;
mod tools;

pub(crate) use command::{run, Args};
pub(crate) use tools::benches_dir;
