# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 5.6: Thumb."""
from .wire import MASK, word

PLAIN, WORD = 0, 1
BL, B_W, BC_W, LDR, ADR, LDR_W, LDRD, ADR_W, MOVW, MOVT, B, BC, CBZ = range(2, 15)
HALF = [(0, 0, 8), (12, 8, 3), (26, 11, 1), (16, 12, 4)]
BRANCH = [(0, 1, 11), (16, 12, 10), (11, 22, 1), (13, 23, 1), (26, 24, 1)]
FIELDS = {
    BL: BRANCH,
    B_W: BRANCH,
    BC_W: [(0, 1, 11), (16, 12, 6), (13, 18, 1), (11, 19, 1), (26, 20, 1)],
    LDR: [(16, 2, 8)],
    ADR: [(16, 2, 8)],
    LDR_W: [(0, 0, 12)],
    LDRD: [(0, 2, 8)],
    ADR_W: [(0, 0, 8), (12, 8, 3), (26, 11, 1)],
    MOVW: HALF,
    MOVT: [(a, b + 16, n) for a, b, n in HALF],
    B: [(16, 1, 11)],
    BC: [(16, 1, 8)],
    CBZ: [(19, 1, 5), (25, 6, 1)],
}
SIGNED = {BL: 25, B_W: 25, BC_W: 21, B: 12, BC: 9}
WIDE = [
    (BL, 0xF800D000, 0xF000D000), (B_W, 0xF800D000, 0xF0009000), (LDR_W, 0xFE1F0000, 0xF81F0000),
    (MOVW, 0xFBF08000, 0xF2400000), (MOVT, 0xFBF08000, 0xF2C00000),
    (LDRD, 0xFF3F0E00, 0xED1F0A00), (LDRD, 0xFF7F0000, 0xE95F0000),
    (ADR_W, 0xFBFF8000, 0xF20F0000), (ADR_W, 0xFBFF8000, 0xF2AF0000),
]
FROM_WORD = (LDR, ADR, LDR_W, LDRD, ADR_W)


def is_wide(h):
    return h >> 11 >= 29


def wide_form(code):
    for form, mask, value in WIDE:
        if code & mask == value:
            return form
    if code & 0xF800D000 == 0xF0008000 and code & 0xFB80D000 != 0xF3808000:
        return BC_W
    return PLAIN


def narrow_form(h):
    if h >> 11 == 0b01001:
        return LDR
    if h >> 11 == 0b10100:
        return ADR
    if h >> 11 == 0b11100:
        return B
    if h >> 12 == 0b1101 and h & 0x0E00 != 0x0E00:
        return BC
    if h >> 12 == 0b1011 and h & 0x0500 == 0x0100:
        return CBZ
    return PLAIN


def code_of(data):
    """The instruction with its first halfword on top."""
    padded = data + bytes(4 - len(data))
    return int.from_bytes(padded[:2], "little") << 16 | int.from_bytes(padded[2:], "little")


def bytes_of(code, length):
    return ((code >> 16).to_bytes(2, "little") + (code & 0xFFFF).to_bytes(2, "little"))[:length]


def base(form, address):
    if form in (MOVW, MOVT):
        return 0
    at = (address + 4) & MASK
    return at & ~3 if form in FROM_WORD else at


def gather(code, form):
    value = 0
    for low, to, bits in FIELDS[form]:
        value |= (code >> low & ((1 << bits) - 1)) << to
    return value


def offset(code, form):
    """The offset that an instruction holds."""
    value = gather(code, form)
    if form in (BL, B_W) and not code >> 26 & 1:
        value ^= 3 << 22
    if form in SIGNED:
        return value - (1 << SIGNED[form]) if value >> (SIGNED[form] - 1) else value
    if form in (LDR_W, LDRD):
        return value if code >> 23 & 1 else -value
    if form == ADR_W:
        return -value if code & 0x00A00000 else value
    return value


def with_offset(code, form, value):
    """The instruction with another offset."""
    if form in (LDR_W, LDRD):
        code = code & ~(1 << 23) | (1 << 23 if value >= 0 else 0)
        value = abs(value)
    elif form == ADR_W:
        code = code & ~0x00A00000 | (0x00A00000 if value < 0 else 0)
        value = abs(value)
    elif form in (BL, B_W) and value >= 0:
        value ^= 3 << 22
    for low, to, bits in FIELDS[form]:
        mask = (1 << bits) - 1
        code = code & ~(mask << low) | (value >> to & mask) << low
    return code


class Literals:
    """Which words of 4 KiB are known to be literals."""

    def __init__(self):
        self.words = set()

    def has(self, address):
        return address >> 2 & 1023 in self.words

    def clear(self, address):
        self.words.discard((address & MASK) >> 2 & 1023)

    def note(self, at, literal):
        """The instruction at an address loads this literal."""
        if literal % 4 == 0 and 1 <= (literal - at) & MASK <= 4091:
            self.words.add((literal & MASK) >> 2 & 1023)


class Thumb:
    PARTIAL = (MOVW,)
    SCALES = {BL: 1, B_W: 1, BC_W: 1, LDR: 2, ADR: 2, LDR_W: 0, LDRD: 2, ADR_W: 0, MOVW: 0,
              MOVT: 16, B: 1, BC: 1, CBZ: 1}

    def __init__(self, is_address):
        self.is_address = is_address
        self.reset()

    def reset(self):
        self.literals = Literals()
        self.halves = [(0, 0, 0)] * 4
        self.data_end = 0

    def find(self, ahead, address):
        from .predict import Unit
        if address & 1 or len(ahead) < 2:
            return Unit(address, ahead[:1])
        h = word(ahead, 0) & 0xFFFF
        wide, aligned = is_wide(h), address % 4 == 0
        data = (aligned or wide) and self.is_data(ahead, 0 if aligned else 2, address)
        if data and aligned:
            w = word(ahead, 0)
            if self.is_address(w) or 0x1FF00000 <= w <= 0x38FFFFFF:
                return Unit(address, ahead[:4], WORD, WORD, w)
            return Unit(address, ahead[:4], PLAIN, 15)
        if wide and not data:
            return self.wide(ahead, address, h)
        unit = Unit(address, ahead[:2], PLAIN, h >> 11 if wide else 16 + (h >> 12))
        form = narrow_form(h)
        if form != PLAIN:
            unit.form = unit.cls = form
            unit.target = (base(form, address) + offset(h << 16, form)) & MASK
        return unit

    def is_data(self, ahead, at, address):
        """Whether the word there is data rather than instructions."""
        if len(ahead) < at + 4:
            return False
        where, w = (address + at) & MASK, word(ahead, at)
        if self.literals.has(where):
            return True
        if not self.is_address(w):
            return False
        if w >> 24 in (0x08, 0x10, 0x1F) or self.data_end == where:
            return True
        later = range(at + 4, min(at + 20, len(ahead) - 3), 4)
        return any(self.is_address(word(ahead, i)) for i in later)

    def wide(self, ahead, address, h):
        from .predict import Unit
        unit = Unit(address, ahead[:4], PLAIN, h >> 11)
        if len(unit.data) < 4:
            return unit
        code = code_of(unit.data)
        form = wide_form(code)
        if form == PLAIN:
            return unit
        if form in (MOVW, MOVT):
            half = self.other_half(ahead, code, form)
            if half is None:
                return unit
            target = half | offset(code, form)
            if not self.is_address(target):
                return unit
        else:
            target = (base(form, address) + offset(code, form)) & MASK
        unit.form, unit.cls, unit.target = form, form, target
        return unit

    def other_half(self, ahead, code, form):
        register = code >> 8 & 15
        if form == MOVT:
            name, old, _ = self.halves[register & 3]
            return old if name == register + 16 else None
        at = 4
        for _ in range(6):
            if len(ahead) < at + 2:
                return None
            if not is_wide(word(ahead, at) & 0xFFFF):
                at += 2
                continue
            if len(ahead) < at + 4:
                return None
            other = code_of(ahead[at:at + 4])
            kind = wide_form(other)
            if kind in (MOVW, MOVT) and other >> 8 & 15 == register:
                return offset(other, MOVT) if kind == MOVT else None
            at += 4
        return None

    def encode(self, unit, target, address):
        code, form = code_of(unit.data), unit.form
        if form in (MOVW, MOVT):
            return bytes_of(with_offset(code, form, target), 4)
        want = (target - base(form, address)) & MASK
        if offset(code, form) & MASK == want:
            return unit.data
        if form in SIGNED or form in (LDR_W, LDRD, ADR_W):
            want = want - (1 << 32) if want >> 31 else want
        code = with_offset(code, form, want)
        return bytes_of(code, len(unit.data)) if offset(code, form) == want else None

    def decode(self, unit, data, address):
        code, form = code_of(data), unit.form
        if form == MOVW:
            target = unit.target & 0xFFFF0000 | offset(code, form)
        elif form == MOVT:
            register = code_of(unit.data) >> 8 & 15
            name, _, new = self.halves[register & 3]
            target = offset(code, form) | (new if name == register + 16 else 0)
        else:
            target = (base(form, address) + offset(code, form)) & MASK
        return target if self.encode(unit, target, address) == data else None

    def advance(self, unit, data, address):
        if unit.form == WORD or unit.cls == 15:
            self.data_end = (unit.address + len(unit.data)) & MASK
        self.literals.clear(unit.address + len(unit.data) - 1)
        code = code_of(unit.data)
        if unit.form in (LDR, LDR_W, LDRD):
            self.literals.note(unit.address, unit.target)
        if unit.form == LDRD and code & 0x06000100 != 0x04000000:
            self.literals.note(unit.address, unit.target + 4)
        if unit.form == MOVW:
            register = code >> 8 & 15
            self.halves[register & 3] = (register + 16, offset(code, MOVW),
                                         offset(code_of(data), MOVW))

    def registers(self, unit):
        if len(unit.data) == 4:
            return 0xF000000F
        top = unit.as_word() >> 13
        return {1: 0x0700, 0: 0x003F, 3: 0x003F, 4: 0x003F}.get(top, 0)
