# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 5.7: RISC-V."""
from .wire import MASK, i32, word

PLAIN = 0
JAL, C_J, BRANCH, C_B, LUI, AUIPC, ADDI, STORE = range(2, 10)
FIELDS = {
    JAL: [(20, 1, 31), (1, 10, 21), (11, 1, 20), (12, 8, 12)],
    C_J: [(11, 1, 12), (4, 1, 11), (8, 2, 9), (10, 1, 8), (6, 1, 7), (7, 1, 6), (1, 3, 3),
          (5, 1, 2)],
    BRANCH: [(12, 1, 31), (5, 6, 25), (1, 4, 8), (11, 1, 7)],
    C_B: [(8, 1, 12), (3, 2, 10), (6, 2, 5), (1, 2, 3), (5, 1, 2)],
    LUI: [(12, 20, 12)],
    AUIPC: [(12, 20, 12)],
    ADDI: [(0, 12, 20)],
    STORE: [(5, 7, 25), (0, 5, 7)],
}
BITS = {JAL: 21, C_J: 12, BRANCH: 13, C_B: 9, LUI: 32, AUIPC: 32, ADDI: 12, STORE: 12}
CALLS = [1, 5, 6, 7] + list(range(10, 18)) + list(range(28, 32))
CLASSES = {0x03: 24, 0x07: 24, 0x13: 25, 0x17: 26, 0x37: 26, 0x23: 27, 0x27: 27, 0x63: 28,
           0x67: 29, 0x6F: 30}
GP = 3


def form_of(code):
    if code & 3 != 3:
        if code & 0xE003 in (0x2001, 0xA001):
            return C_J
        return C_B if code & 0xE003 in (0xC001, 0xE001) else PLAIN
    opcode = code & 0x7F
    if opcode == 0x13:
        return ADDI if code >> 12 & 7 == 0 else PLAIN
    return {0x6F: JAL, 0x63: BRANCH, 0x37: LUI, 0x17: AUIPC, 0x03: ADDI, 0x07: ADDI, 0x67: ADDI,
            0x23: STORE, 0x27: STORE}.get(opcode, PLAIN)


def rd(code):
    return code >> 7 & 31


def rs1(code):
    return code >> 15 & 31


def quadrant(code):
    return 8 * (code & 3) + (code >> 13 & 7)


def class_of(code):
    return CLASSES.get(code & 0x7F, 31) if code & 3 == 3 else quadrant(code)


def value(code, form):
    v = 0
    for to, bits, low in FIELDS[form]:
        v |= (code >> low & ((1 << bits) - 1)) << to
    return v - (1 << BITS[form]) if v >> (BITS[form] - 1) else v


def with_value(code, form, v):
    for to, bits, low in FIELDS[form]:
        mask = (1 << bits) - 1
        code = code & ~(mask << low) | (v >> to & mask) << low
    return code


def forgotten(code):
    """The registers whose value an instruction takes away."""
    if code & 3 == 3:
        opcode = code & 0x7F
        if opcode in (0x23, 0x27, 0x63, 0x07) or (opcode == 0x6F and rd(code) == 0):
            return []
        return CALLS if opcode in (0x6F, 0x67) else [rd(code)]
    q = quadrant(code)
    if q in (0, 2, 4):
        return [8 + (code >> 2 & 7)]
    if q == 9:
        return CALLS
    if q == 12:
        return [8 + (code >> 7 & 7)]
    if q in (8, 10, 11, 16):
        return [rd(code)]
    if q == 18:
        return [rd(code)] if rd(code) in CALLS else []
    if q == 20:
        return CALLS if code >> 2 & 31 == 0 else [rd(code)]
    return []


class RiscV:
    PARTIAL = (LUI, AUIPC)
    SCALES = {JAL: 1, C_J: 1, BRANCH: 1, C_B: 1, LUI: 12, AUIPC: 12, ADDI: 0, STORE: 0}

    def __init__(self, is_address):
        self.is_address = is_address
        self.reset()

    def reset(self):
        self.known = {}

    def register(self, number, which):
        """The base that a register holds in the old image (0) or the new one (1), or None."""
        if number == GP:
            return 0xFFFFF800
        return self.known[number][which] if number in self.known else None

    def base(self, unit, code, address, which):
        if unit.form in (ADDI, STORE):
            return self.register(rs1(code), which)
        return 0 if unit.form == LUI else address

    def find(self, ahead, address):
        from .predict import Unit
        length = 4 if ahead[0] & 3 == 3 else 2
        if address & 1 or length > len(ahead):
            return Unit(address, ahead[:1])
        unit = Unit(address, ahead[:length])
        code = unit.as_word()
        unit.cls, unit.form = class_of(code), form_of(code)
        if unit.form == PLAIN:
            return unit
        if unit.form in (LUI, AUIPC) and rd(code) == 0:
            unit.form = PLAIN
            return unit
        start = self.base(unit, code, address, 0)
        if start is None:
            unit.form = PLAIN
            return unit
        unit.target = (start + value(code, unit.form)) & MASK
        if unit.form in (LUI, AUIPC):
            unit.target = (unit.target + self.low_part(ahead, rd(code))) & MASK
        if unit.form == LUI and not self.is_address(unit.target):
            unit.form = PLAIN
        return unit

    @staticmethod
    def low_part(ahead, register):
        at = 4
        while len(ahead) >= at + 4:
            code = word(ahead, at)
            if code & 3 != 3:
                code &= 0xFFFF
            form = form_of(code)
            if form in (ADDI, STORE) and rs1(code) == register:
                return value(code, form)
            if register in forgotten(code):
                return 0
            at += 4 if code & 3 == 3 else 2
        return 0

    def encode(self, unit, target, address):
        code, form = unit.as_word(), unit.form
        want = i32(target - self.base(unit, code, address, 1))
        if form in (LUI, AUIPC):
            want = i32((want + 0x800) & 0xFFFFF000)
        made = with_value(code, form, want)
        return made.to_bytes(len(unit.data), "little") if value(made, form) == want else None

    def decode(self, unit, data, address):
        old, new = unit.as_word(), int.from_bytes(data, "little")
        if with_value(new, unit.form, 0) != with_value(old, unit.form, 0):
            return None
        return (self.base(unit, old, address, 1) + value(new, unit.form)) & MASK

    def advance(self, unit, data, address):
        old, new = unit.as_word(), int.from_bytes(data, "little")
        decoded = None
        if unit.form in (LUI, AUIPC):
            decoded = self.decode(unit, data, address)
        for register in forgotten(old) + forgotten(new):
            self.known.pop(register, None)
        if decoded is not None:
            was = self.base(unit, old, unit.address, 0) + value(old, unit.form)
            self.known[rd(old)] = (was & MASK, decoded)

    def registers(self, unit):
        code = unit.as_word()
        if len(unit.data) == 4:
            group = code >> 2 & 31
            if group in (0x08, 0x09, 0x18):
                return 0x01FF8000
            if group == 0x0C:
                return 0x01FF8F80
            return 0x0F80 if group in (0x05, 0x0D, 0x1B) else 0x000F8F80
        top = code >> 13 & 7
        if code & 3 == 0:
            return 0x039C
        if code & 3 == 1:
            return 0x0F80 if top < 4 else 0x0380
        return 0x007C if top >= 5 else 0x0F80
