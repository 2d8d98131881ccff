"""How much faster threads are than one after the other, call by call.

    python benches/threads.py [SECONDS]

Every call does the same work as often one after the other as in eight threads at once. Where the
GIL is released, threads are as many times faster as there are idle processors. The processors are
rarely idle: what they can do just then is measured by processes, which have no GIL in common.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import flashdelta

THREADS = 8


def firmware(size: int, seed: int) -> bytes:
    """Bytes that repeat as those of firmware do."""
    rng = random.Random(seed)
    words = [rng.randbytes(rng.choice((2, 4, 4, 8))) for _ in range(2000)]
    return b"".join(rng.choice(words) for _ in range(size // 4))[:size]


OLD = firmware(200_000, 1)
NEW = OLD[:50_000] + b"a fix" + OLD[50_000:150_000] + firmware(2000, 2) + OLD[150_000:]
PATCH = flashdelta.diff(OLD, NEW, effort=1)
LARGE = flashdelta.Image([flashdelta.Segment(0x10000, firmware(1_000_000, 3))])
HEX = LARGE.to_bytes("ihex")

CALLS: dict[str, Callable[[], object]] = {
    "diff, threads=1": lambda: flashdelta.diff(OLD, NEW, threads=1, effort=1),
    "apply": lambda: flashdelta.apply(OLD, PATCH),
    "verify": lambda: flashdelta.verify(OLD, PATCH),
    "Applier.feed": lambda: flashdelta.Applier(OLD).feed(PATCH),
    "explain": lambda: flashdelta.explain(OLD, PATCH),
    "Image.from_bytes": lambda: flashdelta.Image.from_bytes(HEX),
    "Image.to_bytes": lambda: LARGE.to_bytes("ihex"),
    "address_map": lambda: flashdelta.address_map(OLD),
    "for comparison: hashlib.sha256": lambda: hashlib.sha256(HEX).digest(),
    "for comparison: Python, with the GIL": lambda: sum(range(200_000)),
}


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def repeat(name: str, count: int) -> None:
    for _ in range(count):
        CALLS[name]()


def main() -> None:
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    processors = len(os.sched_getaffinity(0))
    print(
        f"{processors} processors, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}; "
        f"{THREADS} threads"
    )
    print(f"{'':38}{'one by one':>14}{'threads':>12}{'processes':>12}")
    context = multiprocessing.get_context("spawn")
    with (
        ThreadPoolExecutor(THREADS) as threads,
        ProcessPoolExecutor(processors, context) as processes,
    ):
        for name in CALLS:
            once = min(seconds(CALLS[name]) for _ in range(3))
            # As many calls as take that long, the same number in each thread and each process.
            share = THREADS * processors
            count = max(1, int(budget / once / share)) * share
            # Started, and loaded.
            list(processes.map(repeat, [name] * processors, [1] * processors))
            best = {"alone": 0.0, "threads": 0.0, "processes": 0.0}
            for _ in range(3):
                alone = count / seconds(lambda: repeat(name, count))
                together = count / seconds(
                    lambda: list(
                        threads.map(repeat, [name] * THREADS, [count // THREADS] * THREADS)
                    )
                )
                apart = count / seconds(
                    lambda: list(
                        processes.map(
                            repeat, [name] * processors, [count // processors] * processors
                        )
                    )
                )
                for way, rate in zip(best, (alone, together, apart), strict=True):
                    best[way] = max(best[way], rate)
            base = best["alone"]
            print(
                f"{name:38}{base:12,.0f}/s{best['threads'] / base:11.2f}x"
                f"{best['processes'] / base:11.2f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()
