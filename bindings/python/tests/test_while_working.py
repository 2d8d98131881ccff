"""Progress, cancellation, Ctrl-C, and threads."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import FIRMWARE

import flashdelta


def test_progress_rises_from_0_to_1(old: bytes, new: bytes) -> None:
    seen: list[flashdelta.DiffProgress] = []
    threads: set[int] = set()

    def progress(at: flashdelta.DiffProgress) -> None:
        seen.append(at)
        threads.add(threading.get_ident())

    flashdelta.diff(old, new, progress=progress)
    fractions = [at.fraction for at in seen]
    assert (
        fractions == sorted(fractions)
        and fractions[0] == 0
        and fractions[-1] == 1
        and len(seen) > 3
    )
    assert {"match", "parse", "encode", "done"} >= {at.phase for at in seen}
    assert threads == {threading.get_ident()}


def test_progress_of_the_applier(old: bytes, new: bytes) -> None:
    seen: list[flashdelta.ApplyProgress] = []
    flashdelta.apply(old, flashdelta.diff(old, new), progress=seen.append)
    assert [at.written for at in seen] == sorted(at.written for at in seen)
    assert seen[-1] == (True, len(new), len(new)) and not seen[0].done


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_false_cancels_and_exceptions_come_out(old: bytes, new: bytes, calls: int) -> None:
    patch = flashdelta.diff(old, new)

    class Stop(Exception):
        pass

    def after(answer: object) -> object:
        left = iter(range(calls))

        def callback(_: object) -> object:
            next(left, None)
            if next(left, None) is None:
                if isinstance(answer, Exception):
                    raise answer
                return answer
            return None

        return callback

    for work in (flashdelta.diff, flashdelta.apply):
        other = new if work is flashdelta.diff else patch
        with pytest.raises(flashdelta.CancelledError):
            work(old, other, progress=after(False))  # type: ignore[arg-type]
        with pytest.raises(Stop):
            work(old, other, progress=after(Stop()))  # type: ignore[arg-type]
        # Only False does.
        for answer in (None, 0, "", True):
            assert work(old, other, progress=after(answer))  # type: ignore[arg-type]


CTRL_C = """
import os, random, signal, sys, threading, time
import flashdelta

work = sys.argv[1]
rng = random.Random(1)
old = rng.randbytes(int(float(sys.argv[2]) * (1 << 20)))
new = old[1000:] + rng.randbytes(1000) + old[:1000]
if work == "apply":
    # Literals in the model codec are the slowest there are.
    old, patch = b"", flashdelta.diff(b"", old, codec="model", effort=1, isa="bytes")
    call = lambda: flashdelta.apply(old, patch)
elif work == "explain":
    old, patch = b"", flashdelta.diff(b"", old, codec="model", effort=1, isa="bytes")
    call = lambda: flashdelta.explain(old, patch)
elif work == "feed":
    old, patch = b"", flashdelta.diff(b"", old, codec="model", effort=1, isa="bytes")
    call = lambda: flashdelta.Applier(old).feed(patch)
elif work == "many":
    call = lambda: flashdelta.diff_many([(old, new)] * 8, effort=9)
else:
    call = lambda: flashdelta.diff(old, new, effort=9)
sent = 0.0

def interrupt():
    global sent
    time.sleep(0.7)
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
start = time.perf_counter()
try:
    call()
    print("not interrupted after", time.perf_counter() - start)
except KeyboardInterrupt:
    print("interrupted", time.perf_counter() - sent)
"""


@pytest.mark.parametrize(
    ("work", "megabytes"), [("diff", 24), ("apply", 3), ("feed", 3), ("explain", 2), ("many", 8)]
)
def test_ctrl_c_ends_long_work_within_half_a_second(
    work: str, megabytes: float, tmp_path: Path
) -> None:
    script = tmp_path / "work.py"
    script.write_text(CTRL_C)
    took = 0.0
    for _ in range(3):
        command = [sys.executable, str(script), work, str(megabytes)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert result.stdout.startswith("interrupted"), result
        took = float(result.stdout.split()[1])
        # Other programs may need the processors just then.
        if took < 0.5:
            return
    pytest.fail(f"it took {took:.2f} s to end")


def test_the_gil_is_released(old: bytes, new: bytes) -> None:
    # The other thread could not run once in all this time if the GIL were held.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    patch = flashdelta.diff(old, new)
    try:
        for work in (lambda: flashdelta.diff(old, new), lambda: flashdelta.apply(old, patch)):
            thread = threading.Thread(target=work)
            thread.start()
            count = 0
            while thread.is_alive():
                count += 1
            assert count > 1000
    finally:
        sys.setswitchinterval(interval)


IMAGES = (FIRMWARE / "riscv-1.0.bin", FIRMWARE / "riscv-1.1.bin")


def make_and_apply(_: int) -> bytes:
    old, new = (path.read_bytes() for path in IMAGES)
    patch = flashdelta.diff(old, new, threads=1)
    assert flashdelta.apply(old, patch) == new
    return bytes(patch)


def test_8_threads_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Threads are as good as processes, which have no GIL in common: on an idle machine as many
    times faster as it has processors."""
    jobs, processors = range(16), len(os.sched_getaffinity(0))
    expected = make_and_apply(0)

    def seconds(work: Callable[[], Iterable[bytes]]) -> float:
        start = time.perf_counter()
        assert all(patch == expected for patch in work())
        return time.perf_counter() - start

    context = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(8) as threads, ProcessPoolExecutor(processors, context) as processes:
        list(processes.map(make_and_apply, range(processors)))
        for _ in range(5):
            alone = seconds(lambda: map(make_and_apply, jobs))
            together = seconds(lambda: threads.map(make_and_apply, jobs))
            apart = seconds(lambda: processes.map(make_and_apply, jobs))
            with capsys.disabled():
                ways = (
                    f"8 threads: {alone / together:.2f} times as fast, "
                    f"{processors} processes: {alone / apart:.2f} times"
                )
                print(
                    f"\n{ways} (load {os.getloadavg()[0]:.1f} on {processors} processors)", end=" "
                )
            # Other programs come and go: once in five times the three measurements should be
            # comparable.
            if together < 1.25 * apart:
                return
    pytest.fail("threads are much slower than processes: is the GIL held?")
