"""Memory in the long run: nothing grows from call to call, whatever is called."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import random
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from conftest import zip_of

import flashdelta

OLD = random.Random(1).randbytes(6000)
NEW = OLD[:3000] + b"a fix" + OLD[3000:]


OLD_ZIP, NEW_ZIP = zip_of(OLD), zip_of(NEW)
PATCH = flashdelta.diff(OLD, NEW, codec="lz4", isa="none", threads=1)
BUNDLE = flashdelta.diff(OLD_ZIP, NEW_ZIP, threads=1)
IMAGE = flashdelta.Image(
    [flashdelta.Segment(0x1000, OLD[:1000]), flashdelta.Segment(0x8000, OLD[1000:2000])]
)


@contextlib.contextmanager
def fails() -> Generator[None]:
    with pytest.raises(flashdelta.Error):
        yield


def make() -> None:
    made = flashdelta.diff(OLD[:600], OLD[100:700], codec="lz4", isa="none", threads=1)
    assert made.info.new_size == 600 and repr(made)


def make_many() -> None:
    flashdelta.diff_many([(OLD[:60], OLD[10:70])] * 2, codec="lz4", isa="none")


def make_bundle() -> None:
    flashdelta.diff(OLD_ZIP, NEW_ZIP, codec="lz4", isa="none", threads=1)


def give_up() -> None:
    with fails():
        flashdelta.diff(OLD, NEW, progress=lambda _: False)


def give_up_bundle() -> None:
    with fails():
        flashdelta.apply(OLD_ZIP, BUNDLE, progress=lambda at: not at.written)


def wrong_base() -> None:
    with fails():
        flashdelta.apply(NEW, PATCH)
    with fails():
        flashdelta.apply(NEW_ZIP, BUNDLE)


def damaged() -> None:
    for patch in (PATCH, BUNDLE):
        with fails():
            flashdelta.Patch(patch[:-1])
        with fails():
            flashdelta.apply(OLD, b"no patch")


def missing() -> None:
    with fails():
        flashdelta.Image.open("/no/such/file.hex")
    with fails():
        flashdelta.apply(Path("/no/such/file"), PATCH)


def feed() -> None:
    with flashdelta.Applier(OLD, bytearray(7000)) as applier:
        applier.feed(PATCH[:50])
        applier.feed(memoryview(PATCH)[50:])
        assert applier.info
        applier.finish()
    # Left in its middle.
    flashdelta.Applier(OLD).feed(PATCH[:60])


def read_images() -> None:
    flashdelta.Image.from_bytes(IMAGE.to_bytes("ihex"))
    with fails():
        flashdelta.Image.from_bytes(b":0300300002337A1F\n")
    flashdelta.address_map(IMAGE.to_bytes("srec"))


KINDS: dict[str, tuple[Callable[[], object], int]] = {
    "diff": (make, 2000),
    "diff of archives": (make_bundle, 500),
    "diff_many": (make_many, 500),
    "apply": (lambda: flashdelta.apply(OLD, PATCH), 5000),
    "apply a bundle": (lambda: flashdelta.apply(OLD_ZIP, BUNDLE, progress=lambda _: None), 3000),
    "feed": (feed, 3000),
    "info": (lambda: (PATCH.info, BUNDLE.info.as_dict()), 5000),
    "explain": (lambda: flashdelta.explain(OLD, PATCH), 2000),
    "images": (read_images, 3000),
    "cancelled": (give_up, 1000),
    "cancelled bundle": (give_up_bundle, 2000),
    "wrong base": (wrong_base, 3000),
    "damaged": (damaged, 3000),
    "missing files": (missing, 3000),
}

#: What a call may leave behind in bytes. Allocators are not exact, but the smallest leak is an
#: object in each call.
MOST = 16


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_grows(kind: str) -> None:
    call, calls = KINDS[kind]
    assert grown(call, calls) < MOST * calls


@pytest.mark.parametrize(
    "leak",
    [
        lambda: flashdelta.apply(OLD, PATCH)[:64],
        lambda: PATCH.info,
        lambda: flashdelta.Patch(PATCH),
    ],
)
def test_a_leak_would_be_seen(leak: Callable[[], object]) -> None:
    kept: list[object] = []
    assert grown(lambda: kept.append(leak()), 2000) > MOST * 2000


def test_no_leak_over_10_000_rounds_of_everything() -> None:
    before = 0
    others = (
        damaged,
        missing,
        read_images,
        make_many,
        lambda: flashdelta.apply(OLD_ZIP, BUNDLE),
        lambda: flashdelta.explain(OLD, PATCH),
    )
    for rounds in range(11_000):
        # What threads and processors do to one another needs a while to level off.
        if rounds == 1000:
            gc.collect()
            before = resident()
        for work in (make, feed, wrong_base, others[rounds % len(others)]):
            work()
        flashdelta.apply(OLD, PATCH)
        assert PATCH.info and BUNDLE.info
    gc.collect()
    after = resident()
    assert after - before < 2 << 20, f"{after - before} bytes in 10,000 rounds"


def grown(call: Callable[[], object], calls: int) -> int:
    """Bytes in use after `calls` calls more than before. Other things grow once: if it is more than
    `MOST`, the least of three times."""
    for _ in range(calls // 5):
        call()
    least = 1 << 62
    for _ in range(3):
        before = in_use()
        for _ in range(calls):
            call()
        least = min(least, in_use() - before)
        if least < MOST * calls:
            break
    return least


class Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        ).split()
    ]


def mallinfo() -> Mallinfo | None:
    """What the allocator says, if it is that of glibc."""
    try:
        ask = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):
        return None
    ask.restype = Mallinfo
    info: Mallinfo = ask()
    return info


def in_use() -> int:
    """Bytes that are allocated. What the process takes says less: a leak of some hundred KiB would
    fit into what was free before."""
    gc.collect()
    info = mallinfo()
    if info is None:
        return resident()
    # Python has small objects in memory of its own; there are not many smaller than this.
    return int(info.uordblks + info.hblkhd) + 32 * sys.getallocatedblocks()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
