# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 6: the codecs whose bodies are operations as bytes."""
from . import header as h
from .predict import Copy, Predictor
from .wire import MASK, Reader, Refused, to_signed

try:
    # One of Python's own modules from version 3.14 on.
    from compression import zstd
except ImportError:
    zstd = None
try:
    import zstandard
except ImportError:
    zstandard = None
HAS_ZSTD = bool(zstd or zstandard)


def damaged(text):
    return Refused("damaged", text)


def decode(header, old, body):
    """The image that the body makes."""
    if header.codec == h.LZ4:
        body = unpack_lz4(header, body)
    elif header.codec == h.ZSTD:
        body = unpack_zstd(header, body)
    return Decoder(header, old, body).run()


class Decoder:
    def __init__(self, header, old, stream):
        self.r = Reader(stream, "damaged")
        self.predictor = Predictor(header, old)
        self.size, self.old_size = header.made_size, header.old_size
        self.new = bytearray()
        self.alignment = 0

    def run(self):
        while self.r.left():
            self.operation()
        rest = self.size - len(self.new)
        if rest:
            self.copy_old(rest, corrected=False)
        return bytes(self.new)

    def operation(self):
        head = self.r.loose_varint(5)
        kind, length = head & 3, (head >> 2) + 1
        self.r.require(length <= self.size - len(self.new), "operation beyond the new image")
        if kind == 0:
            self.new += self.r.bytes(length)
        elif kind == 1:
            self.alignment += to_signed(self.r.loose_varint(5))
            self.copy_old(length, corrected=True)
        elif kind == 2:
            self.copy_new(length)
        else:
            raise self.r.damaged("reserved operation")

    def copy_new(self, length):
        distance = self.r.loose_varint(5)
        self.r.require(1 <= distance <= len(self.new), "distance")
        for _ in range(length):
            self.new.append(self.new[-distance])

    def copy_old(self, length, corrected):
        source = (len(self.new) + self.alignment) & MASK
        self.r.require(source + length <= self.old_size, "copy outside")
        corrections = Corrections(self.r, length) if corrected else None
        walk = Copy(self.predictor, source, len(self.new), length).units()
        predicted = next(walk, None)
        while predicted is not None:
            data = corrections.correct(predicted) if corrected else predicted
            self.new += data
            try:
                predicted = walk.send(data)
            except StopIteration:
                return


class Corrections:
    """The corrections of a copy, read as they are needed."""

    def __init__(self, r, length):
        self.r, self.left = r, length
        self.hits, self.misses = self.next()

    def next(self):
        c = self.r.loose_varint(5)
        return c >> 2, (c & 3) + 1

    def correct(self, predicted):
        out = bytearray()
        for byte in predicted:
            if self.hits:
                self.hits -= 1
                out.append(byte)
            else:
                out.append((byte + self.r.u8()) & 0xFF)
                self.misses -= 1
            self.left -= 1
            if self.misses == 0 and self.left:
                self.hits, self.misses = self.next()
        return bytes(out)


def unpack_lz4(header, body):
    r, limit, out = Reader(body, "damaged"), 1 << header.block, bytearray()
    while r.left():
        p = r.loose_varint(3)
        plain = p >> 1
        r.require(1 <= plain <= limit, "block")
        if p & 1:
            out += r.bytes(plain)
            continue
        packed = r.loose_varint(3)
        r.require(1 <= packed <= limit, "block")
        out += lz4_block(r.bytes(packed), plain)
    return bytes(out)


def lz4_block(data, size):
    r, out = Reader(data, "damaged"), bytearray()
    while True:
        token = r.u8()
        out += r.bytes(lz4_length(r, token >> 4))
        if r.left() == 0:
            break
        distance = r.u8() | r.u8() << 8
        r.require(1 <= distance <= len(out), "distance in a block")
        for _ in range(lz4_length(r, token & 15) + 4):
            out.append(out[-distance])
        r.require(len(out) <= size, "block is too long")
    r.require(len(out) == size, "length of a block")
    return out


def lz4_length(r, start):
    length = start
    more = 255 if start == 15 else 0
    while more == 255:
        more = r.u8()
        length += more
    return length


def unpack_zstd(header, body):
    if not HAS_ZSTD:
        raise Refused("codec-not-built", "neither compression.zstd nor zstandard is there")
    try:
        if zstd:
            limit = {zstd.DecompressionParameter.window_log_max: max(header.block, 10)}
            decoder = zstd.ZstdDecompressor(options=limit)
        else:
            decoder = zstandard.ZstdDecompressor(max_window_size=1 << header.block).decompressobj()
        out = decoder.decompress(body)
    except (zstd or zstandard).ZstdError as fault:
        raise damaged(str(fault)) from fault
    if not decoder.eof or decoder.unused_data:
        raise damaged("frame")
    return out
