//! What the tests of all instruction sets need.

use super::{AddressRange, Isa, Place, Unit};

/// A place of an approximate copy.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) old_address: u32,
    pub(crate) new_address: u32,
    pub(crate) ranges: &'a [AddressRange],
}

impl At<'_> {
    /// The unit that is there, as the walk finds it.
    pub(crate) fn unit<I: Isa>(&self, isa: &mut I) -> Unit {
        let place = Place::new(self.old, self.old_address, self.ranges);
        let unit = isa.unit(&place);
        Unit { code: place.code(unit.len), ..unit }
    }
}
