# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 9.3: from data and a template to a file of records."""
from dataclasses import dataclass, replace

import hashlib

from . import packed, records
from .wire import MASK, Reader, Refused, to_signed

HEX, SREC, TITXT, UF2 = range(1, 5)
LINE_ENDS = [b"\n", b"\r\n", b"\r", b"\r\r\n"]
MOST = {HEX: 255, SREC: 252, TITXT: 255, UF2: 476}


@dataclass
class Habits:
    length: int
    kind: int = 0
    lower: bool = False
    aligned: bool = False
    line_end: bytes = b"\n"
    final_end: bool = True
    crossing: bool = False
    small_letter: bool = False
    block: tuple = (0, 0, 0)


class Fields(Reader):
    """The fields of a template: numbers have up to 64 bits."""

    def __init__(self, template, at=0):
        super().__init__(template, "host-section", at)

    def number(self):
        value = 0
        for shift in range(0, 64, 7):
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & ((1 << 64) - 1)
        raise self.damaged("number")

    def short_number(self):
        value = self.number()
        self.require(value <= MASK, "number beyond 32 bits")
        return value

    def habits(self):
        flags, length = self.u8(), self.number()
        h = Habits(length, self.u8(), bool(flags & 1), bool(flags & 2), LINE_ENDS[flags >> 2 & 3],
                   not flags & 16, bool(flags & 64), bool(flags & 128))
        if flags & 32:
            h.block = tuple(self.short_number() for _ in range(3))
        return h

    def operation(self):
        """The code of an operation and its operands."""
        code = self.u8()
        if code <= 3:
            distance = to_signed(self.number()) if code & 1 else 0
            return "data", (distance & MASK, self.number(), bool(code & 2))
        if code == 4:
            return "end", ()
        if code == 5:
            kind, address, length = self.u8(), self.short_number(), self.number()
            self.require(length <= 512, "record")
            return "record", (kind, address, self.bytes(length))
        if code == 6:
            return "count", ()
        if code == 7:
            length = self.number()
            self.require(length > 0, "length of records")
            return "length", (length,)
        if code == 8:
            return "kind", (self.u8(),)
        if code == 9:
            return "text", (self.bytes(self.number()),)
        if code == 10:
            mask = self.u8()
            self.require(mask < 32, "mask of a series")
            fields = [self.short_number() if mask >> bit & 1 else None for bit in range(4)]
            return "series", (*fields, bool(mask & 16))
        if code == 11:
            kind = self.u8()
            self.require(kind < 2, "kind of a tail")
            return "tail", (None if kind else self.bytes(self.number()),)
        raise self.damaged("operation")


def blocks(template):
    """(address, length) of the data operations; those that go on are one."""
    f = Fields(template, 1)
    f.habits()
    found, end = [], 0
    while f.left():
        name, operands = f.operation()
        if name != "data":
            continue
        distance, length, _ = operands
        f.require(length <= MASK, "block")
        address = (end + distance) & MASK
        end = (address + length) & MASK
        if found and distance == 0 and end >= found[-1][0]:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((address, length))
    return found


def render(data, template, limit):
    """The file."""
    f = Fields(template)
    if template[:1] == bytes([packed.APJ]):
        return packed.join(data, f, limit)
    code = f.u8()
    f.require(code in WRITERS, "format of a template")
    habits = f.habits()
    f.require(1 <= habits.length <= MOST[code], "length of records")
    writer, out = WRITERS[code](replace(habits)), bytearray()
    at = end = count = 0
    while f.left():
        name, operands = f.operation()
        if name == "data":
            distance, length, force = operands
            end = (end + distance) & MASK
            f.require(length <= len(data) - at, "more data than there is")
            left = length
            while left:
                n = max(1, min(writer.next_length(end), left))
                out += writer.data(end, data[at:at + n], force)
                at, end, left, force, count = at + n, (end + n) & MASK, left - n, False, count + 1
                check_length(f, out, limit, habits)
        elif name == "length":
            f.require(operands[0] <= MOST[code], "length of records")
            writer.habits.length = operands[0]
        elif name == "kind":
            writer.habits.kind = operands[0]
        elif name == "text":
            out += operands[0]
        else:
            out += writer.control(name, (count,) if name == "count" else operands)
        check_length(f, out, limit, habits)
    f.require(at == len(data), "data is left over")
    if not habits.final_end:
        del out[len(out) - min(len(habits.line_end), len(out)):]
    return bytes(out)


def check_length(f, out, limit, habits):
    f.require(len(out) <= limit + len(habits.line_end), "the file is too long")


class Writer:
    def __init__(self, habits):
        self.habits = habits

    def copy(self):
        other = type(self)(replace(self.habits))
        other.__dict__.update({k: v for k, v in self.__dict__.items() if k != "habits"})
        return other

    def next_length(self, address):
        """Bytes in a full record at an address."""
        h = self.habits
        return h.length - address % h.length if h.aligned else h.length

    def line(self, prefix, raw):
        text = raw.hex() if self.habits.lower else raw.hex().upper()
        return prefix + text.encode() + self.habits.line_end


class HexWriter(Writer):
    base = 0

    def next_length(self, address):
        length = super().next_length(address)
        return length if self.habits.crossing else min(length, 0x10000 - (address & 0xFFFF))

    def record(self, kind, address, data):
        raw = bytes([len(data) & 0xFF]) + (address & 0xFFFF).to_bytes(2, "big")
        raw += bytes([kind]) + data
        return self.line(b":", raw + bytes([-sum(raw) & 0xFF]))

    def data(self, address, data, force):
        out = b""
        if force or (address - self.base) & MASK > 0xFFFF:
            if self.habits.kind & 15 == 2 and address < 1 << 20:
                self.base = address & 0xF0000
                out = self.record(2, 0, (self.base >> 4).to_bytes(2, "big"))
            else:
                self.base = address & 0xFFFF0000
                out = self.record(4, 0, (self.base >> 16).to_bytes(2, "big"))
        return out + self.record(self.habits.kind >> 4, address - self.base, data)

    def control(self, name, operands):
        if name == "end":
            return self.record(1, 0, b"")
        if name != "record":
            return b""
        kind, address, data = operands
        if kind in (2, 4) and len(data) >= 2:
            self.base = int.from_bytes(data[:2], "big") << (4 if kind == 2 else 16)
        return self.record(kind, address, data)


class SrecWriter(Writer):
    def record(self, kind, address, data):
        width = records.ADDRESS_LENGTHS.get(kind, 2)
        raw = (address & ((1 << 8 * width) - 1)).to_bytes(width, "big") + data
        raw = bytes([len(raw) + 1 & 0xFF]) + raw
        prefix = (b"s" if self.habits.small_letter else b"S") + b"%d" % (kind % 10)
        return self.line(prefix, raw + bytes([~sum(raw) & 0xFF]))

    def data_kind(self, address):
        if self.habits.kind in (1, 2, 3):
            return self.habits.kind
        return 1 if address < 1 << 16 else 2 if address < 1 << 24 else 3

    def data(self, address, data, force):
        return self.record(self.data_kind(address), address, data)

    def control(self, name, operands):
        if name == "end":
            return self.record(10 - self.data_kind(0), 0, b"")
        if name == "count":
            return self.record(6 if operands[0] > 0xFFFF else 5, operands[0], b"")
        return self.record(*operands) if name == "record" else b""


class TiTxtWriter(Writer):
    next = None

    def data(self, address, data, force):
        case = "x" if self.habits.lower else "X"
        out = ""
        end = self.habits.line_end
        if force or self.next != address:
            width = min(max(self.habits.kind >> 1, 1), 8)
            out = f"@{address:0{width}{case}}"
        line = " ".join(f"{byte:02{case}}" for byte in data)
        if self.habits.kind & 1:
            line += " "
        self.next = (address + len(data)) & MASK
        return (out.encode() + end if out else b"") + line.encode() + end

    def control(self, name, operands):
        return b"q" + self.habits.line_end if name == "end" else b""


class Uf2Writer(Writer):
    number, step, tail = 0, 1, b""

    def next_length(self, address):
        return self.habits.length

    def data(self, address, data, force):
        flags, family, total = self.habits.block
        words = [0x0A324655, 0x9E5D5157, flags, address, len(data), self.number, total, family]
        self.number = (self.number + self.step) & MASK
        head = b"".join(w.to_bytes(4, "little") for w in words)
        block = head + data + self.tail_of(address, data)
        return block + (0x0AB16F30).to_bytes(4, "little")

    def tail_of(self, address, data):
        """What is between a payload and the last word."""
        room = MOST[UF2] - len(data)
        if self.tail is not None:
            return self.tail[:room].ljust(room, b"\0")
        if room < 24:
            return bytes(room)
        words = b"".join(w.to_bytes(4, "little") for w in (address, len(data)))
        return bytes(room - 24) + words + hashlib.md5(data).digest()

    def control(self, name, operands):
        if name == "series":
            flags, family, total, number, falling = operands
            given = zip((flags, family, total), self.habits.block)
            self.habits.block = tuple(old if new is None else new for new, old in given)
            self.number = self.number if number is None else number
            self.step = -1 if falling else 1
        if name == "tail":
            self.tail = operands[0]
        if name != "record":
            return b""
        data = operands[2]
        block = records.uf2_block(data, 0)
        if block:
            flags, _, _, number, total, family = block
            self.habits.block = (flags & ~0x1001, family, total)
            self.number, self.step = (number + 1) & MASK, 1
        return data


WRITERS = {HEX: HexWriter, SREC: SrecWriter, TITXT: TiTxtWriter, UF2: Uf2Writer}
