"""The types that the package declares are complete and true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["mypy", "--strict", "--package", "flashdelta"],
        ["mypy", "--strict", "tests", "examples"],
        ["mypy.stubtest", "flashdelta._native", "--allowlist", "tests/stubtest.txt", "--ignore-unused-allowlist"],
        ["pyright", "--pythonpath", sys.executable, "--warnings"],
        ["pyright", "--pythonpath", sys.executable, "--ignoreexternal", "--verifytypes", "flashdelta"],
    ],
    ids=" ".join,
)
def test_types(command: list[str]) -> None:
    # Not from the sources: what is installed is what users have.
    result = subprocess.run([sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
