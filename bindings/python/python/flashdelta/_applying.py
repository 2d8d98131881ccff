"""Applying patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar, cast, overload

from . import _native
from ._arguments import U32, as_path, check_bool, check_int, refuse_overwriting
from ._holes import check_values
from ._patch import PatchInfo, Report, patch_info
from ._profile import DeviceIdentity
from ._signing import Key, pems
from ._types import BytesLike, FilePath, OutputFormat, Source

#: What `Applier.finish` gives: `bytes`, or ``None`` if the new image went somewhere else.
NewImage = TypeVar("NewImage", bytes, None)


class ApplyProgress(NamedTuple):
    """How far an update has come."""

    #: The new image is complete and verified; `Applier.finish` puts it to use.
    done: bool
    #: Bytes of the new image made so far.
    written: int
    #: Bytes of the whole new image; 0 as long as the header of the patch is not complete.
    total: int

    @property
    def fraction(self) -> float:
        """What is done of the whole work, 0 to 1."""
        return 1.0 if self.done else self.written / self.total if self.total else 0.0


def apply(
    old: Source,
    patch: Source,
    *,
    format: OutputFormat = "same",
    device: DeviceIdentity | None = None,
    ram: int | None = None,
    limit: int | None = None,
    key: Key | Sequence[Key] | None = None,
    values: Mapping[str, BytesLike] | None = None,
    progress: Callable[[ApplyProgress], object] | None = None,
) -> bytes:
    """Apply a patch in memory.

    The old image is checked before anything is made, the new one at the end, by their SHA-256.

    Parameters
    ----------
    old : bytes-like, str or os.PathLike
        The file that the patch was made from; a plain image may be longer, as the content of a
        flash slot is. Of a file of records (Intel HEX, S-records, TI-TXT, UF2) the memory is taken.
        For a bundle: the archive, or the path of the folder or manifest.
    patch : bytes-like, str or os.PathLike
        The patch.
    format : {"same", "raw", "ihex", "srec", "ti-txt", "uf2"}
        What to make: the identical new file, what a device holds, or that in another format. A
        bundle makes the identical file only, and is not applied if there is a `device` or `ram`: an
        `OptionError`.
    device : DeviceIdentity, optional
        What the device is: patches for others are refused.
    ram : int, optional
        RAM of the device in bytes: patches that need more are refused.
    limit : int, optional
        Most bytes of the new file: patches that make more are refused. Without it those that make
        more than honest ones do (64 MiB and 16 times old file and patch), unless it goes from file
        to file; `PatchInfo.new_size` tells before.
    key : bytes, str or os.PathLike, or a list of these, optional
        Public key in PEM, or the path of its file: patches that are not signed with it (of several:
        with one of them) are refused.
    values : mapping of str to bytes-like, optional
        Values for holes of the new image: each hole needs one that the old image does not have.
        Zeros follow one that is shorter than its hole.
    progress : callable, optional
        Called with an `ApplyProgress` now and then. If it returns ``False`` the work is given up;
        if it raises, the exception comes out of here.

    Returns
    -------
    bytes
        The new file. Of a folder: as the library packs it; `apply_files` makes a folder.

    Raises
    ------
    HoleError
        If a hole has no value, or none that fits, or a value has no hole.
    ApplyError
        Its subclasses say whose fault it is: `BadPatchError`, `WrongBaseError`, `WrongDeviceError`,
        `DoesNotFitError`.
    FileError
        If a file cannot be read.
    CancelledError
        If `progress` returned ``False``.

    Examples
    --------
    >>> import flashdelta
    >>> patch = flashdelta.diff(b"the old firmware", b"the new firmware")
    >>> flashdelta.apply(b"the old firmware", patch)
    b'the new firmware'
    >>> flashdelta.apply(b"another firmware", patch)
    Traceback (most recent call last):
        ...
    flashdelta.OldMismatchError: old image does not match this patch: ...
    """
    fields = _fields(format, device, ram, limit, key, values, progress)
    return _native.apply(old, patch, fields)[0]


def verify(
    old: Source,
    patch: Source,
    *,
    device: DeviceIdentity | None = None,
    ram: int | None = None,
    limit: int | None = None,
    key: Key | Sequence[Key] | None = None,
    progress: Callable[[ApplyProgress], object] | None = None,
) -> PatchInfo:
    """Apply a patch without keeping the result, to see whether it is whole, and fits this old image
    and this device.

    It works in exactly the workspace that the patch asks for, as a device does. Zeros stand for
    values of holes that the old image does not have.

    Parameters
    ----------
    old, patch, device, ram, limit, key, progress
        As of `apply`.

    Returns
    -------
    PatchInfo
        What the patch says about itself; all of it is true.

    Raises
    ------
    Error
        As `apply`.

    Examples
    --------
    >>> import flashdelta
    >>> old, new = b"the old firmware", b"the new firmware"
    >>> patch = flashdelta.diff(old, new, identity=flashdelta.Identity("heron"))
    >>> flashdelta.verify(old, patch, device=flashdelta.DeviceIdentity("heron")).new_size
    16
    >>> flashdelta.verify(b"the old firmware", patch, device=flashdelta.DeviceIdentity("egret"))
    Traceback (most recent call last):
        ...
    flashdelta.WrongProductError: the patch is for product ...
    """
    fields = _fields("same", device, ram, limit, key, None, progress)
    return patch_info(_native.verify(old, patch, fields))


def _fields(
    format: OutputFormat,
    device: DeviceIdentity | None,
    ram: int | None,
    limit: int | None,
    key: Key | Sequence[Key] | None,
    values: Mapping[str, BytesLike] | None,
    progress: Callable[[ApplyProgress], object] | None,
) -> dict[str, Any]:
    """How a patch is applied, as the native half takes it."""
    return {
        "format": format,
        "device": _check_device(device),
        "ram": _check_size("ram", ram),
        "limit": _check_size("limit", limit),
        "keys": pems(key),
        "values": check_values(values),
        "progress": _callback(progress),
    }


def apply_files(
    old: FilePath,
    patch: FilePath,
    new: FilePath,
    *,
    format: OutputFormat = "same",
    device: DeviceIdentity | None = None,
    ram: int | None = None,
    limit: int | None = None,
    key: Key | Sequence[Key] | None = None,
    values: Mapping[str, BytesLike] | None = None,
    progress: Callable[[ApplyProgress], object] | None = None,
) -> PatchInfo:
    """Apply a patch from file to file. Images without anything around them are not held in memory;
    a bundle takes as much as `PatchInfo.ram` says.

    The new image is written under a temporary name beside its own, which it gets when it is
    complete, verified and on the disk. If anything goes wrong, the temporary file is removed.

    Parameters
    ----------
    old, patch : str or os.PathLike
        The image that the patch was made from, and the patch.
    new : str or os.PathLike
        Where the new image goes; a file that is there already is replaced, even if it is the old
        image. A bundle of folders makes a folder, which must not be there yet.
    format, device, ram, limit, key, values, progress
        As of `apply`.

    Returns
    -------
    PatchInfo
        What the patch says about itself.

    Raises
    ------
    Error
        Those of `apply`, and `FileError` if the new image cannot be written.

    Examples
    --------
    >>> import flashdelta, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     _ = (folder / "old.bin").write_bytes(b"the old firmware")
    ...     flashdelta.diff(b"the old firmware", b"the new firmware").save(folder / "update.fdp")
    ...     info = flashdelta.apply_files(
    ...         folder / "old.bin", folder / "update.fdp", folder / "new.bin"
    ...     )
    ...     (folder / "new.bin").read_bytes()
    b'the new firmware'
    """
    old, patch, new = as_path("old", old), as_path("patch", patch), as_path("new", new)
    refuse_overwriting(new, [patch])
    return patch_info(
        _native.apply_files(
            old, patch, new, _fields(format, device, ram, limit, key, values, progress)
        )
    )


def explain(old: Source, patch: Source) -> Report:
    """What the bytes of a patch are spent on. It takes twice the time of `apply`.

    Parameters
    ----------
    old, patch : bytes-like, str or os.PathLike
        The image that the patch was made from, and the patch.

    Returns
    -------
    Report
        The same numbers as `Patch.report`, for patches that were made elsewhere.

    Raises
    ------
    Error
        As `apply`: only of a patch that works it is known what its bytes are for.

    Examples
    --------
    >>> import flashdelta
    >>> patch = flashdelta.diff(b"the old firmware", b"the new firmware")
    >>> flashdelta.explain(b"the old firmware", patch).literals == patch.report.literals
    True
    """
    return Report(**_native.explain(old, patch))


class Applier(Generic[NewImage]):
    """Applies a patch in pieces of any size, as they arrive from a socket, a broker or a serial
    line.

    It works as a device does: from the old image, which for a file of records is its memory, to the
    new one.

    The result does not depend on how the patch was cut. Any error is final: start again with a new
    `Applier`. It is a context manager: on the way out, what is not complete is given up, and its
    temporary file removed.

    Parameters
    ----------
    old : bytes-like, str or os.PathLike
        The image that the patch was made from; it may be longer, as the content of a flash slot is.
    new : None, str, os.PathLike or writable bytes-like
        Where the new image goes: kept in memory until `finish` gives it; a file, which appears with
        `finish`; or a buffer such as a `bytearray` that is long enough. It must not share memory
        with `old`.
    device : DeviceIdentity, optional
        What the device is: patches for others are refused.
    ram : int, optional
        RAM of the device in bytes: patches that need more are refused.
    ignore_trailing : bool, default False
        Ignore bytes after the end of the patch: what a transport with blocks of a fixed size fills
        up the last one with.
    key : bytes, str or os.PathLike, or a list of these, optional
        As of `apply`. Nothing of a patch is used before it is checked.
    values : mapping of str to bytes-like, optional
        Values for holes of the new image. As on a device, those that the patch has no hole for are
        left alone.

    Examples
    --------
    >>> import flashdelta
    >>> patch = bytes(flashdelta.diff(b"the old firmware", b"the new firmware"))
    >>> with flashdelta.Applier(b"the old firmware") as applier:
    ...     for i in range(len(patch)):
    ...         progress = applier.feed(patch[i : i + 1])
    ...     new = applier.finish()
    >>> progress.done, new
    (True, b'the new firmware')

    Into memory that is there already:

    >>> slot = bytearray(64)
    >>> with flashdelta.Applier(b"the old firmware", slot) as applier:
    ...     applier.feed(patch).done
    ...     applier.finish()
    True
    >>> slot[:16]
    bytearray(b'the new firmware')
    """

    @overload
    def __init__(
        self: Applier[bytes],
        old: Source,
        new: None = None,
        *,
        device: DeviceIdentity | None = None,
        ram: int | None = None,
        ignore_trailing: bool = False,
        key: Key | Sequence[Key] | None = None,
        values: Mapping[str, BytesLike] | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: Applier[None],
        old: Source,
        new: BytesLike | FilePath,
        *,
        device: DeviceIdentity | None = None,
        ram: int | None = None,
        ignore_trailing: bool = False,
        key: Key | Sequence[Key] | None = None,
        values: Mapping[str, BytesLike] | None = None,
    ) -> None: ...

    def __init__(
        self,
        old: Source,
        new: BytesLike | FilePath | None = None,
        *,
        device: DeviceIdentity | None = None,
        ram: int | None = None,
        ignore_trailing: bool = False,
        key: Key | Sequence[Key] | None = None,
        values: Mapping[str, BytesLike] | None = None,
    ) -> None:
        self._native = _native.Feeder(
            old,
            new,
            _check_device(device),
            _check_size("ram", ram),
            check_bool("ignore_trailing", ignore_trailing),
            pems(key),
            check_values(values),
        )

    def feed(self, chunk: BytesLike) -> ApplyProgress:
        """Take the next bytes of the patch, any number of them.

        The call that completes the header reads the whole old image, the one that completes the
        patch the whole new image.

        Parameters
        ----------
        chunk : bytes-like
            The bytes.

        Returns
        -------
        ApplyProgress
            How far the update has come; when the last byte is in and the new image is verified, it
            is `~ApplyProgress.done`.

        Raises
        ------
        ApplyError
            As soon as something is wrong; see `apply`.
        MisuseError
            If there was an error before, or the end.
        """
        return ApplyProgress(*self._native.feed(chunk))

    def finish(self) -> NewImage:
        """End the update: a new file gets its name here, and nowhere else.

        Returns
        -------
        bytes or None
            The new image, if it was kept in memory.

        Raises
        ------
        TruncatedError
            If the patch is not complete.
        MisuseError
            If there was an error before, or the end.
        """
        return cast(NewImage, self._native.finish())

    def close(self) -> None:
        """Give up what is not finished. After `finish` it does nothing."""
        self._native.close()

    @property
    def progress(self) -> ApplyProgress:
        """How far the update has come; any thread may ask."""
        return ApplyProgress(*self._native.progress)

    @property
    def info(self) -> PatchInfo | None:
        """What the patch says about itself, once its header is complete and as long as the update
        is not finished."""
        fields = self._native.header_fields()
        return None if fields is None else patch_info(fields)

    def __enter__(self) -> Applier[NewImage]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an Applier cannot be pickled: send the old image and the patch, and make one there"
        )

    def __repr__(self) -> str:
        done, written, total = self.progress
        state = (
            "done"
            if done
            else f"{written:,} of {total:,} bytes"
            if total
            else "waiting for the header of the patch"
        )
        return f"<flashdelta.Applier: {state}>"


def _check_device(device: DeviceIdentity | None) -> DeviceIdentity | None:
    if device is not None and not isinstance(device, DeviceIdentity):
        raise TypeError(f"device must be a DeviceIdentity, not {type(device).__name__}")
    return device


def _check_size(name: str, size: int | None) -> int | None:
    return None if size is None else check_int(name, size, 0, U32)


def _callback(
    progress: Callable[[ApplyProgress], object] | None,
) -> Callable[[bool, int, int], object] | None:
    if progress is None:
        return None
    if not callable(progress):
        raise TypeError(f"progress must be callable, not {type(progress).__name__}")
    return lambda done, written, total: progress(ApplyProgress(done, written, total))
