"""What only the applier in C can get wrong: exceptions that pass through the library, errors that
keep their names, memory that is lent.

    micropython native.py OLD NEW PATCH PATCH-FOR-PRODUCT-7 SIGNED SIGNED-BY-ANOTHER POINT
"""

import gc
import sys

import _flashdelta
import flashdelta
from flashdelta.native import Applier
from flashdelta.p256 import Keys
from refused import by_both
from simulated import PowerCut, feed, load, slots


def raised(image, patch):
    """What is no Exception comes out as it is, too, and the library is as it was left."""
    old, new = slots(image)
    new.cut = 3
    try:
        feed(Applier(old, new), patch, 5000)
        raise AssertionError("what is no Exception is lost")
    except PowerCut:
        pass


def keys(image, new_image, signed, trusted):
    """What a verifier raises comes out as it is, too; and memory that is collected meanwhile."""

    def broken(key, algorithm, message, signature):
        raise KeyError(algorithm)

    old, new = slots(image)
    try:
        feed(Applier(old, new, verify=broken), signed, 100)
        raise AssertionError("what the verifier raises is lost")
    except KeyError as error:
        assert error.args[0] == 2 and new.writes == 0
    for size in (1, len(signed)):
        old, new = slots(image)
        applier = Applier(old, new, verify=trusted)
        for at in range(0, len(signed), size):
            applier.feed(signed[at : at + size])
            if at % 512 == 0:
                gc.collect()
        applier.finish()
        assert new.data[: len(new_image)] == new_image


def misuse(patch):
    """Wrong arguments are exceptions, and no crash."""
    for call in (
        lambda: _flashdelta.feed(bytearray(10), b""),
        lambda: _flashdelta.feed(b"", b""),
        lambda: _flashdelta.init(bytearray(_flashdelta.state_len()), ()),
        lambda: _flashdelta.init(bytearray(_flashdelta.state_len()), ((),) * 6),
        lambda: _flashdelta.info(7),
    ):
        try:
            call()
            raise AssertionError("it has taken anything")
        except (ValueError, TypeError):
            pass
    state = bytearray(_flashdelta.state_len())
    assert _flashdelta.feed(state, patch) == 203 and _flashdelta.finish(state) == 203
    assert _flashdelta.info(b"FDP") == 1 and _flashdelta.info(b"PDF") == 301


def main(old, new, patch, product, signed, other, point):
    assert flashdelta.Applier is Applier
    image, new_image, patch, signed = load(old), load(new), load(patch), load(signed)
    trusted = Keys(load(point)[-64:])
    by_both(image, patch, load(product), signed, load(other), trusted)
    raised(image, patch)
    keys(image, new_image, signed, trusted)
    misuse(patch)


main(*sys.argv[1:])
