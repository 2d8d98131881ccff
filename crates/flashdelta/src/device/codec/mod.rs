//! How the body of a patch is coded: one folder a family of codecs.

pub(crate) mod bytes;
pub(crate) mod model;
