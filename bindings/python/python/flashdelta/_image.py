"""Firmware files."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable
from typing import Unpack, cast

from . import _native
from ._arguments import U32, as_bytes, as_path, check_int
from ._errors import AddressError, FlashdeltaWarning, OptionError
from ._record_options import ReadOptions, WriteOptions, read_fields, write_fields
from ._types import BytesLike, FilePath, Format, Source, WritableFormat


@dataclasses.dataclass(frozen=True)
class Segment:
    """Bytes at consecutive addresses."""

    #: Address of the first byte.
    address: int
    #: The bytes.
    data: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", check_int("address", self.address, 0, U32))
        object.__setattr__(self, "data", as_bytes("data", self.data))
        if self.end > 1 << 32:
            raise OptionError(
                f"{self} is beyond the 32-bit address space: cut it, or give a lower address",
                kind="option",
            )

    @property
    def end(self) -> int:
        """One past the last address."""
        return self.address + len(self.data)

    @property
    def addresses(self) -> range:
        """The addresses."""
        return range(self.address, self.end)

    def __repr__(self) -> str:
        place = f"0x{self.address:08x} to 0x{self.end:08x}"
        return f"<flashdelta.Segment: {place}, {len(self.data):,} bytes>"


@dataclasses.dataclass(frozen=True, init=False)
class Image:
    """What a firmware file means: bytes in memory.

    Read one with `Image.open` or `Image.from_bytes`, or make one of segments.

    Parameters
    ----------
    segments : iterable of Segment
        What is in memory. They must not overlap; they are sorted, and those that touch are joined.
    format : str, default "raw"
        The format that it was read from.
    entry : int, optional
        Entry point, if the file names one.
    header : bytes, optional
        The header text of an S-record file.

    Examples
    --------
    >>> from flashdelta import Image, Segment
    >>> image = Image([Segment(0x08020000, b"code"), Segment(0x08020100, b"data")])
    >>> [hex(segment.address) for segment in image.segments]
    ['0x8020000', '0x8020100']
    >>> print(image.to_bytes("ihex").decode().splitlines()[1])
    :04000000636F646561
    >>> Image.from_bytes(image.to_bytes("srec")).segments == image.segments
    True
    """

    segments: tuple[Segment, ...]
    format: Format
    entry: int | None
    header: bytes | None

    def __init__(
        self,
        segments: Iterable[Segment],
        format: Format = "raw",
        entry: int | None = None,
        header: bytes | None = None,
    ) -> None:
        # Segments that touch, together: joined at the end, for there may be thousands.
        groups: list[list[Segment]] = []
        for segment in sorted(map(_check_segment, segments), key=lambda segment: segment.address):
            if not segment.data:
                continue
            last = groups[-1][-1] if groups else None
            if last and last.end > segment.address:
                raise OptionError(f"{last} and {segment} overlap: cut one of them", kind="option")
            if last and last.end == segment.address:
                groups[-1].append(segment)
            else:
                groups.append([segment])
        joined = tuple(group[0] if len(group) == 1 else _join(group) for group in groups)
        object.__setattr__(self, "segments", joined)
        object.__setattr__(self, "format", format)
        object.__setattr__(
            self, "entry", None if entry is None else check_int("entry", entry, 0, U32)
        )
        object.__setattr__(self, "header", header)

    @classmethod
    def from_bytes(cls, data: BytesLike, **options: Unpack[ReadOptions]) -> Image:
        """Read a firmware file from memory. Its format is found out from its content.

        Parameters
        ----------
        data : bytes-like
            The file: Intel HEX, S-records, TI-TXT, UF2, ELF (the stored bytes), an Espressif image,
            a plain binary, ...
        strict : bool, default False
            Accept only what the format's specification allows.
        overlap : {"refuse", "accept-same", "first-wins", "last-wins"}
            What to do where two records hold the same address.
        after_end : {"refuse", "ignore", "read"}
            What to do with data after the end record.
        ignore_checksums : bool, default False
            Accept wrong checksums and record counts.
        skip_garbage : bool, default False
            Skip lines that are no records.
        unknown_records : bool, default False
            Intel HEX: leave out records of unknown types, such as signatures.
        family : int, optional
            UF2: read only the blocks of this family.
        board : int, optional
            micro:bit Universal Hex: read only this board, 0x9900 or 0x9903.
        image : int, optional
            UF2 with several images at the same addresses: read only this one, from 1.
        base : int, optional
            Address of a plain binary; otherwise guessed, otherwise 0.

        Returns
        -------
        Image
            What is in memory.

        Raises
        ------
        ImageError
            If the file is damaged; it says where.

        Examples
        --------
        >>> from flashdelta import Image
        >>> Image.from_bytes(bytes(16), base=0x1000).bounds == (0x1000, 0x1010)
        True
        >>> Image.from_bytes(b":0300300002337A1F\\n:00000001FF\\n")
        Traceback (most recent call last):
            ...
        flashdelta.ImageError: line 1, column 16: wrong checksum: expected 1E, found 1F ...
        """
        if isinstance(data, (str, os.PathLike)):
            raise TypeError(
                f"data must be bytes-like, not {type(data).__name__}; for a file use Image.open"
            )
        return cls._read(data, options)

    @classmethod
    def open(cls, path: FilePath, **options: Unpack[ReadOptions]) -> Image:
        """Read a firmware file.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        **options
            As of `from_bytes`.

        Returns
        -------
        Image
            What is in memory.

        Raises
        ------
        ImageError
            If the file is damaged; it says where.
        FileError
            If it cannot be read.
        """
        return cls._read(as_path("path", path), options)

    @classmethod
    def _read(cls, data: Source, options: ReadOptions) -> Image:
        form, segments, entry, header = _native.image_parse(data, read_fields(options))
        return cls(
            tuple(Segment(*segment) for segment in segments), cast(Format, form), entry, header
        )

    @property
    def bounds(self) -> tuple[int, int] | None:
        """First address and one past the last, if there are any bytes."""
        return (self.segments[0].address, self.segments[-1].end) if self.segments else None

    @property
    def addresses(self) -> tuple[range, ...]:
        """The addresses that have bytes."""
        return tuple(segment.addresses for segment in self.segments)

    def read(self, address: int, length: int, fill: int | None = None) -> bytes:
        """Bytes of the memory.

        Parameters
        ----------
        address, length : int
            Which ones.
        fill : int, optional
            What addresses without bytes read as. If it is not given, there must be none.

        Returns
        -------
        bytes
            The bytes.

        Raises
        ------
        AddressError
            If there are addresses without bytes, and no `fill`.

        Examples
        --------
        >>> from flashdelta import Image, Segment
        >>> Image([Segment(0x100, b"firmware")]).read(0x104, 4)
        b'ware'
        """
        out = bytearray([0 if fill is None else check_int("fill", fill, 0, 255)]) * length
        missing = length
        for segment in self.segments:
            start, end = max(address, segment.address), min(address + length, segment.end)
            if start < end:
                out[start - address : end - address] = segment.data[
                    start - segment.address : end - segment.address
                ]
                missing -= end - start
        if missing and fill is None:
            message = (
                f"{missing} of {length} bytes from 0x{address:08x} on are not in the image: "
                "give fill="
            )
            raise AddressError(
                message, kind="address", address=address, length=length, missing=missing
            )
        return bytes(out)

    def to_bytes(self, format: WritableFormat, **options: Unpack[WriteOptions]) -> bytes:
        """The image as a firmware file.

        Parameters
        ----------
        format : {"raw", "ihex", "srec", "ti-txt", "uf2"}
            The format.
        fill : int, default 0xFF
            Plain binary and UF2: what gaps are filled with.
        addresses : range, optional
            Only these addresses; for a plain binary exactly these.
        limit : int, default 256 MiB
            Largest plain binary, in bytes: segments far apart would make it huge.
        record_len : int, default 16
            Text formats: bytes in a record.
        crlf, lower_case : bool, default False
            Text formats: CR LF at the end of lines; digits a to f in lower case.
        address_len : int, optional
            S-records: bytes of address in each record, 2 to 4; as few as all addresses need if not
            given.
        family : int, optional
            UF2: the family id of the chip.

        Returns
        -------
        bytes
            The file.

        Raises
        ------
        ImageError
            If the image cannot be written like this.

        Examples
        --------
        >>> from flashdelta import Image, Segment
        >>> image = Image([Segment(0x100, b"one"), Segment(0x108, b"two")])
        >>> image.to_bytes("raw", fill=0x2E)
        b'one.....two'
        >>> image.to_bytes("raw", addresses=range(0x109, 0x10b))
        b'wo'
        """
        segments = [(segment.address, segment.data) for segment in self.segments]
        return _native.image_write(segments, self.entry, self.header, format, write_fields(options))

    def save(
        self, path: FilePath, format: WritableFormat | None = None, **options: Unpack[WriteOptions]
    ) -> None:
        """Write the image to a file, which appears only when it is complete.

        Parameters
        ----------
        path : str or os.PathLike
            The file; one that is there already is replaced.
        format : {"raw", "ihex", "srec", "ti-txt", "uf2"}, optional
            The format. If it is not given the name tells: .bin, .hex, .s19, .s28, .s37, .srec,
            .mot, .txt, .uf2, and others as the program knows them.
        **options
            As of `to_bytes`.

        Raises
        ------
        ImageError
            If the image cannot be written like this.
        FileError
            If the file cannot be written.
        """
        name = as_path("path", path)
        if format is None:
            format = cast(WritableFormat | None, _native.format_to_write(name))
            if format is None:
                raise OptionError(
                    f"{name}: the name does not tell the format, as .bin and .hex do: give format=",
                    kind="option",
                )
        _native.write_file(name, self.to_bytes(format, **options))

    def __len__(self) -> int:
        return sum(len(segment.data) for segment in self.segments)

    def __repr__(self) -> str:
        parts = ", ".join(f"0x{s.address:08x}-0x{s.end:08x}" for s in self.segments[:4])
        more = f" and {len(self.segments) - 4} more" if len(self.segments) > 4 else ""
        entry = "" if self.entry is None else f", entry 0x{self.entry:08x}"
        place = f"{parts or 'no address'}{more}{entry}"
        return f"<flashdelta.Image: {self.format}, {len(self):,} bytes at {place}>"


def convert(
    data: Source,
    format: WritableFormat,
    *,
    read: ReadOptions | None = None,
    write: WriteOptions | None = None,
) -> bytes:
    """A firmware file in another format, as the program's ``convert`` writes it.

    Parameters
    ----------
    data : bytes-like, str or os.PathLike
        The file, or its path: what its name promises and it is not, is an error.
    format : {"raw", "ihex", "srec", "ti-txt", "uf2"}
        The format to be written. UF2 keeps the family of the file, if it has one.
    read : dict, optional
        How the file is read: the keyword arguments of `Image.from_bytes`.
    write : dict, optional
        How the other one is written: the keyword arguments of `Image.to_bytes`.

    Returns
    -------
    bytes
        The file in the other format.

    Raises
    ------
    ImageError
        If the file is damaged, or cannot be written like this.
    OptionError
        If it is an archive or a patch, or an option is about what the format has nothing of.
    FileError
        If it cannot be read.

    Warns
    -----
    FlashdeltaWarning
        If something in it is wrong, it does not tell its address, or most of a plain binary would
        be filling.

    Examples
    --------
    >>> import flashdelta
    >>> data = b":0300300002337A1E\\n:00000001FF\\n"
    >>> flashdelta.convert(data, "srec").splitlines()[1]
    b'S106003002337A1A'
    >>> flashdelta.convert(b"code", "ihex", read={"base": 0x100}).splitlines()[0]
    b':04010000636F646560'
    """
    converted, remarks = _native.convert(
        data, format, read_fields(read), write_fields(write or WriteOptions())
    )
    for kind, remark in remarks:
        warnings.warn(FlashdeltaWarning(remark, kind), stacklevel=2)
    return converted


def _check_segment(segment: object) -> Segment:
    if not isinstance(segment, Segment):
        raise TypeError(f"segments must hold Segment(address, data), not {type(segment).__name__}")
    return segment


def _join(group: list[Segment]) -> Segment:
    return Segment(group[0].address, b"".join(segment.data for segment in group))
