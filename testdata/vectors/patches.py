# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes patches by hand, for quirks.py: headers, and bodies in the codec raw."""
import hashlib

from decoder import header as headers
from decoder import model, operations
from decoder.predict import Copy, Predictor
from decoder.wire import MASK, Refused, crc32, number, sha256

ISAS = {name: n for n, name in headers.ISAS.items()}


def signed(n):
    return number(2 * n if n >= 0 else -2 * n - 1)


def header(old, new, body_length, codec=headers.RAW, isa="none", features=0, entries=8, slots=0,
           block=6, granularity=0, map_bytes=b"", host=b"", new_size=None, less_ram=0, holes=b"",
           order=b""):
    """The bytes of a header, which states as little RAM as may be, or less."""
    new_size = len(new) if new_size is None else new_size
    features |= headers.MAP if map_bytes else 0
    features |= headers.HOST if host else 0
    features |= headers.HOLES if holes else 0
    features |= headers.IN_PLACE if order else 0
    front = number(features) + bytes([codec | ISAS[isa] << 4, granularity])
    out = b""
    out += number(len(old)) + signed(new_size - len(old)) + number(body_length)
    out += number(len(host)) if host else b""
    out += number(entries // 8)
    if codec == headers.MODEL:
        out += number(slots // 32)
    elif codec != headers.RAW:
        out += bytes([block])
    out += sha256(old)[:12] + sha256(new) + order + holes + map_bytes
    segments = (map_bytes[0] & 15) + (map_bytes[0] >> 4) if map_bytes else 0
    ram = 0
    while True:
        fields = front + number(ram) + out
        length = len(fields) + 9
        tail = (len(holes) + 3) // 4
        length += 1 if length >= 0x80 else 0
        least = needed(codec, entries, slots, block, granularity, segments, length) + 4 * tail
        least = -(-least // 256)
        if ram == least - less_ram:
            fields = b"FDP\0" + number(length) + fields
            return fields + crc32(fields).to_bytes(4, "little")
        ram = least - less_ram


def needed(codec, entries, slots, block, granularity, segments, length):
    """The bytes of RAM for these tables, by section 2."""
    words = 2 * entries + 28 + max((1 << granularity) // 4, 4)
    if codec == headers.MODEL:
        words += 118 + (688 + slots) // 2
    else:
        words += 8 + (2 * (1 << max(block, 6)) // 4 if codec == headers.LZ4 else 0)
    return 1030 + 4 * (words + max((length + 3) // 4 - words, 0) + 3 * segments)


def segment(offset_gap, length, address, code=True, base=0):
    """An old segment of an address map: `address` is a difference if there is a base."""
    where = address.to_bytes(4, "little") if base == 0 else signed(address)
    flags = base | (0 if code else 16) | 32
    return bytes([flags]) + number(offset_gap) + where + number(length)


def one_segment(old, new, address, code=True):
    """The address map of images of one segment each, at the same address."""
    return (bytes([0x11, 0]) + number(0) + segment(0, len(old), address, code)
            + signed(len(new) - len(old)))


def raw(old, new, operations, isa="none", map_bytes=b"", **options):
    """A patch of operations ("new", n), ("old", source, n), ("self", distance, n)."""
    empty = header(old, new, 0, isa=isa, map_bytes=map_bytes, **options)
    predictor = Predictor(headers.read(empty), old)
    body, at, alignment = b"", 0, 0
    for kind, *operands in operations:
        n = operands[-1]
        if kind == "new":
            body += number((n - 1) << 2) + new[at:at + n]
        elif kind == "self":
            body += number((n - 1) << 2 | 2) + number(operands[0])
        else:
            moved = operands[0] - at - alignment
            alignment += moved
            body += number((n - 1) << 2 | 1) + signed(moved)
            body += corrections(predictor, operands[0], at, new[at:at + n])
        at += n
    made = header(old, new, len(body), isa=isa, map_bytes=map_bytes, **options) + body
    return made + options.get("host", b"")


def corrections(predictor, source, at, wanted):
    """The corrections of a copy."""
    differences, walk = [], Copy(predictor, source, at, len(wanted)).units()
    predicted = next(walk)
    while predicted is not None:
        made = wanted[len(differences):len(differences) + len(predicted)]
        differences += [(n - p) & 0xFF for n, p in zip(made, predicted)]
        try:
            predicted = walk.send(made)
        except StopIteration:
            predicted = None
    return tokens(differences)


def tokens(differences):
    out, i = b"", 0
    while i < len(differences):
        hits = i
        while i < len(differences) and differences[i] == 0:
            i += 1
        first = i
        while i < len(differences) and differences[i] and i - first < 4:
            i += 1
        out += number((first - hits) << 2 | max(i - first - 1, 0)) + bytes(differences[first:i])
    return out


def lot(seed):
    """Bytes without end, the same everywhere."""
    n = 0
    while True:
        yield from hashlib.sha256(f"{seed} {n}".encode()).digest()
        n += 1


def drawn(name, old, size, isa, map_bytes=b"", slots=512, entries=16, order=b""):
    """A patch in the model codec whose body is drawn by lot, and what it makes.

    The model makes of random bits what it takes for likely, and comes by everything that it knows.
    Most bodies end in a copy from outside: the first that does not is taken.
    """
    options = {"codec": headers.MODEL, "isa": isa, "slots": slots, "entries": entries,
               "map_bytes": map_bytes, "new_size": size, "order": order}
    empty = headers.read(header(old, b"", 0, **options))
    for seed in range(1000):
        bits = lot(f"{name} {seed}")
        body = bytes(next(bits) for _ in range(2 * size))
        decoder = model.Model(empty, old, body)
        try:
            decoder.run()
        except Refused:
            pass
        new = bytes(decoder.new)
        if len(new) == size:
            body = body[:decoder.coder.at]
            return header(old, new, len(body), **options) + body, new
    raise AssertionError(f"{name}: no body")


def corrected(name, old, isa, map_bytes):
    """A patch that moves an image by 12 bytes, with corrections drawn by lot, and what it makes."""
    bits = lot(name)
    body = number(11 << 2) + bytes(range(12)) + number((len(old) - 1) << 2 | 1) + signed(-12)
    left = len(old)
    while left > 0:
        hits, more = next(bits) % 24, next(bits) % 4
        body += number(hits << 2 | more)
        left -= hits
        fixes = min(more + 1, max(left, 0))
        body += bytes(next(bits) % 9 - 4 & 0xFF for _ in range(fixes))
        left -= fixes
    size = len(old) + 12
    options = {"isa": isa, "map_bytes": map_bytes, "entries": 32, "new_size": size}
    empty = headers.read(header(old, b"", 0, **options))
    new = operations.Decoder(empty, old, body).run()
    return header(old, new, len(body), **options) + body, new


def address(n):
    return (n & MASK).to_bytes(4, "little")
