# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 1: numbers, and the errors of everything."""
import hashlib
import zlib

MASK = 0xFFFFFFFF


class Refused(Exception):
    """A patch that is not applied. `kind` is the stable name of the error."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def sha256(data):
    return hashlib.sha256(data).digest()


def crc32(data):
    return zlib.crc32(data) & MASK


def to_signed(z):
    """Zigzag."""
    return -((z + 1) // 2) if z & 1 else z // 2


def i32(x):
    """The low 32 bits as a two's-complement number."""
    return ((x + 0x80000000) & MASK) - 0x80000000


def word(data, at):
    """The 32-bit little-endian word at an offset, zeros past the end."""
    return int.from_bytes(data[at:at + 4], "little")


def number(n):
    """A number as a varint."""
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


class Reader:
    """Fields one after the other. What does not fit is the error `kind`, if no other is named."""

    def __init__(self, data, kind, at=0, end=None):
        self.data, self.kind, self.at = data, kind, at
        self.end = len(data) if end is None else end

    def damaged(self, text, kind=None):
        return Refused(kind or self.kind, f"{text} at byte {self.at}")

    def require(self, condition, text, kind=None):
        if not condition:
            raise self.damaged(text, kind)

    def left(self):
        return self.end - self.at

    def bytes(self, count):
        self.require(0 <= count <= self.left(), f"{count} bytes are missing")
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self):
        return self.bytes(self.left())

    def u8(self):
        return self.bytes(1)[0]

    def u32le(self):
        return int.from_bytes(self.bytes(4), "little")

    def u32be(self):
        return int.from_bytes(self.bytes(4), "big")

    def varint(self):
        """A number of the header."""
        start = self.at
        value = self.loose_varint(5)
        length = self.at - start
        self.require(length == 1 or self.data[self.at - 1], "number not in its shortest form")
        self.require(length < 5 or self.data[self.at - 1] < 16, "number of more than 32 bits")
        return value

    def signed(self):
        return to_signed(self.varint())

    def loose_varint(self, most):
        """A number of an operation: in any form of at most `most` bytes, modulo 2^32."""
        value = 0
        for i in range(most):
            byte = self.u8()
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value & MASK
        raise self.damaged(f"number of more than {most} bytes")
