"""Static releases: every patch that is needed, made once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import Any, cast

from . import _native
from ._arguments import U16, U32, as_path, check_int
from ._errors import Error, OptionError
from ._signing import Key, pem
from ._types import FilePath

#: The tasks that are under way at once, for each processor: their files are in memory.
_AHEAD = 4


def release_build(
    description: FilePath,
    output: FilePath,
    executor: Executor | None = None,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Make every patch of a release, sign it, and write the folder with its index.

    The folder is the same whatever the executor. What it has already is not made again; a build
    that was broken off goes on.

    Parameters
    ----------
    description : str or os.PathLike
        A ``RELEASE.toml``, as ``flashdelta release build --help`` shows it.
    output : str or os.PathLike
        The folder; it is made if need be.
    executor : concurrent.futures.Executor, optional
        Where to work: a `~concurrent.futures.ThreadPoolExecutor` (the default, with a thread for
        each processor), a `~concurrent.futures.ProcessPoolExecutor`, Dask's
        ``Client.get_executor()``, or any other. It stays open. Workers need no files: they get
        bytes. The patch of a worker that is lost is made here.
    progress : callable, optional
        Called with the numbers of patches that are done and of all patches.

    Returns
    -------
    dict
        ``latest``, ``patches`` (their number), ``bytes``, ``left_out`` (patches that cannot be made
        for their profile, and why), ``is_signed``.

    Raises
    ------
    Error
        If the description or a file cannot be used, or a patch cannot be made; what was made is
        kept.
    """
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}"
        )
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable, not {type(progress).__name__}")
    build = _native.ReleaseBuild(as_path("description", description), as_path("output", output))
    if executor is None:
        with ThreadPoolExecutor(os.cpu_count(), "flashdelta-release") as threads:
            _run(build, threads, progress)
    else:
        _run(build, executor, progress)
    return cast("dict[str, Any]", json.loads(build.finish()))


def _run(build: Any, executor: Executor, progress: Callable[[int, int], object] | None) -> None:
    missing = build.missing()
    total = build.count()
    done = total - len(missing)
    if progress is not None:
        progress(done, total)
    waiting = [task for _, task in reversed(missing)]
    running: dict[Future[bytes | None], str] = {}
    most = _AHEAD * (os.cpu_count() or 1)
    is_lost = False
    try:
        while waiting or running:
            while waiting and not is_lost and len(running) < most:
                task = waiting.pop()
                try:
                    running[executor.submit(_native.release_make, task, *build.inputs(task))] = task
                except Error:
                    raise
                except Exception:
                    # The executor takes no more: all that is left is made here.
                    waiting.append(task)
                    is_lost = True
            ended: set[Future[bytes | None]] = set()
            if running:
                ended = wait(running, return_when=FIRST_COMPLETED).done
            made = [(running.pop(future), _result(future)) for future in ended]
            if not running and not ended and waiting:
                made = [(waiting.pop(), _LOST)]
            for task, patch in made:
                if patch is _LOST:
                    patch = _native.release_make(task, *build.inputs(task))
                if patch is not None:
                    build.keep(task, patch)
                done += 1
                if progress is not None:
                    progress(done, total)
    finally:
        for future in running:
            future.cancel()


#: In place of the patch of a worker that was lost.
_LOST: Any = object()


def _result(future: Future[bytes | None]) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    # Errors of the library are those of the task; others are of the executor, or of its worker.
    if isinstance(error, Error):
        raise error
    return _LOST


def release_resolve(
    folder: FilePath,
    product: str,
    digest: str | bytes | None = None,
    *,
    profile: str | None = None,
    hardware: int | None = None,
    security_counter: int = 0,
    max_bytes: int | None = None,
    keys: Iterable[Key] = (),
) -> dict[str, Any]:
    """What a device gets from a folder that `release_build` wrote.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder.
    product : str
        The product of the device.
    digest : str or bytes, optional
        SHA-256 of what it holds, of the memory or of the file: 32 bytes, or 64 hexadecimal digits.
    profile : str, optional
        Its profile, ``"none"`` if it takes no patches; the first of the folder if it is not given.
    hardware : int, optional
        Its hardware revision.
    security_counter : int, default 0
        The lowest security counter that it installs.
    max_bytes : int, optional
        The largest file that its link carries.
    keys : iterable of key
        Public keys, one of which must have signed the index; without any the signature is not
        looked at.

    Returns
    -------
    dict
        As ``flashdelta release resolve --json`` prints: ``answer``, ``release``, ``steps``,
        ``bytes``, ``reasons``.

    Raises
    ------
    Error
        If the folder cannot be used, is of another product, or is not signed.
    """
    if isinstance(digest, bytes):
        if len(digest) != 32:
            raise OptionError(f"digest: found {len(digest)} bytes, expected 32", kind="option")
        digest = digest.hex()
    found = _native.release_resolve(
        as_path("folder", folder),
        product,
        digest,
        profile,
        None if hardware is None else check_int("hardware", hardware, 0, U16),
        check_int("security_counter", security_counter, 0, U32),
        None if max_bytes is None else check_int("max_bytes", max_bytes, 0, 2**63 - 1),
        [pem(key) for key in keys],
    )
    return cast("dict[str, Any]", json.loads(found))
