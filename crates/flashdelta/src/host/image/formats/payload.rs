//! What is inside a container of several formats.

use core::ops::Range;

use super::{cyacd, ebl, gbl, raw, telink};
use crate::host::image::map::AddressMap;

/// Maps what is inside a container: a Silicon Labs bootloader file, a Telink image, or a plain
/// binary.
pub(crate) fn payload(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let Some(inner) = file.get(range.clone()) else { return };
    if gbl::is(inner) {
        gbl::map(file, range, map);
    } else if ebl::is(inner) {
        ebl::map(file, range, map);
    } else if telink::is(inner) {
        telink::map(file, range, map);
    } else if cyacd::is(inner) {
        cyacd::map(file, range, map);
    } else {
        raw::map(file, range, map);
    }
}
