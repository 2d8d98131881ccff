//! `cargo xtask fuzz`: hours of fuzzing, from seeds that the test data gives, and what came of it.
//!
//! The targets are built by the stable compiler, with the instrumentation that libFuzzer wants and
//! without a sanitizer: twice as fast as `cargo fuzz`, which the tests run for some seconds to have
//! AddressSanitizer, too.

mod build;
mod command;
mod report;
mod run;
mod seeds;

pub(crate) use command::{briefly, run, Args};
pub(crate) use run::targets;
