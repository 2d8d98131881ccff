"""Power fails at every write, in four ways, and the update starts again from the first byte.

    micropython power.py OLD NEW PATCH
"""

import sys

from flashdelta import Applier
from simulated import PowerCut, feed, load, slots


def update(old, new, patch):
    applier = Applier(old, new)
    feed(applier, patch, 1500)
    applier.finish()


def main(old_path, new_path, patch_path):
    old_image, new_image, patch = load(old_path), load(new_path), load(patch_path)
    old, new = slots(old_image)
    update(old, new, patch)
    writes = new.writes
    assert writes >= len(new_image) // 4096
    for cut in range(1, writes + 1):
        for torn in range(4):
            old, new = slots(old_image)
            new.cut, new.torn = cut, torn
            try:
                update(old, new, patch)
                raise AssertionError("the power has not failed")
            except PowerCut:
                new.cut = None
            assert old.data[: len(old_image)] == old_image
            update(old, new, patch)
            assert new.data[: len(new_image)] == new_image, (cut, torn)
            # Of what was right already nothing is written again.
            assert new.writes == writes + 1, (cut, torn, new.writes)
    print(writes * 4)


main(*sys.argv[1:])
