"""What both appliers refuse, that in Python and that in C: with which error, and that nothing has
been written then. `flashdelta.Applier` is the one in C where the native module is beside it."""

from flashdelta import (
    Applier,
    BadPatchError,
    DoesNotFitError,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)
from simulated import feed, slots


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


def by_both(image, patch, product, signed, other, keys):
    """`product`: a patch for product 7, hardware 2 to 4; `other`: signed by a stranger's key."""
    wrong = flipped(image, len(image) // 2)
    refused(WrongBaseError, "old-mismatch", patch, wrong)
    refused(DoesNotFitError, "workspace-too-small", patch, image, max_ram=4096)
    refused(WrongDeviceError, "no-identity", patch, image, product=7, hardware=2)
    refused(WrongDeviceError, "wrong-product", product, image, product=8, hardware=2)
    refused(WrongDeviceError, "wrong-hardware", product, image, product=7, hardware=5)
    options = {"product": 7, "hardware": 2, "security_counter": 10}
    refused(WrongDeviceError, "rollback", product, image, **options)
    refused(BadPatchError, "truncated", patch[:-1], image, untouched=False)
    refused(BadPatchError, "trailing-input", patch + b"\0", image, untouched=False)
    refused(NotAuthenticError, "unsigned", patch, image, verify=keys)
    refused(NotAuthenticError, "unknown-key", other, image, verify=keys)
    late = flipped(signed, len(signed) - 1)
    refused(NotAuthenticError, "wrong-chunk", late, image, untouched=False, verify=keys)
    flash(image, patch)


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


def flipped(data, at):
    data = bytearray(data)
    data[at] ^= 1
    return data
