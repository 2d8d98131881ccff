//! Making a patch.
mod candidates;
mod mask;
mod matches;
mod parse;
mod plan;
mod suffix_array;
mod trial;
#[doc(hidden)]
pub use trial::{trial, Trial};

