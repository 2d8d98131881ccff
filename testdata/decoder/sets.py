# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 12: component sets."""
from dataclasses import dataclass, field
from typing import Optional

from . import apply
from . import header as headers
from .wire import Reader, Refused, crc32, sha256

IDENTITY, SIGNATURES = 1 << 1, 1 << 4
KINDS = ("application", "bootloader", "partition-table", "file-system", "radio", "child", "data",
         "other")
ABSENT = "absent"


@dataclass
class Entry:
    kind: str
    target: tuple
    hardware: Optional[tuple] = None
    #: None, ABSENT, or size and digest.
    before: object = None
    #: Length of the payload, and the start of the digest of its header.
    payload: Optional[tuple] = None
    offset: int = 0
    size: int = 0
    digest: bytes = b""


@dataclass
class Index:
    length: int
    ram: int
    chunk_ram: int
    identity: Optional[headers.Identity]
    signatures: int = 0
    entries: list = field(default_factory=list)


def read(data):
    """The index at the start of a set."""
    if bytes(data[:3]) != b"FDS"[:len(data)]:
        raise Refused("not-a-set", "it does not start with FDS")
    r = Reader(data, "truncated", 3)
    version = r.u8()
    if version != 0:
        raise Refused("unsupported-version", f"version {version}")
    length = r.varint()
    r.require(length <= 4096, "index length", "too-large")
    if length > len(data):
        raise Refused("truncated", "the index is not complete")
    r.require(length >= 4, "index length", "cut-short")
    if crc32(data[:length - 4]) != int.from_bytes(data[length - 4:length], "little"):
        raise Refused("checksum", "checksum of the index")
    r = headers.HeaderReader(data, r.at, length)
    features = r.varint()
    r.require(not features & ~(IDENTITY | SIGNATURES), "features", "unknown-feature")
    ram, chunk_ram = r.limited(1 << 22) * 256, r.limited((1 << 20) + (1 << 16))
    identity = headers.identity(r) if features & IDENTITY else None
    index = Index(length, ram, chunk_ram, identity)
    count = r.at_most(r.u8(), 32)
    r.require(count > 0, "number of components", "bad-number")
    index.entries = [entry(r) for _ in range(count)]
    r.require(r.left() == 0, "bytes after the entries", "left-over")
    if features & SIGNATURES:
        if len(data) <= length:
            raise Refused("truncated", "the number of signatures is missing")
        index.signatures = data[length]
        r.require(1 <= index.signatures <= 4, "number of signatures", "bad-number")
    at = length + (1 + 73 * index.signatures if index.signatures else 0)
    for one in index.entries:
        one.offset = at
        at += one.payload[0] if one.payload else 0
    if len(data) < at:
        raise Refused("truncated", f"{at} bytes are stated, {len(data)} are there")
    if len(data) > at:
        raise Refused("trailing-input", f"{len(data) - at} bytes too many")
    return index


def entry(r):
    what, flags = r.u8(), r.u8()
    r.require(what & 15 < 8 and what >> 4 < 4 and flags >> 2 < 3, "an entry", "bad-number")
    target = what >> 4
    if target == 1:
        target = ("address", r.varint())
    elif target == 2:
        target = ("child", r.varint(), name(r, 0))
    else:
        target = ("partition" if target == 0 else "name", name(r, 1))
    one = Entry(KINDS[what & 15], target)
    if flags & 1:
        first = r.limited(0xFFFF)
        one.hardware = (first, r.at_most(first + r.varint(), 0xFFFF))
    if flags >> 2 == 1:
        one.before = ABSENT
    elif flags >> 2 == 2:
        one.before = (r.limited(headers.MOST), r.bytes(12))
    if flags & 2:
        one.payload = (r.limited(headers.MOST), r.bytes(16))
    one.size, one.digest = r.limited(headers.MOST), r.bytes(32)
    return one


def name(r, least):
    length = r.at_most(r.u8(), 32)
    text = r.bytes(length)
    r.require(length >= least and all(0x20 <= c < 0x7F for c in text), "a name", "bad-number")
    return text.decode("ascii")


def new_components(data, old, revision=None):
    """What all components hold afterwards: by their targets, as `old` has it. All or nothing."""
    index, new = read(data), dict(old)
    wanted = []
    for one in index.entries:
        if one.hardware:
            if revision is None:
                raise Refused("hardware-unknown", str(one.target))
            if not one.hardware[0] <= revision <= one.hardware[1]:
                continue
        there = old.get(one.target)
        if there is not None and len(there) >= one.size and sha256(there[:one.size]) == one.digest:
            continue
        if not one.payload:
            raise Refused("component-missing", str(one.target))
        if one.before == ABSENT and there is not None:
            raise Refused("not-absent", str(one.target))
        if isinstance(one.before, tuple):
            size, digest = one.before
            if there is None or len(there) < size or sha256(there[:size])[:12] != digest:
                raise Refused("wrong-component", str(one.target))
        wanted.append((one, there or b""))
    for one, there in wanted:
        length, digest = one.payload
        patch = data[one.offset:one.offset + length]
        header = headers.read(patch)
        if sha256(patch[:header.length])[:16] != digest:
            raise Refused("wrong-header", str(one.target))
        made = apply.new_image(there, patch)
        if (len(made), sha256(made)) != (one.size, one.digest):
            raise Refused("wrong-payload", str(one.target))
        new[one.target] = made
    return new
