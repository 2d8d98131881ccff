"""Types that signatures share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

if TYPE_CHECKING:
    from typing_extensions import Buffer

BytesLike: TypeAlias = "Buffer"
PathLike: TypeAlias = "os.PathLike[str] | os.PathLike[bytes]"
#: An image or a patch: its bytes, or where the file is.
Source: TypeAlias = "Union[Buffer, os.PathLike[str], os.PathLike[bytes]]"
#: Where a file is, in functions that take nothing else.
FilePath: TypeAlias = "str | os.PathLike[str]"

Codec: TypeAlias = Literal["raw", "lz4", "zstd", "model"]
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
    "other",
]
#: Formats that can be written.
WritableFormat: TypeAlias = Literal["raw", "ihex", "srec", "ti-txt", "uf2"]
