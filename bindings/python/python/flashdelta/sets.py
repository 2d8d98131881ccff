"""Component sets: several parts of a device, updated as one, all or nothing.

A *set* is one signed file with what changes of each component: application, bootloader, file
system, the firmware of a radio or of a child device. Devices apply it with the Rust or C library
(``update::set``); the functions here make, sign, check and apply sets on computers.

>>> import flashdelta
>>> from flashdelta import sets
>>> update = sets.create([
...     sets.Component("radio", sets.Child(1), old=b"radio 1" * 400, new=b"radio 2" * 400),
...     sets.Component(
...         "application", sets.Partition("ota"), old=b"app 1.0" * 900, new=b"app 1.1" * 900
...     ),
... ])
>>> [part["kind"] for part in sets.info(update)["components"]]
['radio', 'application']
>>> new = sets.apply({"child-1": b"radio 1" * 400, "ota": b"app 1.0" * 900}, update)
>>> new["ota"] == b"app 1.1" * 900
True
"""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Union, overload

from . import _native
from ._arguments import U16, U32, as_bytes, as_path, check_int
from ._errors import FlashdeltaWarning, OptionError
from ._making import check_options
from ._profile import DeviceIdentity, DeviceProfile, Identity
from ._signing import Key, pem, pems
from ._types import FilePath, Source

__all__ = [
    "Address",
    "Child",
    "Component",
    "Kind",
    "Name",
    "Partition",
    "Target",
    "apply",
    "apply_folder",
    "attach_signature",
    "create",
    "info",
    "sign",
    "sign_message",
    "verify",
]

#: What a component is.
Kind = Literal[
    "application", "bootloader", "partition-table", "file-system", "radio", "child", "data", "other"
]


class Partition(NamedTuple):
    """A partition of the device, by its name."""

    name: str


class Address(NamedTuple):
    """What starts at an address of the flash."""

    address: int


class Child(NamedTuple):
    """A child device, by a number, and by a name that may be empty."""

    id: int
    name: str = ""


class Name(NamedTuple):
    """Whatever the device knows by this name."""

    name: str


#: Which part of a device a component is.
Target = Union[Partition, Address, Child, Name]


@dataclasses.dataclass(frozen=True)
class Component:
    """One component of a set to be made.

    Attributes
    ----------
    kind : str
        What it is: ``"application"``, ``"bootloader"``, ``"partition-table"``, ``"file-system"``,
        ``"radio"``, ``"child"``, ``"data"`` or ``"other"``.
    target : Partition, Address, Child or Name
        Which part of the device it is.
    new : bytes-like, str or os.PathLike
        What it shall hold: a firmware file of any format.
    old : bytes-like, str, os.PathLike or None
        What it holds: it is sent as a patch. ``None``: whatever is there is replaced; `new` is sent
        whole, compressed.
    absent : bool
        Nothing may be there yet.
    required : bool
        `new` has to be there already: nothing is sent, and devices where it is different refuse the
        set.
    hardware : (int, int) or None
        The first and the last hardware revision that has this component.
    base : int or None
        Address at which a raw image runs.
    """

    kind: Kind
    target: Target
    new: Source
    old: Source | None = None
    absent: bool = False
    required: bool = False
    hardware: tuple[int, int] | None = None
    base: int | None = None

    def _fields(self) -> _Fields:
        if [self.old is not None, self.absent, self.required].count(True) > 1:
            raise OptionError("only one of old, absent and required may be given", kind="option")
        if self.hardware is not None:
            for revision in self.hardware:
                check_int("hardware", revision, 0, U16)
        if self.base is not None:
            check_int("base", self.base, 0, U32)
        how = (
            "add"
            if self.absent
            else "require"
            if self.required
            else "replace"
            if self.old is None
            else "update"
        )
        return _Fields(
            self.kind, _target(self.target), how, self.hardware, self.base, self.old, self.new
        )


class _Fields(NamedTuple):
    """A component as the native half takes it."""

    kind: str
    target: object
    how: str
    hardware: tuple[int, int] | None
    base: int | None
    old: Source | None
    new: Source


def _target(target: Target) -> object:
    if isinstance(target, Partition):
        return ("partition", target.name)
    if isinstance(target, Address):
        return check_int("address", target.address, 0, U32)
    if isinstance(target, Child):
        return (check_int("id", target.id, 0, U32), target.name)
    if isinstance(target, Name):
        return ("name", target.name)
    raise TypeError(
        f"target must be a Partition, an Address, a Child or a Name, not {type(target).__name__}"
    )


@overload
def create(
    source: FilePath | Sequence[Component],
    *,
    profile: DeviceProfile | FilePath | None = None,
    ram: int | None = None,
    identity: Identity | None = None,
    effort: int = 6,
    threads: int = 0,
) -> bytes: ...
@overload
def create(
    source: FilePath,
    new: FilePath,
    *,
    chip: str | None = None,
    profile: DeviceProfile | FilePath | None = None,
    ram: int | None = None,
    identity: Identity | None = None,
    effort: int = 6,
    threads: int = 0,
) -> bytes: ...
def create(
    source: FilePath | Sequence[Component],
    new: FilePath | None = None,
    *,
    chip: str | None = None,
    profile: DeviceProfile | FilePath | None = None,
    ram: int | None = None,
    identity: Identity | None = None,
    effort: int = 6,
    threads: int = 0,
) -> bytes:
    """Make a set. Each patch in it has been applied, and makes the right image. The same arguments
    give the same set on every machine.

    Parameters
    ----------
    source : list of Component, str or os.PathLike
        The components, in the order in which they are written and activated; or a file that
        describes them (TOML, see ``flashdelta set create --help``); or, with `new`, the old
        release.
    new : str or os.PathLike, optional
        The new release. A release is a ``manifest.json`` of ESP Web Tools, a build folder of
        ESP-IDF or its ``flasher_args.json``, or a ``dfu_application.zip`` of Nordic's SDKs. Parts
        that are the same in both are left out.
    chip : str, optional
        The chip family, of a manifest for several.
    profile : DeviceProfile, str or os.PathLike, optional
        The device, as for `flashdelta.diff`.
    ram : int, optional
        RAM of the device in bytes, in place of the profile's.
    identity : Identity, optional
        Which devices the set is for. A description may say it as well.
    effort : int
        How hard to try, 1 (fast) to 9 (thorough).
    threads : int
        Number of threads, 0 for one per processor.

    Warns
    -----
    FlashdeltaWarning
        The old release has a part that the new one lacks: no set removes it.
    """
    options = check_options(
        profile=profile, ram=ram, identity=identity, effort=effort, threads=threads
    )
    if new is not None:
        if not isinstance(source, (str, os.PathLike)):
            raise TypeError(
                f"source must be a str or os.PathLike if new is given, not {type(source).__name__}"
            )
        made, _, gone = _native.set_between(
            as_path("source", source), as_path("new", new), chip, options
        )
        for name in gone:
            warnings.warn(
                FlashdeltaWarning(
                    f"the set does not remove {name}, which only the old release has", "not-removed"
                ),
                stacklevel=2,
            )
        return made
    if chip is not None:
        raise OptionError("chip is for manifests of two releases", kind="option")
    if isinstance(source, (str, os.PathLike)):
        return _native.set_from_description(as_path("source", source), options)
    return _native.set_make([component._fields() for component in source], options)


def info(set: Source) -> dict[str, Any]:
    """What a set says about itself, with the names of ``docs/facts.schema.json``. It is checked,
    but not for who made it.

    Parameters
    ----------
    set : bytes-like, str or os.PathLike
        The set.
    """
    facts: dict[str, Any] = json.loads(_native.set_facts(set))
    return facts


def sign(set: Source, key: Key) -> bytes:
    """Sign a set; it may be signed already. One signature vouches for every byte; payloads without
    chunk digests get them.

    Parameters
    ----------
    set : bytes-like, str or os.PathLike
        The set.
    key : bytes, str or os.PathLike
        The private key in PEM, or the path of its file.
    """
    return _native.set_sign(set, pem(key))


def sign_message(set: Source) -> bytes:
    """What is to be signed, 48 bytes: for keys that are in a hardware module or with a service. See
    `attach_signature`.

    Parameters
    ----------
    set : bytes-like, str or os.PathLike
        The set.
    """
    return _native.set_sign_message(set)


def attach_signature(set: Source, signature: bytes, key: Key) -> bytes:
    """Attach a signature that was made somewhere else over `sign_message`. It is checked.

    Parameters
    ----------
    set : bytes-like, str or os.PathLike
        The set.
    signature : bytes
        64 bytes; for P-256 also in DER, as OpenSSL and services write it.
    key : bytes, str or os.PathLike
        The public key in PEM, or the path of its file.
    """
    return _native.set_attach_signature(set, as_bytes("signature", signature), pem(key))


def verify(
    set: Source,
    *,
    old: FilePath | Mapping[str, Source] | None = None,
    key: Key | Sequence[Key] | None = None,
    device: DeviceIdentity | None = None,
) -> None:
    """Check a set: all of its digests; with `key`, who made it; with `old`, whether it fits what is
    there. Nothing is written.

    Parameters
    ----------
    set : bytes-like, str or os.PathLike
        The set.
    old : str, os.PathLike or mapping, optional
        What a device has: as for `apply_folder` or for `apply`.
    key : bytes, str, os.PathLike, or a list of them, optional
        Keys of which one must have signed the set.
    device : DeviceIdentity, optional
        What the device is: sets for others are refused.
    """
    _native.set_verify(set, pems(key))
    if isinstance(old, Mapping):
        apply(old, set, key=key, device=device)
    elif old is not None:
        _native.set_apply_folder(as_path("old", old), set, None, _device(device), pems(key))


def apply(
    old: Mapping[str, Source],
    set: Source,
    *,
    key: Key | Sequence[Key] | None = None,
    device: DeviceIdentity | None = None,
) -> dict[str, bytes]:
    """Apply a set to components in memory. Gives what those that it names hold afterwards: nothing
    of it is new unless all of it is.

    Parameters
    ----------
    old : mapping of str to bytes-like, str or os.PathLike
        What the components hold, by the names that their files have: the name of a partition, of a
        child or of anything else; ``0x10000`` for an address, ``child-3`` for a child without a
        name. What is not in it is absent.
    set : bytes-like, str or os.PathLike
        The set.
    key : bytes, str, os.PathLike, or a list of them, optional
        Keys of which one must have signed the set.
    device : DeviceIdentity, optional
        What the device is: sets for others are refused.
    """
    return _native.set_apply(dict(old), set, _device(device), pems(key))


def apply_folder(
    old: FilePath,
    set: Source,
    output: FilePath,
    *,
    key: Key | Sequence[Key] | None = None,
    device: DeviceIdentity | None = None,
) -> dict[str, str]:
    """Apply a set to the files of a folder. The new folder appears when all of it is complete and
    right; other files are copied.

    Parameters
    ----------
    old : str or os.PathLike
        The folder with a file for each component, named as for `apply`, or as a manifest in it
        says.
    set : bytes-like, str or os.PathLike
        The set.
    output : str or os.PathLike
        Where the new folder goes; it must not be there yet.
    key : bytes, str, os.PathLike, or a list of them, optional
        Keys of which one must have signed the set.
    device : DeviceIdentity, optional
        What the device is: sets for others are refused.

    Returns
    -------
    dict of str to str
        The components that are new, and their files in the new folder.
    """
    target = as_path("output", output)
    return dict(
        _native.set_apply_folder(as_path("old", old), set, target, _device(device), pems(key))
    )


def _device(device: DeviceIdentity | None) -> DeviceIdentity | None:
    if device is not None and not isinstance(device, DeviceIdentity):
        raise TypeError(f"device must be a DeviceIdentity, not {type(device).__name__}")
    return device
