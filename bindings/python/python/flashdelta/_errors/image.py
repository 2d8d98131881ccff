"""Images and firmware files that are not what they should be."""

from __future__ import annotations

from .base import Error


class ImageError(Error, ValueError):
    """A firmware file could not be read, or an image not be written; `kind` tells why, and which of
    the attributes there are.

    Attributes
    ----------
    line, column : int or None
        Where in a text file, from 1.
    offset : int or None
        Where in a binary file, from 0.
    address : int or None
        Address in memory.
    expected, found, needed, limit : int or None
        Numbers: see the message.
    problem : str or None
        What is wrong, in words.
    format : str or None
        The format.
    """

    line: int | None = None
    column: int | None = None
    offset: int | None = None
    address: int | None = None
    expected: int | None = None
    found: int | None = None
    needed: int | None = None
    limit: int | None = None
    problem: str | None = None
    format: str | None = None


class AddressError(ImageError, LookupError):
    """There are no bytes at addresses that were asked for.

    Attributes
    ----------
    address : int
        The first address that was asked for.
    length, missing : int
        How many bytes were asked for, and how many of them are not there.
    """

    length: int
    missing: int
