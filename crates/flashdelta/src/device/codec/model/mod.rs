//! The model codec: the operations of a patch as adaptive binary decisions.
//!
//! There are no lengths. A copy runs on, unit by unit, each with one cheap decision "as predicted",
//! until a unit is not; only then comes the question whether the unit is corrected or the copy
//! ends. After a copy come literals, one by one, each after the decision "another copy starts
//! here". So a byte that is as predicted costs next to nothing, and an end costs about as much as
//! the surprise it is.
//!
//! Two words are used throughout: the *ghost* of a literal is the byte that the last copy would
//! have brought to its place, and *unit state* is how far the current unit of the new image has
//! come.
//!
//! [`Model::step`] is written once. With an encoder and an [`Oracle`] that knows the new image it
//! makes a patch; with a decoder and the [`NoOracle`] oracle it applies one.

pub(crate) mod contexts;
mod correct;
mod jump;
mod oracle;
mod start;
pub(crate) mod step;
mod unit_state;

pub(crate) use oracle::{NoOracle, Oracle, Step};
pub(crate) use step::Model;
pub(crate) use unit_state::UnitState;
