"""From file to file; nothing half-written ever has the final name."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from conftest import zip_of

import flashdelta


def test_patches_and_images_in_files(
    old_path: Path, new_path: Path, new: bytes, tmp_path: Path
) -> None:
    path, out = tmp_path / "update.fdp", tmp_path / "out.bin"
    patch = flashdelta.diff_files(str(old_path), new_path, path, profile="small")
    assert flashdelta.Patch.load(path) == patch
    info = flashdelta.apply_files(old_path, str(path), out)
    assert out.read_bytes() == new and info == patch.info
    assert sorted(os.listdir(tmp_path)) == ["out.bin", "update.fdp"]


def test_the_old_image_may_be_replaced(old: bytes, new: bytes, tmp_path: Path) -> None:
    image, patch = tmp_path / "firmware.bin", tmp_path / "update.fdp"
    image.write_bytes(old)
    flashdelta.diff(old, new).save(patch)
    flashdelta.apply_files(image, patch, image)
    assert image.read_bytes() == new


def test_nothing_is_left_of_what_failed(
    old: bytes, new: bytes, old_path: Path, tmp_path: Path
) -> None:
    out, bad = tmp_path / "out.bin", tmp_path / "bad.fdp"
    out.write_bytes(b"what was there")
    bad.write_bytes(bytes(flashdelta.diff(old, new))[:-3])
    with pytest.raises(flashdelta.TruncatedError):
        flashdelta.apply_files(old_path, bad, out)
    with pytest.raises(flashdelta.CancelledError):
        flashdelta.diff(old, new).save(bad)
        flashdelta.apply_files(old_path, bad, out, progress=lambda _: False)
    assert out.read_bytes() == b"what was there"
    assert sorted(os.listdir(tmp_path)) == ["bad.fdp", "out.bin"]


def test_outputs_are_not_inputs(old_path: Path, new: bytes, tmp_path: Path) -> None:
    copy = tmp_path / "new.bin"
    copy.write_bytes(new)
    with pytest.raises(flashdelta.OptionError, match="name another file"):
        flashdelta.diff_files(old_path, copy, copy)
    assert copy.read_bytes() == new


def test_errors_of_the_system(old_path: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.bin"
    with pytest.raises(FileNotFoundError, match="cannot read") as caught:
        flashdelta.diff(missing, b"")
    assert isinstance(caught.value, flashdelta.FileError)
    assert caught.value.filename == str(missing) and caught.value.errno == 2
    patch = tmp_path / "p.fdp"
    flashdelta.diff(b"", b"x").save(patch)
    with pytest.raises(IsADirectoryError):
        flashdelta.apply_files(old_path, patch, tmp_path)
    with pytest.raises(OSError, match="cannot write"):
        flashdelta.apply_files(old_path, patch, missing / "out.bin")
    with pytest.raises(flashdelta.FileMissingError):
        flashdelta.Patch.load(missing)
    with pytest.raises(flashdelta.FileError):
        flashdelta.Patch.load(patch).save(tmp_path / "no" / "such" / "folder")
    with pytest.raises(TypeError, match="must be a str or os.PathLike"):
        flashdelta.apply_files(b"bytes", patch, missing)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_names_that_are_no_utf_8(old: bytes, new: bytes, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    names = [
        os.path.join(folder, name)
        for name in (b"old\xff.bin", b"new\xff.bin", b"update\xff.fdp", b"out\xff.bin")
    ]
    old_name, new_name, patch_name, out_name = map(os.fsdecode, names)
    for name, data in {names[0]: old, names[1]: new}.items():
        with open(name, "wb") as file:
            file.write(data)
    patch = flashdelta.diff_files(old_name, new_name, patch_name)
    assert flashdelta.Patch.load(patch_name) == patch
    assert flashdelta.apply_files(old_name, patch_name, out_name) == patch.info
    with open(names[3], "rb") as file:
        assert file.read() == new
    # An entry of a folder that was given as bytes has bytes for its path.
    with os.scandir(folder) as entries:
        found = next(entry for entry in entries if entry.name == b"old\xff.bin")
    assert flashdelta.diff(found, new) == patch  # type: ignore[arg-type]
    # In errors they are as Python has them: they can be opened.
    missing = os.fsdecode(os.path.join(folder, b"none\xff.bin"))
    for call in (
        lambda: flashdelta.diff(missing, new),
        lambda: flashdelta.apply_files(missing, patch_name, out_name),
    ):
        with pytest.raises(flashdelta.FileMissingError) as caught:
            call()
        assert caught.value.filename == missing


def test_a_manifest_that_was_patched_as_a_file_is_applied_as_one(tmp_path: Path) -> None:
    """Its parts are not there: the patch says that it needs none."""
    part = '{"path": "app.bin", "offset": %d}'
    text = '{"name": "x", "builds": [{"chipFamily": "ESP32", "parts": [' + part + "]}]}"
    old, new = tmp_path / "manifest.json", (text % 65536).encode()
    old.write_text(text % 4096)
    patch = flashdelta.diff(old, new, verbatim=True)
    assert flashdelta.apply(old, patch) == new
    patch.save(tmp_path / "update")
    flashdelta.apply_files(old, tmp_path / "update", tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == new


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_the_old_image_may_come_from_a_pipe(old: bytes, new: bytes, tmp_path: Path) -> None:
    pipe, update = tmp_path / "pipe", tmp_path / "update"
    os.mkfifo(pipe)
    flashdelta.diff(old, new).save(update)
    writer = threading.Thread(target=pipe.write_bytes, args=[old])
    writer.start()
    flashdelta.apply_files(pipe, update, tmp_path / "out")
    writer.join()
    assert (tmp_path / "out").read_bytes() == new


def test_what_is_written_cannot_be_given_up(
    old: bytes, new: bytes, old_path: Path, tmp_path: Path
) -> None:
    flashdelta.diff(old, new).save(tmp_path / "update")
    flashdelta.apply_files(
        old_path, tmp_path / "update", tmp_path / "out", progress=lambda at: not at.done
    )
    assert (tmp_path / "out").read_bytes() == new


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_patch_may_come_from_a_pipe(
    old: bytes, new: bytes, old_path: Path, tmp_path: Path
) -> None:
    patch, old_zip, new_zip = flashdelta.diff(old, new), zip_of(old), zip_of(new)
    (tmp_path / "old.zip").write_bytes(old_zip)
    for source, update, expected in [
        (old_path, patch, new),
        (tmp_path / "old.zip", flashdelta.diff(old_zip, new_zip), new_zip),
    ]:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=[bytes(update)])
        writer.start()
        flashdelta.apply_files(source, pipe, tmp_path / "out")
        writer.join()
        pipe.unlink()
        assert (tmp_path / "out").read_bytes() == expected


def test_a_limit(old: bytes, new: bytes, old_path: Path, tmp_path: Path) -> None:
    flashdelta.diff(old, new).save(tmp_path / "update")
    with pytest.raises(flashdelta.NewTooLongError):
        flashdelta.apply_files(old_path, tmp_path / "update", tmp_path / "out", limit=len(new) - 1)
    assert not (tmp_path / "out").exists()
    flashdelta.apply_files(old_path, tmp_path / "update", tmp_path / "out", limit=len(new))
