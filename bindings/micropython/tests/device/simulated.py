"""Flash for tests: in RAM, with the two interfaces of block devices, and power that can fail."""


class PowerCut(BaseException):
    """Nothing catches it by mistake."""


class Plain:
    """A block device with the simple interface alone. As `esp32.Partition`, it erases what it
    writes. `cut` counts writes down; at 0 the power fails in the middle of one."""

    def __init__(self, size, data=b"", block=4096):
        self.data = bytearray(b"\xff" * size)
        self.data[: len(data)] = data
        self.block = block
        self.writes = 0
        self.reads = 0
        self.cut = None
        self.torn = 0
        self.fail = None

    def ioctl(self, op, arg):
        return {4: len(self.data) // self.block, 5: self.block}.get(op)

    def readblocks(self, number, buffer):
        self._read(number * self.block, buffer)

    def _read(self, at, buffer):
        self.reads += 1
        if at < 0 or at + len(buffer) > len(self.data):
            raise ValueError("read outside of the device")
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, number, buffer):
        at = number * self.block
        if at < 0 or at + len(buffer) > len(self.data) or len(buffer) % self.block:
            raise ValueError("write outside of the device")
        if self.fail is not None and self.writes == self.fail:
            return -5
        self.writes += 1
        if self.cut is not None:
            self.cut -= 1
            if self.cut == 0:
                self._tear(at, buffer)
                raise PowerCut()
        self.data[at : at + len(buffer)] = buffer

    def _tear(self, at, buffer):
        """Erased, or half erased, or half written: `torn` says which."""
        half = len(buffer) // 2
        if self.torn == 0:
            return
        erased = len(buffer) if self.torn > 1 else half
        self.data[at : at + erased] = b"\xff" * erased
        if self.torn == 3:
            self.data[at : at + half + 1] = buffer[: half + 1]


class Extended(Plain):
    """With the extended interface, too: reads at any offset."""

    def readblocks(self, number, buffer, offset=0):
        self._read(number * self.block + offset, buffer)


def slots(old, block=4096, kind=Extended, room=131072):
    """An old slot with this image, and a new one with what was there before."""
    return kind(131072, old, block), kind(room, b"What was there before. " * (room // 23), block)


def load(path):
    with open(path, "rb") as file:
        return file.read()


def feed(applier, patch, size):
    for at in range(0, len(patch), size):
        applier.feed(patch[at : at + size])
