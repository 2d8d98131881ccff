"""The examples do what they say."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import esp_idf_delta
import mqtt_update
import pytest
import release_patches
from conftest import EXAMPLES

import flashdelta


def test_release_script(releases: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command: list[str | Path] = [
        sys.executable,
        EXAMPLES / "release_patches.py",
        releases,
        out,
        "--product",
        "heron",
        "--profile",
        "small",
    ]
    subprocess.run(command, check=True, timeout=120)
    index = json.loads((out / "index.json").read_text())
    assert index["newest"] == "1.1.0"
    # The last five, not the oldest one.
    assert [entry["from"] for entry in index["patches"]] == [
        "1.0.5",
        "1.0.4",
        "1.0.3",
        "1.0.2",
        "1.0.1",
    ]
    newest = (releases / "heron-1.1.0.bin").read_bytes()
    for entry in index["patches"]:
        patch = flashdelta.Patch.load(out / entry["file"])
        assert len(patch) == entry["size"] < len(newest) // 4
        assert flashdelta.apply(releases / f"heron-{entry['from']}.bin", patch) == newest
    table = (out / "table.md").read_text()
    assert table.count("\n") == 7 and "| 1.0.5 |" in table
    assert (out / "sizes.png").read_bytes().startswith(b"\x89PNG")


def test_release_script_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release_patches.main([str(tmp_path), str(tmp_path / "out"), "--product", "heron"]) == 1
    assert "expected heron-VERSION.bin" in capsys.readouterr().err


def build_folder(folder: Path, app: bytes, table: bytes) -> Path:
    """What `idf.py build` leaves behind, as far as flashing needs it."""
    files = {
        "0x0": "bootloader/bootloader.bin",
        "0x8000": "partition_table/partition-table.bin",
        "0x10000": "heron.bin",
    }
    for name, data in zip(files.values(), (b"\xe9" + bytes(5000), table, app), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    arguments = {
        "flash_files": files,
        "app": {"offset": "0x10000", "file": "heron.bin", "encrypted": "false"},
    }
    arguments |= {"extra_esptool_args": {"chip": "esp32c3"}}
    (folder / "flasher_args.json").write_text(json.dumps(arguments))
    return folder


def test_esp_idf(old: bytes, new: bytes, tmp_path: Path) -> None:
    before = build_folder(tmp_path / "old", old, b"table")
    after = build_folder(tmp_path / "new", new, b"table, changed")
    out = tmp_path / "delta"
    command: list[str | Path] = [
        sys.executable,
        EXAMPLES / "esp_idf_delta.py",
        before,
        after,
        out,
        "--product",
        "heron",
    ]
    subprocess.run(command, check=True, timeout=120)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["chip"] == "esp32c3"
    parts = {part["file"]: part for part in manifest["parts"]}
    # The bootloader is the same.
    assert set(parts) == {"heron.bin", "partition_table/partition-table.bin"}
    app = parts["heron.bin"]
    assert app["offset"] == 0x10000 and app["is_app"]
    device = flashdelta.DeviceIdentity("heron")
    assert flashdelta.apply(before / "heron.bin", out / app["patch"], device=device) == new
    empty = tmp_path / "empty"
    empty.mkdir()
    assert esp_idf_delta.main([str(before), str(empty), str(out)]) == 1


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """A Mosquitto on a free port of this machine."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        pytest.skip("no mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def test_mqtt(broker: int, old: bytes, new: bytes, old_path: Path, tmp_path: Path) -> None:
    slot = tmp_path / "slot-b.bin"
    patch = flashdelta.diff(old, new, profile="small")
    with mqtt_update.Server("127.0.0.1", broker, patch, chunk=300) as server:
        info = mqtt_update.update("127.0.0.1", broker, old_path, slot, timeout=30)
    assert slot.read_bytes() == new and info.new_size == len(new)
    assert server.sent >= len(patch) / 300


def test_mqtt_refuses_the_wrong_base(
    broker: int, old: bytes, new: bytes, new_path: Path, tmp_path: Path
) -> None:
    with mqtt_update.Server("127.0.0.1", broker, flashdelta.diff(old, new), chunk=100):
        with pytest.raises(flashdelta.OldMismatchError):
            mqtt_update.update("127.0.0.1", broker, new_path, tmp_path / "slot-b.bin", timeout=30)
    assert list(tmp_path.glob("slot-b*")) == []
