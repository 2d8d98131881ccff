"""What an update takes of the heap, and how long.

    micropython -X heapsize=SIZE memory.py OLD NEW PATCH

OLD and NEW are slots in files of 262,144 bytes. Prints bytes of heap for the modules, bytes of heap
for the update at its most, and milliseconds.
"""

import gc
import sys
import time

gc.collect()
before = gc.mem_alloc()
from flashdelta import Applier

gc.collect()
modules = gc.mem_alloc() - before


class File:
    """A slot in a file: it takes nothing of the heap."""

    def __init__(self, path, size):
        self.file = open(path, "r+b")
        self.size = size

    def ioctl(self, op, arg):
        return {4: self.size // 4096, 5: 4096}.get(op)

    def readblocks(self, number, buffer, offset=0):
        self.file.seek(number * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, number, buffer):
        self.file.seek(number * 4096)
        self.file.write(buffer)


def main(old, new, patch):
    old, new = File(old, 262144), File(new, 262144)
    patch = open(patch, "rb")
    piece = bytearray(512)
    gc.collect()
    before = gc.mem_alloc()
    least = gc.mem_free()
    start = time.ticks_ms()
    applier = Applier(old, new)
    while True:
        count = patch.readinto(piece)
        if not count:
            break
        applier.feed(memoryview(piece)[:count])
        gc.collect()
        least = min(least, gc.mem_free())
    applier.finish()
    took = time.ticks_diff(time.ticks_ms(), start)
    gc.collect()
    total = gc.mem_alloc() + gc.mem_free()
    print(modules, total - least - before, took)


main(*sys.argv[1:])
