"""How files of records, and others, are read and written."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, cast

from ._arguments import U16, U32, check_int


class ReadOptions(TypedDict, total=False):
    """How to read a firmware file; the keyword arguments of `Image.from_bytes`."""

    strict: bool
    overlap: Literal["refuse", "accept-same", "first-wins", "last-wins"]
    after_end: Literal["refuse", "ignore", "read"]
    ignore_checksums: bool
    skip_garbage: bool
    unknown_records: bool
    family: int | None
    board: int | None
    image: int | None
    base: int | None


class WriteOptions(TypedDict, total=False):
    """How to write a firmware file; the keyword arguments of `Image.to_bytes`."""

    fill: int
    addresses: range | None
    limit: int
    record_len: int | None
    crlf: bool
    lower_case: bool
    address_len: int | None
    family: int | None


def read_fields(options: ReadOptions | None) -> dict[str, Any]:
    """All the options, as the native half takes them."""
    given: dict[str, Any] = {
        "strict": False,
        "overlap": "refuse",
        "after_end": "refuse",
        "ignore_checksums": False,
        "skip_garbage": False,
        "unknown_records": False,
        "family": None,
        "board": None,
        "image": None,
        "base": None,
    }
    _fill_in(given, cast("dict[str, Any]", options or {}))
    for name, (low, high) in {
        "family": (0, U32),
        "board": (0, U16),
        "image": (1, U16),
        "base": (0, U32),
    }.items():
        if given[name] is not None:
            check_int(name, given[name], low, high)
    return given


def write_fields(options: WriteOptions) -> dict[str, Any]:
    """All the options, as the native half takes them."""
    given: dict[str, Any] = {
        "fill": 0xFF,
        "addresses": None,
        "limit": 256 << 20,
        "record_len": None,
        "crlf": False,
        "lower_case": False,
        "address_len": None,
        "family": None,
    }
    _fill_in(given, cast("dict[str, Any]", options))
    addresses = given.pop("addresses")
    if addresses is not None and (not isinstance(addresses, range) or addresses.step != 1):
        raise TypeError("addresses must be a range with step 1")
    given["range"] = None
    if addresses is not None:
        check_int("addresses.stop", addresses.stop, 0, 1 << 32)
        given["range"] = (check_int("addresses.start", addresses.start, 0, U32), addresses.stop)
    check_int("fill", given["fill"], 0, 255)
    check_int("limit", given["limit"], 0, 1 << 62)
    for name, high in {"record_len": U32, "address_len": 255, "family": U32}.items():
        if given[name] is not None:
            check_int(name, given[name], 0, high)
    return given


def _fill_in(defaults: dict[str, Any], options: dict[str, Any]) -> None:
    for name, value in options.items():
        if name not in defaults:
            raise TypeError(
                f"unexpected keyword argument {name!r}: choose from {', '.join(defaults)}"
            )
        for kind in (bool, str):
            if isinstance(defaults[name], kind) and not isinstance(value, kind):
                raise TypeError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
        defaults[name] = value
