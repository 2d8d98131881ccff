//! The subcommands, one per file: the arguments, with their help, and what is done with them.

pub(crate) mod apply;
pub(crate) mod bundle;
pub(crate) mod contents;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod diff;
mod findings;
#[cfg(feature = "fleet")]
pub(crate) mod fleet;
pub(crate) mod info;
pub(crate) mod keygen;
mod made;
pub(crate) mod pages;
pub(crate) mod personalize;
pub(crate) mod release;
pub(crate) mod set;
pub(crate) mod sign;
pub(crate) mod verify;
