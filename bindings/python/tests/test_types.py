"""The types that the package declares are complete and true."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flashdelta
from flashdelta import _making

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        "mypy --strict --package flashdelta",
        "mypy --strict tests examples",
        "mypy.stubtest flashdelta._native --allowlist tests/stubtest.txt --ignore-unused-allowlist",
        "pyright --warnings",
    ],
)
def test_types(command: str) -> None:
    # mypy looks at what is installed, which is what users have; pyright at the sources.
    assert_clean(command, PROJECT)


def test_types_are_complete(tmp_path: Path) -> None:
    assert_clean("pyright --ignoreexternal --verifytypes flashdelta", tmp_path)


def test_the_options_of_diff_are_the_same_wherever_they_are_listed() -> None:
    options = {
        name: (option.default, option.annotation)
        for name, option in inspect.signature(flashdelta.diff).parameters.items()
        if option.kind is option.KEYWORD_ONLY
    }
    listed = {**flashdelta.PairOptions.__annotations__, **flashdelta.DiffOptions.__annotations__}
    assert {name: hint.__forward_arg__ for name, hint in listed.items()} == {
        name: annotation for name, (_, annotation) in options.items()
    }
    del options["progress"]
    checked = inspect.signature(_making.check_options).parameters.items()
    assert {name: (option.default, option.annotation) for name, option in checked} == options


def assert_clean(command: str, folder: Path) -> None:
    # pyright takes the first Python of the path for the environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
