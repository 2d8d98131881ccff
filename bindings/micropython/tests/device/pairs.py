"""Patches of real images, in pieces of several sizes, on both kinds of block devices.

    micropython pairs.py OLD NEW PATCH...
"""

import sys

from flashdelta import Applier
from simulated import Extended, Plain, feed, load, slots


def main(old_path, new_path, patches):
    old_image, new_image = load(old_path), load(new_path)
    for path in patches:
        patch = load(path)
        for kind, block, size in (
            (Extended, 4096, 1),
            (Extended, 4096, 1000),
            (Plain, 4096, len(patch) or 1),
            (Plain, 512, 333),
        ):
            old, new = slots(old_image, block, kind)
            after = bytes(new.data[-(-len(new_image) // block) * block :])
            applier = Applier(old, new)
            feed(applier, patch, size)
            applier.finish()
            assert new.data[: len(new_image)] == new_image, path
            assert applier.made == len(new_image) and applier.taken == len(patch)
            assert applier.length == len(patch)
            assert old.data[: len(old_image)] == old_image and old.writes == 0
            assert new.data[len(new.data) - len(after) :] == after, "more was written"
            assert new.writes * block == applier.written <= len(new_image) + block
    print("right")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
