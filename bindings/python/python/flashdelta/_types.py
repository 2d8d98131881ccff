"""Types that signatures share."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, Union

if TYPE_CHECKING:
    from typing_extensions import Buffer
elif sys.version_info >= (3, 12):
    from collections.abc import Buffer
else:

    class Buffer:
        """What later versions have in `collections.abc`; here it is only for signatures."""


class Array(Protocol):
    """A NumPy array. Its types say that it has a buffer only for Python 3.12 and later."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


#: Anything with a buffer.
BytesLike: TypeAlias = Union[Buffer, Array]
#: Where a file is. A `str` is a path wherever one is taken; `bytes` are always content.
FilePath: TypeAlias = Union[str, os.PathLike[str]]
#: An image or a patch: its bytes, or where the file is.
Source: TypeAlias = Union[Buffer, Array, str, os.PathLike[str]]

Codec: TypeAlias = Literal["raw", "lz4", "zstd", "model"]
#: How the body of a patch is coded, or that it is one between archives or folders.
PatchCodec: TypeAlias = Literal["raw", "lz4", "zstd", "model", "bundle"]
#: What a file that holds others is.
Container: TypeAlias = Literal["file", "zip", "tar", "gzip", "folder"]
#: How a bundle makes a member.
MemberMethod: TypeAlias = Literal["same", "patch", "common", "full", "verbatim", "bundle"]
Isa: TypeAlias = Literal["none", "thumb", "riscv", "xtensa", "tc32", "mcs51", "halves", "bytes"]
Format: TypeAlias = Literal[
    "raw",
    "ihex",
    "srec",
    "ti-txt",
    "uf2",
    "elf",
    "esp",
    "mcuboot",
    "zigbee-ota",
    "gbl",
    "ebl",
    "telink",
    "dfuse",
    "dfu",
    "rbl",
    "vmem",
    "apj",
    "other",
]
#: What `apply` gives: the identical file, or the image in some format.
OutputFormat: TypeAlias = Literal["same", "raw", "ihex", "srec", "ti-txt", "uf2"]
#: Formats that can be written.
WritableFormat: TypeAlias = Literal["raw", "ihex", "srec", "ti-txt", "uf2"]

#: The fields of a profile, in the order of its class.
ProfileFields: TypeAlias = tuple[str, int, int, int, list[str], list[str], int, int, list[str]]
