# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 13: holes."""
from dataclasses import dataclass
from typing import List, Optional

from .wire import MASK, Refused, sha256

KEPT, GIVEN, IN_OLD = 1, 2, 4
POSSIBLE = {2, 4, 5, 6, 7}
MOST = (1 << 31) - 1


@dataclass
class Hole:
    kind: int
    length: int
    new: Optional[int]
    old: Optional[int]
    fill: int
    name: bytes

    def value(self, old, values):
        """The bytes that a device has in it in the end."""
        given = values.get(self.name) if self.kind & GIVEN else None
        if given is not None:
            if len(given) > self.length:
                raise Refused("hole-value-too-long", f"{len(given)} bytes")
            return given.ljust(self.length, b"\0")
        if not self.kind & KEPT:
            raise Refused("hole-value-missing", f"no value for {self.name}")
        return old[self.old:self.old + self.length]


@dataclass
class Table:
    length: int
    old_checksum: bool
    new_checksum: bool
    old_digest: bool
    holes: List[Hole]

    def old_with_fills(self, old):
        """The old image with fills, and the same with sums of 0."""
        image = bytearray(old)
        end = len(image) - 32 * self.old_digest
        put(image, [(h.old, bytes([h.fill]) * h.length) for h in self.holes if h.old is not None],
            end - 1 if self.old_checksum else None)
        if self.old_digest:
            image[end:] = sha256(image[:end])
        start = end - self.old_checksum
        return bytes(image), bytes(image[:start]) + bytes(len(image) - start)

    def new_with_values(self, made, old, values):
        """What the body makes, with values in place of fills."""
        image = bytearray(made)
        there = [h for h in self.holes if h.new is not None]
        for hole in there:
            if image[hole.new:hole.new + hole.length] != bytes([hole.fill]) * hole.length:
                raise Refused("damaged", "a hole without its fill")
        put(image, [(h.new, h.value(old, values)) for h in there],
            len(image) - 1 if self.new_checksum else None)
        return bytes(image)

    def check_values(self, old, values):
        for hole in self.holes:
            if hole.new is not None:
                hole.value(old, values)


def put(image, pieces, checksum):
    """Puts pieces into an image, and makes its checksum right again."""
    change = 0
    for start, piece in pieces:
        for i, byte in enumerate(piece, start):
            change ^= image[i] ^ byte
            image[i] = byte
    if checksum is not None:
        image[checksum] ^= change


def read(r, old_size, made_size):
    """The table of holes."""
    start = r.at
    head = r.u8()
    count = head & 31
    table = Table(0, bool(head & 32), bool(head & 64), bool(head & 128), [])
    old_limit = old_size - 32 * table.old_digest - table.old_checksum
    new_limit = made_size - table.new_checksum
    r.require(old_limit >= 0 and new_limit >= 0, "images too short for sums", "bad-number")
    r.require(1 <= count <= 16, f"{count} holes", "bad-number")
    old_end = new_end = 0
    for _ in range(count):
        kind = r.u8()
        length = r.limited(MOST)
        new = old = None
        if kind & (KEPT | GIVEN):
            new = new_end + r.limited(MOST)
            new_end = new + length
        if kind & IN_OLD:
            old = (old_end + r.signed()) & MASK
            old_end = old + length
        fill = r.u8()
        hole = Hole(kind & 7, length, new, old, fill, bytes(r.bytes(kind >> 3)))
        right = hole.kind in POSSIBLE and length and 1 <= len(hole.name) <= 16
        right = right and all(0x21 <= byte <= 0x7e for byte in hole.name)
        right = right and (new is None or new + length <= new_limit)
        right = right and (old is None or old + length <= old_limit)
        for other in table.holes:
            both = old is not None and other.old is not None
            if other.name == hole.name or both and (
                    old < other.old + other.length and other.old < old + length):
                right = False
        r.require(right, f"hole {len(table.holes)}", "bad-hole")
        table.holes.append(hole)
    table.length = r.at - start
    return table


def record(data):
    """The values of a record."""
    if data[:4] != b"FDV\0":
        raise Refused("no-value-record", "the magic")
    values, at = {}, 4
    while at < len(data):
        name = data[at + 1:at + 1 + data[at]]
        at += 1 + len(name)
        length = int.from_bytes(data[at:at + 2], "little")
        value = data[at + 2:at + 2 + length]
        at += 2 + length
        if not name or at > len(data):
            raise Refused("no-value-record", "it is cut off")
        values.setdefault(name, value)
    return values
