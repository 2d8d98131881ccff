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


class Reader:
    """Fields one after the other. What does not fit is the error `kind`."""

    def __init__(self, data, kind, at=0, end=None):
        self.data, self.kind, self.at = data, kind, at
        self.end = len(data) if end is None else end

    def damaged(self, text):
        return Refused(self.kind, f"{text} at byte {self.at}")

    def require(self, condition, text):
        if not condition:
            raise self.damaged(text)

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

    def varint(self, bits=32, shortest=True):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            self.require(value < 1 << bits, f"number of more than {bits} bits")
            if byte < 0x80:
                self.require(byte or not shift or not shortest, "number not in its shortest form")
                return value
            shift += 7
            self.require(shift < bits, f"number of more than {bits} bits")

    def signed(self, bits=32, shortest=True):
        return to_signed(self.varint(bits, shortest))
