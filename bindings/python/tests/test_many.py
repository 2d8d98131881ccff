"""Many pairs on any executor."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flashdelta
from flashdelta import diff_many


@pytest.fixture(params=["default", "threads", "processes", "dask"], scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "default":
        yield None
    elif request.param == "threads":
        with ThreadPoolExecutor(3) as threads:
            yield threads
    elif request.param == "processes":
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
            yield processes
    else:
        from dask.distributed import Client, LocalCluster

        options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
        options["dashboard_address"] = None
        with LocalCluster(**options) as cluster, Client(cluster) as client:  # type: ignore[no-untyped-call]
            yield client.get_executor()


@pytest.fixture(scope="module")
def pairs(releases: Path) -> list[tuple[Path, Path]]:
    *olds, new = sorted(releases.glob("*.bin"))
    return [(old, new) for old in olds[-4:]]


def test_same_bytes_whatever_the_executor(
    executor: Executor | None, pairs: list[tuple[Path, Path]]
) -> None:
    expected = [flashdelta.diff(old, new, profile="small") for old, new in pairs]
    calls: list[tuple[int, int]] = []
    made = diff_many(
        iter(pairs),
        executor,
        profile="small",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert made == expected
    assert [patch.report for patch in made] == [patch.report for patch in expected]
    assert calls == [(n + 1, len(pairs)) for n in range(len(pairs))]


def test_buffers_go_everywhere(executor: Executor | None, pairs: list[tuple[Path, Path]]) -> None:
    old, new = (path.read_bytes() for path in pairs[0])
    array = np.frombuffer(old, dtype=np.uint8)
    made = diff_many(
        [(old, new), (bytearray(old), memoryview(new)), (array, pairs[0][1])], executor
    )
    assert made == [flashdelta.diff(old, new)] * 3


def test_failures_name_their_pair_and_do_not_lose_the_others(
    executor: Executor | None, pairs: list[tuple[Path, Path]]
) -> None:
    missing = Path("/no/such/image-1.0.bin")
    mixed: list[Any] = [pairs[0], (missing, pairs[0][1]), pairs[1], (3, b"")]
    with pytest.raises(flashdelta.DiffManyError, match="2 of 4 pairs failed") as caught:
        diff_many(mixed, executor)
    error = caught.value
    assert str(missing) in str(error) and "pair 1" in str(error) and "pair 3" in str(error)
    assert [failure.index for failure in error.failures] == [1, 3]
    assert isinstance(error.failures[0].error, flashdelta.FileMissingError)
    expected = [flashdelta.diff(*pairs[0]), None, flashdelta.diff(*pairs[1]), None]
    assert error.patches == expected
    results = diff_many(mixed, executor, return_exceptions=True)
    assert results[0] == expected[0] and results[2] == expected[2]
    assert isinstance(results[1], FileNotFoundError) and "pair 1" in results[1].__notes__[0]
    assert isinstance(results[3], TypeError)


def test_nothing_to_do() -> None:
    assert diff_many([]) == []


def test_options_are_checked() -> None:
    with pytest.raises(flashdelta.OptionError, match="expected 1 to 9"):
        diff_many([(b"", b"")], effort=0)
    with pytest.raises(TypeError, match=r"pair 1 must be two images \(old, new\), not bytes of 3"):
        diff_many([(b"", b""), b"abc"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="Executor"):
        diff_many([], "threads")  # type: ignore[call-overload]


def test_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    diff_many([(b"", b"x"), (b"", b"1")], progress=True)
    assert "2/2" in capsys.readouterr().err


def test_an_exception_of_the_callback_comes_out() -> None:
    def progress(done: int, total: int) -> None:
        raise RuntimeError(f"{done} of {total}")

    with pytest.raises(RuntimeError, match="1 of 3"):
        diff_many([(b"", b"x")] * 3, progress=progress)
