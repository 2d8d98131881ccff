"""Blocks of LZ4: docs/format.md, section 6.3. Only what a block unpacks to is in memory."""

from .errors import BadPatchError
from .stream import Stream

# Lengths of blocks are at most as large.
_MOST = 0x1FFFFF


class Blocks(Stream):
    """Unpacks a body that is pushed, and pushes what is in it on to `operations`."""

    def __init__(self, block, operations):
        self.operations = operations
        self._plain = memoryview(bytearray(block))
        self._left = 0
        super().__init__()

    def finish(self):
        super().finish()
        self.operations.finish()

    def _damaged(self):
        return BadPatchError("damaged", None, self.operations.new.at)

    def _read(self):
        most = len(self._plain)
        while True:
            yield from self._rest()
            size = yield from self._number(_MOST)
            stored = size & 1
            size >>= 1
            if not 1 <= size <= most:
                raise self._damaged()
            if stored:
                yield from self._stored(size)
                continue
            self._left = yield from self._number(_MOST)
            if not 1 <= self._left <= most:
                raise self._damaged()
            yield from self._unpack(size)
            self.operations.push(self._plain[:size])

    def _stored(self, left):
        while left:
            piece = yield from self._piece(left)
            self.operations.push(piece)
            left -= len(piece)

    def _u8(self):
        if not self._left:
            raise self._damaged()
        self._left -= 1
        if self._at == len(self._data):
            yield from self._more()
        self._at += 1
        return self._data[self._at - 1]

    def _length(self, length):
        if length == 15:
            more = 255
            while more == 255:
                more = yield from self._u8()
                length += more
        return length

    def _unpack(self, size):
        plain = self._plain
        made = 0
        while True:
            token = yield from self._u8()
            length = yield from self._length(token >> 4)
            if length > self._left or length > size - made:
                raise self._damaged()
            self._left -= length
            while length:
                piece = yield from self._piece(length)
                count = len(piece)
                plain[made : made + count] = piece
                made += count
                length -= count
            if not self._left:
                break
            distance = yield from self._u8()
            distance |= (yield from self._u8()) << 8
            length = (yield from self._length(token & 15)) + 4
            if not 1 <= distance <= made or length > size - made:
                raise self._damaged()
            while length:
                count = min(length, distance)
                plain[made : made + count] = plain[made - distance : made - distance + count]
                made += count
                length -= count
                distance += count
        if made != size:
            raise self._damaged()
