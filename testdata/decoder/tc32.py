# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 5.9: TC32."""
from .thumb import Literals
from .wire import MASK, word

PLAIN, WORD, CALL, LOAD, JUMP, BRANCH = range(6)
FIELDS = {CALL: [(0, 12, 11), (16, 1, 11)], LOAD: [(0, 2, 8)], JUMP: [(0, 1, 11)],
          BRANCH: [(0, 1, 8)]}
SIGNED = {CALL: 23, JUMP: 12, BRANCH: 9}
KEY_BITS = {0x0700: [1, 6, 7, 15, 20, 21, 22, 23],
            0x003F: [0, 2, 3, 4, 5, 8, 9, 10, 11, 28, 29, 30, 31]}


def form_of(code):
    top = code >> 11 & 31
    if top == 0b10010 and code >> 27 == 0b10011:
        return CALL
    if top == 0b00001:
        return LOAD
    if top == 0b10000:
        return JUMP
    if top in (0b11000, 0b11001) and code & 0x0E00 != 0x0E00:
        return BRANCH
    return PLAIN


def base(form, address):
    at = (address + 4) & MASK
    return at & ~3 if form == LOAD else at


def offset(code, form):
    value = 0
    for low, to, bits in FIELDS[form]:
        value |= (code >> low & ((1 << bits) - 1)) << to
    if form in SIGNED and value >> (SIGNED[form] - 1):
        value -= 1 << SIGNED[form]
    return value


def with_offset(code, form, value):
    for low, to, bits in FIELDS[form]:
        mask = (1 << bits) - 1
        code = code & ~(mask << low) | (value >> to & mask) << low
    return code


class Tc32:
    PARTIAL = ()
    SCALES = {CALL: 1, LOAD: 2, JUMP: 1, BRANCH: 1}

    def __init__(self, is_address):
        self.is_address = is_address
        self.reset()

    def reset(self):
        self.literals, self.data_end = Literals(), 0

    def is_pointer(self, ahead, at):
        if len(ahead) < at + 4:
            return False
        w = word(ahead, at)
        is_mask = w & (w + 1) & MASK == 0 or w & (w - 1) == 0 if w else True
        return not is_mask and (w >> 16 == 0x84 or self.is_address(w))

    def is_data(self, ahead, address):
        if address % 4 or len(ahead) < 4:
            return False
        if self.literals.has(address):
            return True
        if not self.is_pointer(ahead, 0):
            return False
        return (self.data_end == address
                or any(self.is_pointer(ahead, 4 * i) for i in range(1, 9)))

    def find(self, ahead, address):
        from .predict import Unit
        if address & 1 or len(ahead) < 2:
            return Unit(address, ahead[:1])
        if self.is_data(ahead, address):
            if self.is_pointer(ahead, 0):
                return Unit(address, ahead[:4], WORD, WORD, word(ahead, 0))
            return Unit(address, ahead[:4], PLAIN, 15)
        code = word(ahead, 0) if len(ahead) >= 4 else word(ahead[:2], 0)
        form = form_of(code)
        unit = Unit(address, ahead[:4 if form == CALL else 2], form)
        unit.cls = form if form else 16 + (code >> 12 & 15)
        if form:
            unit.target = (base(form, address) + offset(unit.as_word(), form)) & MASK
        return unit

    def encode(self, unit, target, address):
        want = (target - base(unit.form, address)) & MASK
        code = with_offset(unit.as_word(), unit.form, want)
        if offset(code, unit.form) & MASK != want:
            return None
        return code.to_bytes(len(unit.data), "little")

    def decode(self, unit, data, address):
        code = int.from_bytes(data, "little")
        target = (base(unit.form, address) + offset(code, unit.form)) & MASK
        return target if self.encode(unit, target, address) == data else None

    def advance(self, unit, data, address):
        if unit.form == WORD or unit.cls == 15:
            self.data_end = (unit.address + len(unit.data)) & MASK
        self.literals.clear(unit.address + len(unit.data) - 1)
        if unit.form == LOAD:
            self.literals.note(unit.address, unit.target)

    def registers(self, unit):
        top = unit.as_word() >> 11 & 31
        return next((bits for bits, tops in KEY_BITS.items() if top in tops), 0)
