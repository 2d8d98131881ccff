"""Patches."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, SupportsIndex, cast, overload

from . import _native
from ._arguments import as_path
from ._holes import PatchHole
from ._profile import Identity
from ._types import Codec, Container, FilePath, Isa, MemberMethod, PatchCodec


@dataclasses.dataclass(frozen=True)
class BundleMember:
    """A file in the new archive or folder of a bundle, and how it is made."""

    #: Its path in there; empty if the file is its own only member.
    name: str
    #: ``"same"``: as an old member is; ``"patch"``, ``"bundle"``: from an old member;
    #: ``"common"``: together with other small ones; ``"full"``: compressed alone; ``"verbatim"``:
    #: as it is.
    method: MemberMethod
    #: Bytes of the bundle for this member alone.
    patch_size: int
    #: Bytes in the new file.
    size: int
    #: Bytes of what it holds; the same, if it is not compressed.
    content_size: int
    #: Number of the old member that it starts from, from 0.
    old_index: int | None


@dataclasses.dataclass(frozen=True)
class BundleInfo:
    """What there is to know about a patch between archives or folders."""

    #: What the old and the new file are.
    old_container: Container
    new_container: Container
    #: Bytes of the patch for what is around the members, and for small ones.
    common_size: int
    #: The members of the new file.
    members: tuple[BundleMember, ...]


@dataclasses.dataclass(frozen=True)
class PatchInfo:
    """What a patch says about itself.

    Attributes
    ----------
    format_version : int
        Version of the format.
    codec : {"raw", "lz4", "zstd", "model", "bundle"}
        How the body is coded; ``"bundle"``: the patch is for computers, between archives or
        folders.
    isa : str
        The instruction set that references are predicted by.
    write_unit : int
        The unit in which the new image is written, in bytes.
    ram : int
        RAM in bytes that a device needs, everything included. Of a bundle: what the three files
        take in the memory of a computer, which needs at least that.
    workspace : int
        The part of it that the applier is lent.
    old_size, new_size : int
        Lengths of the images in bytes.
    old_digest : bytes
        The first 12 bytes of the SHA-256 of the old image; a patch holds no more of it.
    new_digest : bytes
        SHA-256 of the new image.
    patch_size, header_size, address_map_size, body_size : int
        Bytes of the whole patch, of the header, of the address maps in it, and of what follows.
    host_size : int
        Bytes of the host section at the end: how the new file is written, if it is one of records.
        Devices need not receive it.
    chunk_size : int
        Size of the pieces that have a digest each; 0: there are none.
    chunk_ram : int
        RAM in bytes that checking them takes where the patch streams in, beyond `ram`.
    signature_count : int
        The number of signatures. `verify` with a key checks them.
    identity : Identity or None
        Which devices the patch is for, if it says so.
    bundle : BundleInfo or None
        What is in a bundle; ``None`` for the patches that devices apply.
    """

    format_version: int
    codec: PatchCodec
    isa: Isa
    write_unit: int
    ram: int
    workspace: int
    old_size: int
    old_digest: bytes
    new_size: int
    new_digest: bytes
    patch_size: int
    header_size: int
    address_map_size: int
    body_size: int
    host_size: int
    chunk_size: int
    chunk_ram: int
    signature_count: int
    identity: Identity | None
    bundle: BundleInfo | None = None
    #: All of it as JSON.
    _facts: str = dataclasses.field(default="{}", repr=False, compare=False)

    @property
    def old_sha256_prefix(self) -> str:
        """`old_digest` in hexadecimal."""
        return self.old_digest.hex()

    @property
    def new_sha256(self) -> str:
        """`new_digest` in hexadecimal."""
        return self.new_digest.hex()

    def as_dict(self) -> dict[str, Any]:
        """The same for `json.dump`: names and values are those of ``flashdelta info --json``, which
        ``docs/facts.schema.json`` describes.

        Returns
        -------
        dict
            Names and values.
        """
        return cast("dict[str, Any]", json.loads(self._facts))


def patch_info(fields: dict[str, Any]) -> PatchInfo:
    """From what the native half tells."""
    identity, bundle, facts = fields.pop("identity"), fields.pop("bundle"), fields.pop("facts")
    if bundle is not None:
        old, new, common_size, members = bundle
        bundle = BundleInfo(
            old, new, common_size, tuple(BundleMember(*member) for member in members)
        )
    return PatchInfo(
        **fields,
        identity=None if identity is None else Identity(*identity),
        bundle=bundle,
        _facts=facts,
    )


@dataclasses.dataclass(frozen=True)
class Tried:
    """One attempt of the maker."""

    #: The codec.
    codec: Codec
    #: The instruction set.
    isa: Isa
    #: Bytes of the patch; ``None``: given up because it was larger.
    size: int | None


@dataclasses.dataclass(frozen=True)
class Report:
    """What the bytes of a patch are spent on, and how it came about.

    Attributes
    ----------
    parts : dict of str to int
        Bytes of the body by what they are spent on; empty for all codecs but ``"model"``.
    copies_from_old, copies_from_new : int
        Number of copies from each image.
    bytes_from_old, bytes_from_new, literals : int
        Bytes of the new image that are copied from each image, and that are spelled out.
    tried : tuple of Tried
        Everything that was tried; empty for a patch that was not made here.
    seconds : dict of str to float
        Time by phase, all threads together; differs from run to run.
    """

    parts: dict[str, int]
    copies_from_old: int
    copies_from_new: int
    bytes_from_old: int
    bytes_from_new: int
    literals: int
    tried: tuple[Tried, ...] = ()
    seconds: dict[str, float] = dataclasses.field(default_factory=dict[str, float], compare=False)


class Patch(_native.PatchBytes):
    """A patch: immutable bytes that begin with a header in good order.

    It is bytes-like: it can be written to files and sockets, hashed, sliced, and compared with
    `bytes`. It can be pickled.

    Parameters
    ----------
    data : bytes-like
        The whole patch.
    report : Report, optional
        How it came about.

    Raises
    ------
    BadPatchError
        If this is no patch, or not a whole one. The body is checked when the patch is applied: see
        `verify`.
    UnsupportedPatchError
        If it is made for a newer version.

    Examples
    --------
    >>> import flashdelta
    >>> patch = flashdelta.diff(b"old" * 1000, b"new" * 1000)
    >>> patch.info.old_size
    3000
    >>> flashdelta.Patch(bytes(patch)) == patch
    True
    """

    __slots__ = ()

    @property
    def info(self) -> PatchInfo:
        """What the patch says about itself."""
        return patch_info(self._header_fields())

    @property
    def holes(self) -> tuple[PatchHole, ...]:
        """Ranges of the images that each device has for itself, in the order of the new image."""
        return tuple(PatchHole(*fields) for fields in _native.hole_fields(self._data))

    @classmethod
    def load(cls, path: FilePath) -> Patch:
        """Read a patch from a file.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Returns
        -------
        Patch
            The patch; without a `report`.

        Raises
        ------
        FileError
            If the file cannot be read.
        BadPatchError
            If it is no patch, or not a whole one.
        """
        return cls(_native.read_file(as_path("path", path)))

    def save(self, path: FilePath) -> None:
        """Write the patch to a file, which appears only when it is complete; one that is there
        already is replaced.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        FileError
            If it cannot be written.

        Examples
        --------
        >>> import flashdelta, pathlib, tempfile
        >>> patch = flashdelta.diff(b"old", b"new")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "update.fdp"
        ...     patch.save(path)
        ...     flashdelta.Patch.load(path) == patch
        True
        """
        _native.write_file(as_path("path", path), self._data)

    def __bytes__(self) -> bytes:
        return self._data

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> bytes: ...

    def __getitem__(self, index: SupportsIndex | slice) -> int | bytes:
        return self._data[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Patch):
            return self._data == other._data
        return (
            self._data == other
            if isinstance(other, (bytes, bytearray, memoryview))
            else NotImplemented
        )

    def __hash__(self) -> int:
        # As of equal bytes.
        return hash(self._data)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data, self.report)

    def __repr__(self) -> str:
        info = self.info
        if info.bundle is not None:
            return (
                f"<flashdelta.Patch: {len(self):,} bytes, a bundle for computers, from "
                f"{info.old_size:,} ({info.bundle.old_container}) "
                f"to {info.new_size:,} bytes ({info.bundle.new_container}), "
                f"{len(info.bundle.members):,} members>"
            )
        return (
            f"<flashdelta.Patch: {len(self):,} bytes, from {info.old_size:,} to {info.new_size:,} "
            f"bytes, "
            f"codec {info.codec}, isa {info.isa}, needs {info.ram:,} bytes of RAM>"
        )
