# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tables of docs/format.md, read from it: the document itself is what is proved."""
import functools
import pathlib
import re

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "format.md"


@functools.lru_cache(maxsize=None)
def text():
    return PATH.read_text(encoding="utf-8")


@functools.lru_cache(maxsize=None)
def table(name):
    """The numbers of the table of that name, in appendix A."""
    block = text().split(f"```table {name}\n")[1].split("```")[0]
    return tuple(int(number) for number in re.findall(r"-?\d+", block))
