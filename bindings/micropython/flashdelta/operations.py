"""From the operations of a patch to the new image: docs/format.md, section 6.1."""

from .errors import BadPatchError
from .stream import Stream

# As many bytes are copied at once.
_PIECE = 256
_U32 = 0xFFFFFFFF


class Operations(Stream):
    """Carries out what is pushed, from `old`, a slot, to `new`."""

    def __init__(self, old, old_size, new, new_size):
        self.old = old
        self.old_size = old_size
        self.new = new
        self.new_size = new_size
        self.alignment = 0
        self._buffer = memoryview(bytearray(_PIECE))
        super().__init__()

    def finish(self):
        """The stream has ended: what is left of the new image is a copy."""
        super().finish()
        left = self.new_size - self.new.at
        if left:
            source = self._source(left)
            while left:
                piece = self._buffer[: min(left, _PIECE)]
                self.old.read(source, piece)
                self.new.put(piece)
                source += len(piece)
                left -= len(piece)

    def _damaged(self):
        return BadPatchError("damaged", None, self.new.at)

    def _source(self, length):
        source = (self.new.at + self.alignment) & _U32
        if source + length > self.old_size:
            raise self._damaged()
        return source

    def _read(self):
        while True:
            yield from self._rest()
            head = yield from self._number(_U32)
            length = (head >> 2) + 1
            if length > self.new_size - self.new.at:
                raise self._damaged()
            kind = head & 3
            if kind == 0:
                yield from self._literal(length)
            elif kind == 1:
                yield from self._copy_old(length)
            elif kind == 2:
                self._copy_new(length, (yield from self._number(_U32)))
            else:
                raise self._damaged()

    def _literal(self, left):
        while left:
            piece = yield from self._piece(left)
            self.new.put(piece)
            left -= len(piece)

    def _copy_new(self, left, distance):
        if not 1 <= distance <= self.new.at:
            raise self._damaged()
        while left:
            # What overlaps repeats: of a short distance several are put at once.
            count = min(left, distance, _PIECE)
            piece = self._buffer[:count]
            self.new.read(self.new.at - distance, piece)
            if count == distance:
                again = min(left, _PIECE) // count
                for i in range(1, again):
                    self._buffer[i * count : (i + 1) * count] = piece
                piece = self._buffer[: again * count]
            self.new.put(piece)
            left -= len(piece)

    def _copy_old(self, left):
        moved = yield from self._number(_U32)
        self.alignment += -((moved + 1) >> 1) if moved & 1 else moved >> 1
        source = self._source(left)
        count = yield from self._number(_U32)
        right = count >> 2
        wrong = (count & 3) + 1
        buffer = self._buffer
        while left:
            size = min(left, _PIECE)
            piece = buffer[:size]
            self.old.read(source, piece)
            source += size
            left -= size
            at = min(right, size)
            right -= at
            while at < size:
                if self._at == len(self._data):
                    yield from self._more()
                piece[at] = (piece[at] + self._data[self._at]) & 255
                self._at += 1
                at += 1
                wrong -= 1
                if not wrong and (left or at < size):
                    count = yield from self._number(_U32)
                    wrong = (count & 3) + 1
                    right = min(count >> 2, size - at)
                    at += right
                    right = (count >> 2) - right
            self.new.put(piece)
