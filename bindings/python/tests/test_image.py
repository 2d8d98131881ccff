"""Firmware files."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from conftest import FIRMWARE
from hypothesis import given
from hypothesis import strategies as st

import flashdelta
from flashdelta import Image, Segment


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("cortex-m-1.0.elf", "elf"),
        ("cortex-m-1.0.s19", "srec"),
        ("cortex-m-1.1.hex", "ihex"),
        ("riscv-1.0.elf", "elf"),
    ],
)
def test_containers_hold_the_image(name: str, format: str) -> None:
    path = FIRMWARE / name
    image = Image.open(path)
    raw = path.with_suffix(".bin").read_bytes()
    assert image.format == flashdelta.detect(path) == format
    assert image.bounds is not None
    start, end = image.bounds
    assert image.read(start, end - start, fill=0) == raw[: end - start]
    assert image == Image.from_bytes(path.read_bytes()) and f"0x{start:08x}" in repr(image)


@given(
    st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=100)), max_size=5),
    st.sampled_from(["ihex", "srec", "ti-txt"]),
)
def test_text_formats_come_back(
    parts: list[tuple[int, bytes]], format: flashdelta.WritableFormat
) -> None:
    try:
        image = Image([Segment(*part) for part in parts])
    except flashdelta.OptionError as error:
        assert "overlap" in str(error)
        return
    if not parts:
        # A file without data may be written, but it says nothing; in TI-TXT nobody would recognise
        # it.
        if format == "ti-txt":
            with pytest.raises(flashdelta.ImageError, match="no data"):
                image.to_bytes(format)
            return
        assert len(image.to_bytes(format)) < 64
        return
    again = Image.from_bytes(image.to_bytes(format))
    assert again.segments == image.segments and again.format == format
    assert again.addresses == tuple(range(s.address, s.end) for s in image.segments)
    assert len(again) == sum(len(data) for _, data in parts)


def test_convert_does_what_the_program_does(tmp_path: Path) -> None:
    elf = FIRMWARE / "cortex-m-1.0.elf"
    formats: list[flashdelta.WritableFormat] = ["raw", "ihex", "srec", "uf2"]
    for format in formats:
        assert flashdelta.convert(elf, format) == Image.open(elf).to_bytes(format)
        assert flashdelta.convert(elf.read_bytes(), format) == Image.open(elf).to_bytes(format)
    family = Image.open(elf).to_bytes("uf2", family=7)
    assert flashdelta.convert(family, "uf2") == family
    short = flashdelta.convert(elf, "ihex", write={"record_len": 4, "crlf": True})
    assert short.splitlines(keepends=True)[1].endswith(b"\r\n")
    with pytest.warns(flashdelta.FlashdeltaWarning, match="0 is taken") as told:
        flashdelta.convert(bytes(16), "ihex")
    assert [warning.message.kind for warning in told] == ["address-assumed"]  # type: ignore[union-attr]
    patch, archive = flashdelta.diff(b"old", b"new"), FIRMWARE.parent / "archives" / "heron-1.0.zip"
    kinds = [(bytes(patch), "not-a-firmware"), (archive.read_bytes(), "not-one-firmware")]
    for wrong, kind in kinds:
        with pytest.raises(flashdelta.OptionError) as caught:
            flashdelta.convert(wrong, "ihex")
        assert caught.value.kind == kind
    with pytest.raises(flashdelta.OptionError, match="length of records") as caught:
        flashdelta.convert(elf, "raw", write={"record_len": 4})
    assert caught.value.kind == "not-in-format"
    named = tmp_path / "text.hex"
    named.write_bytes(b"no record\n")
    with pytest.raises(flashdelta.ImageError) as wrong_name:
        flashdelta.convert(named, "raw")
    assert wrong_name.value.kind == "no-record"


def test_options(tmp_path: Path) -> None:
    image = Image(
        [Segment(0x1000, b"12345678"), Segment(0x1008, b"9"), Segment(0x1010, b"end")], entry=0x1001
    )
    assert len(image.segments) == 2
    assert image.to_bytes("raw", fill=0) == b"123456789" + bytes(7) + b"end"
    assert image.to_bytes("raw", addresses=range(0x1004, 0x1008)) == b"5678"
    assert b"\r\n" in image.to_bytes("ihex", crlf=True, record_len=4)
    assert image.to_bytes("srec", address_len=4).splitlines()[1].startswith(b"S3")
    with pytest.raises(flashdelta.ImageError, match="more than the limit") as caught:
        image.to_bytes("raw", limit=10)
    assert (caught.value.needed, caught.value.limit) == (0x13, 10)
    with pytest.raises(flashdelta.ImageError, match="cannot write ELF"):
        image.to_bytes("elf")  # type: ignore[arg-type]
    with pytest.raises(flashdelta.OptionError, match="no such format"):
        image.to_bytes("docx")  # type: ignore[arg-type]
    for name in ("a.bin", "a.hex", "a.s19", "a.uf2", "a.txt"):
        image.save(tmp_path / name)
        base = 0x1000 if name == "a.bin" else None
        assert Image.open(tmp_path / name, base=base).read(0x1000, 8) == b"12345678"
    with pytest.raises(flashdelta.ImageError, match="says its own addresses"):
        Image.open(tmp_path / "a.hex", base=0x1000)
    image.save(tmp_path / "firmware", "ihex")
    assert Image.open(tmp_path / "firmware").entry == 0x1001
    with pytest.raises(flashdelta.OptionError, match="give format="):
        image.save(tmp_path / "a.docx")
    assert issubclass(flashdelta.AddressError, LookupError)
    with pytest.raises(flashdelta.AddressError, match="give fill="):
        image.read(0x1000, 16)


def test_reading_with_policies() -> None:
    twice = b":0100000001FE\n:0100000002FD\n:00000001FF\n"
    with pytest.raises(flashdelta.ImageError) as caught:
        Image.from_bytes(twice)
    assert (caught.value.kind, caught.value.line, caught.value.address) == ("overlap", 2, 0)
    assert Image.from_bytes(twice, overlap="last-wins").read(0, 1) == b"\x02"
    assert Image.from_bytes(twice, overlap="first-wins").read(0, 1) == b"\x01"
    with pytest.raises(flashdelta.OptionError, match="choose one of"):
        Image.from_bytes(twice, overlap="maybe")  # type: ignore[arg-type]
    with pytest.raises(flashdelta.ImageError, match="end record"):
        Image.from_bytes(b":0100000001FE\n", strict=True)
    damaged = b":0100000001FF\nnoise\n:0100010002FC\n:00000001FF\n"
    assert (
        Image.from_bytes(damaged, skip_garbage=True, ignore_checksums=True).read(0, 2)
        == b"\x01\x02"
    )


def test_address_map(old_path: Path) -> None:
    found = flashdelta.address_map(FIRMWARE / "cortex-m-1.0.bin")
    assert (found.architecture, found.segments[0].address) == ("thumb", 0x0802_0000)
    assert flashdelta.address_map(old_path.with_suffix(".elf")).architecture == "riscv32"


def test_hex_to_delta() -> None:
    """The memory is patched; a host gets the identical file, a device the memory."""
    old, new = FIRMWARE / "cortex-m-1.0.s19", FIRMWARE / "cortex-m-1.1.hex"
    patch = flashdelta.diff(old, new)
    assert patch.info.patch_size == len(patch) and patch.info.host_size > 0
    assert (
        flashdelta.apply(old, patch)
        == new.read_bytes()
        == flashdelta.apply(old.read_bytes(), bytes(patch))
    )
    memory = flashdelta.apply(old, patch, format="raw")
    assert patch.info.new_digest == hashlib.sha256(memory).digest()
    again = Image.from_bytes(flashdelta.apply(old, patch, format="srec"))
    assert again.format == "srec" and len(again) >= len(Image.open(new))
    # What a device holds: gaps are erased flash.
    with flashdelta.Applier(Image.open(old).to_bytes("raw")) as applier:
        for i in range(0, len(patch), 99):
            applier.feed(patch[i : i + 99])
        assert applier.finish() == memory
    assert flashdelta.verify(old, patch) == patch.info
    report, made = flashdelta.explain(old, patch), patch.report
    assert made is not None and report.parts == made.parts


def test_hex_to_delta_in_files(tmp_path: Path) -> None:
    old, new = FIRMWARE / "cortex-m-1.0.s19", FIRMWARE / "cortex-m-1.1.hex"
    patch, out = tmp_path / "update.fdp", tmp_path / "out"
    flashdelta.diff_files(old, new, patch)
    flashdelta.apply_files(old, patch, out)
    assert out.read_bytes() == new.read_bytes()
    flashdelta.apply_files(old, patch, out, format="raw")
    assert out.read_bytes() == flashdelta.apply(old, patch, format="raw")
    with pytest.raises(flashdelta.OptionError, match="choose one of same"):
        flashdelta.apply_files(old, patch, out, format="docx")  # type: ignore[arg-type]


def test_errors_of_files_around_images() -> None:
    old, new = FIRMWARE / "cortex-m-1.0.s19", FIRMWARE / "cortex-m-1.1.hex"
    with pytest.raises(
        flashdelta.ImageError, match="new file: line 1, column 16: wrong checksum"
    ) as caught:
        flashdelta.diff(b"", b":0300300002337A1F\n:00000001FF\n")
    assert (caught.value.line, caught.value.column) == (1, 16)
    patch = bytearray(flashdelta.diff(old, new))
    patch[-1] ^= 0x55
    with pytest.raises((flashdelta.HostSectionError, flashdelta.FileMismatchError)):
        flashdelta.apply(old, patch)
    with pytest.raises(flashdelta.TruncatedError):
        flashdelta.Patch(patch[:-1])


def test_what_diff_refuses_it_can_be_told_to_accept() -> None:
    good, bad = b":0300300002337A1E\n:00000001FF\n", b":0300300002337A1F\n:00000001FF\n"
    with pytest.raises(flashdelta.ImageError, match="ignore_checksums': True") as caught:
        flashdelta.diff(good, bad)
    assert caught.value.kind == "bad-checksum"
    patch = flashdelta.diff(good, bad, read={"ignore_checksums": True})
    assert flashdelta.apply(good, patch) == bad
    twice = good[:18] + good
    with pytest.raises(flashdelta.ImageError, match=r"read=\{'overlap': 'last-wins'\}"):
        flashdelta.diff(good, twice)
    assert (
        flashdelta.apply(good, flashdelta.diff(good, twice, read={"overlap": "last-wins"})) == twice
    )
    with pytest.raises(TypeError, match="choose from"):
        flashdelta.diff(good, twice, read={"overlaps": "last-wins"})  # type: ignore[arg-type]


def test_many_segments_that_touch_are_joined_in_time() -> None:
    start = time.perf_counter()
    image = Image(Segment(16 * at, bytes(16)) for at in range(100_000))
    assert len(image.segments) == 1 and len(image) == 1_600_000
    # One after the other it took minutes.
    assert time.perf_counter() - start < 10
