"""Inputs of every kind: `testdata/inputs/table.tsv`, which the tests of the library, the program
and C go through, too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import TESTDATA

import flashdelta


def rows() -> Iterator[list[str]]:
    lines = (TESTDATA / "inputs" / "table.tsv").read_text("utf-8").splitlines()[1:]
    assert len(lines) > 60
    return (line.split("\t") for line in lines)


def number(text: str) -> int:
    return int(text, 0)


def file(name: str, folder: Path) -> Path:
    """A file of the test data, or a patch that was made: `@NAME`, `@NAME-3` without its last 3
    bytes, `@NAME+1`, `@NAME^12` with another byte."""
    if not name.startswith("@"):
        return TESTDATA / name
    made = name[1:]
    kept = made.rstrip("0123456789")
    if kept == made or kept[-1] not in "-+^":
        return folder / made
    count, data = int(made[len(kept) :]), bytearray((folder / kept[:-1]).read_bytes())
    match kept[-1]:
        case "-":
            del data[-count:]
        case "+":
            data += bytes(count)
        case _:
            data[count] ^= 1
    (folder / "changed").write_bytes(data)
    return folder / "changed"


def diff_options(words: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    read: dict[str, Any] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        match name:
            case "verbatim" | "allow-empty":
                options[name.replace("-", "_")] = True
            case "in-memory":
                pass
            case "profile-file":
                options["profile"] = TESTDATA / value
            case "strict":
                read["strict"] = True
            case "accept" if value == "manifest":
                options["accept_manifests"] = True
            case "accept":
                assert value == "checksum"
                read["ignore_checksums"] = True
            case "family":
                read["family"] = number(value)
            case "fill" | "base" | "ram":
                options[name] = number(value)
            case "range":
                start, end = value.split("-")
                options["range"] = (number(start), number(end))
            case "new-elf":
                options["new_elf"] = TESTDATA / value
            case "hole":
                options["holes"] = [value]
            case "product":
                options["identity"] = flashdelta.Identity(number(value))
            case _:
                options[name] = value
    return {**options, "read": read or None}


def apply_options(words: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in words.split():
        name, _, value = word.partition("=")
        match name:
            case "output":
                options["format"] = value
            case "product":
                options["device"] = flashdelta.DeviceIdentity(number(value))
            case _:
                options[name] = number(value)
    return options


@pytest.mark.parametrize("content", [False, True])
def test_what_comes_of_each(content: bool, tmp_path: Path) -> None:
    """`content`: files are given as bytes, where the name tells nothing."""

    def given(path: Path) -> Path | bytes:
        names = (".json", ".hex", ".zip")
        return (
            path.read_bytes() if content and path.is_file() and path.suffix not in names else path
        )

    wrong: list[str] = []
    for name, what, old_name, new_name, options, result, expected in rows():
        if what == "convert":  # An Image is read and written, in two calls.
            continue
        old, new = file(old_name, tmp_path), file(new_name, tmp_path)
        told: list[str] = []
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                if "in-memory" in options.split():
                    patch = flashdelta.diff(
                        old.read_bytes(), new.read_bytes(), **diff_options(options)
                    )
                    patch.save(tmp_path / name)
                    found = "bundle" if patch.info.bundle else "patch"
                elif what == "diff":
                    patch = flashdelta.diff(given(old), given(new), **diff_options(options))
                    patch.save(tmp_path / name)
                    found = "bundle" if patch.info.bundle else "patch"
                elif what == "verify":
                    flashdelta.verify(given(old), given(new), **apply_options(options))
                    found = "ok"
                else:
                    made = flashdelta.apply(given(old), given(new), **apply_options(options))
                    same = (TESTDATA / result).is_file() and (
                        TESTDATA / result
                    ).read_bytes() == made
                    found = result if same else "another file"
            for warning in caught:
                assert isinstance(warning.message, flashdelta.FlashdeltaWarning)
                # Of one file twice the new one is meant.
                names = ("old image",) if old == new else ("old image", str(old))
                side = "old" if str(warning.message).startswith(names) else "new"
                told.append(f"{side}:{warning.message.kind}")
        except flashdelta.Error as error:
            found = error.kind
        if what == "apply":
            try:
                flashdelta.apply_files(old, new, tmp_path / "out", **apply_options(options))
                again = (tmp_path / "out").read_bytes()
                assert found == result and again == (TESTDATA / result).read_bytes(), name
            except flashdelta.Error as error:
                assert error.kind == found, name
        if found != result:
            wrong.append(f"{name}: {result} was expected, {found}")
        if sorted(told) != sorted(expected.split()):
            wrong.append(f"{name}: warnings {expected.split()}, {told}")
    assert not wrong, "\n".join(wrong)
