"""Patches that cannot be applied."""

from __future__ import annotations

from .base import Error


class ApplyError(Error):
    """A patch could not be applied. The old image is as it was, and there is no new one."""


class BadPatchError(ApplyError, ValueError):
    """The patch is damaged, incomplete, or no patch: get it again."""


class HeaderError(BadPatchError):
    """The header of the patch is damaged, or this is no patch; `kind` tells which, and which of the
    attributes there are.

    Attributes
    ----------
    offset, found, expected, limit, index, count, stated, needed : int or None
        Numbers: see the message.
    field : str or None
        The field of the header.
    """

    offset: int | None = None
    found: int | None = None
    expected: int | None = None
    limit: int | None = None
    index: int | None = None
    count: int | None = None
    stated: int | None = None
    needed: int | None = None
    field: str | None = None


class DamagedError(BadPatchError):
    """The body of the patch is damaged.

    Attributes
    ----------
    what : str
        What is wrong with it.
    offset : int
        Bytes of the new image that had been made.
    source : int or None
        Where a copy would have read, if that is what is wrong.
    """

    what: str
    offset: int
    source: int | None


class TruncatedError(BadPatchError, EOFError):
    """The patch is not complete.

    Attributes
    ----------
    fed : int
        Bytes that there were.
    expected : int or None
        Bytes of the whole patch, if that is known.
    """

    fed: int
    expected: int | None


class TrailingInputError(BadPatchError):
    """There are bytes past the end of the patch.

    Attributes
    ----------
    expected : int
        Length of the patch in bytes.
    """

    expected: int


class NewMismatchError(BadPatchError):
    """The new image is not the one that the patch promises.

    Attributes
    ----------
    expected, found : bytes
        SHA-256 that the patch promises, and of what was made.
    """

    expected: bytes
    found: bytes


class HostSectionError(BadPatchError):
    """The patch's description of the new file cannot be used; the image alone can be made with
    ``format="raw"``.

    Attributes
    ----------
    problem : str
        What is wrong with it.
    """

    problem: str


class BundleError(BadPatchError):
    """A bundle, the patch between archives or folders, cannot be applied; `kind` tells why.

    Attributes
    ----------
    member : str or None
        The member that could not be made, if it is one; empty for the common patch.
    """

    member: str | None = None


class WrongBaseError(ApplyError, ValueError):
    """The old image is not the one that the patch was made from: get another patch."""


class OldMismatchError(WrongBaseError):
    """The old image has another digest.

    Attributes
    ----------
    expected, found : bytes
        First 12 bytes of the SHA-256 that the patch expects, and of what is there.
    """

    expected: bytes
    found: bytes


class FileMismatchError(WrongBaseError):
    """The new image is right, but not the file around it: the old file is written in another way
    than the one that the patch was made from.

    Attributes
    ----------
    expected, found : bytes
        First 8 bytes of the SHA-256 of the file.
    """

    expected: bytes
    found: bytes


class OldTooShortError(WrongBaseError):
    """The old image is too short.

    Attributes
    ----------
    expected, found : int
        Length that the patch expects, and that there is, in bytes.
    """

    expected: int
    found: int


class WrongDeviceError(ApplyError, ValueError):
    """The patch is not for this device."""


class NoIdentityError(WrongDeviceError):
    """The device says what it is, the patch does not say for whom it is."""


class WrongProductError(WrongDeviceError):
    """The patch is for another product.

    Attributes
    ----------
    patch, device : int
        The products.
    """

    patch: int
    device: int


class WrongHardwareError(WrongDeviceError):
    """The patch is for other hardware.

    Attributes
    ----------
    hardware_from, hardware_to, device : int
        First and last revision of the patch, and the device's.
    """

    hardware_from: int
    hardware_to: int
    device: int


class RollbackError(WrongDeviceError):
    """The new image is older than the device permits.

    Attributes
    ----------
    patch, device : int
        The security counters.
    """

    patch: int
    device: int


class DoesNotFitError(ApplyError, ValueError):
    """The device lacks memory or features for the patch: make it for another profile."""


class OutOfRamError(DoesNotFitError):
    """The patch needs more RAM than the device has.

    Attributes
    ----------
    needed, found : int
        RAM in bytes.
    """

    needed: int
    found: int


class NewTooLongError(DoesNotFitError):
    """The new image does not fit the place for it.

    Attributes
    ----------
    needed, capacity : int
        Length of the new image, and room that there is, in bytes.
    """

    needed: int
    capacity: int


class UnsupportedPatchError(DoesNotFitError):
    """The patch asks for something that this version does not have; `kind` tells what.

    Attributes
    ----------
    found, bit : int or None
        The number of it.
    feature : str or None
        The name of it.
    member : str or None
        The member of a bundle that asks for it.
    """

    found: int | None = None
    bit: int | None = None
    feature: str | None = None
    member: str | None = None


class MisuseError(ApplyError, RuntimeError):
    """An `Applier` was used after it had failed or was finished, or by two threads at once."""
