"""What a firmware file is, and which of its bytes are at which addresses."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, cast

from . import _native
from ._types import Format, Source


@dataclasses.dataclass(frozen=True)
class MapSegment:
    """Bytes of a file that have an address."""

    #: First byte, as an offset into the file.
    offset: int
    #: Length in bytes.
    size: int
    #: Address of the first byte when the firmware runs.
    address: int
    #: ``"code"``, ``"data"`` or ``"unknown"``.
    kind: str


@dataclasses.dataclass(frozen=True)
class AddressMap:
    """Which bytes of a file are at which addresses when the firmware runs: what `diff` goes by.

    Attributes
    ----------
    format : str
        The container.
    architecture : str or None
        What the code is written in, if it could be told: ``"thumb"``, ``"riscv32"``,
        ``"xtensa-windowed"``, ...
    segments : tuple of MapSegment
        Bytes with addresses, in the order of the file.
    reserved : tuple of range
        Addresses without bytes in the file that pointers may point to: RAM.
    """

    format: Format
    architecture: str | None
    segments: tuple[MapSegment, ...]
    reserved: tuple[range, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same for `json.dump`: names and values are those of ``flashdelta info --json``, which
        ``docs/facts.schema.json`` describes.

        Returns
        -------
        dict
            Names and values.
        """
        return {
            "format": self.format,
            "architecture": self.architecture,
            "segments": [dataclasses.asdict(segment) for segment in self.segments],
            "reserved": [{"start": span.start, "end": span.stop} for span in self.reserved],
        }


def address_map(data: Source) -> AddressMap:
    """Which bytes of a firmware file are at which addresses. Lenient: what cannot be told is left
    out.

    Parameters
    ----------
    data : bytes-like, str or os.PathLike
        The file.

    Returns
    -------
    AddressMap
        The map.

    Examples
    --------
    >>> import flashdelta
    >>> flashdelta.address_map(bytes(100)).segments
    ()
    """
    facts = json.loads(_native.address_map(data))
    return AddressMap(
        facts["format"],
        facts["architecture"],
        tuple(MapSegment(**segment) for segment in facts["segments"]),
        tuple(range(span["start"], span["end"]) for span in facts["reserved"]),
    )


def detect(data: Source) -> Format:
    """Recognise the format of a firmware file by its content, never by its name.

    Parameters
    ----------
    data : bytes-like, str or os.PathLike
        The file.

    Returns
    -------
    str
        ``"raw"``, ``"ihex"``, ``"srec"``, ``"ti-txt"``, ``"uf2"``, ``"elf"``, ``"esp"``,
        ``"mcuboot"``, ... What is not recognised is ``"raw"``.

    Examples
    --------
    >>> import flashdelta
    >>> flashdelta.detect(b":00000001FF")
    'ihex'
    """
    return cast(Format, _native.detect(data))
