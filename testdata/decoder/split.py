# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 9.6: the template of an old file of records."""
from collections import Counter
from dataclasses import replace

from . import packed, records, templates
from .templates import HEX, LINE_ENDS, MOST, SREC, TITXT, UF2, WRITERS, Habits
from .wire import MASK, Refused, number

SAMPLE, SMALL, REGULAR, FAR = 256, 1024, 64, 256


def template(file):
    """The template of a file, or None if it has none."""
    if records.format_of(file) == "apj":
        return packed.frame(file)
    made = apart(file)
    return made.template if made else None


def rest(file, reading):
    """The data of a file that is not in the image."""
    made = apart(file)
    if made is None or reading.is_all:
        return b""
    out = b""
    for address, start, end, target in made.placed:
        taken = reading.within(address, end - start) if reading.takes(target) else (0, 0)
        out += made.data[start:start + taken[0]] + made.data[start + taken[1]:end]
    return out


def apart(file):
    """What takes the file apart into template and data; None if that does not do."""
    makers = {"hex": of_hex, "srec": of_srec, "titxt": of_titxt, "uf2": of_uf2}
    kind = records.format_of(file)
    made = makers[kind](file) if kind in makers else None
    if made is None:
        return None
    try:
        again = templates.render(made.data, made.template, len(file))
    except Refused:
        return None
    return made if again == file else None


# Tokens: ("data", address, kind, bytes, target), ("base", record), ("control", name, operands),
# ("other",). A record is the operands of operation 5.

# A kind that is one: 0 changes nothing.
CHANGED = 0x100


class HexTokens:
    def __init__(self):
        self.base, self.board, self.kind = 0, None, 0

    def token(self, line, count):
        record = records.hex_record(line.text)
        if record is None:
            return ("other",)
        kind, address, data = record
        if kind == 0 or (kind == 0x0D and self.board is not None):
            changed = 0 if kind == self.kind else CHANGED | kind << 4
            self.kind = kind
            target = (None, self.board, 0)
            return ("data", (self.base + address) & MASK, changed, data, target)
        if kind == 0x0A and len(data) >= 2:
            self.board = int.from_bytes(data[:2], "big")
        if kind in (2, 4):
            if len(data) >= 2:
                self.base = int.from_bytes(data[:2], "big") << (4 if kind == 2 else 16)
            return ("base", (kind, address, data))
        if kind == 1 and len(data) < 2 and address == 0:
            return ("control", "end", ())
        return ("control", "record", (kind, address, data))


class SrecTokens:
    def token(self, line, count):
        record = records.srec_record(line.text)
        if record is None:
            return ("other",)
        kind, address, data = record
        if kind in (1, 2, 3):
            return ("data", address, kind, data, records.NOWHERE)
        if kind in (5, 6) and address == count:
            return ("control", "count", (count,))
        return ("control", "record", record)


class TiTxtTokens:
    def __init__(self):
        self.at = 0

    def token(self, line, count):
        if line.text[:1] == b"@":
            address = records.titxt_address(line.text)
            if address is None:
                return ("other",)
            self.at = address
            return ("base", (0, address, b""))
        if line.text == b"q":
            return ("control", "end", ())
        data = records.titxt_bytes(line.text)
        if data is None:
            return ("other",)
        at, self.at = self.at, (self.at + len(data)) & MASK
        return ("data", at, 0, data, records.NOWHERE)


def of_hex(file):
    habits = text_habits(file, HexTokens(), 1, 4)
    habits.kind = 4
    made = of_text(file, HEX, habits, HexTokens)
    if made and len(made.template) <= REGULAR:
        return made
    return shortest([made, of_text(file, HEX, replace(habits, crossing=True), HexTokens)])


def of_srec(file):
    habits = text_habits(file, SrecTokens(), 2, 3)
    letters = [b for b in file if chr(b).isascii() and chr(b).isalpha()]
    habits.small_letter = letters[:1] == [ord("s")]
    return of_text(file, SREC, habits, SrecTokens)


def of_titxt(file):
    habits = text_habits(file, TiTxtTokens(), 0, 0)
    habits.kind = 8
    for line, _ in zip(records.lines(file), range(2)):
        if line.text[:1] == b"@":
            habits.kind = habits.kind & 1 | min(len(line.text) - 1, 8) << 1
        else:
            habits.kind = habits.kind & ~1 | line.text.endswith(b" ")
    return of_text(file, TITXT, habits, TiTxtTokens)


def shortest(made):
    return min((m for m in made if m), key=lambda m: len(m.template), default=None)


def text_habits(file, tokens, prefix, kind):
    """What the first lines show."""
    lengths, kinds, ends = Counter(), Counter(), Counter()
    lower = upper = 0
    for line, _ in zip(records.lines(file), range(SAMPLE)):
        token = tokens.token(line, 0)
        if token[0] == "data":
            kinds[token[2]] += 1
            if 0 < len(token[3]) < 256:
                lengths[len(token[3])] += 1
        text = line.text[prefix:]
        lower += sum(97 <= b <= 122 for b in text)
        upper += sum(65 <= b <= 90 for b in text)
        ends[line.whole[len(line.text):]] += 1
    length = max(lengths, key=lambda n: (lengths[n], n), default=255)
    if any(k for k in kinds):
        kind = max(kinds, key=lambda k: (kinds[k], -k))
    line_end = max(LINE_ENDS, key=lambda e: (ends[e], -LINE_ENDS.index(e)))
    return Habits(length, kind, lower > upper, line_end=line_end)


def of_text(file, code, habits, tokens):
    habits.final_end = file.endswith(habits.line_end)
    whole = file if habits.final_end else file + habits.line_end
    makers = [Maker(code, whole, replace(habits, aligned=aligned)) for aligned in (False, True)]
    reader, at = tokens(), 0
    for line in records.lines(whole):
        token = reader.token(line, makers[0].count)
        if len(makers) == 2:
            one, two = (maker.length_so_far() for maker in makers)
            if abs(one - two) > FAR:
                del makers[1 if one < two else 0]
        for maker in makers:
            maker.token(at, at + len(line.whole), token)
        at += len(line.whole)
    return shortest([maker.finish() for maker in makers])


def of_uf2(file):
    first = records.uf2_block(file, 0)
    if first is None:
        return None
    flags, _, data, _, total, family = first
    habits = Habits(max(min(len(data), MOST[UF2]), 1), block=(flags, family, total))
    maker = Maker(UF2, file, habits)
    images = records.Images()
    for at in range(0, len(file), records.UF2_BLOCK):
        end = min(at + records.UF2_BLOCK, len(file))
        block = records.uf2_block(file, at)
        if block is None:
            token = ("other",)
        else:
            target = images.target(block)
            token = ("control", "record", (0, 0, file[at:end]))
            if target:
                token = ("data", block[1], 0, block[2], target)
                maker.follow(block, file[at + 32 + len(block[2]):at + 508])
        maker.token(at, end, token)
    return maker.finish()


class Maker:
    """Writes the template while it compares what a writer writes with the file."""

    def __init__(self, code, file, habits):
        self.code, self.file, self.habits = code, file, habits
        self.writer = WRITERS[code](replace(habits))
        if code == UF2:
            self.writer.habits.line_end = b""
        self.out, self.data, self.pending = bytearray(), bytearray(), []
        self.open = None
        self.end = self.last = self.count = 0
        self.template, self.placed = None, []

    def token(self, start, end, token):
        if token[0] == "data" and token[3]:
            self.data_record(start, end, *token[1:])
        elif token[0] == "base":
            self.pending.append((start, end, token[1]))
        else:
            self.write_pending()
            if token[0] == "control":
                self.control(start, end, token[1], token[2])
            else:
                self.text(start, end)

    def follow(self, block, tail):
        """UF2: tells the writer what is not as it would write it."""
        flags, address, data, number_, total, family = block
        if not data:
            return
        writer = self.writer
        old = (*writer.habits.block, writer.number)
        new = (flags, family, total, number_)
        falling = writer.step < 0
        if number_ != writer.number:
            falling = (number_ + 1) & MASK == (writer.number - writer.step) & MASK
        if old != new or falling != (writer.step < 0):
            changed = [None if a == b else b for a, b in zip(old, new)]
            mask = sum(1 << i for i, value in enumerate(changed) if value is not None)
            self.tell("series", (*changed, falling), bytes([10, mask | falling << 4])
                      + b"".join(number(value) for value in changed if value is not None))
        if writer.tail_of(address, data) == tail:
            return
        before, writer.tail = writer.tail, None
        is_md5 = flags & 0x4000 and writer.tail_of(address, data) == tail
        writer.tail = before
        short = tail.rstrip(b"\0")
        operation = b"\x01" if is_md5 else b"\0" + number(len(short)) + short
        self.tell("tail", (None if is_md5 else short,), b"\x0b" + operation)

    def tell(self, name, operands, operation):
        self.write_pending()
        self.close()
        self.writer.control(name, operands)
        self.out += operation

    def data_record(self, start, end, address, kind, data, target):
        self.target = target
        if self.code == HEX and kind:
            kind = self.writer.habits.kind & 15 | kind & 0xF0
        if kind and kind != self.writer.habits.kind:
            self.set_kind(kind)
        self.fit_length(address, len(data))
        self.last = len(data)
        if self.record(start, end, address, data) or self.other_kind(start, end, address, data):
            return
        waiting = bool(self.pending)
        self.write_pending()
        if not (waiting and self.record(start, end, address, data)):
            self.text(start, end)

    def fit_length(self, address, length):
        expected = self.writer.next_length(address)
        unusual = length > expected or (length < expected and length == self.last)
        if not unusual or length > MOST[self.code]:
            return
        before, self.writer.habits.length = self.writer.habits.length, length
        if self.writer.next_length(address) == length:
            self.close()
            self.out += b"\x07" + number(length)
        else:
            self.writer.habits.length = before

    def other_kind(self, start, end, address, data):
        """Whether the address records before it are of the other type."""
        if not self.pending:
            return False
        old, new = self.writer.habits.kind, self.pending[-1][2][0]
        if self.code == HEX:
            new = old & 0xF0 | new & 15
        self.writer.habits.kind = new
        found = old != new and self.matches(start, end, address, data, False)
        self.writer.habits.kind = old
        if not found:
            return False
        self.set_kind(new)
        return self.record(start, end, address, data)

    def record(self, start, end, address, data):
        """Adds a data record, if the writer writes it as it is in the file."""
        full = self.writer.next_length(address)
        if len(data) > full:
            return False
        force, writer = False, self.matches(start, end, address, data, False)
        if writer is None and self.pending:
            force, writer = True, self.matches(start, end, address, data, True)
        if writer is None:
            return False
        self.writer, self.pending = writer, []
        is_full = len(data) == full
        if (self.open and self.open[0] == "data" and self.open[2] and not force
                and address == self.end):
            self.open = ("data", self.open[1] + len(data), is_full)
        else:
            self.close()
            distance = address - self.end
            code = (2 if force else 0) | (1 if distance else 0)
            self.out.append(code)
            if distance:
                self.out += number(2 * distance if distance > 0 else -2 * distance - 1)
            self.open = ("data", len(data), is_full)
        self.placed.append((address, len(self.data), len(self.data) + len(data), self.target))
        self.data += data
        self.end = (address + len(data)) & MASK
        self.count += 1
        return True

    def matches(self, start, end, address, data, force):
        first = self.pending[0][0] if self.pending else start
        writer = self.writer.copy()
        return writer if writer.data(address, data, force) == self.file[first:end] else None

    def set_kind(self, kind):
        self.close()
        self.writer.habits.kind = kind
        self.out += bytes([8, kind])

    def write_pending(self):
        pending, self.pending = self.pending, []
        for start, end, record in pending:
            self.control(start, end, "record", record)

    def control(self, start, end, name, operands):
        writer = self.writer.copy()
        wrong_count = name == "count" and operands[0] != self.count
        if wrong_count or writer.control(name, operands) != self.file[start:end]:
            self.text(start, end)
            return
        self.close()
        self.writer = writer
        if name == "record":
            kind, address, data = operands
            self.out += bytes([5, kind]) + number(address) + number(len(data)) + data
        else:
            self.out.append(4 if name == "end" else 6)

    def text(self, start, end):
        if self.open and self.open[0] == "text" and self.open[2] == start:
            self.open = ("text", self.open[1], end)
        else:
            self.close()
            self.open = ("text", start, end)

    def length_so_far(self):
        is_text = self.open and self.open[0] == "text"
        return len(self.out) + (self.open[2] - self.open[1] if is_text else 0)

    def close(self):
        if self.open is None:
            return
        name, first, second = self.open
        self.open = None
        if name == "data":
            self.out += number(first)
        else:
            text = self.file[first:second]
            self.out += b"\x09" + number(len(text)) + text

    def finish(self):
        """Itself, with the template; None if that is not worth it."""
        self.write_pending()
        self.close()
        h = self.habits
        flags = (h.lower | h.aligned << 1 | LINE_ENDS.index(h.line_end) << 2
                 | (not h.final_end) << 4 | (h.block != (0, 0, 0)) << 5 | h.crossing << 6
                 | h.small_letter << 7)
        head = bytes([self.code, flags]) + number(h.length) + bytes([h.kind])
        if h.block != (0, 0, 0):
            head += b"".join(number(value) for value in h.block)
        self.template = head + bytes(self.out)
        self.data = bytes(self.data)
        limit = max(SMALL, len(self.file) // 4)
        return self if self.data and len(self.template) <= limit else None
