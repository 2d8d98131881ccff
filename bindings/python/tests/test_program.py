"""`python -m flashdelta` and the console script are the Rust program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from conftest import zip_of

import flashdelta

SCRIPT = Path(sys.executable).with_name("flashdelta")
PROGRAMS = [[sys.executable, "-m", "flashdelta"], [str(SCRIPT)]]
# The Rust binary, if the one who runs the tests has built it.
if binary := os.environ.get("FLASHDELTA_BINARY"):
    PROGRAMS.append([binary])


def run(program: list[str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[-1])
def test_it_works(
    program: list[str], old_path: Path, new_path: Path, new: bytes, tmp_path: Path
) -> None:
    patch, out = tmp_path / "update.fdp", tmp_path / "out.bin"
    made = run(program, "diff", old_path, new_path, "-o", patch)
    assert made.returncode == 0 and "verified" in made.stderr, made
    assert patch.read_bytes() == flashdelta.diff(old_path, new_path)
    assert run(program, "apply", old_path, patch, "-o", out).returncode == 0
    assert out.read_bytes() == new
    info = run(program, "info", patch)
    assert flashdelta.Patch.load(patch).info.new_sha256 in info.stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[-1])
def test_exit_codes(program: list[str], old_path: Path, new_path: Path, tmp_path: Path) -> None:
    patch = tmp_path / "update.fdp"
    flashdelta.diff(old_path, new_path, identity=flashdelta.Identity("heron")).save(patch)
    cases: dict[int, list[str | Path]] = {
        0: ["--version"],
        2: ["diff"],
        3: ["verify", old_path, new_path],
        4: ["verify", new_path, patch],
        5: ["verify", old_path, patch, "--product", "egret"],
        6: ["verify", old_path, patch, "--ram", "2KiB"],
        7: ["verify", "/no/such/file", patch],
    }
    for code, arguments in cases.items():
        result = run(program, *arguments)
        assert result.returncode == code, result
        assert (result.stderr == "") == (code == 0) and "Traceback" not in result.stderr


def test_all_are_of_one_version() -> None:
    assert flashdelta.__version__ == metadata.version("flashdelta")
    for program in PROGRAMS:
        assert run(program, "--version").stdout == f"flashdelta {flashdelta.__version__}\n"
    outputs = {run(program, "diff", "--help").stdout for program in PROGRAMS}
    assert len(outputs) == 1


def wait_until_at_work(pid: int) -> None:
    """Until Ctrl-C is the program's, no longer Python's: a thread waits for it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if "ctrl-c\n" in [
                task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/comm")
            ]:
                break
        except FileNotFoundError:
            # A thread has ended meanwhile.
            pass
        time.sleep(0.05)
    time.sleep(0.2)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[-1])
@pytest.mark.parametrize("kind", ["bin", "zip"])
def test_ctrl_c(program: list[str], kind: str, tmp_path: Path) -> None:
    names = [f"new.{kind}", f"old.{kind}"]
    # The first step, sorting, takes longer than anybody waits.
    for name in names:
        image = os.urandom(12 << 20)
        (tmp_path / name).write_bytes(zip_of(image) if kind == "zip" else image)
    took = 0.0
    for _ in range(3):
        command = [*program, "diff", *names, "-o", "update.fdp", "--effort", "9", "--json"]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_until_at_work(process.pid)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
        took = time.monotonic() - start
        assert process.returncode == 130 and "interrupted" in errors and "interrupted" in told
        assert sorted(os.listdir(tmp_path)) == names
        # Other programs may need the processors just then.
        if took < 0.5:
            return
    pytest.fail(f"it took {took:.2f} s to end")
