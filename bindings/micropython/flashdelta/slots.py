"""Slots: what holds an image, on anything with `readblocks` and `writeblocks`."""

import hashlib

_PIECE = 512


def _check(result):
    """What a block device returns: nothing or 0 where all is well."""
    if isinstance(result, int) and result != 0:
        raise OSError(abs(int(result)))


class Slot:
    """A block device that is read anywhere, `esp32.Partition` for example.

    Devices with the extended interface are read at the byte; of others a whole block is kept.
    """

    def __init__(self, device):
        self.device = device
        self.block = device.ioctl(5, 0) or 512
        self.size = self.block * device.ioctl(4, 0)
        self._kept = None
        self._number = -1
        try:
            if self.size:
                _check(device.readblocks(0, bytearray(1), 0))
        except TypeError:
            self._kept = bytearray(self.block)

    def read(self, offset, to):
        """Fills `to`, a memoryview, from `offset`."""
        at = 0
        while at < len(to):
            number = offset // self.block
            start = offset % self.block
            count = min(self.block - start, len(to) - at)
            if self._kept is None:
                _check(self.device.readblocks(number, to[at : at + count], start))
            else:
                if number != self._number:
                    self._number = -1
                    _check(self.device.readblocks(number, self._kept))
                    self._number = number
                to[at : at + count] = memoryview(self._kept)[start : start + count]
            at += count
            offset += count

    def digest(self, size):
        """SHA-256 of the first bytes."""
        hash = hashlib.sha256()
        piece = memoryview(bytearray(min(_PIECE, self.block)))
        at = 0
        while at < size:
            part = piece[: min(len(piece), size - at)]
            self.read(at, part)
            hash.update(part)
            at += len(part)
        return hash.digest()


class NewSlot(Slot):
    """The slot that is written, from its start, a whole block at a time. Of a block that is there
    already nothing is erased or written: an update that was cut off is quick to where it was."""

    def __init__(self, device):
        super().__init__(device)
        self.at = 0
        self.written = 0
        self._page = memoryview(bytearray(self.block))

    def put(self, data):
        """Appends."""
        at = 0
        while at < len(data):
            start = self.at % self.block
            count = min(self.block - start, len(data) - at)
            self._page[start : start + count] = data[at : at + count]
            self.at += count
            at += count
            if self.at % self.block == 0:
                self._write(self.at // self.block - 1)

    def read(self, offset, to):
        """What has been put: `to` is no longer than what there is of it."""
        there = self.at - self.at % self.block
        count = max(min(there - offset, len(to)), 0)
        if count:
            super().read(offset, to[:count])
        if count < len(to):
            start = offset + count - there
            to[count:] = self._page[start : start + len(to) - count]

    def finish(self):
        """Writes the last block, filled up as erased flash is."""
        rest = self.at % self.block
        if rest:
            for i in range(rest, self.block):
                self._page[i] = 255
            self._write(self.at // self.block)
            self.at += self.block - rest

    def _write(self, number):
        if self._is_there(number):
            return
        self._number = -1
        _check(self.device.writeblocks(number, self._page))
        self.written += self.block

    def _is_there(self, number):
        piece = memoryview(bytearray(min(_PIECE, self.block)))
        for at in range(0, self.block, len(piece)):
            super().read(number * self.block + at, piece)
            if piece != self._page[at : at + len(piece)]:
                return False
        return True
