//! Masked images: the references zeroed, so that code that has moved still matches.

use crate::isa::LOOKAHEAD;
use crate::predict::shift_map::ShiftMap;
use crate::predict::walker::Walker;

/// Walks an image from its start and zeroes all references that the walk finds.
pub(crate) fn mask(image: &[u8], mut walker: Walker<'_>) -> Vec<u8> {
    let mut masked = image.to_vec();
    let mut memory = [];
    let mut map = ShiftMap::new(&mut memory);
    let mut at = 0;
    while at < image.len() {
        let old = &image[at..image.len().min(at + LOOKAHEAD)];
        let forecast = walker.forecast(old, at as u32, at as u32, &map);
        walker.advance(old, &forecast, forecast.old, &mut map);
        let len = forecast.unit.len as usize;
        let bytes = walker.mask(&forecast);
        masked[at..at + len].copy_from_slice(&bytes[..len]);
        at += len;
    }
    masked
}
