"""What is refused, and that nothing has been written then.

    micropython refusals.py OLD NEW PATCH PATCH-FOR-PRODUCT-7 SIGNED SIGNED-BY-ANOTHER POINT
"""

import sys

from flashdelta import (
    Applier,
    BadPatchError,
    DoesNotFitError,
    Error,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)
from flashdelta.p256 import Keys
from simulated import Extended, feed, load, slots


def refused(error, kind, patch, image, untouched=True, room=131072, **options):
    old, new = slots(image, room=room)
    before = bytes(new.data)
    applier = Applier(old, new, **options)
    try:
        feed(applier, patch, 100)
        applier.finish()
    except error as found:
        assert found.kind == kind, found
    else:
        raise AssertionError(kind)
    if untouched:
        assert new.data == before and new.writes == 0, kind
    try:
        applier.feed(b"x")
        raise AssertionError("after an error it takes more")
    except MisuseError:
        pass


def bases_and_devices(image, patch, product):
    other = bytearray(image)
    other[len(other) // 2] ^= 1
    refused(WrongBaseError, "old-mismatch", patch, other)
    refused(DoesNotFitError, "new-too-long", patch, image, room=4096 * (len(image) // 4096))
    refused(DoesNotFitError, "workspace-too-small", patch, image, max_ram=4096)
    refused(WrongDeviceError, "no-identity", patch, image, product=7, hardware=2)
    refused(WrongDeviceError, "wrong-product", product, image, product=8, hardware=2)
    refused(WrongDeviceError, "wrong-hardware", product, image, product=7, hardware=5)
    refused(
        WrongDeviceError, "rollback", product, image, product=7, hardware=2, security_counter=10
    )
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
    for length in (0, 3, 20, len(patch) // 2, len(patch) - 1):
        refused(BadPatchError, "truncated", patch[:length], image, untouched=length < 60)
    refused(BadPatchError, "trailing-input", patch + b"\0", image, untouched=False)


def signatures(image, new_image, patch, signed, other, point):
    keys = Keys(point)
    refused(NotAuthenticError, "unsigned", patch, image, verify=keys)
    refused(NotAuthenticError, "unknown-key", other, image, verify=keys)
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
    late = flipped(signed, len(signed) - 1)
    refused(NotAuthenticError, "wrong-chunk", late, image, untouched=False, verify=keys)
    # Without keys the chunks are checked all the same.
    refused(NotAuthenticError, "wrong-chunk", late, image, untouched=False)


def flipped(patch, at):
    patch = bytearray(patch)
    patch[at] ^= 1
    return patch


def flash(image, patch):
    """An error of the flash is an OSError, and not the end of the slot."""
    old, new = slots(image)
    new.fail = 2
    applier = Applier(old, new)
    try:
        feed(applier, patch, 5000)
        raise AssertionError("the error of the flash is lost")
    except OSError as error:
        assert error.errno == 5 and new.writes == 2


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
    bases_and_devices(image, patch, load(product))
    lengths(image, patch)
    signatures(image, new_image, patch, load(signed), load(other), load(point)[-64:])
    flash(image, patch)
    damage(image, new_image, patch)


main(*sys.argv[1:])
