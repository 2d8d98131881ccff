"""Everything that can go wrong, as exceptions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._patch import Patch


def _restore(cls: type[Error], message: str, fields: dict[str, Any]) -> Error:
    return cls(message, **fields)


class Error(Exception):
    """Base of everything that flashdelta raises.

    The message says what happened, where, what was expected and found, and what to do.

    Attributes
    ----------
    kind : str
        A stable name for what happened, finer than the class: ``"old-mismatch"``, ``"bad-checksum"``.
    """

    kind: str = "error"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self._fields = fields
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # As it was made, for other processes; notes and the like are in `__dict__`.
        return _restore, (type(self), self.args[0], self._fields), self.__dict__


class FlashdeltaWarning(UserWarning):
    """Something is patched otherwise than it seems to be meant. The patch is right, but may be larger than it had to be.

    ``warnings.simplefilter("error", flashdelta.FlashdeltaWarning)`` makes it an exception.

    Attributes
    ----------
    kind : str
        A stable name of what it is, such as ``"same"``.
    """

    def __init__(self, message: str = "", kind: str = "warning") -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


class OptionError(Error, ValueError):
    """An argument has a value that it cannot have; nothing was done."""


class HoleError(Error, ValueError):
    """An image cannot have holes, or not these; or a hole has no value, or none that fits."""


class InternalError(Error, RuntimeError):
    """A mistake in flashdelta itself: please report it."""


class CancelledError(Error):
    """The progress callback returned ``False``."""


class OutOfMemoryError(Error, MemoryError):
    """This computer does not give the memory that making, reading or applying takes."""


class FileError(Error, OSError):
    """A file could not be read or written.

    Attributes
    ----------
    errno : int or None
        The number that the operating system gave.
    strerror : str
        What the operating system said.
    filename : str
        The file.
    offset : int or None
        Where in the image, if an update was running.
    """

    offset: int | None = None


class FileMissingError(FileError, FileNotFoundError):
    """There is no such file or folder."""


class FilePermissionError(FileError, PermissionError):
    """The file may not be read or written."""


class FileIsADirectoryError(FileError, IsADirectoryError):
    """This is a folder, not a file."""


class DiffError(Error):
    """A patch could not be made."""


class ManifestError(DiffError, ValueError):
    """A ``manifest.json`` or ``flasher_args.json`` in an archive or a folder says something that cannot be.

    Attributes
    ----------
    member : str
        The file; empty if it is the image itself.
    """

    member: str


class TooLargeError(DiffError, ValueError):
    """An image, or both together, are too large.

    Attributes
    ----------
    found, limit : int
        Length of both together in bytes, and the largest one possible.
    """

    found: int
    limit: int


class BadProfileError(DiffError, ValueError):
    """The device profile is not possible.

    Attributes
    ----------
    what : str
        What is wrong with it.
    """

    what: str


class ProfileTooSmallError(DiffError, ValueError):
    """The device has too little RAM for what was asked for.

    Attributes
    ----------
    profile : str
        Name of the profile.
    ram, needed : int
        RAM that it has, and that would do, in bytes.
    codec : str
        The codec that was to fit.
    """

    profile: str
    ram: int
    codec: str
    needed: int


class CodecNotInProfileError(DiffError, ValueError):
    """The device cannot apply the codec that was asked for.

    Attributes
    ----------
    codec, profile : str
        The codec, and the name of the profile.
    allowed : list of str
        The codecs that it can apply.
    """

    codec: str
    profile: str
    allowed: list[str]


class IsaNotInProfileError(DiffError, ValueError):
    """The device cannot predict by the instruction set that was asked for.

    Attributes
    ----------
    isa, profile : str
        The instruction set, and the name of the profile.
    """

    isa: str
    profile: str


@dataclasses.dataclass(frozen=True)
class PairFailure:
    """A pair of images of which `diff_many` could not make a patch."""

    #: Its place among the pairs, from 0.
    index: int
    #: What it is, for people.
    name: str
    #: What happened.
    error: BaseException


class DiffManyError(DiffError):
    """Some pairs failed; all the others were finished.

    Attributes
    ----------
    failures : list of PairFailure
        The pairs that failed, in order.
    patches : list of (Patch or None)
        The patches in the order of the pairs, ``None`` where there is none.
    """

    failures: list[PairFailure]
    patches: list[Patch | None]


class ApplyError(Error):
    """A patch could not be applied. The old image is as it was, and there is no new one."""


class BadPatchError(ApplyError, ValueError):
    """The patch is damaged, incomplete, or no patch: get it again."""


class HeaderError(BadPatchError):
    """The header of the patch is damaged, or this is no patch; `kind` tells which, and which of the attributes there are.

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
    """The patch's description of the new file cannot be used; the image alone can be made with ``format="raw"``.

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
    """The new image is right, but not the file around it: the old file is written otherwise than the one that the patch was made from.

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


class KeyFileError(Error, ValueError):
    """A file is no key, not of the kind that is needed, or no signature."""


class NotAuthenticError(ApplyError, ValueError):
    """Nobody who is trusted vouches for the patch."""


class UnsignedError(NotAuthenticError):
    """The patch has no signature, and one is required."""


class UnknownKeyError(NotAuthenticError):
    """The patch is signed, but with no key that is trusted.

    Attributes
    ----------
    key_id : bytes
        The id of its key.
    """

    key_id: bytes = b""


class WrongSignatureError(NotAuthenticError):
    """A signature by a trusted key is not that of this patch.

    Attributes
    ----------
    key_id : bytes
        The id of the key.
    """

    key_id: bytes = b""


class WrongChunkError(NotAuthenticError):
    """A chunk of the patch, or the table of their digests, is not the one that was vouched for.

    To an `Applier` the patch can be fed again from the `start` of a wrong chunk on. A wrong table is final.

    Attributes
    ----------
    index : int or None
        The number of the chunk, from 0; none for the table.
    start, end : int or None
        Its bytes in the patch.
    """

    index: int | None = None
    start: int | None = None
    end: int | None = None


class MisuseError(ApplyError, RuntimeError):
    """An `Applier` was used after it had failed or was finished, or by two threads at once."""


class ImageError(Error, ValueError):
    """A firmware file could not be read, or an image not be written; `kind` tells why, and which of the attributes there are.

    Attributes
    ----------
    line, column : int or None
        Where in a text file, from 1.
    offset : int or None
        Where in a binary file, from 0.
    address : int or None
        Address in memory.
    expected, found, needed, limit : int or None
        Numbers: see the message.
    problem : str or None
        What is wrong, in words.
    format : str or None
        The format.
    """

    line: int | None = None
    column: int | None = None
    offset: int | None = None
    address: int | None = None
    expected: int | None = None
    found: int | None = None
    needed: int | None = None
    limit: int | None = None
    problem: str | None = None
    format: str | None = None


class AddressError(ImageError, LookupError):
    """There are no bytes at addresses that were asked for.

    Attributes
    ----------
    address : int
        The first address that was asked for.
    length, missing : int
        How many bytes were asked for, and how many of them are not there.
    """

    length: int
    missing: int
