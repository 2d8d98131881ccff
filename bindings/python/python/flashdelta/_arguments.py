"""Checks of arguments that several functions take."""

from __future__ import annotations

import os
from typing import Any, cast

from ._errors import OptionError

U16, U32 = 0xFFFF, 0xFFFF_FFFF


def check_int(name: str, value: object, low: int, high: int) -> int:
    """The value as an int, if it is one and in range."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    number = int(cast(Any, value).__index__())
    if not low <= number <= high:
        raise OptionError(
            f"{name}={number} is out of range: expected {low} to {high}", kind="option"
        )
    return number


def as_path(name: str, value: object) -> str:
    """A path as text, or a `TypeError` that says what is wrong with it."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a str or os.PathLike, not {type(value).__name__}")
    return os.fsdecode(cast("str | os.PathLike[str]", value))


def check_bool(name: str, value: object) -> bool:
    """The value, if it is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {type(value).__name__}")
    return value


def refuse_overwriting(output: str, inputs: list[str]) -> None:
    """Refuse to write onto an input."""
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise OptionError(
                f"{output} is read and cannot be written, too: name another file", kind="option"
            )


def as_bytes(name: str, data: object) -> bytes:
    """Bytes as they are, a copy of what else is bytes-like."""
    if isinstance(data, bytes):
        return data
    try:
        return memoryview(cast(Any, data)).tobytes()
    except TypeError:
        raise TypeError(f"{name} must be bytes-like, not {type(data).__name__}") from None
