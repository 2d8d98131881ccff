"""Whatever the images and the options: the patch turns the old image into the new one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flashdelta
from flashdelta import DeviceProfile

PROFILES = st.sampled_from(["tiny", "small", "esp32", "linux"])
CODECS = st.sampled_from([None, "raw", "lz4", "model"])
ISAS = st.sampled_from([None, *get_args(flashdelta.Isa)])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Two images that have something in common."""
    old = draw(st.binary(max_size=2000))
    new = bytearray(old)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(new)))
        new[at : at + draw(st.integers(0, 64))] = draw(st.binary(max_size=64))
    return old, bytes(new)


@given(pairs(), PROFILES, CODECS, ISAS, st.integers(1, 9))
@settings(max_examples=80)
def test_a_patch_leads_to_the_new_image(
    pair: tuple[bytes, bytes],
    profile: str,
    codec: flashdelta.Codec | None,
    isa: flashdelta.Isa | None,
    effort: int,
) -> None:
    old, new = pair
    patch = flashdelta.diff(
        old, new, profile=profile, codec=codec, isa=isa, effort=effort, threads=1, allow_empty=True
    )
    assert flashdelta.apply(old, patch) == new
    info = flashdelta.verify(old, patch, ram=DeviceProfile.named(profile).ram)
    assert (info.old_size, info.new_size, info.patch_size) == (len(old), len(new), len(patch))
    assert codec in (None, info.codec)


@given(pairs(), st.lists(st.integers(1, 50), min_size=1))
@settings(max_examples=40)
def test_the_result_does_not_depend_on_how_the_patch_was_cut(
    pair: tuple[bytes, bytes], sizes: list[int]
) -> None:
    old, new = pair
    patch = bytes(flashdelta.diff(old, new, threads=1, allow_empty=True))
    applier = flashdelta.Applier(old)
    at = 0
    while at < len(patch):
        size = sizes[at % len(sizes)]
        applier.feed(patch[at : at + size])
        at += size
    assert applier.progress.done
    assert applier.finish() == new


@given(st.binary(max_size=300))
def test_what_is_no_patch_is_refused(data: bytes) -> None:
    with pytest.raises(flashdelta.Error):
        flashdelta.apply(b"", data)
    with pytest.raises(flashdelta.Error):
        flashdelta.Patch(data)


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_patch_is_refused(data: st.DataObject) -> None:
    old, new = b"the old firmware" * 20, b"the new firmware, and more" * 20
    patch = bytearray(flashdelta.diff(old, new, threads=1, allow_empty=True))
    bit = data.draw(st.integers(0, len(patch) * 8 - 1))
    patch[bit // 8] ^= 1 << bit % 8
    try:
        # A bit that no decision depends on may be found to be harmless.
        assert flashdelta.apply(old, patch) == new
    except flashdelta.ApplyError:
        pass


def test_firmware(old: bytes, new: bytes, old_path: Path, new_path: Path) -> None:
    patch = flashdelta.diff(old_path, new_path)
    assert len(patch) < len(new) // 8
    assert patch.info.isa == "riscv"
    assert flashdelta.apply(old, patch) == new
    assert flashdelta.apply(old_path, patch) == new


def test_the_same_arguments_give_the_same_bytes(old: bytes, new: bytes) -> None:
    first = flashdelta.diff(old, new, threads=1, allow_empty=True)
    assert flashdelta.diff(old, new, threads=4, allow_empty=True) == first
    assert flashdelta.diff(bytearray(old), memoryview(new), profile=DeviceProfile.esp32()) == first


def test_options_are_heeded(old: bytes, new: bytes) -> None:
    identity = flashdelta.Identity("heron", 2, 4, 9)
    patch = flashdelta.diff(
        old, new, ram=16 << 10, codec="lz4", isa="none", identity=identity, base=0x4200_0000
    )
    info = patch.info
    assert (info.codec, info.isa, info.identity) == ("lz4", "none", identity)
    assert info.ram <= 16 << 10 and info.workspace < info.ram
    fast, thorough = (flashdelta.diff(old, new, effort=effort) for effort in (1, 9))
    assert len(thorough) <= len(fast)
    page = flashdelta.diff(old, new, profile=DeviceProfile.small().replace(page=4)).info.write_unit
    assert page == 4


def test_the_report_says_where_the_bytes_went(old: bytes, new: bytes) -> None:
    patch = flashdelta.diff(old, new)
    report = patch.report
    assert report is not None
    assert report.bytes_from_old + report.bytes_from_new + report.literals == len(new)
    assert report.tried and min(t.size for t in report.tried if t.size is not None) == len(patch)
    assert abs(sum(report.parts.values()) - patch.info.body_size) < 20
    explained = flashdelta.explain(old, patch)
    assert (explained.parts, explained.literals) == (report.parts, report.literals)
