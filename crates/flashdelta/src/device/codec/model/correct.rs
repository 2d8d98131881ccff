//! Corrections: what is in the place of a unit that is not as predicted.

use super::contexts::{context, direct, Content, LIMIT};
use super::step::{move_to_front, Model};
use crate::device::coding::{number, BitCoder, Part};
use crate::device::isa::Form;
use crate::device::predict::shift_map::Trust;
use crate::device::predict::walker::Forecast;

impl Model<'_> {
    /// Codes what is in the unit's place.
    #[inline(never)]
    pub(super) fn correct<C: BitCoder>(
        &mut self,
        coder: &mut C,
        forecast: &Forecast,
        actual: [u8; 4],
    ) -> [u8; 4] {
        let form = forecast.unit.form;
        if form != Form::PLAIN {
            coder.enter(Part::References);
            if let Some(predicted) = self.walker.decode(forecast, forecast.bytes) {
                let target = self.walker.decode(forecast, actual);
                let f = form.0 as usize;
                let shift = self.shifts.look_up(forecast.unit.target);
                let alternative = self
                    .shifts
                    .look_above(forecast.unit.target)
                    .and_then(|by| {
                        self.walker.encode(forecast, forecast.unit.target.wrapping_add(by))
                    })
                    .filter(|bytes| shift.trust != Trust::Exact && *bytes != forecast.bytes);
                if let Some(bytes) = alternative {
                    if self.tables.code(coder, direct::ALTERNATIVE + f, LIMIT, bytes == actual) {
                        return bytes;
                    }
                }
                if self.tables.code(coder, direct::RETARGET + f, LIMIT, target.is_some()) {
                    let scale = u32::from(self.walker.scale(form));
                    let difference = target.unwrap_or(0).wrapping_sub(predicted);
                    let difference = self.retarget(coder, f, scale, difference);
                    let target = predicted.wrapping_add(difference);
                    return self.walker.encode(forecast, target).unwrap_or(forecast.bytes);
                }
            }
        }
        self.correct_bytes(coder, forecast, actual)
    }

    /// Codes the difference between the target and the predicted one.
    #[inline(never)]
    fn retarget<C: BitCoder>(
        &mut self,
        coder: &mut C,
        form: usize,
        scale: u32,
        difference: u32,
    ) -> u32 {
        let mut found = None;
        for (i, candidate) in self.retargets.iter().enumerate() {
            if found.is_none() && *candidate & ((1u32 << scale) - 1) == 0 {
                let same = self.tables.code(
                    coder,
                    direct::REPEAT + i * Form::COUNT + form,
                    LIMIT,
                    difference == *candidate,
                );
                if same {
                    found = Some((i, *candidate));
                }
            }
        }
        let (place, difference) = found.unwrap_or_else(|| {
            let steps = (difference as i32) >> scale;
            let base = direct::TARGET
                + number::SLOTS * usize::from(form == Form::WORD.0 as usize || form > 15);
            (1, (number::signed(&mut self.tables, coder, base, steps) as u32) << scale)
        });
        move_to_front(&mut self.retargets, place, difference);
        difference
    }

    /// Codes the unit byte by byte: which are different, and by how much.
    fn correct_bytes<C: BitCoder>(
        &mut self,
        coder: &mut C,
        forecast: &Forecast,
        actual: [u8; 4],
    ) -> [u8; 4] {
        coder.enter(Part::Corrections);
        let len = forecast.unit.len as usize;
        let key = self.walker.key(forecast);
        let mut bytes = [0; 4];
        let mut flags = 1u32;
        let mut last = 0u8;
        for (i, ((out, predicted), actual)) in
            bytes.iter_mut().zip(forecast.bytes).zip(actual).enumerate().take(len)
        {
            let slot = direct::SAME + (flags & 15) as usize * 4 + (len & 3);
            let same = self.tables.code(coder, slot, LIMIT, predicted == actual);
            flags = flags << 1 | u32::from(same);
            *out = predicted;
            if same {
                continue;
            }
            let index = i as u32;
            // The first is the same for all: what corrections have in common.
            let hashes =
                [context(30, 0, 0), context(32, u32::from(last), index), context(34, index, key)];
            let content = Content::Correction { index: i, corrected: last != 0 };
            last = self.byte(coder, &hashes, content, actual.wrapping_sub(predicted));
            *out = predicted.wrapping_add(last);
        }
        bytes
    }

    /// Codes how many bytes of the last unit belong to the copy: fewer than `len`.
    pub(super) fn prefix<C: BitCoder>(&mut self, coder: &mut C, len: u8, same: u8) -> u8 {
        let mut n = 0;
        while n + 1 < len
            && self.tables.code(
                coder,
                direct::PREFIX + (len & 3) as usize * 4 + n as usize,
                LIMIT,
                n < same,
            )
        {
            n += 1;
        }
        n
    }
}
