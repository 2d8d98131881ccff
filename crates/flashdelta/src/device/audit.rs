//! Records what is parsed of patches, for a test: nothing may be that is not authentic.
//!
//! Only in builds with the feature `audit`, which is for that test.

use core::cell::RefCell;
use core::ops::Range;

extern crate std;
use std::vec::Vec;

/// Something of a patch that was parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(clippy::exhaustive_enums)] // The test decides about each.
pub enum Parsed {
    /// The fields of a header whose checksum is right: what a signature covers.
    Header,
    /// The address maps in the header.
    Maps,
    /// These bytes of the patch went to the decoder of the body.
    Body(Range<u32>),
}

std::thread_local! {
    static PARSED: RefCell<Vec<Parsed>> = const { RefCell::new(Vec::new()) };
}

/// What this thread has parsed since it was asked last.
pub fn take() -> Vec<Parsed> {
    PARSED.take()
}

/// Something is about to be parsed.
pub(crate) fn parsed(what: Parsed) {
    PARSED.with_borrow_mut(|all| all.push(what));
}
