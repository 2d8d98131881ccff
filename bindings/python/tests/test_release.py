"""Static releases, on any executor."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import flashdelta
from flashdelta import release_build, release_resolve


@pytest.fixture
def description(tmp_path: Path) -> Path:
    for number in range(3):
        image = bytes((at * 7 + at // 250) % 251 for at in range(9000))
        (tmp_path / f"{number}.bin").write_bytes(
            image[: 3000 + number] + bytes([number] * 40) + image[3000:]
        )
    releases = "".join(
        f'[[release]]\nversion = "1.{number}"\nfile = "{number}.bin"\n' for number in range(3)
    )
    path = tmp_path / "RELEASE.toml"
    path.write_text('product = "heron"\neffort = 1\nprofiles = ["esp32", "small"]\n' + releases)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(3) as threads:
            yield threads
    elif request.param == "processes":
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
            yield processes
    else:
        distributed = pytest.importorskip(
            "dask.distributed", reason="dask.distributed is not installed"
        )
        options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
        options["dashboard_address"] = None
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            yield client.get_executor()


def test_the_same_folder_whatever_the_executor(
    description: Path, tmp_path: Path, executor: Executor
) -> None:
    calls: list[tuple[int, int]] = []
    summary = release_build(
        description, tmp_path / "a", progress=lambda done, total: calls.append((done, total))
    )
    assert summary["patches"] == 6 and summary["latest"] == "1.2" and not summary["left_out"]
    assert calls == [(done, 6) for done in range(7)]
    assert release_build(description, tmp_path / "b", executor) == summary
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_devices_get_their_patch(description: Path, tmp_path: Path) -> None:
    release_build(description, tmp_path / "public")
    old, new = ((tmp_path / name).read_bytes() for name in ("0.bin", "2.bin"))
    for digest in (hashlib.sha256(old).digest(), hashlib.sha256(old).hexdigest()):
        found = release_resolve(tmp_path / "public", "heron", digest, profile="small")
        (step,) = found["steps"]
        assert (found["answer"], step["kind"]) == ("update", "delta")
        assert flashdelta.apply(old, (tmp_path / "public" / step["path"]).read_bytes()) == new
    assert (
        release_resolve(tmp_path / "public", "heron", hashlib.sha256(new).digest())["answer"]
        == "up-to-date"
    )
    assert release_resolve(tmp_path / "public", "heron", max_bytes=3)["answer"] == "nothing"


class Losing(Executor):
    """Loses every second task, and takes no more after some."""

    def __init__(self, most: int) -> None:
        self.count, self.most, self.made = 0, most, 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count > self.most:
            raise RuntimeError("broken")
        future: Future[Any] = Future()
        if self.count % 2 == 0:
            future.set_exception(RuntimeError("the worker is gone"))
        else:
            self.made += 1
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_lost_worker_costs_its_task_only(description: Path, tmp_path: Path) -> None:
    release_build(description, tmp_path / "a")
    for most in (100, 3, 0):
        losing = Losing(most)
        release_build(description, tmp_path / f"b{most}", losing)
        assert files(tmp_path / "a") == files(tmp_path / f"b{most}")
        assert losing.made == min(3, (most + 1) // 2)


def _die(*_: Any) -> None:
    os._exit(1)


def test_a_pool_that_broke_loses_nothing(description: Path, tmp_path: Path) -> None:
    release_build(description, tmp_path / "a")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        processes.submit(_die).exception()
        release_build(description, tmp_path / "b", processes)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_keys_are_asked_for(description: Path, tmp_path: Path) -> None:
    pair = flashdelta.generate_key()
    pair.save(tmp_path / "key.pem")
    description.write_text('sign-key = "key.pem"\n' + description.read_text())
    assert release_build(description, tmp_path / "public")["is_signed"]
    assert release_resolve(tmp_path / "public", "heron", keys=[pair.public])["answer"] == "update"
    assert (
        release_resolve(tmp_path / "public", "heron", keys=[tmp_path / "key.pub.pem"])["answer"]
        == "update"
    )
    other = flashdelta.generate_key()
    with pytest.raises(flashdelta.UnknownKeyError):
        release_resolve(tmp_path / "public", "heron", keys=[other.public])


def test_mistakes_are_named(description: Path, tmp_path: Path) -> None:
    with pytest.raises(flashdelta.FileMissingError, match="no-such"):
        release_build(tmp_path / "no-such.toml", tmp_path / "public")
    with pytest.raises(TypeError, match="Executor"):
        release_build(description, tmp_path / "public", "threads")  # type: ignore[arg-type]
    release_build(description, tmp_path / "public")
    with pytest.raises(flashdelta.OptionError, match="expected 32"):
        release_resolve(tmp_path / "public", "heron", b"123")
    with pytest.raises(flashdelta.WrongDeviceError, match="stork"):
        release_resolve(tmp_path / "public", "stork")
