"""Patches whose origin is not trusted, and keys."""

from __future__ import annotations

from .applying import ApplyError
from .base import Error


class KeyFileError(Error, ValueError):
    """A file is no key, not of the kind that is needed, or no signature."""


class NotAuthenticError(ApplyError, ValueError):
    """Nobody who is trusted vouches for the patch."""


class UnsignedError(NotAuthenticError):
    """The patch has no signature, and one is required."""


class UnknownKeyError(NotAuthenticError):
    """The patch is signed, but with no key that is trusted.

    Attributes
    ----------
    key_id : bytes
        The id of its key.
    """

    key_id: bytes = b""


class WrongSignatureError(NotAuthenticError):
    """A signature by a trusted key is not that of this patch.

    Attributes
    ----------
    key_id : bytes
        The id of the key.
    """

    key_id: bytes = b""


class WrongChunkError(NotAuthenticError):
    """A chunk of the patch, or the table of their digests, is not the one that was vouched for.

    To an `Applier` the patch can be fed again from the `start` of a wrong chunk on. A wrong table
    is final.

    Attributes
    ----------
    index : int or None
        The number of the chunk, from 0; none for the table.
    start, end : int or None
        Its bytes in the patch.
    """

    index: int | None = None
    start: int | None = None
    end: int | None = None
