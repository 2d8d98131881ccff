"""The push applier: pieces of any size, into memory, a file or a buffer."""

from __future__ import annotations

import io
import gc
import mmap
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import flashdelta
from flashdelta import Applier


@pytest.fixture(scope="module")
def patch(old: bytes, new: bytes) -> bytes:
    return bytes(flashdelta.diff(old, new))


def pieces(patch: bytes, size: int) -> list[bytes]:
    return [patch[i : i + size] for i in range(0, len(patch), size)]


def test_progress_and_info(old: bytes, new: bytes, patch: bytes) -> None:
    with Applier(old) as applier:
        assert applier.info is None and applier.progress == (False, 0, 0)
        assert "waiting" in repr(applier)
        last = 0
        progress = applier.progress
        for piece in pieces(patch, 100):
            progress = applier.feed(piece)
            assert last <= progress.written <= len(new) and 0 <= progress.fraction <= 1
            last = progress.written
            assert applier.progress == progress
        assert progress.done and progress.fraction == 1.0 and progress.total == len(new)
        assert applier.info is not None and applier.info.new_size == len(new)
        assert "done" in repr(applier)
        assert applier.finish() == new
        with pytest.raises(flashdelta.MisuseError, match="start again"):
            applier.finish()


def test_into_a_file(old_path: Path, new: bytes, patch: bytes, tmp_path: Path) -> None:
    out = tmp_path / "new.bin"
    with Applier(old_path, out) as applier:
        for piece in pieces(patch, 700):
            assert not out.exists()
            applier.feed(memoryview(piece))
        assert applier.progress.done and not out.exists()
        nothing: object = applier.finish()
        assert nothing is None
        assert out.read_bytes() == new
    assert os.listdir(tmp_path) == ["new.bin"]


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_padding_is_an_error_before_the_file_appears_or_ignored(
    old_path: Path, new: bytes, patch: bytes, tmp_path: Path, size: int
) -> None:
    out = tmp_path / "new.bin"
    padded = patch + bytes(-len(patch) % 64) + bytes(64)
    with Applier(old_path, out) as applier:
        with pytest.raises(flashdelta.TrailingInputError):
            for piece in pieces(padded, size):
                applier.feed(piece)
        with pytest.raises(flashdelta.MisuseError):
            applier.finish()
    assert os.listdir(tmp_path) == []
    with Applier(old_path, out, ignore_trailing=True) as applier:
        for piece in pieces(padded, size):
            applier.feed(piece)
        applier.finish()
    assert out.read_bytes() == new
    with pytest.raises(TypeError):
        Applier(old_path, out, ignore_trailing="no")  # type: ignore[call-overload]


def test_what_is_not_finished_leaves_no_file(old_path: Path, patch: bytes, tmp_path: Path) -> None:
    out = tmp_path / "new.bin"
    with Applier(old_path, out) as applier:
        applier.feed(patch[:-1])
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []
    # Without the `with`, as soon as nobody has it any more.
    applier = Applier(old_path, out)
    applier.feed(patch[:-1])
    del applier
    gc.collect()
    assert os.listdir(tmp_path) == []
    with Applier(old_path, out) as applier:
        with pytest.raises(flashdelta.ApplyError):
            applier.feed(patch[:200] + bytes(500))
            applier.feed(bytes(len(patch)))
        assert os.listdir(tmp_path) == []


def test_into_writable_buffers(old: bytes, new: bytes, patch: bytes, tmp_path: Path) -> None:
    slots: list[bytearray | np.ndarray[tuple[int], np.dtype[np.uint32]]] = [
        bytearray(len(new)),
        bytearray(len(new) + 100),
        np.zeros(len(new) // 4 + 1, dtype=np.uint32),
    ]
    for slot in slots:
        with Applier(old, slot) as applier:
            applier.feed(patch)
            applier.finish()
        assert bytes(slot)[: len(new)] == new
    file = tmp_path / "flash"
    file.write_bytes(bytes(1 << 16))
    with open(file, "r+b") as handle, mmap.mmap(handle.fileno(), 0) as flash:
        with Applier(old, memoryview(flash)[:]) as applier:
            applier.feed(patch)
            applier.finish()
        assert flash[: len(new)] == new


def test_buffers_that_will_not_do(old: bytes, new: bytes, patch: bytes) -> None:
    with pytest.raises(TypeError, match="read-only"):
        Applier(old, bytes(10))
    with pytest.raises(TypeError, match="not contiguous"):
        Applier(old, memoryview(bytearray(20))[::2])
    with pytest.raises(TypeError, match="no buffer"):
        Applier(old, 3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="for an open file, pass its path"):
        Applier(old, io.BytesIO())  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"chunk must be bytes-like \(.*\.\.\.\), not str$"):
        Applier(old).feed("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="for an open file, pass what its read"):
        Applier(io.BytesIO(old))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="cannot be pickled: send"):
        pickle.dumps(Applier(old))
    slot = bytearray(old)
    with pytest.raises(flashdelta.OptionError, match="until the new one is complete"):
        Applier(slot, slot)
    both = bytearray(200_000)
    both[: len(old)] = old
    view = memoryview(both)
    with Applier(view[: len(old)], view[100_000:]) as applier:
        applier.feed(patch)
        applier.finish()
    assert both[100_000 : 100_000 + len(new)] == new and both[: len(old)] == old
    with Applier(old, bytearray(len(new) - 1)) as small:
        with pytest.raises(flashdelta.NewTooLongError) as caught:
            small.feed(patch)
    assert (caught.value.needed, caught.value.capacity) == (len(new), len(new) - 1)


def test_errors_are_final(old: bytes, patch: bytes) -> None:
    applier = Applier(old)
    with pytest.raises(flashdelta.HeaderError, match="not a flashdelta patch"):
        applier.feed(b"\x00")
    with pytest.raises(flashdelta.MisuseError, match="start again with a new Applier"):
        applier.feed(patch)
    with pytest.raises(flashdelta.MisuseError):
        applier.finish()
    short = Applier(old)
    short.feed(patch[:-1])
    with pytest.raises(flashdelta.TruncatedError) as caught:
        short.finish()
    assert (caught.value.fed, caught.value.expected) == (len(patch) - 1, len(patch))
    with pytest.raises(flashdelta.TruncatedError):
        Applier(old).finish()
    with pytest.raises(flashdelta.OutOfRamError):
        Applier(old, ram=2000).feed(patch)
    closed = Applier(old)
    closed.close()
    with pytest.raises(flashdelta.MisuseError):
        closed.feed(b"")


def test_one_thread_feeds_and_others_watch(old: bytes, new: bytes, patch: bytes) -> None:
    applier = Applier(old)
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(applier.progress.written)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for piece in pieces(patch, 50):
            applier.feed(piece)
    finally:
        stop.set()
        watcher.join()
    assert applier.finish() == new
    assert seen == sorted(seen)


def test_two_threads_at_once_are_told(old: bytes, patch: bytes) -> None:
    applier = Applier(old)
    errors: list[Exception] = []

    def feed() -> None:
        try:
            applier.feed(patch)
        except flashdelta.ApplyError as error:
            errors.append(error)

    threads = [threading.Thread(target=feed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One of them brought the patch. The others came too early (busy) or too late (there is nothing
    # more to feed, which poisons).
    assert len(errors) == 3
    assert all(
        isinstance(e, (flashdelta.MisuseError, flashdelta.TrailingInputError)) for e in errors
    )
