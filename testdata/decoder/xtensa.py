# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 5.8: Xtensa."""
from .wire import MASK, word

PLAIN, WORD, CALL, L32R = range(4)
CODE, END, POOL = "code", "end", "pool"
UNKNOWN, WINDOWED, CALL0 = "unknown", "windowed", "call0"
# From this bit, this much to the left against the distance, these bits flipped and kept.
SHIFTS = {CALL: 4, L32R: 6}
FLIPS = {CALL: 0x800000, L32R: 0}
KEEPS = {CALL: 0x3F, L32R: 0xFF}
SPANS = {CALL: 1 << 20, L32R: 1 << 18}


def length_of(op0):
    return 3 if op0 < 8 else 2 if op0 < 14 else 4


def base(form, address):
    if form == CALL:
        return (address & ~3) + 4 - (1 << 19)
    return ((address + 3) & ~3) - (1 << 18)


def code_of(data):
    return int.from_bytes(data[:3], "little")


def is_entry(data):
    return len(data) >= 3 and data[0] == 0x36 and data[1] & 15 == 1 and data[2] < 16


def is_prologue(data):
    if is_entry(data):
        return True
    return len(data) >= 3 and data[:2] == b"\x12\xc1" and data[2] & 0x8F == 0x80


def target_of(code, form, address):
    field = (code ^ FLIPS[form]) & 0xFFFFFF & ~KEEPS[form]
    return (base(form, address) + (field >> SHIFTS[form])) & MASK


class Xtensa:
    PARTIAL = ()
    SCALES = {CALL: 2, L32R: 2}

    def __init__(self, is_address):
        self.is_address = is_address
        self.reset()

    def reset(self):
        self.state, self.abi, self.count = CODE, UNKNOWN, 0

    def address_at(self, ahead, at):
        return len(ahead) >= at + 4 and self.is_address(word(ahead, at))

    def two_addresses(self, ahead, at):
        return self.address_at(ahead, at) and self.address_at(ahead, at + 4)

    def find(self, ahead, address):
        from .predict import Unit
        self.look_around(ahead, address)
        gap = 4 - address % 4
        if self.state == POOL:
            unit = Unit(address, ahead[:gap], PLAIN, 15)
            if gap == 4 and self.address_at(ahead, 0):
                unit.form, unit.target = WORD, word(ahead, 0)
            return unit
        length = length_of(ahead[0] & 15)
        padding = self.padding(ahead, gap, length)
        if padding:
            return Unit(address, ahead[:padding], PLAIN, 2)
        return self.instruction(ahead, address, length)

    def look_around(self, ahead, address):
        if address >> 26 == 0x0F:
            self.state = POOL
        elif address % 4 == 0:
            if is_prologue(ahead):
                self.state, self.count = CODE, 0
                if is_entry(ahead):
                    self.abi = WINDOWED
            elif self.address_at(ahead, 0) and (self.state in (POOL, END)
                                                or self.two_addresses(ahead, 0)):
                self.state, self.count = POOL, 0
            elif self.state == POOL:
                self.count = self.count + 1 & 0xFF
                if self.abi == CALL0 or self.count > 24:
                    self.state, self.count = CODE, 0

    def padding(self, ahead, gap, length):
        """The length of what fills up to the next multiple of 4, or 0."""
        if self.state == END and gap != 4 and not any(ahead[:gap]):
            return gap
        starts = is_prologue(ahead[gap:]) or self.two_addresses(ahead, gap)
        if (length > gap and starts) or length > len(ahead):
            return min(length, gap)
        return 0

    def instruction(self, ahead, address, length):
        from .predict import Unit
        unit = Unit(address, ahead[:length])
        code = code_of(ahead[:3])
        op0 = code & 15
        self.note(code, op0)
        impossible = op0 in (4, 14, 15) or (op0 == 3 and code & 0xB000)
        if impossible and self.abi != WINDOWED:
            self.count = 8
        else:
            self.count = max(self.count - 1, 0)
        form = {5: CALL, 1: L32R}.get(op0, PLAIN)
        if form == CALL and self.abi != UNKNOWN and (code & 0x30 == 0) != (self.abi == CALL0):
            form = PLAIN
        unit.form = PLAIN if self.count else form
        if unit.form != PLAIN:
            unit.target = target_of(code, form, address)
        unit.cls = 16 + (code >> 12 & 15) if op0 == 2 else 14 if op0 >= 14 else op0
        return unit

    def note(self, code, op0):
        self.state = CODE
        if op0 == 0 and code & 0xFFF0FF in (0x80, 0x90, 0xA0, 0, 0x40F0):
            self.state = END
        if op0 == 6 and code & 0x30 == 0:
            self.state = END
        if op0 == 13 and code & 0xFFEF == 0xF00D:
            self.state = END
            self.abi = WINDOWED if code & 0x10 else CALL0

    def encode(self, unit, target, address):
        if unit.form == WORD:
            return None
        code, form = code_of(unit.data), unit.form
        distance = (target - base(form, address)) & MASK
        if distance % 4 or distance >= SPANS[form]:
            return None
        code = code & KEEPS[form] | (distance << SHIFTS[form]) ^ FLIPS[form]
        return code.to_bytes(3, "little") + unit.data[3:]

    def decode(self, unit, data, address):
        old, new = code_of(unit.data), code_of(data)
        if (old ^ new) & KEEPS[unit.form] or unit.data[3:] != data[3:]:
            return None
        return target_of(new, unit.form, address)

    def advance(self, unit, data, address):
        pass

    def registers(self, unit):
        if len(unit.data) == 4:
            return 0
        code = code_of(unit.data)
        op0 = code & 15
        if op0 == 2:
            return 0xF0 if code & 0xF000 == 0xA000 else 0xFF0
        if op0 == 6:
            return 0xF00 if code & 0x30 else 0
        if op0 == 13:
            return 0xFF0 if code & 0xF000 == 0 else 0
        return {0: 0xF0F0, 1: 0xF0, 3: 0xFF0, 7: 0xFF0, 8: 0xFF0, 9: 0xFF0, 10: 0xFFF0,
                11: 0xFF00, 12: 0xF00}.get(op0, 0)
