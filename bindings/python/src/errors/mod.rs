//! The errors of the library as exceptions of `flashdelta._errors`. A class there has the fields of
//! the variant here as attributes.

mod applying;
mod exception;
mod files;
mod image;
mod input;
mod making;
mod signing;

pub(crate) use applying::{apply, header, header_cut, push};
pub(crate) use exception::{
    by_class, cancelled, coded, internal, io, is_cancelled, misuse, option,
};
pub(crate) use files::{bundle, patch};
pub(crate) use image::{convert, image};
pub(crate) use input::{folder, input};
pub(crate) use making::{door, hole, release};
pub(crate) use signing::signing;
