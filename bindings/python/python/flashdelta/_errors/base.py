"""The bases, and what can go wrong anywhere."""

from __future__ import annotations

from typing import Any


def _restore(cls: type[Error], message: str, fields: dict[str, Any]) -> Error:
    return cls(message, **fields)


class Error(Exception):
    """Base of everything that flashdelta raises.

    The message says what happened, where, what was expected and found, and what to do.

    Attributes
    ----------
    kind : str
        A stable name for what happened, finer than the class: ``"old-mismatch"``,
        ``"bad-checksum"``.
    """

    kind: str = "error"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self._fields = fields
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # As it was made, for other processes; notes and the like are in `__dict__`.
        return _restore, (type(self), self.args[0], self._fields), self.__dict__


class FlashdeltaWarning(UserWarning):
    """An input is patched differently from what its name or format suggests. The patch is right,
    but may be larger than necessary.

    ``warnings.simplefilter("error", flashdelta.FlashdeltaWarning)`` makes it an exception.

    Attributes
    ----------
    kind : str
        A stable name of what it is, such as ``"same"``.
    """

    def __init__(self, message: str = "", kind: str = "warning") -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


class OptionError(Error, ValueError):
    """An argument has a value that it cannot have; nothing was done."""


class HoleError(Error, ValueError):
    """An image cannot have holes, or not these; or a hole has no value, or none that fits."""


class InternalError(Error, RuntimeError):
    """A mistake in flashdelta itself: please report it."""


class CancelledError(Error):
    """The progress callback returned ``False``."""


class OutOfMemoryError(Error, MemoryError):
    """This computer does not give the memory that making, reading or applying takes."""
