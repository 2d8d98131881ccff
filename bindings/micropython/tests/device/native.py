"""What only the applier in C can get wrong: exceptions that pass through the library, errors that
keep their names, memory that is lent.

    micropython native.py OLD NEW PATCH PATCH-FOR-PRODUCT-7 SIGNED SIGNED-BY-ANOTHER POINT
"""

import gc
import sys

import _flashdelta
from flashdelta import (
    BadPatchError,
    DoesNotFitError,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)
from flashdelta.native import Applier
from flashdelta.p256 import Keys
from simulated import PowerCut, feed, load, slots


def refused(error, kind, patch, image, untouched=True, **options):
    old, new = slots(image)
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


def raised(image, patch):
    """What a slot or a key raises comes out as it is, and the library is as it was left."""
    old, new = slots(image)
    new.fail = 2
    applier = Applier(old, new)
    try:
        feed(applier, patch, 5000)
        raise AssertionError("the error of the flash is lost")
    except OSError as error:
        assert error.errno == 5 and new.writes == 2
    old, new = slots(image)
    new.cut = 3
    try:
        feed(Applier(old, new), patch, 5000)
        raise AssertionError("what is no Exception is lost")
    except PowerCut:
        pass


def keys(image, new_image, signed, other, point):
    trusted = Keys(point)
    refused(NotAuthenticError, "unknown-key", other, image, verify=trusted)
    late = bytearray(signed)
    late[-1] ^= 1
    refused(NotAuthenticError, "wrong-chunk", late, image, untouched=False, verify=trusted)

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
    image, new_image, patch, product = load(old), load(new), load(patch), load(product)
    wrong = bytearray(image)
    wrong[len(wrong) // 2] ^= 1
    refused(WrongBaseError, "old-mismatch", patch, wrong)
    refused(DoesNotFitError, "workspace-too-small", patch, image, max_ram=4096)
    refused(WrongDeviceError, "no-identity", patch, image, product=7, hardware=2)
    refused(WrongDeviceError, "wrong-product", product, image, product=8, hardware=2)
    refused(WrongDeviceError, "wrong-hardware", product, image, product=7, hardware=5)
    options = {"product": 7, "hardware": 2, "security_counter": 10}
    refused(WrongDeviceError, "rollback", product, image, **options)
    refused(BadPatchError, "truncated", patch[:-1], image, untouched=False)
    refused(BadPatchError, "trailing-input", patch + b"\0", image, untouched=False)
    refused(NotAuthenticError, "unsigned", patch, image, verify=Keys(load(point)[-64:]))
    raised(image, patch)
    keys(image, new_image, load(signed), load(other), load(point)[-64:])
    misuse(patch)


main(*sys.argv[1:])
