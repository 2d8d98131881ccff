"""Blocks of LZ4: docs/format.md, section 6.3. Only what a block unpacks to is in memory."""

from .errors import BadPatchError


class Blocks:
    """Unpacks a body that is pushed, and pushes what is in it on to `operations`."""

    def __init__(self, block, operations):
        self.operations = operations
        self.at_rest = False
        self._plain = memoryview(bytearray(block))
        self._left = 0
        self._data = b""
        self._at = 0
        self._run = self._blocks()
        next(self._run)

    def push(self, data):
        """Takes a piece of the body; nothing of it is kept."""
        if len(data):
            self._run.send(data)

    def finish(self):
        """The body has ended."""
        if not self.at_rest:
            raise self._damaged()
        self.operations.finish()

    def _damaged(self):
        return BadPatchError("damaged", None, self.operations.new.at)

    def _more(self):
        self._data = yield
        self._at = 0

    def _number(self):
        value = shift = 0
        while True:
            if self._at == len(self._data):
                yield from self._more()
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift == 21:
                raise self._damaged()
        return value

    def _blocks(self):
        most = len(self._plain)
        while True:
            if self._at == len(self._data):
                self.at_rest = True
                yield from self._more()
                self.at_rest = False
            size = yield from self._number()
            stored = size & 1
            size >>= 1
            if not 1 <= size <= most:
                raise self._damaged()
            if stored:
                yield from self._stored(size)
                continue
            self._left = yield from self._number()
            if not 1 <= self._left <= most:
                raise self._damaged()
            yield from self._unpack(size)
            self.operations.push(self._plain[:size])

    def _stored(self, left):
        while left:
            if self._at == len(self._data):
                yield from self._more()
            count = min(left, len(self._data) - self._at)
            self.operations.push(self._data[self._at : self._at + count])
            self._at += count
            left -= count

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
                if self._at == len(self._data):
                    yield from self._more()
                count = min(length, len(self._data) - self._at)
                plain[made : made + count] = self._data[self._at : self._at + count]
                made += count
                self._at += count
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
