"""Patches that cannot be made."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .base import Error

if TYPE_CHECKING:
    from .._patch import Patch


class DiffError(Error):
    """A patch could not be made."""


class ManifestError(DiffError, ValueError):
    """A ``manifest.json`` or ``flasher_args.json`` in an archive or a folder says something that
    cannot be.

    Attributes
    ----------
    member : str
        The file; empty if it is the image itself.
    """

    member: str


class TooLargeError(DiffError, ValueError):
    """An image, or both together, are too large.

    Attributes
    ----------
    found, limit : int
        Length of both together in bytes, and the largest one possible.
    """

    found: int
    limit: int


class BadProfileError(DiffError, ValueError):
    """The device profile is not possible.

    Attributes
    ----------
    what : str
        What is wrong with it.
    """

    what: str


class ProfileTooSmallError(DiffError, ValueError):
    """The device has too little RAM for what was asked for.

    Attributes
    ----------
    profile : str
        Name of the profile.
    ram, needed : int
        RAM that it has, and that would do, in bytes.
    codec : str
        The codec that was to fit.
    """

    profile: str
    ram: int
    codec: str
    needed: int


class CodecNotInProfileError(DiffError, ValueError):
    """The device cannot apply the codec that was asked for.

    Attributes
    ----------
    codec, profile : str
        The codec, and the name of the profile.
    allowed : list of str
        The codecs that it can apply.
    """

    codec: str
    profile: str
    allowed: list[str]


class IsaNotInProfileError(DiffError, ValueError):
    """The device cannot predict by the instruction set that was asked for.

    Attributes
    ----------
    isa, profile : str
        The instruction set, and the name of the profile.
    """

    isa: str
    profile: str


@dataclasses.dataclass(frozen=True)
class PairFailure:
    """A pair of images of which `diff_many` could not make a patch."""

    #: Its place among the pairs, from 0.
    index: int
    #: What it is, for people.
    name: str
    #: What happened.
    error: BaseException


class DiffManyError(DiffError):
    """Some pairs failed; all the others were finished.

    Attributes
    ----------
    failures : list of PairFailure
        The pairs that failed, in order.
    patches : list of (Patch or None)
        The patches in the order of the pairs, ``None`` where there is none.
    """

    failures: list[PairFailure]
    patches: list[Patch | None]
