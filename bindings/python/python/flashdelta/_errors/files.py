"""Files that cannot be read or written."""

from __future__ import annotations

from .base import Error


class FileError(Error, OSError):
    """A file could not be read or written.

    Attributes
    ----------
    errno : int or None
        The number that the operating system gave.
    strerror : str
        What the operating system said.
    filename : str
        The file.
    offset : int or None
        Where in the image, if an update was running.
    """

    offset: int | None = None


class FileMissingError(FileError, FileNotFoundError):
    """There is no such file or folder."""


class FilePermissionError(FileError, PermissionError):
    """The file may not be read or written."""


class FileIsADirectoryError(FileError, IsADirectoryError):
    """This is a folder, not a file."""
