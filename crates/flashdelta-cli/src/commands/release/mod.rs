//! `flashdelta release`

mod build;
mod command;
mod resolve;

pub(crate) use command::Args;
