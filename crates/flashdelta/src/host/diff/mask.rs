//! Masked images: the references zeroed, so that code that has moved still matches.

use crate::device::isa::LOOKAHEAD;
use crate::device::predict::shift_map::ShiftMap;
use crate::device::predict::walker::Walker;

/// A unit that is all reference, this few bytes after another one, belongs to the same table.
const TABLE_STEP: u32 = 8;

/// Walks an image from its start and zeroes all references that the walk finds. `visit` is told
/// where its units start.
///
/// A table of units that are all reference (the relays of MCS-51) would be left without anything to
/// tell its entries by. There a hash of the distance from target to target takes the reference's
/// place: these are mostly the lengths of functions. A hash, because distances that differ shall
/// not look half alike.
pub(crate) fn mask(image: &[u8], mut walker: Walker<'_>, mut visit: impl FnMut(usize)) -> Vec<u8> {
    let mut masked = image.to_vec();
    let mut memory = [];
    let mut shifts = ShiftMap::new(&mut memory);
    let mut at = 0;
    let mut entry = None;
    while at < image.len() {
        let old = &image[at..image.len().min(at + LOOKAHEAD)];
        let forecast = walker.forecast(old, at as u32, (at as u32, u32::MAX), &shifts);
        walker.advance(&forecast, forecast.unit.code.to_le_bytes(), &mut shifts);
        let len = forecast.unit.len as usize;
        visit(at);
        let mut bytes = walker.mask(&forecast);
        if !forecast.unit.form.is_common() && bytes == [0; 4] {
            let (here, target) = (at as u32, forecast.unit.target);
            if let Some((_, before)) = entry.filter(|(there, _)| here - there <= TABLE_STEP) {
                bytes = target.wrapping_sub(before).wrapping_mul(0x9E37_79B1).to_be_bytes();
            }
            entry = Some((here, target));
        }
        masked[at..at + len].copy_from_slice(&bytes[..len]);
        at += len;
    }
    masked
}
