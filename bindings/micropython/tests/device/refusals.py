"""What is refused, and that nothing has been written then.

    micropython refusals.py OLD NEW PATCH PATCH-FOR-PRODUCT-7 SIGNED SIGNED-BY-ANOTHER POINT
"""

import sys

from flashdelta import (
    Applier,
    BadPatchError,
    DoesNotFitError,
    Error,
    NotAuthenticError,
    WrongBaseError,
)
from flashdelta.p256 import Keys
from refused import by_both, flipped, refused
from simulated import Extended, feed, load, slots


def bases_and_devices(image, patch, product):
    refused(DoesNotFitError, "new-too-long", patch, image, room=4096 * (len(image) // 4096))
    old, new = slots(image)
    applier = Applier(old, new, product=7, hardware=4, security_counter=9)
    feed(applier, product, 999)
    applier.finish()
    short = Extended(8192, image[:8192])
    try:
        Applier(short, slots(b"")[1]).feed(patch)
        raise AssertionError("old-too-short")
    except WrongBaseError as error:
        assert error.kind == "old-too-short"


def lengths(image, patch):
    for length in (0, 3, 20, len(patch) // 2):
        refused(BadPatchError, "truncated", patch[:length], image, untouched=length < 60)


def signatures(image, new_image, signed, keys):
    old, new = slots(image)
    applier = Applier(old, new, verify=keys)
    feed(applier, signed, 1)
    applier.finish()
    assert new.data[: len(new_image)] == new_image
    header = applier.header.length
    # The value of the signature, in r and in s; the header itself; the table; a chunk.
    for at, kind in ((header + 20, "wrong-signature"), (header + 60, "wrong-signature")):
        refused(NotAuthenticError, kind, flipped(signed, at), image, verify=keys)
    refused(BadPatchError, "checksum", flipped(signed, 20), image, verify=keys)
    table = header + 74
    refused(NotAuthenticError, "wrong-table", flipped(signed, table), image, verify=keys)
    body = table + applier.header.table()
    refused(NotAuthenticError, "wrong-chunk", flipped(signed, body), image, verify=keys)
    # Without keys the chunks are checked all the same.
    late = flipped(signed, len(signed) - 1)
    refused(NotAuthenticError, "wrong-chunk", late, image, untouched=False)


def damage(image, new_image, patch):
    """Any byte wrong: a typed error, or the right image, and nothing else."""
    kinds = {}
    step = max(len(patch) // 200, 1)
    for at in list(range(80)) + list(range(80, len(patch), step)):
        old, new = slots(image)
        applier = Applier(old, new)
        try:
            applier.feed(flipped(patch, at))
            applier.finish()
        except Error as error:
            kinds[error.kind] = kinds.get(error.kind, 0) + 1
        else:
            assert new.data[: len(new_image)] == new_image, at
            kinds["right"] = kinds.get("right", 0) + 1
        assert old.writes == 0
    print(kinds)
    assert kinds["new-mismatch"] and kinds["damaged"] and kinds["checksum"]


def main(old, new, patch, product, signed, other, point):
    image, new_image, patch = load(old), load(new), load(patch)
    product, signed, keys = load(product), load(signed), Keys(load(point)[-64:])
    by_both(image, patch, product, signed, load(other), keys)
    bases_and_devices(image, patch, product)
    lengths(image, patch)
    signatures(image, new_image, signed, keys)
    damage(image, new_image, patch)


main(*sys.argv[1:])
