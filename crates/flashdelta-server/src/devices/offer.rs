//! What a device is told.

use super::Action;

/// What a device is told.
#[derive(Debug)]
pub(crate) enum Offer {
    /// Nothing; why, for people.
    Nothing { why: String },
    /// What it needs is being made.
    Wait,
    /// It is to stop an action.
    Cancel(Action),
    /// It is to do this.
    Update(Action),
}
