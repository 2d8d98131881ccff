"""The header of a patch: docs/format.md, section 2."""

import binascii

from .errors import BadPatchError, DoesNotFitError

RAW = 0
LZ4 = 1
# As many first bytes as any header has.
LONGEST = 1024

_MAP = 1
_IDENTITY = 2
_CHUNKS = 4
_SIGNATURES = 16
_HOST = 32
_KNOWN = 255
_SUPPORTED = _IDENTITY | _CHUNKS | _SIGNATURES | _HOST
_MOST = (1 << 31) - 1


class Header:
    """What a patch says of itself.

    `length` of the header, `body` and `host` section in bytes; `old_size`, `new_size`,
    `old_digest` (12 bytes) and `new_digest` (32) of the images; `codec`; `block`, the bytes that a
    block of LZ4 unpacks to at most; `ram`, what a device with the library in C needs; `chunk`, the
    bytes of a chunk, 0 without chunks, and `root`; `signed`, whether signatures follow; `product`,
    None where the patch does not say for whom it is, `hardware` (first, last) and `counter`.
    """

    def __init__(self, data, at, length):
        self.data = data
        self.at = at
        self.end = length - 4
        self.length = length
        features = self._varint()
        if features & ~_KNOWN:
            raise DoesNotFitError("unknown-feature", _SUPPORTED, features)
        if features & ~_SUPPORTED:
            raise DoesNotFitError("unsupported", _SUPPORTED, features)
        kinds = self._u8()
        self.codec = kinds & 15
        if self.codec > 3:
            raise DoesNotFitError("unknown-codec", LZ4, self.codec)
        if self.codec > LZ4:
            raise DoesNotFitError("codec-not-built", LZ4, self.codec)
        isa = kinds >> 4
        if 5 < isa < 14:
            raise DoesNotFitError("unknown-isa", 0, isa)
        if 0 < isa < 14:
            raise DoesNotFitError("isa-not-built", 0, isa)
        self.granularity = 1 << _below(self._u8(), 12)
        self.ram = _below(self._varint(), 1 << 22) * 256
        self.old_size = _below(self._varint(), _MOST)
        moved = self._varint()
        moved = -((moved + 1) >> 1) if moved & 1 else moved >> 1
        self.new_size = _below((self.old_size + moved) & 0xFFFFFFFF, _MOST)
        self.body = _below(self._varint(), _MOST)
        self.host = _below(self._varint(), _MOST) if features & _HOST else 0
        self.chunk = 0
        self.root = None
        if features & _CHUNKS:
            self._chunks()
        entries = _below(self._varint(), 8191) * 8
        self.block = 1 << max(_below(self._u8(), 16), 6) if self.codec == LZ4 else 0
        self.product = None
        if features & _IDENTITY:
            self._identity()
        self.old_digest = self._bytes(12)
        self.new_digest = self._bytes(32)
        self._check_ram(entries)
        self.signed = bool(features & _SIGNATURES)
        if self.signed:
            _below(length, LONGEST - 1)
            if not self.chunk:
                raise BadPatchError("bad-number", "chunks", "none")
        if self.at != self.end:
            raise BadPatchError("left-over", self.at, self.end)
        self.data = None

    def chunks(self):
        """The number of chunks of the body."""
        return -(-self.body // self.chunk) if self.chunk else 0

    def table(self):
        """The length of the chunk table in bytes."""
        return 16 * (self.chunks() + (self.host > 0)) if self.chunk else 0

    def _chunks(self):
        log = _below(self._u8(), 16)
        if log < 8:
            raise BadPatchError("bad-number", 8, log)
        self.chunk = 1 << log
        _below(self.chunks(), 1 << 16)
        self.root = self._bytes(32)

    def _identity(self):
        self.product = int.from_bytes(self._bytes(4), "big")
        first = _below(self._varint(), 0xFFFF)
        self.hardware = (first, _below(first + self._varint(), 0xFFFF))
        self.counter = self._varint()

    def _check_ram(self, entries):
        words = 2 * entries + 28 + max(self.granularity // 4, 4) + 8 + 2 * (self.block // 4)
        words += max((self.length + 3) // 4 - words, 0)
        if self.ram < 1030 + 4 * words:
            raise BadPatchError("inconsistent-workspace", 1030 + 4 * words, self.ram)

    def _bytes(self, count):
        start = self.at
        if count > self.end - start:
            raise BadPatchError("cut-short", count, self.end - start)
        self.at = start + count
        return bytes(self.data[start : self.at])

    def _u8(self):
        return self._bytes(1)[0]

    def _varint(self):
        value = shift = 0
        while True:
            byte = self._u8()
            if shift and not byte or shift == 28 and byte > 15:
                raise BadPatchError("bad-number", None, byte)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7


def _below(value, most):
    if value > most:
        raise BadPatchError("field-too-large", most, value)
    return value


def read(data):
    """The header at the start of `data`; None if it is not complete yet."""
    magic = b"FDP\0"
    for i in range(min(len(data), 4)):
        if data[i] != magic[i]:
            if i == 3:
                raise DoesNotFitError("unsupported-version", 0, data[3])
            raise BadPatchError("not-a-patch", magic[:3], bytes(data[:3]))
    length = shift = 0
    at = 4
    while True:
        if at >= len(data):
            return None
        byte = data[at]
        if shift and not byte or shift == 28 and byte > 15:
            raise BadPatchError("bad-number", None, byte)
        length |= (byte & 127) << shift
        at += 1
        shift += 7
        if byte < 128:
            break
    if length < at + 4:
        raise BadPatchError("cut-short", at + 4, length)
    if _below(length, LONGEST) > len(data):
        return None
    found = binascii.crc32(data[: length - 4]) & 0xFFFFFFFF
    expected = int.from_bytes(bytes(data[length - 4 : length]), "little")
    if found != expected:
        raise BadPatchError("checksum", expected, found)
    return Header(data, at, length)
