"""Images of one device, as Espressif's own tools see them. Skipped, and said so, where those cannot
be installed."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES, FIRMWARE

import flashdelta


def needs(module: str, package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"no {package} to judge by: pip install {package}")


def with_digest(image: bytes) -> bytes:
    """The image as ESP-IDF builds it: a SHA-256 of all of it at the end."""
    image = image[:23] + b"\1" + image[24:]
    return image + hashlib.sha256(image).digest()


def verdicts(path: Path) -> dict[str, str]:
    """What esptool says of the sums at the end of an image."""
    command = [sys.executable, "-m", "esptool", "image-info", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {
        name: verdict
        for name, verdict in re.findall(r"(Checksum|Validation hash): \S+ \((\w+)", told)
    }


@needs("esptool", "esptool")
def test_esptool_finds_the_sums_of_a_personalized_image_right(tmp_path: Path) -> None:
    image = with_digest((FIRMWARE / "esp32-1.1.bin").read_bytes())
    path = tmp_path / "app.bin"
    right = {"Checksum": "valid", "Validation hash": "valid"}
    for place in ("0x40-0x60", "0xc300-0xc310"):  # in either segment
        path.write_bytes(flashdelta.personalize(image, [f"serial={place}"], {"serial": b"A-042"}))
        assert verdicts(path) == right
        assert path.read_bytes() != image
    # What esptool is asked, it answers.
    spoilt = bytearray(image)
    spoilt[0x40] ^= 1
    path.write_bytes(spoilt)
    assert verdicts(path) == {"Checksum": "invalid", "Validation hash": "invalid"}


@needs("esptool", "esptool")
def test_esptool_finds_the_sums_of_an_updated_image_right(tmp_path: Path) -> None:
    old, new = (with_digest((FIRMWARE / f"esp32-1.{minor}.bin").read_bytes()) for minor in (0, 1))
    holes = ["serial=0x40-0x60", "key=0x80-0x90,old=none"]
    patch = flashdelta.diff(old, new, holes=holes)
    device = flashdelta.personalize(old, holes[:1], {"serial": b"A-042"})
    made = tmp_path / "made.bin"
    made.write_bytes(flashdelta.apply(device, patch, values={"key": bytes(range(16))}))
    assert made.read_bytes()[0x40:0x46] == b"A-042\0" and made.read_bytes()[0x80:0x90] == bytes(
        range(16)
    )
    assert verdicts(made) == {"Checksum": "valid", "Validation hash": "valid"}


@needs("esptool", "esptool")
def test_esptool_reads_a_personalized_uf2_file(tmp_path: Path) -> None:
    image = with_digest((FIRMWARE / "esp32-1.1.bin").read_bytes())
    (tmp_path / "app.bin").write_bytes(image)
    merge = [
        "merge-bin",
        "--format",
        "uf2",
        "-o",
        str(tmp_path / "app.uf2"),
        "0x10000",
        str(tmp_path / "app.bin"),
    ]
    subprocess.run(
        [sys.executable, "-m", "esptool", "--chip", "esp32", *merge],
        check=True,
        capture_output=True,
    )
    filled = flashdelta.personalize(
        tmp_path / "app.uf2", ["serial=0x40-0x60"], {"serial": b"A-042"}
    )
    memory = flashdelta.Image.from_bytes(filled).to_bytes("raw")
    (tmp_path / "made.bin").write_bytes(memory[: len(image)])
    assert memory[0x40:0x46] == b"A-042\0"
    assert verdicts(tmp_path / "made.bin") == {"Checksum": "valid", "Validation hash": "valid"}


@needs("esp_idf_nvs_partition_gen", "esp-idf-nvs-partition-gen")
def test_nvs_partitions_for_a_table_of_devices(tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text(
        "serial,key\nA-0001,00112233445566778899aabbccddeeff\n"
        "A-0002,ffeeddccbbaa99887766554433221100\n"
    )
    command = [sys.executable, str(EXAMPLES / "nvs_partitions.py"), "devices.csv", "out"]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    made = {path.name: path.read_bytes() for path in sorted((tmp_path / "out").glob("*.bin"))}
    assert list(made) == ["A-0001.bin", "A-0002.bin"]
    for name, key in (
        ("A-0001", "00112233445566778899aabbccddeeff"),
        ("A-0002", "ffeeddccbbaa99887766554433221100"),
    ):
        partition = made[f"{name}.bin"]
        assert (
            len(partition) == 0x4000
            and name.encode() in partition
            and bytes.fromhex(key) in partition
        )
    assert len(set(made.values())) == 2
