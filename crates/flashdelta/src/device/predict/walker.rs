//! The walk over the old image: which unit is at a place, and what it will be in the new image.

use super::address_map::{
    segment_at, AddressMaps, PointerRanges, Segment, SegmentKind, SegmentWords,
};
use super::shift_map::{Shift, ShiftMap, Trust};
use crate::device::isa::{self, with_isa, Form, InstructionSet, Isa as _, Place, State, Unit};
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// What the walk predicts for one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forecast {
    /// The unit of the old image.
    pub(crate) unit: Unit,
    /// The bytes it should have in the new image.
    pub(crate) bytes: [u8; 4],
    /// Whether the predicted target can be written in this form.
    encoded: bool,
    /// What the shift map knew about its target.
    pub(crate) trust: Trust,
    /// Its address in the old and in the new image.
    old_address: u32,
    new_address: u32,
    in_code: bool,
}

/// Walks copies from the old image.
pub(crate) struct Walker<'w> {
    state: State,
    maps: AddressMaps<'w>,
    /// The segments of the last place.
    old_segment: Segment,
    new_segment: Segment,
}

impl<'w> Walker<'w> {
    /// A walk that has not begun.
    pub(crate) fn new(isa: InstructionSet, maps: AddressMaps<'w>) -> Self {
        let mut walker = Self { maps, ..Self::idle() };
        walker.start(isa);
        walker
    }

    /// A walk by no instruction set, without addresses.
    pub(crate) const fn idle() -> Self {
        let nowhere = Segment { offset: 0, len: 0, address: 0, kind: SegmentKind::Code };
        let maps = AddressMaps { old: &[], new: &[], pointers: PointerRanges::NONE };
        Self { state: State::None(WORD), maps, old_segment: nowhere, new_segment: nowhere }
    }

    /// Predicts by `isa` from now on.
    pub(crate) fn start(&mut self, isa: InstructionSet) {
        self.state = State::of(isa);
    }

    /// The address maps, to be filled in before the walk begins.
    pub(crate) fn maps(&mut self) -> &mut AddressMaps<'w> {
        &mut self.maps
    }

    /// The state but for the address maps, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { state, maps: _, old_segment, new_segment } = self;
        with_isa!(state, isa => isa.port(port), ());
        for Segment { offset, len, address, kind } in [old_segment, new_segment] {
            for number in [offset, len, address] {
                port.number(number);
            }
            port.choice(kind, *kind as u8, |number| {
                [SegmentKind::Code, SegmentKind::Data].get(usize::from(number)).copied()
            });
        }
    }

    /// The walk goes on at another place.
    pub(crate) fn jump(&mut self) {
        with_isa!(&mut self.state, isa => isa.jump(), ());
    }

    /// The address of an offset in the old image.
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    pub(crate) fn old_address(&mut self, offset: u32) -> u32 {
        address_in(&mut self.old_segment, self.maps.old, offset)
    }

    /// The offset in the old image of an address: in the segment of the last place, or the first
    /// that holds it.
    pub(crate) fn old_offset(&self, address: u32) -> Option<u32> {
        let segments = self.maps.old.iter().map(|words| Segment::from_words(*words));
        core::iter::once(self.old_segment).chain(segments).find_map(|s| {
            let into = address.wrapping_sub(s.address);
            (into < s.len).then_some(s.offset.wrapping_add(into))
        })
    }

    /// The address of an offset in the new image.
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    pub(crate) fn new_address(&mut self, offset: u32) -> u32 {
        address_in(&mut self.new_segment, self.maps.new, offset)
    }

    /// Predicts the unit at `source` of the old image when it goes to `destination` of the new
    /// one, where `left` bytes are left to be made. `old` are the bytes from `source` on, at least
    /// 1, and all that are left or [`isa::LOOKAHEAD`] or more.
    pub(crate) fn forecast(
        &mut self,
        old: &[u8],
        source: u32,
        (destination, left): (u32, u32),
        shifts: &ShiftMap<'_>,
    ) -> Forecast {
        let (old_address, new_address) = (self.old_address(source), self.new_address(destination));
        let in_segment =
            self.old_segment.len.wrapping_sub(source.wrapping_sub(self.old_segment.offset));
        let most = in_segment.min(left).min(isa::LOOKAHEAD as u32);
        let old = old.get(..most as usize).unwrap_or(old);
        let place = Place::new(old, old_address, self.maps.pointers.as_slice());
        let in_code = self.old_segment.kind == SegmentKind::Code;
        let mut unit = match (&mut self.state, in_code) {
            (State::None(grain), _) => data_unit(&place, *grain),
            (_, false) => data_unit(&place, WORD),
            (state, true) => with_isa!(state, isa => isa.unit(&place), data_unit(&place, WORD)),
        };
        unit.code = place.code(unit.len);
        let (mut trust, mut encoded) = (Trust::Unknown, None);
        if unit.form != Form::PLAIN {
            let mut shift = shifts.look_up(unit.target);
            let moved = unit.target.wrapping_add(shift.by);
            if (moved ^ unit.target) >> REGION_LOG2 != 0 {
                // No linker moves anything from RAM to flash: the entry below belongs to something
                // else.
                shift = Shift { by: 0, trust: Trust::Unknown };
            }
            trust = shift.trust;
            encoded = self.encode_unit(&unit, new_address, unit.target.wrapping_add(shift.by));
        }
        Forecast {
            unit,
            bytes: encoded.unwrap_or(unit.code.to_le_bytes()),
            encoded: encoded.is_some(),
            trust,
            old_address,
            new_address,
            in_code,
        }
    }

    /// The unit with another target.
    pub(crate) fn encode(&self, forecast: &Forecast, target: u32) -> Option<[u8; 4]> {
        self.encode_unit(&forecast.unit, forecast.new_address, target)
    }

    fn encode_unit(&self, unit: &Unit, new_address: u32, target: u32) -> Option<[u8; 4]> {
        match unit.form {
            Form::PLAIN => None,
            Form::WORD => Some(target.to_le_bytes()),
            Form::DISTANCE => Some(target.wrapping_sub(new_address).to_le_bytes()),
            Form::DISTANCE_BACK => Some(new_address.wrapping_sub(target).to_le_bytes()),
            _ => with_isa!(&self.state, isa => isa.encode(unit, new_address, target), None),
        }
    }

    /// The target that these bytes refer to, if they are the unit with another target.
    pub(crate) fn decode(&self, forecast: &Forecast, bytes: [u8; 4]) -> Option<u32> {
        let (place, word) = (forecast.new_address, u32::from_le_bytes(bytes));
        match forecast.unit.form {
            Form::PLAIN => None,
            Form::WORD => Some(word),
            Form::DISTANCE => Some(place.wrapping_add(word)),
            Form::DISTANCE_BACK => Some(place.wrapping_sub(word)),
            _ => with_isa!(&self.state, isa => isa.decode(&forecast.unit, place, bytes), None),
        }
    }

    /// Whether the unit of the new image that begins with the byte `first` ends with its `len`-th
    /// byte, `last`, at the offset `at`.
    pub(crate) fn ends(&mut self, at: u32, first: u8, last: u8, len: u8) -> bool {
        self.new_address(at);
        match (&self.state, self.new_segment.kind) {
            (State::None(_), _) | (_, SegmentKind::Data) => at & 3 == 3,
            (state, _) => with_isa!(state, isa => ends_of(isa, first, last, len), false),
        }
    }

    /// Number of low bits that the form of this unit cannot express.
    pub(crate) fn scale(&self, form: Form) -> u8 {
        scale_with(&self.state, form)
    }

    /// The unit was written as `bytes`. Feeds the shift map if the reference was corrected.
    pub(crate) fn advance(
        &mut self,
        forecast: &Forecast,
        bytes: [u8; 4],
        shifts: &mut ShiftMap<'_>,
    ) {
        let form = forecast.unit.form;
        if form != Form::PLAIN
            && (bytes != forecast.bytes || !forecast.encoded)
            && (form.is_common() || self.is_exact(form))
        {
            if let Some(target) = self.decode(forecast, bytes) {
                shifts.learn(forecast.unit.target, target.wrapping_sub(forecast.unit.target));
            }
        }
        if forecast.in_code {
            let addresses = (forecast.old_address, forecast.new_address);
            with_isa!(&mut self.state, isa => isa.advance(&forecast.unit, addresses, bytes), ());
        }
    }

    /// Operation and immediate value of the unit, without its registers.
    pub(crate) fn key(&self, forecast: &Forecast) -> u32 {
        let unit = &forecast.unit;
        if forecast.in_code && !(unit.form.is_common() && unit.form != Form::PLAIN) {
            with_isa!(&self.state, isa => key_with(isa, unit), unit.code)
        } else {
            unit.code
        }
    }

    /// The old bytes of the unit with the reference zeroed.
    pub(crate) fn mask(&self, forecast: &Forecast) -> [u8; 4] {
        match forecast.unit.form {
            Form::PLAIN => forecast.unit.code.to_le_bytes(),
            // The top byte tells RAM from flash, and keeps tables of pointers from looking like
            // zeros.
            Form::WORD => (forecast.unit.code & 0xFF00_0000).to_le_bytes(),
            Form::DISTANCE | Form::DISTANCE_BACK => [0; 4],
            _ => {
                with_isa!(
                    &self.state,
                    isa => mask_with(isa, forecast),
                    forecast.unit.code.to_le_bytes()
                )
            }
        }
    }

    fn is_exact(&self, form: Form) -> bool {
        exact_with(&self.state, form)
    }
}

/// The address of an offset, `last` being the segment of the last place.
fn address_in(last: &mut Segment, segments: &[SegmentWords], offset: u32) -> u32 {
    if last.holds(offset) {
        last.address_of(offset)
    } else {
        address_elsewhere(last, segments, offset)
    }
}

/// The address of an offset in another segment. Apart, so that the frequent way needs no stack.
#[inline(never)]
fn address_elsewhere(last: &mut Segment, segments: &[SegmentWords], offset: u32) -> u32 {
    *last = segment_at(segments, offset);
    last.address_of(offset)
}

fn scale_of<I: isa::Isa>(_: &I, form: Form) -> u8 {
    I::scale(form)
}

fn ends_of<I: isa::Isa>(_: &I, first: u8, last: u8, len: u8) -> bool {
    I::ends(first, last, len)
}

fn mask_with<I: isa::Isa>(_: &I, forecast: &Forecast) -> [u8; 4] {
    I::mask(&forecast.unit, forecast.unit.code.to_le_bytes())
}

fn key_with<I: isa::Isa>(_: &I, unit: &Unit) -> u32 {
    I::key(unit.code, unit.len)
}

fn exact_of<I: isa::Isa>(_: &I, form: Form) -> bool {
    I::is_exact(form)
}

fn scale_with(state: &State, form: Form) -> u8 {
    if form.is_common() {
        return 0;
    }
    with_isa!(state, isa => scale_of(isa, form), 0)
}

fn exact_with(state: &State, form: Form) -> bool {
    with_isa!(state, isa => exact_of(isa, form), false)
}

/// A unit of data: up to the next address that is a multiple of `grain` (1, 2 or 4); a whole word
/// may be a pointer.
fn data_unit(place: &Place<'_>, grain: u32) -> Unit {
    let to_boundary = (grain.wrapping_sub(place.old_address & grain.wrapping_sub(1))) as usize;
    let len = to_boundary.min(place.old.len()) as u8;
    let plain = Unit { len, ..Unit::default() };
    let Some(word) = place.word().filter(|_| to_boundary == 4) else { return plain };
    let address = place.old_address;
    if place.is_address(word) {
        Unit { form: Form::WORD, class: 1, target: word, ..plain }
    } else if is_distance(place, address, word) {
        Unit { form: Form::DISTANCE, class: 2, target: address.wrapping_add(word), ..plain }
    } else if word & 3 == 0
        && word.wrapping_sub(1) < NEAR
        && place.old.get(4..).and_then(|next| next.first_chunk()).is_some_and(|next| {
            is_distance(place, address.wrapping_add(4), u32::from_le_bytes(*next))
        })
    {
        Unit { form: Form::DISTANCE_BACK, class: 3, target: address.wrapping_sub(word), ..plain }
    } else {
        plain
    }
}

/// Bytes of a word.
const WORD: u32 = 4;

/// Distances to an entry of the same table are below this.
const NEAR: u32 = 1 << 16;

/// Distances to code are above this; smaller numbers are too likely to be something else.
const FAR: u32 = 1 << 20;

/// A reference does not go from one region of this many address bits to another (flash, RAM) from
/// one release to the next.
const REGION_LOG2: u32 = 22;

/// Whether this word, at `address`, is the distance to an address that is far away.
fn is_distance(place: &Place<'_>, address: u32, word: u32) -> bool {
    (word as i32).unsigned_abs() >= FAR && place.is_address(address.wrapping_add(word))
}
