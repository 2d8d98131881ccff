#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes archives of the images in ../firmware.    make.py [FOLDER]    (default: beside this
script)

Needs Info-ZIP's zip, GNU tar and GNU gzip: their deflate streams differ from those of Python's
zlib. Other versions of these may write other bytes, which are as good; the committed ones were made
with zlib 1.2.13, zip 3.0, tar 1.34 and gzip 1.12 (Debian 12).
"""
import gzip
import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

here = pathlib.Path(__file__).parent
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
out.mkdir(parents=True, exist_ok=True)
firmware = here.parent / "firmware"
EPOCH = (2024, 1, 1, 0, 0, 0)


def manifest(version):
    parts = [("bootloader.bin", 0), ("partitions.bin", 32768), (f"heron-{version}.bin", 65536)]
    rows = ",\n".join(f'        {{ "path": "{path}", "offset": {offset} }}' for path,
                      offset in parts)
    text = f'{{\n  "name": "Heron",\n  "version": "{version}",\n  "builds": [\n    {{\n'
    return (text + f'      "chipFamily": "ESP32-C3",\n      "parts": [\n{rows}\n      ]\n    }}\n'
                   f'  ]\n}}\n').encode()


def files(version, image):
    image = (firmware / image).read_bytes()
    return {
        "bootloader.bin": (firmware / "cortex-m-1.0.bin").read_bytes()[:9000],
        f"heron-{version}.bin": image,
        "manifest.json": manifest(version),
        "partitions.bin": bytes(3072),
        "notes/changes.txt": b"Watched channels and acknowledged alarms.\n"
        * (30 if version == "1.1" else 20),
        "empty.txt": b"",
    }


class Pipe(io.BytesIO):
    """Cannot seek: zipfile writes data descriptors."""

    def seekable(self):
        return False

    def tell(self):
        raise io.UnsupportedOperation


def write_zip(target, members, levels):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for (name, data), level in zip(members, levels):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED, level)
        archive.comment = b"made for tests"


for version in "1.0", "1.1":
    content = files(version, f"riscv-{version}.bin")
    write_zip(out / f"heron-{version}.zip", content.items(), [6] * len(content))

# Every level, and data descriptors.
sample = (firmware / "cortex-m-1.1.bin").read_bytes()[:12000]
pipe = Pipe()
write_zip(pipe, [(f"level-{level}.bin", sample) for level in range(1, 10)], range(1, 10))
(out / "levels.zip").write_bytes(pipe.getvalue())
# Only stored blocks; a name in the header.
with open(out / "stored.gz",
          "wb") as target, gzip.GzipFile("sample.bin", "wb", 0, target, 0) as archive:
    archive.write(sample[:3000])

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for version in "1.0", "1.1":
        tree = folder / version
        for name, data in files(version, f"cortex-m-{version}.bin").items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        tar = ["tar", "--sort=name", "--mtime=2024-01-01", "--owner=0", "--group=0",
               "--numeric-owner", "-C", tree, "-cf", "-", "."]
        packed = subprocess.run(tar, check=True, stdout=subprocess.PIPE).stdout
        packed = subprocess.run(["gzip", "-9n"], input=packed, check=True,
                                stdout=subprocess.PIPE).stdout
        (out / f"heron-{version}.tar.gz").write_bytes(packed)
    names = sorted(p.name for p in (folder / "1.1").iterdir() if p.is_file())
    for name in names:
        subprocess.run(["touch", "-d", "2024-01-01 00:00:00", folder / "1.1" / name], check=True)
    (out / "info-zip.zip").unlink(missing_ok=True)
    subprocess.run(["zip", "-qX", (out / "info-zip.zip").absolute(), *names], cwd=folder / "1.1",
                   check=True)
