"""Many patches at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sized
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import Any, Literal, Unpack, cast, overload

from ._errors import DiffManyError, PairFailure
from ._making import DiffOptions, PairOptions, check_options, diff
from ._patch import Patch
from ._types import Source


@overload
def diff_many(
    pairs: Iterable[tuple[Source, Source]],
    executor: Executor | None = None,
    *,
    progress: bool | Callable[[int, int], object] = False,
    return_exceptions: Literal[False] = False,
    **options: Unpack[PairOptions],
) -> list[Patch]: ...


@overload
def diff_many(
    pairs: Iterable[tuple[Source, Source]],
    executor: Executor | None = None,
    *,
    progress: bool | Callable[[int, int], object] = False,
    return_exceptions: Literal[True],
    **options: Unpack[PairOptions],
) -> list[Patch | BaseException]: ...


def diff_many(
    pairs: Iterable[tuple[Source, Source]],
    executor: Executor | None = None,
    *,
    progress: bool | Callable[[int, int], object] = False,
    return_exceptions: bool = False,
    **options: Unpack[PairOptions],
) -> list[Patch] | list[Patch | BaseException]:
    """Make many patches at once, on threads, processes or a cluster.

    The patches are the same whatever the executor. A pair that fails does not keep the others from
    being finished.

    Parameters
    ----------
    pairs : iterable of (old, new)
        Pairs of images, as `diff` takes them. An executor with other machines has to find the same
        files at the same paths; bytes are sent.
    executor : concurrent.futures.Executor, optional
        Where to work: a `~concurrent.futures.ThreadPoolExecutor` (the default, with a thread for
        each processor), a `~concurrent.futures.ProcessPoolExecutor`, Dask's
        ``Client.get_executor()``, or any other. It stays open.
    progress : bool or callable, default False
        ``True`` shows a bar if ``tqdm`` is installed; a callable is called with the numbers of
        pairs that are done and of all pairs.
    return_exceptions : bool, default False
        Put exceptions into the list, in the places of the pairs that failed, in place of raising a
        `DiffManyError` at the end. The name of the pair is a note of the exception.
    **options
        As of `diff`. `threads` is 1 if it is not given: the pairs are worked on at the same time.

    Returns
    -------
    list of Patch
        The patches, in the order of the pairs.

    Raises
    ------
    DiffManyError
        If some pairs failed: it names them, and has the patches of the others.
    OptionError
        If an option has a value that it cannot have; nothing was done.

    Examples
    --------
    >>> import flashdelta
    >>> images = [b"firmware 1.%d" % release * 100 for release in range(4)]
    >>> patches = flashdelta.diff_many((old, images[-1]) for old in images[:-1])
    >>> [flashdelta.apply(old, patch) == images[-1] for old, patch in zip(images, patches)]
    [True, True, True]

    With a pool of processes::

        with concurrent.futures.ProcessPoolExecutor() as executor:
            patches = flashdelta.diff_many(pairs, executor, profile="small", progress=True)

    On a Dask cluster::

        with dask.distributed.Client("scheduler:8786") as client:
            patches = flashdelta.diff_many(pairs, client.get_executor(), progress=True)
    """
    work = [_check_pair(index, pair) for index, pair in enumerate(pairs)]
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}"
        )
    # What is wrong with all pairs is told at once.
    check_options(**options)
    if executor is None:
        with ThreadPoolExecutor(os.cpu_count(), "flashdelta-many") as threads:
            results = _run(work, threads, progress, options)
    else:
        results = _run(work, executor, progress, options)
    if return_exceptions:
        return results
    failures = [
        PairFailure(index, _name(index, work[index]), result)
        for index, result in enumerate(results)
        if isinstance(result, BaseException)
    ]
    patches = [result for result in results if isinstance(result, Patch)]
    if not failures:
        return patches
    lines = [
        f"{failure.name}: {type(failure.error).__name__}: {failure.error}" for failure in failures
    ]
    raise DiffManyError(
        f"{len(failures)} of {len(work)} pairs failed; the patches of the others are in the "
        f"attribute patches:\n  "
        + "\n  ".join(lines),
        kind="pairs",
        failures=failures,
        patches=[result if isinstance(result, Patch) else None for result in results],
    )


def _run(
    work: list[tuple[Source, Source]],
    executor: Executor,
    progress: bool | Callable[[int, int], object],
    options: PairOptions,
) -> list[Patch | BaseException]:
    """The patches, or what went wrong, in the order of the pairs."""
    results: dict[int, Patch | BaseException] = {}
    stop = threading.Event() if isinstance(executor, ThreadPoolExecutor) else None
    futures: dict[Future[Patch], int] = {}
    try:
        for index, pair in enumerate(work):
            try:
                if stop is None:
                    old, new = map(_portable, pair)
                    futures[executor.submit(_diff_elsewhere, old, new, options)] = index
                else:
                    futures[executor.submit(_diff_here, pair[0], pair[1], options, stop)] = index
            except Exception as refused:
                results[index] = refused
        with _Progress(progress, len(work)) as report:
            report.advance(len(results))
            for future in as_completed(futures):
                error = future.exception()
                results[futures[future]] = future.result() if error is None else error
                report.advance()
    except BaseException:
        # Ctrl-C, or the callback has raised: nobody waits for the rest.
        if stop is not None:
            stop.set()
        for future in futures:
            future.cancel()
        raise
    for index, result in results.items():
        if isinstance(result, BaseException):
            result.add_note(_name(index, work[index]))
    return [results[index] for index in range(len(work))]


def _diff_elsewhere(old: Source, new: Source, options: PairOptions) -> Patch:
    return diff(old, new, **_with_threads(options))


def _diff_here(old: Source, new: Source, options: PairOptions, stop: threading.Event) -> Patch:
    # Threads cannot be interrupted: they look whether they shall stop.
    given = _with_threads(options)
    given["progress"] = lambda _: not stop.is_set()
    return diff(old, new, **given)


def _with_threads(options: PairOptions) -> DiffOptions:
    return cast(DiffOptions, {"threads": 1, **options})


def _portable(image: Source) -> Source:
    """Something that can be sent to another process."""
    if isinstance(image, (bytes, bytearray, str, os.PathLike)):
        return image
    return memoryview(cast(Any, image)).tobytes()


def _check_pair(index: int, pair: tuple[Source, Source]) -> tuple[Source, Source]:
    try:
        old, new = pair
    except (TypeError, ValueError):
        raise TypeError(
            f"pair {index} must be two images (old, new), not {_described(pair)}"
        ) from None
    return old, new


def _described(pair: object) -> str:
    return (
        f"{type(pair).__name__} of {len(pair)}" if isinstance(pair, Sized) else type(pair).__name__
    )


def _name(index: int, pair: tuple[Source, Source]) -> str:
    """What a pair is, for people."""
    old, new = (
        os.fsdecode(i) if isinstance(i, (str, os.PathLike)) else f"<{type(i).__name__}>"
        for i in pair
    )
    return f"pair {index} ({old} -> {new})"


class _Progress:
    """A bar, or calls, or nothing."""

    def __init__(self, progress: bool | Callable[[int, int], object], total: int) -> None:
        self.done, self.total = 0, total
        self.call = progress if callable(progress) else None
        self.bar = None
        if progress is True:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=total, desc="flashdelta", unit="patch")

    def advance(self, count: int = 1) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        if self.call is not None and count:
            self.call(self.done, self.total)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
