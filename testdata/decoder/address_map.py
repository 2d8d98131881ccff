# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sections 3 and 5.1: which bytes are at which addresses."""
from dataclasses import dataclass, field

from .wire import MASK

MAX_RANGES = 16


@dataclass
class Segment:
    offset: int
    length: int
    address: int
    code: bool
    base: int = 0
    difference: int = 0
    gap: int = 0

    @property
    def end(self):
        return self.offset + self.length

    def holds_address(self, address):
        return (address - self.address) & MASK < self.length


@dataclass
class Maps:
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)
    ranges: list = field(default_factory=list)


@dataclass
class Counts:
    old: int = 0
    new: int = 0
    ranges: int = 0
    shift: int = 0

    @classmethod
    def read(cls, r):
        segments, rest = r.u8(), r.u8()
        return cls(segments & 15, segments >> 4, rest & 15, rest >> 4)


def read(r, counts, old_size, new_size):
    olds, news, shift = counts.old, counts.new, counts.shift
    moved = r.varint() if olds or news else 0
    maps = Maps()
    for i in range(max(olds, news)):
        if i < olds:
            maps.old.append(standing(r, shift, maps.old, old_size))
        if i < news:
            counterpart = maps.old[i] if i < olds else None
            maps.new.append(new_segment(r, shift, maps.new, new_size, counterpart, moved >> i & 1))
    end = 0
    for _ in range(counts.ranges):
        start = (end + r.signed() * 256) & MASK
        length = r.varint() * 256 & MASK
        end = min(start + length, MASK)
        maps.ranges.append((start, length))
    return maps


def new_segment(r, shift, before, size, counterpart, moved):
    if counterpart is None:
        return standing(r, shift, before, size)
    if moved:
        made = head(r, before)
    else:
        made = follow(r, before, counterpart)
    length = counterpart.length + (r.signed() << shift)
    return place(r, made, length, before, size)


def standing(r, shift, before, size):
    made = head(r, before)
    return place(r, made, r.varint() << shift, before, size)


def head(r, before):
    """A standing: where a segment is, but for its length."""
    bits = r.u8()
    gap = r.varint() if bits & 32 else (before[-1].gap if before else 0)
    base = bits & 15
    segment = Segment(0, 0, 0, not bits & 16, base, 0, gap)
    if base == 0:
        segment.address = r.u32le()
    else:
        segment.difference = r.signed()
        segment.address = counted_back(r, before, base, segment.difference)
    r.require(bits < 64, "segment", "bad-segment")
    return segment


def counted_back(r, before, base, difference):
    r.require(base <= len(before), "base of a segment", "bad-segment")
    other = before[-base]
    return (other.address + other.length + difference) & MASK


def follow(r, before, counterpart):
    """A new segment that is like its counterpart in the old image."""
    base = counterpart.base
    made = Segment(0, 0, counterpart.address, counterpart.code, base, counterpart.difference,
                   counterpart.gap)
    if base and counterpart.difference == 0:
        made.address = counted_back(r, before, base, 0)
    return made


def place(r, segment, length, before, size):
    segment.offset = (before[-1].end if before else 0) + segment.gap
    segment.length = length = length & MASK
    r.require(segment.end <= size, "segment outside its image", "bad-segment")
    return segment


class Space:
    """The addresses of the offsets of one image."""

    def __init__(self, segments):
        self.segments = segments
        self.current = Segment(0, 0, 0, False)

    def at(self, offset):
        """The segment that holds an offset."""
        if not self.current.offset <= offset < self.current.end:
            self.current = self.find(offset)
        return self.current

    def find(self, offset):
        start, end = 0, MASK
        for s in self.segments:
            if s.offset <= offset < s.end:
                return s
            if s.end <= offset:
                start = max(start, s.end)
            elif s.offset > offset:
                end = min(end, s.offset)
        return Segment(start, end - start, start, False)

    def address(self, offset):
        segment = self.at(offset)
        return (segment.address + offset - segment.offset) & MASK

    def offset_of(self, address):
        """The offset of an address, or None."""
        for segment in [self.current] + self.segments:
            if segment.holds_address(address):
                return segment.offset + ((address - segment.address) & MASK)
        return None


def pointer_ranges(maps):
    """(start, length): where pointers may point to."""
    found = []
    for s in maps.old:
        if s.address != s.offset and s.length:
            add_range(found, s.address, s.length)
    for start, length in maps.ranges:
        add_range(found, start, length)
    return [(start, end - start) for start, end in found]


def add_range(found, start, length):
    end = min(start + length, MASK)
    for i, (a, b) in enumerate(found):
        if start <= b and a <= end:
            found[i] = (min(a, start), max(b, end))
            return
    if len(found) < MAX_RANGES:
        found.append((start, end))
