"""Every vector of testdata that is a patch: what this applier knows it applies, or refuses with
the error that docs/format.md names; what it does not know it refuses before anything is written.

    micropython vectors.py FOLDER [native] VECTOR...

`native`: the applier in C, which knows all of it. Several of its errors have one number.
"""

import json
import sys

from flashdelta import Applier, DoesNotFitError, Error
from simulated import Extended, load, slots

LACKING = ("unsupported", "codec-not-built", "isa-not-built")
# What C has one number for.
SAME = {
    "cut-short": "bad-number",
    "field-too-large": "bad-number",
    "bad-segment": "bad-number",
    "bad-hole": "bad-number",
    "left-over": "bad-number",
    "inconsistent-workspace": "bad-number",
    "unknown-feature": "unsupported",
}
# The format's name and the library's.
NAMES = {"too-large": "field-too-large"}


def outcome(folder, vector, size):
    image = load(folder + vector["old"])
    # The old slot is as long as the image: its length is checked, too.
    old, new = Extended(len(image), image, len(image) or 1), slots(b"")[1]
    before = bytes(new.data)
    patch = load(folder + vector["patch"])
    try:
        applier = Applier(old, new, max_ram=1 << 20)
        for at in range(0, len(patch), size):
            applier.feed(patch[at : at + size])
        applier.finish()
    except DoesNotFitError as error:
        assert new.data == before, "something was written"
        return error.kind
    except Error as error:
        return error.kind
    return bytes(new.data[: applier.made])


def main(folder, names):
    native = names[0] == "native"
    names = names[native:]
    applied = refused = lacking = 0
    for name in names:
        vector = json.loads(load(folder + name))
        found = outcome(folder, vector, 1)
        for size in (7, 1 << 20):
            again = outcome(folder, vector, size)
            assert again == found, (name, "depends on the size of pieces", again, found)
        expected = vector.get("error")
        if found in LACKING and found != expected:
            lacking += 1
        elif expected:
            found = found if isinstance(found, str) else "an image"
            expected = NAMES.get(expected, expected)
            expected = SAME.get(expected, expected) if native else expected
            assert found == expected, (name, found, expected)
            refused += 1
        else:
            assert found == load(folder + vector["new"]), (name, found)
            applied += 1
    print(applied, refused, lacking)


main(sys.argv[1] + "/", sys.argv[2:])
