# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 2: the header of a patch."""
from dataclasses import dataclass, field
from typing import Optional

from . import address_map
from .wire import Reader, Refused, crc32

RAW, LZ4, ZSTD, MODEL = range(4)
MAP, IDENTITY, CHUNKS, IN_PLACE, CHECKPOINTS, HOST, OWN_DIGEST = (1 << i for i in range(7))
NAMED = {CHUNKS: "chunk table", IN_PLACE: "in-place order", CHECKPOINTS: "checkpoints"}
SUPPORTED = MAP | IDENTITY | HOST | OWN_DIGEST
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
    maps: address_map.Maps = field(default_factory=address_map.Maps)

    @property
    def made_size(self):
        """The size of what the body makes."""
        return self.new_size - (32 if self.features & OWN_DIGEST else 0)

    @property
    def total(self):
        return self.length + self.body + self.host


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
    granularity = r.u8()
    r.require(granularity <= 12, "write granularity")
    ram = r.varint()
    r.require(ram <= 1 << 22, "RAM")
    header = sizes(r, features, codec, isa, granularity, ram)
    if features & IDENTITY:
        header.identity = identity(r)
    header.old_digest, header.new_digest = r.bytes(12), r.bytes(32)
    if features & MAP:
        header.maps = address_map.read(r, header.old_size, header.new_size)
    r.require(r.left() == 0, "bytes after the address map")
    return header


def frame(patch):
    """A reader of the fields after the header length, once the checksum is right."""
    start = bytes(patch[:3])
    if start != b"FDP"[:len(start)]:
        raise Refused("not-a-patch", "it does not start with FDP")
    r = Reader(patch, "truncated", 3)
    version = r.u8()
    if version != 0:
        raise Refused("unknown-version", f"version {version}")
    r.kind = "header-damaged" if len(patch) > 8 else "truncated"
    length = r.varint()
    r.kind = "header-damaged"
    r.require(r.at + 4 <= length <= 1024, "header length")
    if length > len(patch):
        raise Refused("truncated", "the header is not complete")
    if crc32(patch[:length - 4]) != int.from_bytes(patch[length - 4:length], "little"):
        raise Refused("bad-checksum", "checksum of the header")
    return HeaderReader(patch, r.kind, r.at, length - 4, length)


class HeaderReader(Reader):
    def __init__(self, data, kind, at, end, length):
        super().__init__(data, kind, at, end)
        self.length = length


def check_features(features):
    for bit, name in NAMED.items():
        if features & bit:
            raise Refused("unsupported", f"the patch needs the feature {name}")
    if features & ~SUPPORTED:
        raise Refused("unknown-feature", f"features {features:#x}")


def sizes(r, features, codec, isa, granularity, ram):
    old_size = r.varint()
    new_size = old_size + r.signed()
    r.require(old_size < 1 << 31 and 0 <= new_size < 1 << 31, "sizes")
    body = r.varint()
    host = 0
    if features & HOST:
        host = r.varint()
        r.require(host > 0, "empty host section")
    header = Header(r.length, features, codec, ISAS[isa], granularity, ram, old_size, new_size, body,
                    host, entries=r.varint() * 8)
    r.require(header.entries <= 8 * 8191, "entries of the shift map")
    if codec == MODEL:
        header.slots = r.varint() * 32
        r.require(32 <= header.slots <= 32 * 2047, "hashed slots")
    elif codec != RAW:
        header.block = r.u8()
        r.require(6 <= header.block <= (16 if codec == LZ4 else 23), "block size")
    if features & OWN_DIGEST:
        r.require(new_size >= 32 and (new_size - 32) % (1 << granularity) == 0, "own digest")
    return header


def identity(r):
    product, first = r.u32be(), r.varint()
    last = first + r.varint()
    r.require(last < 1 << 16, "hardware revisions")
    return Identity(product, first, last, r.varint())
