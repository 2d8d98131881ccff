//! `flashdelta set`

mod apply;
mod command;
mod create;
mod info;
mod sign;
mod verify;

pub(crate) use command::Args;
pub(super) use info::summary;
