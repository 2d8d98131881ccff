//! Prediction: what a unit of the old image becomes in the new one.

pub(crate) mod address_map;
pub(crate) mod shift_map;
pub(crate) mod walker;
