# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 5.10: MCS-51."""
import functools
import re

from . import document

PLAIN, WORD, CALL, JUMP, DATA, RELAY = range(6)
FORMS = {0x12: CALL, 0x02: JUMP, 0x90: DATA}


@functools.lru_cache(maxsize=None)
def lengths():
    """The lengths of instructions by their first bytes, read from the document."""
    section = document.text().split("### 5.10 MCS-51\n")[1].split("\n## ")[0]
    found = {}
    for high, row in re.findall(r"^\| ([0-9a-f]) \|((?: \d \|){8})$", section, re.MULTILINE):
        columns = [int(n) for n in row.strip(" |").split("|")]
        for x in range(16):
            found[int(high, 16) << 4 | x] = columns[x if x < 6 else 6 if x < 8 else 7]
    assert len(found) == 256
    return found


def target_of(form, address, code):
    if form == RELAY:
        return (code >> 16 & 0xFF) * 0x8000 + (code & 0x7FFF)
    x = (code >> 8 & 0xFF) << 8 | code >> 16 & 0xFF
    if form == DATA:
        return x if 0x2000 <= x < 0x6000 else 0x400000 + x
    return x if x < 0x8000 else max(address & ~0x7FFF, 0x8000) + (x & 0x7FFF)


class Mcs51:
    PARTIAL = ()
    SCALES = {CALL: 0, JUMP: 0, DATA: 0, RELAY: 0}

    def __init__(self, is_address):
        self.reset()

    def reset(self):
        self.call = self.call_end = self.dispatcher = 0

    @staticmethod
    def length_of(first):
        return lengths()[first]

    def find(self, ahead, address):
        from .predict import Unit
        first = ahead[0]
        length = self.length_of(first)
        if length > len(ahead):
            length = 1
        form = PLAIN
        if len(ahead) >= 3:
            if self.is_relay(ahead, address):
                self.dispatcher, form, length = self.call, RELAY, 3
            else:
                form = FORMS.get(first, PLAIN)
        unit = Unit(address, ahead[:length], form, form if form else 16 + (first >> 4))
        if form:
            unit.target = target_of(form, address, unit.as_word())
        return unit

    def is_relay(self, ahead, address):
        if not self.call or self.call_end != address:
            return False
        value = int.from_bytes(ahead[:3], "little")
        if not 0x18000 <= value <= 0x1FFFFF or not value & 0x8000:
            return False
        after = int.from_bytes(ahead[3:6], "little") if len(ahead) >= 6 else None
        return self.call in (self.dispatcher, after)

    def encode(self, unit, target, address):
        form = unit.form
        if form == RELAY:
            made = (0x8000 | target & 0x7FFF).to_bytes(2, "little") + bytes([target >> 15 & 0xFF])
        else:
            x = target & 0xFFFF if form == DATA else target & 0x7FFF
            if form != DATA and target > 0x7FFF:
                x |= 0x8000
            made = unit.data[:1] + x.to_bytes(2, "big")
        same = target_of(form, address, int.from_bytes(made, "little")) == target
        return made if same else None

    def decode(self, unit, data, address):
        target = target_of(unit.form, address, int.from_bytes(data, "little"))
        return target if self.encode(unit, target, address) == data else None

    def advance(self, unit, data, address):
        self.call = unit.as_word() if unit.form == CALL else 0
        self.call_end = unit.address + 3

    def registers(self, unit):
        return 7 if unit.as_word() & 8 else 0
