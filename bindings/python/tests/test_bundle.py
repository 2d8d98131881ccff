"""Archives and folders: patches for computers."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import warnings
from pathlib import Path

import pytest
from conftest import zip_of

import flashdelta


def tar_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.fixture
def old_zip(old: bytes) -> bytes:
    return zip_of(app=old, version=b"1.0")


@pytest.fixture
def new_zip(new: bytes) -> bytes:
    return zip_of(app=new, version=b"1.1")


def test_zip(old_zip: bytes, new_zip: bytes, old: bytes, new: bytes) -> None:
    patch = flashdelta.diff(old_zip, new_zip)
    bundle = patch.info.bundle
    assert bundle is not None and (bundle.old_container, bundle.new_container) == ("zip", "zip")
    assert [(member.name, member.content_size) for member in bundle.members] == [
        ("app", len(new)),
        ("version", 3),
    ]
    assert (
        bundle.members[0].method == "patch"
        and patch.info.codec == "bundle"
        and patch.report is None
    )
    with pytest.warns(flashdelta.FlashdeltaWarning, match="encrypted or compressed"):
        verbatim = flashdelta.diff(old_zip, new_zip, verbatim=True)
    assert len(patch) < len(flashdelta.diff(old, new)) + 1500 < len(verbatim)
    assert patch.info.patch_size == len(patch) and patch.info.ram == len(old_zip) + len(
        new_zip
    ) + len(patch)
    assert flashdelta.apply(old_zip, patch) == new_zip
    assert flashdelta.verify(old_zip, bytes(patch)) == patch.info
    assert json.loads(json.dumps(patch.info.as_dict()))["bundle"]["members"][0]["name"] == "app"
    assert "a bundle for computers" in repr(patch) and "(zip)" in repr(patch)
    assert pickle.loads(pickle.dumps(patch)) == patch
    assert flashdelta.diff(old_zip, new_zip, threads=1) == patch


def test_tar_and_gzip(old: bytes, new: bytes) -> None:

    def plain(data: bytes) -> bytes:
        return tar_of(app=data)

    def compressed(data: bytes) -> bytes:
        return gzip.compress(tar_of(app=data), mtime=0)

    for make in (plain, compressed):
        patch = flashdelta.diff(make(old), make(new))
        assert flashdelta.apply(make(old), patch) == make(new)
        assert len(patch) < len(flashdelta.diff(old, new)) + 1500


def test_verbatim_is_for_devices(old_zip: bytes, new_zip: bytes) -> None:
    with pytest.warns(flashdelta.FlashdeltaWarning):
        patch = flashdelta.diff(old_zip, new_zip, verbatim=True)
    assert patch.info.bundle is None and patch.report is not None
    with flashdelta.Applier(old_zip) as applier:
        applier.feed(patch)
        assert applier.finish() == new_zip


def test_files(old_zip: bytes, new_zip: bytes, tmp_path: Path) -> None:
    (tmp_path / "old.zip").write_bytes(old_zip)
    (tmp_path / "new.zip").write_bytes(new_zip)
    patch = flashdelta.diff_files(
        tmp_path / "old.zip", tmp_path / "new.zip", tmp_path / "update.fdb"
    )
    assert flashdelta.Patch.load(tmp_path / "update.fdb") == patch
    steps: list[flashdelta.ApplyProgress] = []
    out = tmp_path / "out.zip"
    info = flashdelta.apply_files(
        tmp_path / "old.zip", tmp_path / "update.fdb", out, progress=steps.append
    )
    assert info == patch.info and out.read_bytes() == new_zip
    check_steps(steps, len(new_zip))


def check_steps(steps: list[flashdelta.ApplyProgress], total: int) -> None:
    fractions = [step.fraction for step in steps]
    assert (
        fractions == sorted(fractions) and fractions[0] == 0 and steps[-1] == (True, total, total)
    )
    # On the way, and in the middle of members.
    assert sum(0 < step.written < total for step in steps) > 3
    assert sum(step.done for step in steps) == 1


def test_progress_of_members_in_archives_in_archives(old: bytes, new: bytes) -> None:
    old_tar, new_tar = (
        gzip.compress(tar_of(app=data, other=data[::-1]), mtime=0) for data in (old, new)
    )
    steps: list[flashdelta.ApplyProgress] = []
    patch = flashdelta.diff(old_tar, new_tar)
    assert flashdelta.apply(old_tar, patch, progress=steps.append) == new_tar
    check_steps(steps, len(new_tar))


def test_applying_can_be_given_up(old_zip: bytes, new_zip: bytes) -> None:
    patch = flashdelta.diff(old_zip, new_zip)
    seen: list[float] = []

    def half(at: flashdelta.ApplyProgress) -> bool:
        seen.append(at.fraction)
        return at.fraction < 0.3

    with pytest.raises(flashdelta.CancelledError):
        flashdelta.apply(old_zip, patch, progress=half)
    assert 0.3 <= seen[-1] < 1

    def fail(at: flashdelta.ApplyProgress) -> None:
        if at.written:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        flashdelta.apply(old_zip, patch, progress=fail)


def test_folders(old: bytes, new: bytes, tmp_path: Path) -> None:
    for name, data in {"old": old, "new": new}.items():
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "app.bin").write_bytes(data)
    patch = flashdelta.diff(tmp_path / "old", tmp_path / "new")
    assert patch.info.bundle is not None and patch.info.bundle.new_container == "folder"
    patch.save(tmp_path / "update.fdb")
    flashdelta.apply_files(tmp_path / "old", tmp_path / "update.fdb", tmp_path / "out")
    assert (tmp_path / "out" / "sub" / "app.bin").read_bytes() == new
    with pytest.raises(flashdelta.OptionError, match="not there yet"):
        flashdelta.apply_files(tmp_path / "old", tmp_path / "update.fdb", tmp_path / "out")


def test_manifests(old: bytes, new: bytes, tmp_path: Path) -> None:
    for name, data in {"old": old, "new": new}.items():
        (tmp_path / name).mkdir()
        parts = [{"path": "boot.bin", "offset": 4096}, {"path": "app.bin", "offset": 65536}]
        manifest = {"name": "x", "builds": [{"chipFamily": "ESP32", "parts": parts}]}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
        # Without any of its parts, a manifest is no release.
        with pytest.raises(flashdelta.Error, match="none of its 2 parts"):
            flashdelta.diff(tmp_path / name / "manifest.json", b"x")
        (tmp_path / name / "boot.bin").write_bytes(data[:4096])
        with pytest.raises(flashdelta.Error, match="app.bin"):
            flashdelta.diff(tmp_path / name / "manifest.json", b"x")
        (tmp_path / name / "app.bin").write_bytes(data)
    old_path, new_path = tmp_path / "old" / "manifest.json", tmp_path / "new" / "manifest.json"
    patch = flashdelta.diff(old_path, new_path)
    assert patch.info.bundle is not None and "app.bin" in [
        member.name for member in patch.info.bundle.members
    ]
    assert flashdelta.verify(old_path, patch) == patch.info
    assert flashdelta.diff(old_path, new_path, verbatim=True).info.bundle is None


def test_errors(old_zip: bytes, new_zip: bytes, old: bytes) -> None:
    patch = bytes(flashdelta.diff(old_zip, new_zip))
    with pytest.raises(flashdelta.WrongBaseError, match="there is nothing to do"):
        flashdelta.apply(new_zip, patch)
    with pytest.raises(flashdelta.OldMismatchError, match="does not match") as caught:
        flashdelta.apply(old, patch)
    assert (
        len(caught.value.expected) == 12
        and pickle.loads(pickle.dumps(caught.value)).kind == "old-mismatch"
    )
    with pytest.raises(flashdelta.TruncatedError, match="get the patch again") as short:
        flashdelta.Patch(patch[:-1])
    assert (short.value.fed, short.value.expected) == (len(patch) - 1, len(patch))
    with pytest.raises(flashdelta.TrailingInputError):
        flashdelta.apply(old_zip, patch + b"x")
    with pytest.raises(flashdelta.HeaderError, match="checksum"):
        flashdelta.apply(old_zip, patch[:10] + bytes([patch[10] ^ 1]) + patch[11:])
    with pytest.raises(flashdelta.UnsupportedPatchError, match=r"flashdelta\.apply"):
        flashdelta.Applier(old_zip).feed(patch)
    with pytest.raises(flashdelta.OptionError, match="bundle"):
        flashdelta.explain(old_zip, patch)
    with pytest.raises(flashdelta.HeaderError, match="the old file is one"):
        flashdelta.apply(patch, old)
    with pytest.raises(flashdelta.CancelledError):
        flashdelta.apply(old_zip, patch, progress=lambda _: False)
    with pytest.raises(TypeError, match="verbatim"):
        flashdelta.diff(old, old, verbatim=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_options_for_devices_are_refused(old_zip: bytes, new_zip: bytes) -> None:
    patch = flashdelta.diff(old_zip, new_zip)
    with pytest.raises(flashdelta.OptionError, match="leave out"):
        flashdelta.apply(old_zip, patch, format="raw")
    with pytest.raises(flashdelta.OptionError, match="leave out"):
        flashdelta.verify(old_zip, patch, ram=1 << 20)
    with pytest.raises(flashdelta.OptionError, match="leave out"):
        flashdelta.verify(old_zip, patch, device=flashdelta.DeviceIdentity("heron"))


def test_damage_in_a_member_names_it(old_zip: bytes, new_zip: bytes) -> None:
    patch = flashdelta.diff(old_zip, new_zip)
    damaged = bytearray(bytes(patch))
    damaged[-20] ^= 1
    with pytest.raises(flashdelta.BundleError) as caught:
        flashdelta.apply(old_zip, damaged)
    assert caught.value.member == "app" and isinstance(caught.value, flashdelta.BadPatchError)


def test_a_damaged_archive_is_said_to_be_patched_as_one_piece(
    old_zip: bytes, new_zip: bytes, tmp_path: Path
) -> None:
    (tmp_path / "new.zip").write_bytes(new_zip[:-10])
    with pytest.warns(
        flashdelta.FlashdeltaWarning, match="new.zip: it (looks like|is named like)"
    ) as caught:
        patch = flashdelta.diff(old_zip, tmp_path / "new.zip")
    assert flashdelta.apply(old_zip, patch) == new_zip[:-10]
    # The line that has called, not one of the package.
    assert {warning.filename for warning in caught} == {__file__}
    (tmp_path / "old.zip").write_bytes(old_zip)
    with pytest.warns(flashdelta.FlashdeltaWarning, match="as one piece") as caught:
        flashdelta.diff_files(tmp_path / "old.zip", tmp_path / "new.zip", tmp_path / "update")
    assert {warning.filename for warning in caught} == {__file__}
    with pytest.warns(
        flashdelta.FlashdeltaWarning, match="old image: it looks like a zip archive, but is damaged"
    ):
        flashdelta.diff(old_zip[:-10], new_zip)


def test_a_sound_archive_raises_no_warning(old_zip: bytes, new_zip: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flashdelta.diff(old_zip, new_zip)


def test_manifests_that_are_wrong(old: bytes, new: bytes) -> None:
    def release(app: bytes, offset: str) -> bytes:
        manifest = (
            '{"name": "heron", "builds": [{"chipFamily": "ESP32", "parts": [{"path": "app.bin", '
            '"offset": %s}]}]}'
            % offset
        )
        return zip_of(**{"app.bin": app, "manifest.json": manifest.encode()})

    good, bad = release(old, "65536"), release(new, "32.768")
    with pytest.raises(flashdelta.ManifestError, match="accept_manifests=True") as caught:
        flashdelta.diff(good, bad)
    assert caught.value.member == "manifest.json" and isinstance(caught.value, ValueError)
    with pytest.warns(flashdelta.FlashdeltaWarning, match="manifest.json"):
        patch = flashdelta.diff(good, bad, accept_manifests=True)
    assert flashdelta.apply(good, patch) == bad


def test_a_bundle_that_makes_too_much_is_refused(
    old_zip: bytes, new_zip: bytes, tmp_path: Path
) -> None:
    patch = flashdelta.diff(old_zip, new_zip)
    with pytest.raises(flashdelta.NewTooLongError) as caught:
        flashdelta.apply(old_zip, patch, limit=len(new_zip) - 1)
    assert (caught.value.needed, caught.value.capacity) == (len(new_zip), len(new_zip) - 1)
    assert flashdelta.apply(old_zip, patch, limit=len(new_zip)) == new_zip
