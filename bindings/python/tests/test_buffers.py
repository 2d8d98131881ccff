"""Everything with a buffer is taken as it is at that moment; what cannot be is said clearly."""

from __future__ import annotations

import array
import hashlib
import mmap
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import flashdelta


@pytest.fixture(scope="module")
def patch(old: bytes, new: bytes) -> flashdelta.Patch:
    return flashdelta.diff(old, new)


def test_every_kind_of_buffer_gives_the_same_patch(
    old: bytes, new: bytes, old_path: Path, patch: flashdelta.Patch
) -> None:
    words = np.frombuffer(old, dtype="<u4")
    read_only = words.copy()
    read_only.flags.writeable = False
    buffers: list[flashdelta.BytesLike] = [
        bytearray(old),
        memoryview(old),
        memoryview(bytearray(old))[:],
        array.array("I", old),
        words,
        read_only,
        words.reshape(-1, 3 if len(words) % 3 == 0 else 1),
        np.frombuffer(old, dtype=np.uint8),
    ]
    for buffer in buffers:
        assert flashdelta.diff(buffer, new) == patch
        assert flashdelta.apply(buffer, patch) == new
    with (
        open(old_path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        assert flashdelta.diff(mapped, new) == patch
        assert flashdelta.apply(mapped, patch) == new


def test_views_with_gaps_are_read_item_by_item(
    old: bytes, new: bytes, patch: flashdelta.Patch
) -> None:
    wide = np.zeros((len(old), 2), dtype=np.uint8)
    wide[:, 0] = np.frombuffer(old, dtype=np.uint8)
    assert flashdelta.diff(wide[:, 0], new) == patch
    assert flashdelta.diff(memoryview(old[::-1])[::-1], new) == patch
    square = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (
        flashdelta.diff(square.T, b"x").info.old_digest
        == hashlib.sha256(square.T.tobytes()).digest()[:12]
    )


def test_a_buffer_may_change_while_the_library_is_at_work(old: bytes, new: bytes) -> None:
    base, target, calls = bytearray(old), bytearray(new), 0

    def change(_: object) -> None:
        nonlocal calls
        base[:], target[:], calls = bytes(len(base)), bytes(len(target)), calls + 1

    patch = flashdelta.diff(base, target, progress=change)
    assert calls > 0 and flashdelta.apply(old, patch) == new
    base, piece = bytearray(old), bytearray(patch)

    def clear(_: object) -> None:
        base[:], piece[:] = bytes(len(base)), bytes(len(piece))

    assert flashdelta.apply(base, piece, progress=clear) == new


def test_large_bytes_are_not_copied() -> None:
    # The old image is only read for its digest; a copy of it would be 64 MB, whoever allocates it.
    old = b"\x01" * (64 << 20)
    assert _resident() > 0
    patch = flashdelta.diff(b"", b"x")
    before = _peak()
    with pytest.raises(flashdelta.HeaderError):
        flashdelta.apply(old, b"no patch at all")
    with pytest.raises(flashdelta.ImageError):
        flashdelta.Image.from_bytes(b":0300300002337A1F\n:00000001FF\n")
    # The digest of a base that is too long for an empty old image is that of its first 0 bytes:
    # this works.
    assert flashdelta.apply(old, patch) == b"x"
    assert flashdelta.detect(old) == "raw"
    assert _peak() - before < 16 << 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    """The most memory that this process ever had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_buffers_are_let_go(new: bytes, patch: flashdelta.Patch, old: bytes) -> None:
    buffer, piece = bytearray(old), bytearray(patch)
    flashdelta.diff(buffer, new)
    buffer.append(0)
    flashdelta.apply(buffer, piece)
    piece.append(0)
    buffer.append(0)
    with pytest.raises(flashdelta.TrailingInputError):
        flashdelta.apply(buffer, piece)
    buffer.append(0)
    target = bytearray(len(new))
    with flashdelta.Applier(buffer, target) as applier:
        with pytest.raises(BufferError):
            target.append(0)
        applier.feed(patch)
        applier.finish()
    target.append(0)
    buffer.append(0)


def test_a_patch_is_bytes_like(patch: flashdelta.Patch, tmp_path: Path) -> None:
    data = bytes(patch)
    assert len(patch) == len(data) and patch[0] == data[0] and patch[-4:] == data[-4:]
    assert (
        patch == data
        and data == patch
        and patch == flashdelta.Patch(bytearray(data))
        and patch != data[:-1]
    )
    assert hash(patch) == hash(data) and len({patch, data}) == 1
    assert bytes(memoryview(patch)) == data and memoryview(patch).readonly
    assert hashlib.sha256(patch).digest() == hashlib.sha256(data).digest()
    assert b"".join([patch, patch]) == data * 2
    (tmp_path / "patch").write_bytes(patch)
    assert flashdelta.Patch.load(tmp_path / "patch") == patch
    assert (
        np.frombuffer(memoryview(patch), dtype=np.uint8) == np.frombuffer(data, dtype=np.uint8)
    ).all()
    assert f"{len(patch):,} bytes" in repr(patch)
    assert (patch == 3) is False


@pytest.mark.parametrize("value", [7, None, 1.5, [1, 2], object()])
def test_what_has_no_buffer_is_a_type_error(value: object) -> None:
    for call in (
        lambda: flashdelta.diff(value, b""),  # type: ignore[arg-type]
        lambda: flashdelta.apply(value, b""),  # type: ignore[arg-type]
        lambda: flashdelta.Patch(value),  # type: ignore[arg-type]
        lambda: flashdelta.Applier(b"").feed(value),  # type: ignore[arg-type]
        lambda: flashdelta.detect(value),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="must be bytes-like"):
            call()


def test_text_is_a_path_wherever_one_is_taken(
    old_path: Path, new: bytes, patch: flashdelta.Patch
) -> None:
    name = str(old_path)
    assert flashdelta.diff(name, new) == patch
    assert flashdelta.apply(name, patch) == new and flashdelta.verify(name, patch) == patch.info
    assert flashdelta.explain(name, patch).literals >= 0
    assert flashdelta.detect(name) == flashdelta.address_map(name).format
    with flashdelta.Applier(name) as applier:
        applier.feed(patch)
        assert applier.finish() == new
    for call in (
        lambda: flashdelta.diff("no such file", b"x"),
        lambda: flashdelta.apply("no such file", patch),
        lambda: flashdelta.apply(name, "no such file"),
        lambda: flashdelta.Applier("no such file"),
        lambda: flashdelta.detect("no such file"),
    ):
        with pytest.raises(flashdelta.FileMissingError, match="no such file"):
            call()
    # Where there can be only content, text is none.
    for refused in (lambda: flashdelta.Patch(name), lambda: flashdelta.Applier(b"").feed(name)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="must be bytes-like"):
            refused()


def test_a_released_view_is_said_to_be_one(new: bytes) -> None:
    view = memoryview(b"firmware")
    view.release()
    with pytest.raises(BufferError, match="released.*; pass one that is open"):
        flashdelta.diff(view, new)
    mapped = mmap.mmap(-1, 100)
    mapped.close()
    with pytest.raises(
        BufferError, match="this mmap cannot be read: .*closed.*; pass one that is open"
    ):
        flashdelta.diff(mapped, new)


def test_an_image_is_no_file() -> None:
    with pytest.raises(TypeError, match=r"not Image; .*to_bytes"):
        flashdelta.diff(flashdelta.Image([]), b"")  # type: ignore[arg-type]


def test_memory_that_python_counts_does_not_grow(old: bytes, new: bytes) -> None:
    tracemalloc.start()
    try:
        flashdelta.diff(old, new)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            flashdelta.diff(old, new)
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def test_arrays_of_python_objects_are_refused() -> None:
    objects = np.array([b"one", b"two"], dtype=object)
    with pytest.raises(TypeError, match="holds Python objects"):
        flashdelta.diff(objects, b"new")
