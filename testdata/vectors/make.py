#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the test vectors, a file NAME.json each, for implementations that are not ours.
make.py [--check]

Those of docs/format.md, and those of quirks.py. `--check` writes nothing and fails where a file is
not what would be written. JSON, since the standard libraries of Python (of any age), MicroPython
and JavaScript read it, and a C program can do with a search for the few names:

    what    which rule it is about
    kind    patch (images), files (firmware files around images) or bundle
    old, patch, new    names of files beside it
    error   in place of `new`: the name of the error that docs/format.md gives
    values  a record of values for holes, if some are given
"""
import json
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))

from decoder import document
from decoder.wire import crc32

import quirks

KINDS = {"vector": "patch", "files": "files", "bundle": "bundle"}


def slug(heading):
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def field(block, label):
    found = re.search(rf"^{label}:(.*?)(?=^\w+:|\Z)", block, re.DOTALL | re.MULTILINE)
    return bytes.fromhex("".join(found.group(1).split()))


def of_document(text):
    """name: (what, kind, old, patch, new)"""
    found = {}
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, rest = section.partition("\n")
        what = " ".join(rest.split("```")[0].split())
        for label, kind in KINDS.items():
            for block in re.findall(rf"^```{label}\n(.*?)^```", rest, re.DOTALL | re.MULTILINE):
                name = slug(heading) if label != "bundle" else "bundle"
                found[name] = (what, kind, *fields(block, label))
    return found


def fields(block, label):
    if label == "files":
        old, _, rest = block.partition("old:\n")[2].partition("new:\n")
        new = rest.partition("patch:")[0]
        return old.encode(), field(block, "patch"), new.encode()
    return field(block, "old"), field(block, "patch"), field(block, "new")


def damaged(text, good):
    """The rows of the table of damaged patches: name: (what, kind, old, patch, error)."""
    table = text.split("### Damaged patches\n")[1].split("\n## ")[0]
    found = {}
    for row in re.findall(r"^\| (\w[^|]*\|[^|]*\|[^|]*\|[^|]*) \|$", table, re.MULTILINE):
        name, of, change, error = (cell.strip() for cell in row.split("|"))
        if of in good:
            what, kind, old, patch, _ = good[of]
            old, patch = changed(old, bytearray(patch), change)
            found[name] = (f"{of}, but {change}", kind, old, patch, error)
    return found


def changed(old, patch, change):
    for step in change.split(";"):
        at, _, rest = step.strip().partition(" ")
        if at == "seal":
            seal(patch)
        elif at == "old":
            old = old[:int(rest)]
        elif at == "cut":
            del patch[int(rest):]
        elif at == "add":
            patch += bytes.fromhex(rest)
        else:
            change_at(patch, at, rest)
    return old, bytes(patch)


def change_at(patch, at, rest):
    """`5: 04` overwrites, `5+ 00` puts in, `5- 1` takes out; `b5` counts from the body."""
    start = header_length(patch) if at[0] == "b" else 0
    offset = start + int(at.strip("b:+-"))
    if at[-1] == "-":
        del patch[offset:offset + int(rest)]
    elif at[-1] == "+":
        patch[offset:offset] = bytes.fromhex(rest)
    else:
        data = bytes.fromhex(rest)
        patch[offset:offset + len(data)] = data


def header_length(patch):
    return patch[4] if patch[4] < 0x80 else patch[4] & 0x7F | patch[5] << 7


def seal(patch):
    """Makes the checksum of the header right again."""
    end = header_length(patch)
    patch[end - 4:end] = crc32(bytes(patch[:end - 4])).to_bytes(4, "little")


def files_of(vectors):
    """name: content"""
    files, names = {}, {}

    def put(name, data):
        # What is there already under another name is not written twice.
        if data not in names:
            names[data] = name
            files[name] = data
        return names[data]

    for name, (what, kind, old, patch, new, *values) in vectors.items():
        entry = {"what": what, "kind": kind, "old": put(f"{name}.old", old),
                 "patch": put(f"{name}.patch", patch)}
        if isinstance(new, str):
            entry["error"] = new
        else:
            entry["new"] = put(f"{name}.new", new)
        if values:
            entry["values"] = put(f"{name}.values", values[0])
        files[f"{name}.json"] = (json.dumps(entry, indent=2) + "\n").encode()
    return files


def main():
    text = document.text()
    vectors = of_document(text)
    vectors.update(quirks.vectors())
    vectors.update(damaged(text, vectors))
    files = files_of(vectors)
    there = {p.name for p in here.iterdir() if p.is_file() and p.suffix != ".py"}
    if "--check" in sys.argv:
        wrong = sorted(there ^ files.keys())
        wrong += sorted(n for n in there & files.keys() if (here / n).read_bytes() != files[n])
        if wrong:
            sys.exit(f"not what vectors/make.py writes; run it: {', '.join(wrong)}")
        return
    for name in there - files.keys():
        (here / name).unlink()
    for name, data in files.items():
        (here / name).write_bytes(data)
    size = sum(len(data) for data in files.values())
    print(f"{len(vectors)} vectors, {len(files)} files, {size} bytes")


if __name__ == "__main__":
    main()
