"""Data of each device in NVS, outside of all images: a partition for each line of a table, by
Espressif's own generator.

    pip install esp-idf-nvs-partition-gen
    python nvs_partitions.py devices.csv out            # serial,key: text, and 16 bytes in
    hexadecimal esptool write-flash 0x9000 out/A-0001.bin           # where the partition table has
    `nvs`

An update never touches it: no holes are needed, and secure boot does not mind. Encrypted
partitions: `python -m esp_idf_nvs_partition_gen encrypt`.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tempfile
from pathlib import Path

#: Bytes of the partition: at least three sectors of 4 KiB.
SIZE = 0x4000


def generate(serial: str, key: str, path: Path) -> None:
    """Write the partition of one device."""
    with tempfile.TemporaryDirectory() as folder:
        entries = Path(folder) / "nvs.csv"
        with entries.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["key", "type", "encoding", "value"])
            writer.writerow(["device", "namespace", "", ""])
            writer.writerow(["serial", "data", "string", serial])
            writer.writerow(["key", "data", "hex2bin", key])
        command = [
            sys.executable,
            "-m",
            "esp_idf_nvs_partition_gen",
            "generate",
            str(entries),
            str(path.resolve()),
            hex(SIZE),
        ]
        subprocess.run(command, check=True)


def main(table: str, folder: str) -> None:
    """Write the partitions of all devices."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with open(table, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", row["serial"]):
                sys.exit(f"{row['serial']!r} cannot be the name of a file")
            generate(row["serial"], row["key"], out / f"{row['serial']}.bin")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: nvs_partitions.py DEVICES.csv FOLDER")
    main(sys.argv[1], sys.argv[2])
