# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 2: the header of a patch."""
from dataclasses import dataclass, field
from typing import Optional

from . import address_map, holes as hole_tables, in_place
from .wire import MASK, Reader, Refused, crc32

RAW, LZ4, ZSTD, MODEL = range(4)
MOST = (1 << 31) - 1
MAP, IDENTITY, CHUNKS, IN_PLACE, SIGNATURES, HOST, OWN_DIGEST, HOLES = (1 << i for i in range(8))
SUPPORTED = MAP | IDENTITY | CHUNKS | IN_PLACE | SIGNATURES | HOST | OWN_DIGEST | HOLES
ISAS = {0: "none", 1: "thumb", 2: "riscv", 3: "xtensa", 4: "tc32", 5: "mcs51",
        14: "halves", 15: "bytes"}


@dataclass
class Identity:
    product: int
    first_revision: int
    last_revision: int
    counter: int


@dataclass
class Header:
    length: int
    features: int
    codec: int
    isa: str
    granularity: int
    ram: int
    old_size: int
    new_size: int
    body: int
    host: int
    entries: int
    slots: int = 0
    block: int = 0
    identity: Optional[Identity] = None
    old_digest: bytes = b""
    new_digest: bytes = b""
    chunk: int = 0
    root: bytes = b""
    signatures: int = 0
    order: Optional[in_place.Order] = None
    holes: Optional[hole_tables.Table] = None
    maps: address_map.Maps = field(default_factory=address_map.Maps)

    @property
    def made_size(self):
        """The size of what the body makes."""
        return self.new_size - (32 if self.features & OWN_DIGEST else 0)

    @property
    def chunks(self):
        """The number of chunks of the body."""
        return -(-self.body // self.chunk) if self.chunk else 0

    @property
    def table(self):
        """Where the chunk table starts: after the header and the signatures."""
        return self.length + (1 + 73 * self.signatures if self.signatures else 0)

    @property
    def start(self):
        """Where the body starts."""
        entries = self.chunks + (self.host > 0) if self.chunk else 0
        return self.table + 16 * entries

    @property
    def total(self):
        return self.start + self.body + self.host


def read(patch):
    """The header at the start of a patch."""
    r = frame(patch)
    features = r.varint()
    check_features(features)
    head = r.u8()
    codec, isa = head & 15, head >> 4
    if codec > MODEL:
        raise Refused("unknown-codec", f"codec {codec}")
    if isa not in ISAS:
        raise Refused("unknown-isa", f"instruction set {isa}")
    granularity = r.at_most(r.u8(), 12)
    ram = r.limited(1 << 22) * 256
    header = sizes(r, features, codec, isa, granularity, ram)
    if features & IDENTITY:
        header.identity = identity(r)
    header.old_digest, header.new_digest = r.bytes(12), r.bytes(32)
    if features & IN_PLACE:
        header.order = in_place.read(r, granularity)
        good = codec == MODEL and not features & HOLES
        r.require(good, "an in-place order without its codec", "bad-number")
    if features & HOLES:
        header.holes = hole_tables.read(r, header.old_size, header.made_size)
    counts = address_map.Counts.read(r) if features & MAP else address_map.Counts()
    check_ram(r, header, counts)
    if features & SIGNATURES:
        header.signatures = signatures(r, features, patch)
    header.maps = address_map.read(r, counts, header.old_size, header.new_size)
    r.require(r.left() == 0, "bytes after the address map", "left-over")
    return header


def check_ram(r, header, counts):
    """Whether the RAM that is stated is enough for the tables."""
    words = 2 * header.entries + 24 + 4 + max((1 << header.granularity) // 4, 4)
    block = (1 << header.block) // 4
    if header.codec == MODEL:
        words += (688 + header.slots) // 2 + 90 + 28
    else:
        words += 8 + {RAW: 0, LZ4: 2 * block, ZSTD: 1024}[header.codec]
    words += max((header.length + 3) // 4 - words, 0) + 3 * (counts.old + counts.new)
    words += (header.holes.length + 3) // 4 if header.holes else 0
    needed = 1024 + 6 + 4 * words
    r.require(needed <= header.ram, f"{needed} bytes of RAM are needed", "inconsistent-workspace")


def signatures(r, features, patch):
    """The number of signatures, which follows the header."""
    r.require(r.length < 1024, "length of a header with signatures", "too-large")
    r.require(features & CHUNKS, "signatures without chunks", "bad-number")
    if len(patch) == r.length:
        raise Refused("truncated", "the number of signatures is missing")
    r.require(patch[r.length], "no signatures", "bad-number")
    return r.at_most(patch[r.length], 4)


def chunks(r, header):
    log = r.at_most(r.u8(), 16)
    r.require(log >= 8, "chunk size", "bad-number")
    header.chunk = 1 << log
    r.at_most(header.chunks, 1 << 16)
    header.root = r.bytes(32)


def frame(patch):
    """A reader of the fields after the header length, once the checksum is right."""
    start = bytes(patch[:3])
    if start != b"FDP"[:len(start)]:
        raise Refused("not-a-patch", "it does not start with FDP")
    r = Reader(patch, "truncated", 3)
    version = r.u8()
    if version != 0:
        raise Refused("unsupported-version", f"version {version}")
    if len(patch) > 8:
        r.kind = "bad-number"
    length = r.varint()
    r.require(length <= 1024, "header length", "too-large")
    r.require(length >= 4, "header length", "cut-short")
    if length > len(patch):
        raise Refused("truncated", "the header is not complete")
    if crc32(patch[:length - 4]) != int.from_bytes(patch[length - 4:length], "little"):
        raise Refused("checksum", "checksum of the header")
    return HeaderReader(patch, r.at, length)


class HeaderReader(Reader):
    def __init__(self, data, at, length):
        super().__init__(data, "cut-short", at, length - 4)
        self.length = length

    def varint(self):
        """A number: an error in it has another name than one that is cut off."""
        self.kind = "bad-number"
        if self.left() == 0 or all(b & 0x80 for b in self.data[self.at:self.end][:5]):
            self.kind = "cut-short" if self.left() < 5 else "bad-number"
        value = super().varint()
        self.kind = "cut-short"
        return value

    def limited(self, most):
        return self.at_most(self.varint(), most)

    def at_most(self, value, most):
        self.require(value <= most, f"{value} is above {most}", "too-large")
        return value


def check_features(features):
    if features & ~SUPPORTED:
        raise Refused("unknown-feature", f"features {features:#x}")


def sizes(r, features, codec, isa, granularity, ram):
    old_size = r.limited(MOST)
    new_size = r.at_most((old_size + r.signed()) & MASK, MOST)
    if features & OWN_DIGEST:
        good = new_size >= 32 and (new_size - 32) % (1 << granularity) == 0
        r.require(good, "own digest", "bad-number")
    body = r.limited(MOST)
    host = r.limited(MOST) if features & HOST else 0
    header = Header(r.length, features, codec, ISAS[isa], granularity, ram, old_size, new_size,
                    body, host, entries=0)
    if features & CHUNKS:
        chunks(r, header)
    header.entries = r.limited(8191) * 8
    if codec == MODEL:
        header.slots = r.limited(2047) * 32
        r.require(header.slots, "no slots", "bad-number")
    elif codec != RAW:
        header.block = max(r.at_most(r.u8(), 16 if codec == LZ4 else 23), 6)
    return header


def identity(r):
    product, first = r.u32be(), r.limited(0xFFFF)
    last = r.at_most(first + r.varint(), 0xFFFF)
    return Identity(product, first, last, r.varint())
