"""What devices are: profiles for the maker, identities for the applier."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from typing import Any, cast

from . import _native
from ._arguments import U16, U32, as_path, check_int
from ._errors import OptionError
from ._types import Codec, FilePath, Isa, ProfileFields

def _check_names(name: str, values: Iterable[str], known: list[str]) -> tuple[str, ...]:
    if isinstance(values, (str, bytes)):
        raise TypeError(
            f"{name} must be a sequence of names, not {type(values).__name__}: write [{values!r}]"
        )
    names = tuple(values)
    for value in names:
        if value not in known:
            raise OptionError(
                f"{name}: no such name {value!r}; choose from {', '.join(known)}", kind="option"
            )
    return names


@dataclasses.dataclass(frozen=True, init=False)
class DeviceProfile:
    """What a device offers to the applier: a patch is made such that it can be applied there, or
    not at all.

    Parameters
    ----------
    name : str, default "custom"
        For messages.
    ram : int, default 65536
        RAM in bytes, everything included: the workspace, and 1 KiB for the applier itself.
    sector : int, default 4096
        Erase unit of the flash in bytes.
    page : int, default 16
        Write unit of the flash in bytes, a power of two up to 4096.
    codecs : sequence of {"raw", "lz4", "zstd", "model"}, optional
        Codecs that the applier was built with; model if not given.
    isas : sequence of {"thumb", "riscv", "xtensa", "tc32", "mcs51", "halves", "bytes"}, optional
        Instruction sets that the applier was built with; all if not given.
    slot : int, default 0
        Length in bytes of the slot, if there is only one; 0 if nothing is said.
    scratch : int, default 0
        Sectors of a scratch area apart from it.
    codecs_on_request : sequence of {"raw", "lz4", "zstd", "model"}, optional
        Codecs that it may have been built with instead: a patch has one of them only if it was
        asked for. raw and lz4 if neither this nor `codecs` is given; none beside `codecs`.

    Examples
    --------
    >>> from flashdelta import DeviceProfile
    >>> heron = DeviceProfile("heron", ram=24 * 1024, page=8, isas=["thumb"])
    >>> heron.ram
    24576
    >>> DeviceProfile.small().replace(page=4).page
    4
    """

    name: str
    ram: int
    sector: int
    page: int
    codecs: tuple[Codec, ...]
    isas: tuple[Isa, ...]
    slot: int
    scratch: int
    codecs_on_request: tuple[Codec, ...]

    def __init__(
        self,
        name: str = "custom",
        ram: int = 64 * 1024,
        sector: int = 4096,
        page: int = 16,
        codecs: Iterable[Codec] | None = None,
        isas: Iterable[Isa] | None = None,
        slot: int = 0,
        scratch: int = 0,
        codecs_on_request: Iterable[Codec] | None = None,
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        if codecs_on_request is None:
            default = [] if codecs is not None else _profile("esp32")[8]
            codecs_on_request = cast(Iterable[Codec], default)
        if codecs is None:
            codecs = cast(Iterable[Codec], _profile("esp32")[4])
        if isas is None:
            isas = cast(Iterable[Isa], _profile("esp32")[5])
        for field, value in {
            "name": name,
            "ram": check_int("ram", ram, 0, U32),
            "sector": check_int("sector", sector, 1, U32),
            "page": check_int("page", page, 1, 4096),
            "codecs": _check_names("codecs", codecs, _native.CODECS),
            "isas": _check_names("isas", isas, _native.ISAS),
            "slot": check_int("slot", slot, 0, U32),
            "scratch": check_int("scratch", scratch, 0, U32),
            "codecs_on_request": _check_names(
                "codecs_on_request", codecs_on_request, _native.CODECS
            ),
        }.items():
            object.__setattr__(self, field, value)
        if self.page & (self.page - 1):
            raise OptionError(f"page={page} must be a power of two, 1 to 4096", kind="option")

    @classmethod
    def named(cls, name: str) -> DeviceProfile:
        """One of the profiles ``"tiny"``, ``"small"``, ``"esp32"``, ``"micropython"`` and
        ``"linux"``.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        DeviceProfile
            The profile.

        Raises
        ------
        OptionError
            If there is no such profile.

        Examples
        --------
        >>> from flashdelta import DeviceProfile
        >>> DeviceProfile.named("esp32") == DeviceProfile.esp32()
        True
        """
        return cls(*cast(Any, _profile(name)))

    @classmethod
    def load(cls, path: FilePath) -> DeviceProfile:
        """Read a profile from a file, the same that ``flashdelta diff --profile`` takes.

        Parameters
        ----------
        path : str or os.PathLike
            The file: TOML with the keys ``name``, ``like`` (the named profile that it differs
            from), ``ram``, ``sector``, ``page``, ``slot``, ``scratch``, ``codecs`` and ``isas``,
            each optional. Sizes are numbers, or text such as ``"16KiB"``.

        Returns
        -------
        DeviceProfile
            The profile. If the file gives no name, it has the file's.

        Raises
        ------
        OptionError
            If the file does not describe a profile.
        FileError
            If it cannot be read.

        Examples
        --------
        >>> import flashdelta, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "heron.toml"
        ...     _ = path.write_text('like = "small"\\nram = "24KiB"')
        ...     heron = flashdelta.DeviceProfile.load(path)
        >>> heron.name, heron.ram, heron.page
        ('heron', 24576, 16)
        """
        return cls(*cast(Any, _native.profile_load(as_path("path", path))))

    @classmethod
    def tiny(cls) -> DeviceProfile:
        """4 KiB of RAM: the smallest Cortex-M0."""
        return cls.named("tiny")

    @classmethod
    def small(cls) -> DeviceProfile:
        """16 KiB of RAM: most Cortex-M, and bootloaders."""
        return cls.named("small")

    @classmethod
    def esp32(cls) -> DeviceProfile:
        """64 KiB of RAM: ESP32 and its like. The default."""
        return cls.named("esp32")

    @classmethod
    def micropython(cls) -> DeviceProfile:
        """The applier in MicroPython: 32 KiB, the codecs lz4 and raw, no prediction."""
        return cls.named("micropython")

    @classmethod
    def linux(cls) -> DeviceProfile:
        """A device with an operating system: 16 MiB, and all codecs."""
        return cls.named("linux")

    def replace(self, **changes: Any) -> DeviceProfile:
        """A profile that differs in some fields.

        Parameters
        ----------
        **changes
            Fields and their new values. With other `codecs` none is left to be asked for, unless
            `codecs_on_request` says so.

        Returns
        -------
        DeviceProfile
            The other profile.

        Examples
        --------
        >>> from flashdelta import DeviceProfile
        >>> DeviceProfile.small().replace(name="board", ram=12 * 1024).ram
        12288
        """
        if "codecs" in changes:
            changes = {"codecs_on_request": (), **changes}
        return dataclasses.replace(self, **changes)


def named_or_loaded(name: FilePath) -> DeviceProfile:
    """The profile of this name, or else in the file of this name."""
    if isinstance(name, os.PathLike):
        return DeviceProfile.load(name)
    if isinstance(name, str) and name not in _native.PROFILES and os.path.exists(name):
        return DeviceProfile.load(name)
    return DeviceProfile.named(name)


def _profile(name: str) -> ProfileFields:
    if not isinstance(name, str):
        raise TypeError(f"profile must be a DeviceProfile or a name, not {type(name).__name__}")
    fields = _native.profile(name)
    if fields is None:
        known = ", ".join(_native.PROFILES)
        raise OptionError(
            f"no profile has the name {name!r}, the known ones are {known}; give one of these, "
            "or a file that describes one",
            kind="unknown-profile",
        )
    return fields


def product_id(name: str) -> int:
    """A product number made from a name: the first four bytes of its SHA-256, big-endian.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    int
        The number, as `Identity` and `DeviceIdentity` hold it.

    Examples
    --------
    >>> import flashdelta, hashlib
    >>> digest = hashlib.sha256(b"heron").digest()
    >>> flashdelta.product_id("heron") == int.from_bytes(digest[:4], "big")
    True
    """
    return _native.product_id(name)


def _product(product: int | str) -> int:
    return (
        product_id(product) if isinstance(product, str) else check_int("product", product, 0, U32)
    )


@dataclasses.dataclass(frozen=True, init=False)
class Identity:
    """Which devices a patch is for; others refuse it.

    This catches mistakes, not malice, as patches are not signed.

    Parameters
    ----------
    product : int or str
        The product: a number of 32 bits, or a name that is made into one (see `product_id`).
    hardware_from, hardware_to : int
        First and last hardware revision that the new image runs on, 0 to 65535; all if not given.
    security_counter : int, default 0
        Security counter of the new image: a device that is further on refuses it (anti-rollback).

    Examples
    --------
    >>> from flashdelta import Identity, product_id
    >>> Identity("heron", hardware_to=4, security_counter=7).product == product_id("heron")
    True
    """

    product: int
    hardware_from: int
    hardware_to: int
    security_counter: int

    def __init__(
        self,
        product: int | str,
        hardware_from: int = 0,
        hardware_to: int = U16,
        security_counter: int = 0,
    ) -> None:
        object.__setattr__(self, "product", _product(product))
        object.__setattr__(self, "hardware_from", check_int("hardware_from", hardware_from, 0, U16))
        object.__setattr__(self, "hardware_to", check_int("hardware_to", hardware_to, 0, U16))
        counter = check_int("security_counter", security_counter, 0, U32)
        object.__setattr__(self, "security_counter", counter)
        if hardware_from > hardware_to:
            raise OptionError(
                f"hardware_from={hardware_from} is above hardware_to={hardware_to}", kind="option"
            )


@dataclasses.dataclass(frozen=True, init=False)
class DeviceIdentity:
    """What a device knows about itself. If it is given, patches for other devices are refused, and
    patches that do not say for whom they are.

    Parameters
    ----------
    product : int or str
        The product, as in `Identity`.
    hardware : int, default 0
        The hardware revision, 0 to 65535.
    security_counter : int, default 0
        The lowest security counter that may be installed: that of the image that runs, never one
        from a patch.

    Examples
    --------
    >>> from flashdelta import DeviceIdentity
    >>> DeviceIdentity("heron", hardware=3).hardware
    3
    """

    product: int
    hardware: int
    security_counter: int

    def __init__(self, product: int | str, hardware: int = 0, security_counter: int = 0) -> None:
        object.__setattr__(self, "product", _product(product))
        object.__setattr__(self, "hardware", check_int("hardware", hardware, 0, U16))
        object.__setattr__(
            self, "security_counter", check_int("security_counter", security_counter, 0, U32)
        )
