//! What was measured.

use super::measure::Cost;

/// What one tool made of one pair.
pub(crate) struct Made {
    pub(super) bytes: u64,
    pub(super) make: Cost,
    pub(super) apply: Cost,
}

/// All that was measured of one pair: by tool, in their order. None: the tool failed.
pub(crate) struct Row {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) new_len: u64,
    pub(super) made: Vec<Option<Made>>,
}
