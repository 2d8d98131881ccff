"""Data of one device in an image of all."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias, Union, cast

from . import _native
from ._arguments import U32, as_path, check_int
from ._errors import OptionError
from ._types import BytesLike, FilePath, Source

#: Where the value of a hole comes from when a patch is applied: from the old image, whatever is
#: given; given with the update; or that which is given, or else the one of the old image.
HoleSource: TypeAlias = Literal["kept", "given", "either"]


@dataclasses.dataclass(frozen=True)
class Symbol:
    """The bytes that a symbol of the ELF file names, which has to have a size: those of a variable,
    say."""

    #: The name of the symbol, mangled where the language mangles names.
    symbol: str


@dataclasses.dataclass(frozen=True)
class Marker:
    """Where these bytes are, once in the whole image: a placeholder in the source.

    Parameters
    ----------
    marker : bytes-like
        The bytes.
    """

    #: The bytes.
    marker: BytesLike

    def __post_init__(self) -> None:
        # A str would be taken for text in some encoding.
        object.__setattr__(self, "marker", memoryview(cast("bytes", self.marker)).tobytes())


#: Where a hole is in an image: offsets, the second one past the last; a `Symbol`; or a `Marker`.
Place: TypeAlias = Union[tuple[int, int], Symbol, Marker]
#: Where it is in the old image: there, in the same place as in the new one, or nowhere.
OldPlace: TypeAlias = Union[tuple[int, int], Symbol, Marker, Literal["same"], None]


@dataclasses.dataclass(frozen=True)
class Hole:
    """A range of the image that each device has for itself: a serial number, a key, calibration.
    One patch serves devices with different ones.

    Parameters
    ----------
    name : str
        What it is called: 1 to 16 letters, digits, ``-``, ``_`` and ``.``.
    new : (int, int), Symbol, Marker or None
        Where it is in the new image; ``None``: that does not have it any more.
    old : (int, int), Symbol, Marker, None or "same", default "same"
        Where it is in the old image, with the same length; ``None``: that does not have it. By
        default it is looked for by the same place.
    source : {"kept", "given", "either"}, default "either"
        Where its value comes from when the patch is applied: kept from the old image; given; or
        given, or else kept.
    fill : int, optional
        The byte that stands for each byte of it in both digests. By default the one that the whole
        hole has in the new image, so that the digest is that of the file as it was built; 255 if
        there are several.

    Examples
    --------
    >>> from flashdelta import Hole, Marker, Symbol
    >>> holes = [
    ...     Hole("serial", (0x440, 0x460), old=(0x400, 0x420)),         # it has moved
    ...     Hole("calibration", Symbol("calibration_table"), source="kept"),
    ...     Hole("key", Marker(b"@@KEY-OF-THE-DEVICE@"), old=None),  # comes with this update
    ... ]
    """

    name: str
    new: Place | None
    old: OldPlace = "same"
    source: HoleSource = "either"
    fill: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a str, not {type(self.name).__name__}")
        _check_place("new", self.new)
        if self.old != "same":
            _check_place("old", self.old)
        if self.fill is not None:
            check_int("fill", self.fill, 0, 255)


def _check_place(name: str, place: object) -> None:
    if place is None or isinstance(place, (Symbol, Marker)):
        return
    if not isinstance(place, tuple) or len(cast("tuple[object, ...]", place)) != 2:
        raise TypeError(
            f"{name} must be a tuple of two offsets, a Symbol, a Marker or None, not {place!r}"
        )
    start, end = (
        check_int(name, offset, 0, U32) for offset in cast("tuple[object, object]", place)
    )
    if start >= end:
        raise OptionError(f"{name}={place!r}: the end is not above the start", kind="option")


@dataclasses.dataclass(frozen=True)
class PatchHole:
    """What a patch says of a hole."""

    #: What it is called.
    name: str
    #: Its bytes of the new image, the second offset past the last, if that has it.
    new: tuple[int, int] | None
    #: Its bytes of the old image, if that has it.
    old: tuple[int, int] | None
    #: Where its value comes from; ``None`` if the new image does not have it.
    source: HoleSource | None
    #: The byte that stands for each byte of it in both digests.
    fill: int

    @property
    def size(self) -> int:
        """Bytes that it has."""
        start, end = self.new or self.old or (0, 0)
        return end - start


def check_holes(holes: Iterable[Hole | str]) -> list[Hole | str]:
    """The holes as the native half takes them."""
    if isinstance(holes, (str, bytes)):
        raise TypeError("holes must be a list of Hole or str, not one of them alone")
    found = list(holes)
    for hole in found:
        if not isinstance(hole, (Hole, str)):
            raise TypeError(f"holes must be a list of Hole or str, not of {type(hole).__name__}")
    return found


def check_values(values: Mapping[str, BytesLike] | None) -> dict[str, BytesLike]:
    """The values as the native half takes them."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise TypeError(f"values must be a mapping of names to bytes, not {type(values).__name__}")
    return dict(values)


def personalize(
    image: Source,
    holes: Sequence[Hole | str],
    values: Mapping[str, BytesLike],
    *,
    elf: Source | None = None,
) -> bytes:
    """Fill the holes of an image with the values of a device, for flashing: in a factory, or in a
    browser.

    Zeros follow a value that is shorter than its hole. Checksums and digests of ESP images are
    corrected; what is signed, or checked by MCUboot, cannot have holes.

    Parameters
    ----------
    image : bytes-like, str or os.PathLike
        The image as it was built, in a binary format; of an ESP chip also a whole flash.
    holes : list of Hole or str
        Where the holes are; as of `diff`. Only their places in this image matter.
    values : mapping of str to bytes-like
        A value for each hole.
    elf : bytes-like, str or os.PathLike, optional
        The ELF file that the image was made of, for symbols.

    Returns
    -------
    bytes
        The image of this device.

    Raises
    ------
    HoleError
        If a hole has no value, or none that fits, or the image cannot have holes.
    FileError
        If a file cannot be read.

    Examples
    --------
    >>> import flashdelta
    >>> image = b"firmware of @@SERIAL@@, and more of it"
    >>> hole = flashdelta.Hole("serial", flashdelta.Marker(b"@@SERIAL@@"))
    >>> flashdelta.personalize(image, [hole], {"serial": b"A-00000042"})
    b'firmware of A-00000042, and more of it'
    """
    return _native.personalize(image, check_holes(holes), check_values(values), elf)


def personalize_table(
    image: Source,
    holes: Sequence[Hole | str],
    table: FilePath | Iterable[Mapping[str, str | BytesLike]],
    *,
    values: Mapping[str, BytesLike] | None = None,
    elf: Source | None = None,
) -> Iterator[tuple[dict[str, str | BytesLike], bytes]]:
    r"""Fill the holes of an image for one device after the other: a stream of images, of which only
    one is in memory.

    Parameters
    ----------
    image, holes, elf
        As of `personalize`.
    table : str, os.PathLike or iterable of mappings
        The devices: a CSV file whose first line names the columns, or rows as `csv.DictReader`
        gives them. A column with the name of a hole has its values: text, ``hex:00112233`` or
        ``file:PATH``; in rows also bytes-like. Other columns are there for the caller.
    values : mapping of str to bytes-like, optional
        Values that all devices have in common.

    Yields
    ------
    (dict, bytes)
        The row, and the image of its device.

    Raises
    ------
    HoleError
        If an image cannot have holes, or not with these values; a note of the exception tells the
        row. Those before have been made.
    OptionError
        If a value cannot be read, or the table has no column for any hole.
    FileError
        If a file cannot be read.

    Examples
    --------
    >>> import flashdelta
    >>> image = b"firmware of @@SERIAL@@, and more of it"
    >>> table = [{"serial": "A-0001", "batch": "7"}, {"serial": "hex:41", "batch": "7"}]
    >>> for row, made in flashdelta.personalize_table(image, ["serial=marker:@@SERIAL@@"], table):
    ...     print(row["batch"], made[12:18])
    7 b'A-0001'
    7 b'A\x00\x00\x00\x00\x00'
    """
    found, common = check_holes(holes), check_values(values)
    names = {hole.name if isinstance(hole, Hole) else hole.partition("=")[0] for hole in found}
    return _personalized(image, found, names, table, common, elf)


def _personalized(
    image: Source,
    holes: list[Hole | str],
    names: set[str],
    table: FilePath | Iterable[Mapping[str, str | BytesLike]],
    common: dict[str, BytesLike],
    elf: Source | None,
) -> Iterator[tuple[dict[str, str | BytesLike], bytes]]:
    if isinstance(image, (str, os.PathLike)):
        image = _native.read_file(as_path("image", image))
    if isinstance(elf, (str, os.PathLike)):
        elf = _native.read_file(as_path("elf", elf))
    for number, row in enumerate(_rows(table), 1):
        given = {name: value for name, value in row.items() if name in names}
        if not given:
            raise OptionError(
                f"row {number} of the table has no value for a hole: its columns are "
                f"{', '.join(row)}",
                kind="option",
            )
        try:
            made = _native.personalize(
                image,
                holes,
                {**common, **{name: _value(value) for name, value in given.items()}},
                elf,
            )
        except Exception as error:
            others = (f"{name}={value!r}" for name, value in row.items() if name not in names)
            error.add_note(f"row {number} of the table: {', '.join(others)}")
            raise
        yield dict(row), made


def _rows(
    table: FilePath | Iterable[Mapping[str, str | BytesLike]],
) -> Iterable[Mapping[str, str | BytesLike]]:
    if not isinstance(table, (str, os.PathLike)):
        return table
    # Spreadsheets begin with a mark.
    text = _native.read_file(as_path("table", table)).decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        lines = [[cell.strip() for cell in cells] for cells in reader if cells]
    except csv.Error as error:
        raise OptionError(f"{table}, line {reader.line_num}: {error}", kind="option") from None
    columns, rows = lines[0] if lines else [], lines[1:]
    for number, cells in enumerate(rows, 1):
        if len(cells) != len(columns):
            raise OptionError(
                f"{table}, row {number} has {len(cells)} cells, but there are {len(columns)} "
                f"columns",
                kind="option",
            )
    return [dict(zip(columns, cells, strict=True)) for cells in rows]


def _value(value: str | BytesLike) -> BytesLike:
    if not isinstance(value, str):
        return value
    if value.startswith("file:"):
        return _native.read_file(str(Path(value.removeprefix("file:"))))
    return _native.parse_value(value.strip())


def value_record(values: Mapping[str, BytesLike]) -> bytes:
    r"""Values as a record that devices take, to be sent with an update or kept in flash.

    Parameters
    ----------
    values : mapping of str to bytes-like
        The values, each of at most 65535 bytes.

    Returns
    -------
    bytes
        The record.

    Raises
    ------
    HoleError
        If no hole can be called so, or a value is too long.

    Examples
    --------
    >>> import flashdelta
    >>> flashdelta.value_record({"serial": b"A-042"})
    b'FDV\x00\x06serial\x05\x00A-042'
    """
    return _native.value_record(check_values(values))
