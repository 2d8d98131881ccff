# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 9: the host section, and the file around the new image."""
from dataclasses import dataclass, field

from . import apply, header as headers, model, records, split, templates
from .records import Part, Reading
from .wire import Reader, Refused, crc32, number, sha256

OLD, NEW, PARTS, EXCEPTIONS, FILL, READING = 1, 2, 16, 32, 64, 128
PLAIN, ALONE, FROM_OLD, PACKED = range(4)


@dataclass
class Section:
    old_is_memory: bool = False
    fill: int = 0xFF
    reading: Reading = field(default_factory=Reading)
    new: bool = False
    length: int = 0
    digest: bytes = b""
    coding: int = 0
    template_length: int = 0
    template: bytes = b""
    parts: list = None
    exceptions: list = field(default_factory=list)
    old_in_order: bool = False
    new_in_order: bool = False
    stretches: list = None
    rest_is_patch: bool = False
    rest: bytes = b""


def read(section):
    bad = Refused("host-section", "checksum")
    if len(section) < 4 or crc32(section[:-4]) != int.from_bytes(section[-4:], "little"):
        raise bad
    r = HostReader(section, "host-section", 0, len(section) - 4)
    flags = r.u8()
    found, more = Section(bool(flags & OLD)), 0
    if flags & FILL:
        found.fill = r.u8()
    if flags & READING:
        byte = r.u8()
        found.reading = Reading(byte & 63)
        r.require(byte < 128 and found.reading.after_end < 3, "reading")
        more = read_more(r, found) if byte & 64 else 0
    if flags & NEW:
        read_new(r, flags, found)
        if more & 128:
            read_rest(r, found)
    r.require(r.left() == 0, "bytes are left")
    return found


class HostReader(Reader):
    def varint(self):
        """Not necessarily in its shortest form."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.require(value < 1 << 32, "number of more than 32 bits")
                return value
        raise self.damaged("number")


def read_more(r, found):
    more, reading = r.u8(), found.reading
    reading.any_type = bool(more & 1)
    if more & 2:
        reading.family = r.u32le()
    if more & 4:
        reading.board = int.from_bytes(r.bytes(2), "little")
    if more & 8:
        reading.image = r.varint()
        r.require(reading.image < 1 << 16, "image")
    if more & 16:
        reading.first, reading.last = r.u32le(), r.u32le()
    found.old_in_order, found.new_in_order = bool(more & 32), bool(more & 64)
    return more


def read_rest(r, found):
    found.stretches = [(r.varint(), r.varint()) for _ in range(r.varint())]
    kind = r.u8()
    r.require(kind < 2, "kind of rest")
    found.rest_is_patch, found.rest = bool(kind), r.bytes(r.varint())


def read_new(r, flags, found):
    found.new, found.coding = True, flags >> 2 & 3
    found.length, found.digest = r.varint(), r.bytes(8)
    found.template_length = r.varint()
    r.require(found.template_length <= 1 << 26, "length of the template")
    found.template = r.bytes(r.varint() if found.coding else found.template_length)
    if flags & PARTS:
        found.parts, offset = [], 0
        for _ in range(r.varint()):
            part = Part(r.u32le(), r.varint(), offset)
            offset += part.length
            found.parts.append(part)
    if flags & EXCEPTIONS:
        end = 0
        for _ in range(r.varint()):
            at = end + r.varint()
            data = r.bytes(r.varint())
            found.exceptions.append((at, data))
            end = at + len(data)


def new_file(old_file, patch, values=None):
    """The file that a patch makes of another one."""
    header, body, host = apply.read(patch)
    section = read(host) if host else Section()
    old = old_file
    if section.old_in_order:
        made = split.apart(old_file)
        if made is None:
            raise Refused("needs-old-text", "the old file cannot be taken apart")
        old = made.data
    elif section.old_is_memory:
        old = records.memory(old_file, section.reading, section.fill)
    image = apply.new_image_of(header, old, body, values)
    return render(section, image, old_file) if section.new else image


def render(section, image, old_file):
    """The file around an image."""
    rest = section.rest
    if section.rest_is_patch:
        old_rest = b"" if section.old_in_order else split.rest(old_file, section.reading)
        rest = apply.new_image(old_rest, rest)
    file = unchecked(section, image, template_of(section, old_file), rest)
    if len(file) != section.length or sha256(file)[:8] != section.digest:
        raise Refused("file-mismatch", "the image is right, the file around it is not")
    return file


def unchecked(section, image, template, rest):
    if section.new_in_order:
        return templates.render(image, template, section.length)
    blocks = templates.blocks(template)
    if section.stretches is not None:
        blocks = taken(blocks, section.stretches)
    parts = section.parts if section.parts is not None else records.parts_of(blocks)
    data = bytearray()
    for address, length in blocks:
        if len(data) + length > section.length:
            raise Refused("host-section", "more data than the file can hold")
        held = held_at(image, parts, address)[:length]
        data += held + bytes([section.fill]) * (length - len(held))
    for at, exception in section.exceptions:
        if at + len(exception) > len(data):
            raise Refused("host-section", "exception outside the data")
        data[at:at + len(exception)] = exception
    if section.stretches is not None:
        data = woven(bytes(data), rest, section.stretches)
    return templates.render(bytes(data), template, section.length)


def taken(blocks, stretches):
    """The blocks, cut to the stretches that are in the image."""
    left, found = [list(block) for block in reversed(blocks)], []
    for skip, take in stretches:
        for length, is_taken in ((skip, False), (take, True)):
            while length:
                while left and not left[-1][1]:
                    left.pop()
                if not left:
                    raise Refused("host-section", "more data than there is")
                block = left[-1]
                part = min(length, block[1])
                if is_taken:
                    found.append((block[0], part))
                block[0], block[1], length = (
                    (block[0] + part) & 0xFFFFFFFF,
                    block[1] - part,
                    length - part,
                )
    return found


def woven(image, rest, stretches):
    """The data of the file: the rest, and what is in the image at its places."""
    r, o = Reader(image, "host-section"), Reader(rest, "host-section")
    data = b"".join(o.bytes(skip) + r.bytes(take) for skip, take in stretches)
    r.require(r.left() == 0, "the image is longer")
    return data + o.rest()


def held_at(image, parts, address):
    """What the image holds from an address on."""
    before = [part for part in parts if part.address <= address]
    if not before or address - before[-1].address >= before[-1].length:
        return b""
    return image[before[-1].offset + address - before[-1].address:]


def template_of(section, old_file):
    """Section 9.4."""
    if section.coding == PLAIN:
        return section.template
    old = b""
    if section.coding in (FROM_OLD, PACKED):
        old = split.template(old_file)
        if old is None:
            raise Refused("needs-old-text", "the old file has no template")
    header = headers.Header(0, 0, headers.MODEL, "bytes", 0, 0, len(old), section.template_length,
                            len(section.template), 0, entries=8, slots=512)
    try:
        template = model.decode(header, old, section.template)
    except Refused as fault:
        raise Refused("host-section", "the template cannot be decoded") from fault
    return unpack(template) if section.coding == PACKED else template


def unpack(packed):
    """Section 9.5."""
    r = Reader(packed, "host-section")
    before, after, count = r.varint(), r.varint(), r.varint()
    distances, lengths = r.u8(), r.u8()
    front, back = r.bytes(before), r.bytes(after)
    bits = Bits(r)
    out = bytearray(front)
    for _ in range(count):
        distance, length = bits.number(distances), bits.number(lengths)
        r.require(length > 0 and len(out) <= 1 << 26, "length")
        out += bytes([1]) + number(2 * distance) if distance else bytes([0])
        out += number(length)
    return bytes(out) + back


class Bits:
    def __init__(self, r):
        self.r, self.byte, self.left = r, 0, 0

    def bit(self):
        if not self.left:
            self.byte, self.left = self.r.u8(), 8
        self.left -= 1
        bit = self.byte & 1
        self.byte >>= 1
        return bit

    def number(self, code):
        if code == 0xFF:
            return 0
        low, unit = code & 31, code >> 5
        high = 0
        while self.bit():
            high += 1
        value = high << low
        for i in range(low):
            value |= self.bit() << i
        value <<= unit
        self.r.require(value < 1 << 32, "number")
        return value
