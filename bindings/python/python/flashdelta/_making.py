"""Making patches."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

from . import _native
from ._arguments import U32, as_path, check_bool, check_int, refuse_overwriting
from ._errors import FlashdeltaWarning, OptionError
from ._holes import Hole, check_holes
from ._patch import Patch, Report, Tried
from ._profile import DeviceProfile, Identity, named_or_loaded
from ._record_options import ReadOptions, read_fields
from ._types import Codec, FilePath, Isa, Source


class DiffProgress(NamedTuple):
    """How far the maker has come."""

    #: What is done now: ``"match"``, ``"parse"``, ``"encode"`` or ``"done"``.
    phase: str
    #: What is done of the whole work, 0 to 1; it never falls.
    fraction: float


class PairOptions(TypedDict, total=False):
    """The keyword arguments that `diff_many` hands to `diff`."""

    profile: DeviceProfile | FilePath | None
    ram: int | None
    codec: Codec | None
    isa: Isa | None
    base: int | None
    identity: Identity | None
    chunks: int | Literal["auto"] | None
    effort: int
    threads: int
    verbatim: bool
    read: ReadOptions | None
    accept_manifests: bool
    holes: Sequence[Hole | str]


class DiffOptions(PairOptions, total=False):
    """The keyword arguments of `diff`, for dictionaries of them."""

    fill: int | None
    range: tuple[int, int] | None
    old_elf: Source | None
    new_elf: Source | None
    allow_empty: bool
    verify: bool
    progress: Callable[[DiffProgress], object] | None


def diff(
    old: Source,
    new: Source,
    *,
    profile: DeviceProfile | FilePath | None = None,
    ram: int | None = None,
    codec: Codec | None = None,
    isa: Isa | None = None,
    base: int | None = None,
    identity: Identity | None = None,
    chunks: int | Literal["auto"] | None = None,
    effort: int = 6,
    threads: int = 0,
    verbatim: bool = False,
    read: ReadOptions | None = None,
    accept_manifests: bool = False,
    fill: int | None = None,
    range: tuple[int, int] | None = None,
    old_elf: Source | None = None,
    new_elf: Source | None = None,
    holes: Sequence[Hole | str] = (),
    allow_empty: bool = False,
    verify: bool = True,
    progress: Callable[[DiffProgress], object] | None = None,
) -> Patch:
    """Make a patch that turns one firmware image into another.

    The same arguments give the same bytes on every machine, whatever the number of threads.

    Parameters
    ----------
    old, new : bytes-like, str or os.PathLike
        The images: the one that devices have, and the one that they shall have. Of files of records
        (Intel HEX, S-records, TI-TXT, UF2) the memory is taken; `apply` gives back the identical
        file. If one of them holds others, the patch is a bundle, for computers: archives (zip, tar,
        gzip), and paths of folders or of manifests (ESP Web Tools, ESP-IDF's ``flasher_args.json``)
        with the parts beside them.
    profile : DeviceProfile, str or os.PathLike, optional
        The device, or the name of a profile: ``"tiny"``, ``"small"``, ``"esp32"`` (the default),
        ``"micropython"``, ``"linux"``; or else of a file that describes one, as of
        `DeviceProfile.load`.
    ram : int, optional
        RAM of the device in bytes, in place of the profile's.
    codec : {"raw", "lz4", "zstd", "model"}, optional
        How the patch is coded. If it is not given, all that the profile allows are tried; the
        smallest patch wins.
    isa : {"none", "thumb", "riscv", "xtensa", "tc32", "mcs51", "halves", "bytes"}, optional
        The instruction set to predict by; found out from the images if it is not given.
    base : int, optional
        Address at which both images run, where they are raw and do not tell.
    identity : Identity, optional
        Which devices the patch is for; others refuse it.
    chunks : int or "auto", optional
        Size of the pieces of the patch that have a digest each, a power of two from 256 to 65536;
        "auto" is one that the device has the RAM for. Damage is noticed then before anything of its
        piece is decoded. `sign` adds them.
    effort : int, default 6
        How hard to try, 1 (fast) to 9 (thorough).
    threads : int, default 0
        Number of threads, 0 for one per processor. For many patches at once, 1 each is better: see
        `diff_many`.
    verbatim : bool, default False
        Compare the files byte by byte, whatever they are: archives, manifests and files of records,
        too.
    read : ReadOptions, optional
        What to accept in files of records that is refused otherwise, and which of several memories
        in one file is meant: ``{"ignore_checksums": True}``, ``{"family": 0xE48BFF56}`` and so on,
        as of `Image.from_bytes`. `strict` refuses files whose own lengths, checksums or digests are
        wrong, and damaged archives; `base` does not matter here.
    accept_manifests : bool, default False
        Take a manifest that is wrong, in an archive or a folder, as any other file.
    fill : int, optional
        The byte that gaps in files of records are filled with: 255, unless the files tell.
    range : (int, int), optional
        The addresses that the device holds, the second one past the last: of files of records only
        these are in the device's image.
    old_elf, new_elf : bytes-like, str or os.PathLike, optional
        The ELF files that the images were made from: they tell addresses, and what is code.
    holes : list of Hole or str, optional
        Ranges of the image that each device has for itself, at most 16: see `Hole`. A str is what
        the program takes: ``"serial=0x400-0x420"``, ``"key=symbol:device_key,old=none"``,
        ``"name=marker:@@NAME@@"``.
    allow_empty : bool, default False
        Permit an empty new file. It is refused otherwise: mostly a build has failed.
    verify : bool, default True
        Apply the patch to see that it works.
    progress : callable, optional
        Called in this thread with a `DiffProgress`, first with fraction 0 and last with 1, and
        every 50 ms at least. If it returns ``False`` the work is given up; if it raises, the
        exception comes out of here.

    Returns
    -------
    Patch
        The patch; with a `Patch.report`, unless a file holds others: what the bytes of a bundle are
        for tells `PatchInfo.bundle`.

    Raises
    ------
    DiffError
        If there can be no such patch: `ProfileTooSmallError` says how much RAM would do.
    ImageError
        If a file of records is damaged or dubious; `read` may accept it.
    ManifestError
        If a manifest in an archive or a folder is wrong; `accept_manifests` takes it as it is.
    HoleError
        If an image cannot have holes, or not these.
    OptionError
        If an option has a value that it cannot have.
    FileError
        If a file cannot be read.
    CancelledError
        If `progress` returned ``False``.

    Warns
    -----
    FlashdeltaWarning
        If an input is patched differently from what its name or format suggests, so that the patch
        may be larger than necessary: an archive that is damaged, and therefore patched as one
        piece; an image that looks encrypted.

    Examples
    --------
    >>> import flashdelta
    >>> old = bytes(range(256)) * 40
    >>> new = old[:5000] + b"a fix" + old[5000:]
    >>> patch = flashdelta.diff(old, new, profile="small", codec="raw")
    >>> patch.info.codec, patch.info.ram <= 16 * 1024
    ('raw', True)

    One patch for devices with different serial numbers, which they keep:

    >>> device = old[:100] + b"A-042" + old[105:]
    >>> patch = flashdelta.diff(old, new, holes=[flashdelta.Hole("serial", (100, 105))])
    >>> flashdelta.apply(device, patch)[100:105]
    b'A-042'
    """
    fields = check_options(
        profile=profile,
        ram=ram,
        codec=codec,
        isa=isa,
        base=base,
        identity=identity,
        chunks=chunks,
        effort=effort,
        threads=threads,
        verbatim=verbatim,
        read=read,
        accept_manifests=accept_manifests,
        fill=fill,
        range=range,
        old_elf=old_elf,
        new_elf=new_elf,
        holes=holes,
        allow_empty=allow_empty,
        verify=verify,
    )
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable, not {type(progress).__name__}")
    data, report, remarks = _native.diff(
        old,
        new,
        fields,
        None
        if progress is None
        else lambda phase, fraction: progress(DiffProgress(phase, fraction)),
    )
    for kind, remark in remarks:
        warnings.warn(FlashdeltaWarning(remark, kind), stacklevel=_callers())
    if report is None:
        return Patch(data)
    report["tried"] = tuple(Tried(*tried) for tried in report["tried"])
    return Patch(data, Report(**report))


def check_options(
    *,
    profile: DeviceProfile | FilePath | None = None,
    ram: int | None = None,
    codec: Codec | None = None,
    isa: Isa | None = None,
    base: int | None = None,
    identity: Identity | None = None,
    chunks: int | Literal["auto"] | None = None,
    effort: int = 6,
    threads: int = 0,
    verbatim: bool = False,
    read: ReadOptions | None = None,
    accept_manifests: bool = False,
    fill: int | None = None,
    range: tuple[int, int] | None = None,
    old_elf: Source | None = None,
    new_elf: Source | None = None,
    holes: Sequence[Hole | str] = (),
    allow_empty: bool = False,
    verify: bool = True,
) -> dict[str, Any]:
    """The options of `diff` as the native half takes them, or what is wrong with them."""
    if not isinstance(profile, DeviceProfile):
        profile = DeviceProfile.esp32() if profile is None else named_or_loaded(profile)
    if ram is not None:
        profile = profile.replace(ram=ram)
    if identity is not None and not isinstance(identity, Identity):
        raise TypeError(f"identity must be an Identity, not {type(identity).__name__}")
    return {
        "profile": profile,
        "codec": _check_name("codec", codec, _native.CODECS),
        "isa": _check_name("isa", isa, _native.ISAS),
        "base": None if base is None else check_int("base", base, 0, U32),
        "identity": identity,
        "chunks": _check_chunks(chunks),
        "effort": check_int("effort", effort, 1, 9),
        "threads": check_int("threads", threads, 0, 1024),
        "verbatim": check_bool("verbatim", verbatim),
        "read": read_fields(read),
        "accept_manifests": check_bool("accept_manifests", accept_manifests),
        "fill": None if fill is None else check_int("fill", fill, 0, 255),
        "range": None if range is None else _check_range(range),
        "old_elf": old_elf,
        "new_elf": new_elf,
        "holes": check_holes(holes),
        "allow_empty": check_bool("allow_empty", allow_empty),
        "verify": check_bool("verify", verify),
    }


def _check_chunks(chunks: int | Literal["auto"] | None) -> int:
    if chunks is None:
        return 0
    return 1 if chunks == "auto" else check_int("chunks", chunks, 256, 65536)


def diff_files(
    old: FilePath, new: FilePath, patch: FilePath, **options: Unpack[DiffOptions]
) -> Patch:
    """Make a patch from files and write it to a file, which appears only when it is complete.

    Parameters
    ----------
    old, new : str or os.PathLike
        The images.
    patch : str or os.PathLike
        Where the patch goes; a file that is there already is replaced.
    **options
        As of `diff`.

    Returns
    -------
    Patch
        The patch that was written.

    Raises
    ------
    Error
        Those of `diff`, and `FileError` if the patch cannot be written.

    Examples
    --------
    >>> import flashdelta, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     _ = (folder / "old.bin").write_bytes(b"old" * 1000)
    ...     _ = (folder / "new.bin").write_bytes(b"new" * 1000)
    ...     patch = flashdelta.diff_files(
    ...         folder / "old.bin", folder / "new.bin", folder / "update.fdp", effort=9
    ...     )
    ...     (folder / "update.fdp").read_bytes() == patch
    True
    """
    paths = {
        name: as_path(name, path) for name, path in {"old": old, "new": new, "patch": patch}.items()
    }
    refuse_overwriting(paths["patch"], [paths["old"], paths["new"]])
    made = diff(paths["old"], paths["new"], **options)
    made.save(paths["patch"])
    return made


def _check_range(value: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"range must be a tuple of two addresses, not {value!r}")
    start, end = check_int("range", value[0], 0, U32), check_int("range", value[1], 0, U32 + 1)
    if start >= end:
        raise OptionError(f"range={value!r}: the end is not above the start", kind="option")
    return start, end


def _check_name(name: str, value: str | None, known: list[str]) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if value is not None and value not in known:
        raise OptionError(
            f"no such {name}: {value!r}; choose one of {', '.join(known)}, or leave it out",
            kind=f"{name}-name",
        )
    return value


def _callers() -> int:
    """The `stacklevel` of a warning, seen from the caller of this function, that shows the line
    that has called this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level
