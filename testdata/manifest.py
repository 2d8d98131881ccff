#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes MANIFEST.tsv for firmware/, edge/, archives/ and vectors/ again.    manifest.py [--check]

Rows of other folders are kept as they are. `--check` writes nothing and fails where a file and its
row differ.
"""
import hashlib
import pathlib
import sys

here = pathlib.Path(__file__).parent
HEADER = "path\torigin\tlicence\tsize\tsha256"
OURS = {"firmware": "firmware/build.sh from firmware/src", "edge": "edge/make.py",
        "archives": "archives/make.py",
        "inputs": "inputs/make.py", "signed": "signed/make.py", "vectors": "vectors/make.py"}
SOURCES = {".py", ".sh", ".c", ".h", ".ld", ".md", ".tsv", ".json", ".pem"}


def row(path, origin, licence):
    data = (here / path).read_bytes()
    return f"{path}\t{origin}\t{licence}\t{len(data)}\t{hashlib.sha256(data).hexdigest()}"


manifest = here / "MANIFEST.tsv"
old = manifest.read_text().splitlines()[1:] if manifest.exists() else []
rows = {}
for line in old:
    path, origin, licence = line.split("\t")[:3]
    if path.split("/")[0] not in OURS:
        rows[path] = line if "--check" not in sys.argv else row(path, origin, licence)
for folder, origin in OURS.items():
    for p in sorted((here / folder).rglob("*")):
        name = p.relative_to(here).as_posix()
        if (
            p.is_file()
            and p.suffix not in SOURCES
            and not name.startswith("firmware/src/")
            and p.parent.name != "__pycache__"
        ):
            rows[name] = row(name, origin, "MIT OR Apache-2.0")
text = "\n".join([HEADER] + [rows[k] for k in sorted(rows)]) + "\n"
if "--check" in sys.argv:
    if not manifest.exists() or manifest.read_text() != text:
        sys.exit("MANIFEST.tsv does not describe these files; run manifest.py")
else:
    manifest.write_text(text)
