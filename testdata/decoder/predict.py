# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sections 5.1 to 5.5: how a copy from the old image adapts what refers to something that moved."""
from bisect import bisect_right, insort
from dataclasses import dataclass

from . import mcs51, riscv, tc32, thumb, xtensa
from .address_map import Space, pointer_ranges
from .wire import MASK, i32, word

PLAIN, WORD, DISTANCE, DISTANCE_BACK = 0, 1, 16, 17
UNKNOWN, TORN, BETWEEN, EXACT = range(4)
AHEAD = 64
GRAINS = {"none": 4, "halves": 2, "bytes": 1}


@dataclass
class Unit:
    address: int
    data: bytes
    form: int = PLAIN
    cls: int = 0
    target: int = 0
    code: bool = False

    def as_word(self):
        return int.from_bytes(self.data, "little")


@dataclass
class Forecast:
    data: bytes
    trust: int
    encoded: bool


class ShiftMap:
    """Section 5.3."""

    def __init__(self, capacity):
        self.capacity, self.hand = capacity, 0
        self.keys, self.shifts = [], {}

    def look_up(self, target):
        """Shift and trust."""
        i = bisect_right(self.keys, target) - 1
        if i < 0:
            return (self.shifts[self.keys[0]] if self.keys else 0), UNKNOWN
        shift = self.shifts[self.keys[i]]
        if self.keys[i] == target:
            return shift, EXACT
        if i + 1 < len(self.keys) and self.shifts[self.keys[i + 1]] != shift:
            return shift, TORN
        return shift, BETWEEN

    def look_above(self, target):
        i = bisect_right(self.keys, target)
        return self.shifts[self.keys[i]] if i < len(self.keys) else None

    def learn(self, target, shift):
        i = bisect_right(self.keys, target) - 1
        if i >= 0:
            if self.shifts[self.keys[i]] == shift:
                return
            if self.keys[i] == target:
                self.shifts[target] = shift
                return
        if self.capacity == 0:
            return
        if len(self.keys) == self.capacity:
            self.drop()
        insort(self.keys, target)
        self.shifts[target] = shift

    def drop(self):
        self.hand = self.hand + 2 if self.hand + 2 < len(self.keys) else 0
        del self.shifts[self.keys.pop(self.hand)]


class Predictor:
    """What both kinds of codecs know about units."""

    def __init__(self, header, old):
        self.old, self.size = old, header.old_size
        self.old_space, self.new_space = Space(header.maps.old), Space(header.maps.new)
        self.ranges = pointer_ranges(header.maps)
        self.map = ShiftMap(header.entries)
        self.name = header.isa
        self.isa = make_isa(header.isa, self.is_address)
        self.grain = GRAINS.get(header.isa, 4)

    def is_address(self, value):
        return any(start <= value < start + length for start, length in self.ranges)

    def reset(self):
        if self.isa:
            self.isa.reset()

    def find(self, source, left):
        """The unit at an offset of the old image, of at most `left` bytes (section 5.2)."""
        segment = self.old_space.at(source)
        address = (segment.address + source - segment.offset) & MASK
        ahead = self.old[source:min(source + AHEAD, segment.end, self.size, source + left)]
        if self.isa and segment.code:
            unit = self.isa.find(ahead, address)
            unit.code = True
            return unit
        return self.data_unit(ahead, address)

    def data_unit(self, ahead, address):
        unit = Unit(address, ahead[:self.grain - address % self.grain])
        if self.grain == 4 and address % 4 == 0 and len(ahead) >= 4:
            unit.form, unit.target = self.data_form(ahead, address)
            unit.cls = {PLAIN: 0, WORD: 1, DISTANCE: 2, DISTANCE_BACK: 3}[unit.form]
        return unit

    def data_form(self, ahead, address):
        w = word(ahead, 0)
        if self.is_address(w):
            return WORD, w
        if self.is_distance(w, address):
            return DISTANCE, (address + w) & MASK
        if w % 4 == 0 and 1 <= w <= 65536 and len(ahead) >= 8:
            if self.is_distance(word(ahead, 4), (address + 4) & MASK):
                return DISTANCE_BACK, (address - w) & MASK
        return PLAIN, 0

    def is_distance(self, w, address):
        return abs(i32(w)) >= 1 << 20 and self.is_address((address + w) & MASK)

    def shift(self, target):
        """Shift and trust by the region rule (section 5.4)."""
        shift, trust = self.map.look_up(target)
        if (target ^ (target + shift)) & 0xFFC00000:
            return 0, UNKNOWN
        return shift, trust

    def forecast(self, unit, address):
        if unit.form == PLAIN:
            return Forecast(unit.data, 0, False)
        shift, trust = self.shift(unit.target)
        data = self.encode(unit, (unit.target + shift) & MASK, address)
        return Forecast(unit.data if data is None else data, trust, data is not None)

    def encode(self, unit, target, address):
        """The unit's bytes for a target and a new address, or None."""
        if unit.form == WORD:
            value = target
        elif unit.form == DISTANCE:
            value = target - address
        elif unit.form == DISTANCE_BACK:
            value = address - target
        else:
            return self.isa.encode(unit, target, address)
        return (value & MASK).to_bytes(4, "little")

    def decode(self, unit, data, address):
        """The target that these bytes of the unit refer to, or None."""
        value = int.from_bytes(data, "little")
        if unit.form == WORD:
            return value
        if unit.form == DISTANCE:
            return (address + value) & MASK
        if unit.form == DISTANCE_BACK:
            return (address - value) & MASK
        return self.isa.decode(unit, data, address)

    def learn(self, unit, forecast, data, address):
        """The new bytes of a unit are known (section 5.5)."""
        if unit.form != PLAIN and self.holds_target(unit.form):
            if data != forecast.data or not forecast.encoded:
                target = self.decode(unit, data, address)
                if target is not None:
                    self.map.learn(unit.target, (target - unit.target) & MASK)
        if unit.code:
            self.isa.advance(unit, data, address)

    def holds_target(self, form):
        return form in (WORD, DISTANCE, DISTANCE_BACK) or form not in self.isa.PARTIAL

    def scale(self, form):
        return 0 if form in (WORD, DISTANCE, DISTANCE_BACK) else self.isa.SCALES[form]

    def key(self, unit):
        key = unit.as_word()
        if unit.code and unit.form not in (WORD, DISTANCE, DISTANCE_BACK):
            key &= ~self.isa.registers(unit)
        return key


def make_isa(name, is_address):
    makers = {"thumb": thumb.Thumb, "riscv": riscv.RiscV, "xtensa": xtensa.Xtensa,
              "tc32": tc32.Tc32, "mcs51": mcs51.Mcs51}
    return makers[name](is_address) if name in makers else None


class Copy:
    """A copy from the old image in the byte codecs: what its bytes are predicted to be."""

    def __init__(self, predictor, source, at, length):
        self.p, self.source, self.at, self.left = predictor, source, at, length
        predictor.reset()
        old_address = predictor.old_space.address(source)
        new_address = predictor.new_space.address(at)
        predictor.map.learn(old_address, (new_address - old_address) & MASK)

    def units(self):
        """For each unit: a function that takes its new bytes, and what they are predicted to be."""
        while self.left:
            unit = self.p.find(self.source, self.left)
            address = self.p.new_space.address(self.at)
            forecast = self.p.forecast(unit, address)
            data = yield forecast.data
            self.p.learn(unit, forecast, data, address)
            length = len(data)
            self.source, self.at = self.source + length, self.at + length
            self.left -= length
