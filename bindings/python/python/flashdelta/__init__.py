"""Firmware delta updates: small patches, applied in a few KiB of RAM on a microcontroller.

A release server turns *old image + new image* into a *patch* (`diff`); a device turns *its own
flash + the patch* into the new image. The device does that with the Rust or C library; `apply`,
`verify` and `Applier` do the same here, for tests, gateways and Linux devices.

>>> import flashdelta
>>> old = b"firmware 1.4.1, the one in the field" * 100
>>> new = b"firmware 1.4.2, the one in the field" * 100
>>> patch = flashdelta.diff(old, new)
>>> len(patch) < 200
True
>>> flashdelta.apply(old, patch) == new
True

Images and patches are anything with a buffer (`bytes`, `bytearray`, `memoryview`, `mmap.mmap`,
NumPy arrays, ...), or the path of a file as `str` or `os.PathLike`. `bytes` are read in place. Any
other buffer is copied first, since somebody may change it while the library is at work, which
releases the GIL: 100 MB take 50 ms, and 100 MB of memory. Give a path, or `bytes`, where that
matters. Ctrl-C ends long work at once. Everything that the library raises derives from `Error`; an
argument of the wrong type is a `TypeError`.

The patch format is version 0 and may change until the first release: apply a patch with the version
that made it.
"""

from ._address_map import AddressMap, MapSegment, address_map, detect
from ._applying import Applier, ApplyProgress, apply, apply_files, explain, verify
from ._errors import (
    AddressError,
    ApplyError,
    BadPatchError,
    BadProfileError,
    BundleError,
    CancelledError,
    CodecNotInProfileError,
    DamagedError,
    DiffError,
    DiffManyError,
    DoesNotFitError,
    Error,
    FileError,
    FileIsADirectoryError,
    FileMissingError,
    FileMismatchError,
    FilePermissionError,
    FlashdeltaWarning,
    HeaderError,
    HoleError,
    HostSectionError,
    ImageError,
    InternalError,
    IsaNotInProfileError,
    KeyFileError,
    ManifestError,
    MisuseError,
    NewMismatchError,
    NewTooLongError,
    NoIdentityError,
    NotAuthenticError,
    OldMismatchError,
    OldTooShortError,
    OptionError,
    OutOfMemoryError,
    OutOfRamError,
    PairFailure,
    ProfileTooSmallError,
    RollbackError,
    TooLargeError,
    TrailingInputError,
    TruncatedError,
    UnknownKeyError,
    UnsignedError,
    UnsupportedPatchError,
    WrongBaseError,
    WrongChunkError,
    WrongDeviceError,
    WrongHardwareError,
    WrongProductError,
    WrongSignatureError,
)
from ._holes import (
    Hole,
    HoleSource,
    Marker,
    OldPlace,
    PatchHole,
    Place,
    Symbol,
    personalize,
    personalize_table,
    value_record,
)
from ._image import Image, Segment, convert
from ._making import DiffOptions, DiffProgress, PairOptions, diff, diff_files
from ._many import diff_many
from ._native import __version__
from ._patch import BundleInfo, BundleMember, Patch, PatchInfo, Report, Tried
from ._profile import DeviceIdentity, DeviceProfile, Identity, product_id
from ._record_options import ReadOptions, WriteOptions
from ._release import release_build, release_resolve
from ._signing import (
    Key,
    KeyPair,
    SignatureAlgorithm,
    attach_signature,
    generate_key,
    key_id,
    sign,
    sign_message,
    signatures,
)
from ._types import (
    BytesLike,
    Codec,
    Container,
    FilePath,
    Format,
    Isa,
    MemberMethod,
    OutputFormat,
    PatchCodec,
    Source,
    WritableFormat,
)

__all__ = [
    "AddressError",
    "AddressMap",
    "Applier",
    "ApplyError",
    "ApplyProgress",
    "BadPatchError",
    "BadProfileError",
    "BundleError",
    "BundleInfo",
    "BundleMember",
    "BytesLike",
    "CancelledError",
    "Codec",
    "CodecNotInProfileError",
    "Container",
    "DamagedError",
    "DeviceIdentity",
    "DeviceProfile",
    "DiffError",
    "DiffManyError",
    "DiffOptions",
    "DiffProgress",
    "DoesNotFitError",
    "Error",
    "FileError",
    "FileIsADirectoryError",
    "FileMismatchError",
    "FileMissingError",
    "FilePath",
    "FilePermissionError",
    "FlashdeltaWarning",
    "Format",
    "HeaderError",
    "Hole",
    "HoleError",
    "HoleSource",
    "HostSectionError",
    "Identity",
    "Image",
    "ImageError",
    "InternalError",
    "Isa",
    "IsaNotInProfileError",
    "Key",
    "KeyFileError",
    "KeyPair",
    "ManifestError",
    "MapSegment",
    "Marker",
    "MemberMethod",
    "MisuseError",
    "NewMismatchError",
    "NewTooLongError",
    "NoIdentityError",
    "NotAuthenticError",
    "OldMismatchError",
    "OldPlace",
    "OldTooShortError",
    "OptionError",
    "OutOfMemoryError",
    "OutOfRamError",
    "OutputFormat",
    "PairFailure",
    "PairOptions",
    "Patch",
    "PatchCodec",
    "PatchHole",
    "PatchInfo",
    "Place",
    "ProfileTooSmallError",
    "ReadOptions",
    "Report",
    "RollbackError",
    "Segment",
    "SignatureAlgorithm",
    "Source",
    "Symbol",
    "TooLargeError",
    "TrailingInputError",
    "Tried",
    "TruncatedError",
    "UnknownKeyError",
    "UnsignedError",
    "UnsupportedPatchError",
    "WritableFormat",
    "WriteOptions",
    "WrongBaseError",
    "WrongChunkError",
    "WrongDeviceError",
    "WrongHardwareError",
    "WrongProductError",
    "WrongSignatureError",
    "__version__",
    "address_map",
    "apply",
    "apply_files",
    "attach_signature",
    "convert",
    "detect",
    "diff",
    "diff_files",
    "diff_many",
    "explain",
    "generate_key",
    "key_id",
    "personalize",
    "personalize_table",
    "product_id",
    "release_build",
    "release_resolve",
    "sign",
    "sign_message",
    "signatures",
    "value_record",
    "verify",
]


def _adopt() -> None:
    """Where users find classes is what tracebacks, pickles and the reference say."""
    for name in __all__:
        value = globals()[name]
        if isinstance(value, type):
            value.__module__ = __name__


_adopt()
