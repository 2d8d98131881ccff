#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the independent decoder, and so proves docs/format.md.    check_decoder.py PROGRAM

- over the vectors, good and bad;
- over patches that the program makes between the images of pairs.tsv, files of records and of
  other kinds that hold an image, and archives, in every codec and several sizes of memory;
- over damaged patches: each ends in an error, or else in the right file.
"""
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))

import holding
from decoder import apply, bundle, document, operations, sets
from decoder.door import make
from decoder.holes import record
from decoder.wire import Refused, crc32

IMAGES = [
    ["--codec", "model", "--ram", "4KiB"],
    ["--codec", "model", "--ram", "16KiB"],
    ["--codec", "model", "--ram", "64KiB"],
    ["--codec", "model", "--ram", "16KiB", "--isa", "none"],
    ["--codec", "lz4", "--ram", "16KiB"],
    ["--codec", "raw", "--ram", "16KiB"],
    ["--codec", "raw", "--ram", "64KiB", "--isa", "none"],
]
ZSTD = ["--codec", "zstd", "--profile", "linux"]
ARCHIVES = ["heron-1.0.zip heron-1.1.zip", "heron-1.1.tar.gz heron-1.0.tar.gz",
            "info-zip.zip levels.zip", "heron-1.1.zip stored.gz"]
RECORDS = ["1.0.s19 1.1.hex", "1.0.hex 1.1.hex", "1.0.hex 1.1.uf2", "1.0.uf2 1.1.uf2",
           "1.0.uf2 1.1.txt", "1.0.txt 1.1.txt", "1.0.bin 1.1.hex", "1.0.s19 1.1.bin"]
# A damaged header may ask for any size.
apply.LIMIT = 1 << 18


def outcome(old, patch, door=make):
    """The new file, or the name of the error."""
    try:
        return door(old, patch)
    except Refused as error:
        return error.kind


def with_values(values):
    return lambda old, patch: make(old, patch, record(values))


def read_vectors():
    for path in sorted((here / "vectors").glob("*.json")):
        vector = json.loads(path.read_text())
        files = {key: (path.parent / vector[key]).read_bytes()
                 for key in ("old", "patch", "new", "values") if key in vector}
        door = bundle.new_file if vector["kind"] == "bundle" else make
        door = with_values(files["values"]) if "values" in files else door
        yield path.stem, door, files["old"], files["patch"], files.get("new", vector.get("error"))


def check_vectors():
    count, wrong = 0, []
    for name, door, old, patch, expected in read_vectors():
        found = outcome(old, patch, door)
        count += 1
        if found != expected:
            texts = [x if isinstance(x, str) else "a file" for x in (found, expected)]
            wrong.append(f"{name}: {texts[0]} in place of {texts[1]}")
    return count, wrong


def check_set():
    """The set of the document: made right, and refused with any byte changed or left out."""
    block = document.text().split("```set\n")[1].split("```")[0]
    data = bytes.fromhex("".join(block.replace("set:", "").split()))
    child, logo, app = ("child", 7, "motor"), ("name", "logo"), ("partition", "ota_0")
    old = {child: b"speed=10;torque=4;mode=a", app: b"application"}
    new = {**old, child: b"speed=12;torque=4;mode=b", logo: b"LOGOLOGOLOGO!"}
    wrong = []
    if sets.new_components(data, old, 4) != new:
        wrong.append("the set of the document: other components")
    if logo in sets.new_components(data, old, 6):
        wrong.append("the set of the document: a component for other hardware")
    ways = [data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:] for at in range(len(data))]
    ways += [data[:end] for end in range(len(data))]
    for number, copy in enumerate(ways):
        found = outcome(old, copy, lambda old, copy: sets.new_components(copy, old, 4))
        if not isinstance(found, str):
            wrong.append(f"the set of the document, damaged ({number}): it is taken")
    return len(ways) + 1, wrong


def damaged_ways(patch, lot):
    """Damaged copies: bytes changed, put in, left out; with a right checksum of the header, too."""
    for _ in range(40):
        copy = bytearray(patch)
        for _ in range(lot.choice((1, 1, 3))):
            at = lot.randrange(len(copy))
            way = lot.randrange(6)
            if way == 0:
                del copy[at:at + lot.randrange(1, 5)]
            elif way == 1:
                copy[at:at] = bytes([lot.randrange(256)])
            else:
                copy[at] ^= 1 << lot.randrange(8)
            if not copy:
                break
        if lot.randrange(2):
            seal(copy)
        yield bytes(copy)


def seal(patch):
    if len(patch) > 5:
        end = patch[4] if patch[4] < 0x80 else patch[4] & 0x7F | patch[5] << 7
        if 10 <= end <= len(patch):
            patch[end - 4:end] = crc32(bytes(patch[:end - 4])).to_bytes(4, "little")


def check_damaged(part):
    """Damages every good vector; `part` says with which numbers."""
    count, wrong = 0, []
    for name, door, old, patch, expected in read_vectors():
        if isinstance(expected, str):
            continue
        for i, copy in enumerate(damaged_ways(patch, random.Random(f"{name} {part}"))):
            count += 1
            try:
                found = outcome(old, copy, door)
            except Exception as error:  # pylint: disable=broad-except
                found = b""
                wrong.append(f"{name}, damaged ({part}, {i}): {error!r}")
                continue
            # The digests do not cover the values of holes, and with a right checksum of the header
            # other holes, or other names, are what its maker wants.
            if name.startswith("holes") and not isinstance(found, str):
                continue
            if not isinstance(found, str) and found != expected:
                wrong.append(f"{name}, damaged ({part}, {i}): another file")
    return count, wrong


def check_made(job):
    """Makes a patch, and applies it here."""
    program, old, new, options = job
    with tempfile.TemporaryDirectory() as folder:
        patch = pathlib.Path(folder) / "patch"
        command = [program, "diff", old, new, "-o", patch, "--effort", "3", "--allow-empty",
                   *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        name = f"{pathlib.Path(old).name} to {pathlib.Path(new).name}, {' '.join(options)}"
        if done.returncode:
            return 1, [f"{name}: no patch: {done.stderr.strip()}"]
        found = outcome(pathlib.Path(old).read_bytes(), patch.read_bytes())
    if found == pathlib.Path(new).read_bytes():
        return 1, []
    return 1, [f"{name}: {found if isinstance(found, str) else 'another file'}"]


def jobs(program, folder):
    settings = IMAGES + ([ZSTD] if operations.HAS_ZSTD else [])
    rows = (here / "pairs.tsv").read_text().splitlines()[1:]
    for row in rows:
        _, old, new = row.split("\t")[:3]
        for options in settings:
            yield program, here / old, here / new, options
    for pair in ARCHIVES:
        old, new = pair.split()
        yield program, here / "archives" / old, here / "archives" / new, []
    for pair in RECORDS:
        old, new = pair.split()
        yield program, records(program, folder, old), records(program, folder, new), []
    for old, new, options in holding.jobs(folder):
        yield program, old, new, options


def records(program, folder, name):
    """A file of testdata/firmware in another format."""
    path = here / "firmware" / f"cortex-m-{name}"
    if path.exists():
        return path
    made = pathlib.Path(folder) / path.name
    kind = {"txt": "ti-txt", "s19": "srec"}.get(path.suffix[1:], path.suffix[1:])
    elf = path.with_suffix(".elf")
    command = [program, "convert", elf, "--to", kind, "-o", made]
    subprocess.run(command, capture_output=True, check=True)
    return made


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ProcessPoolExecutor() as pool:
            made = pool.map(check_made, list(jobs(program, folder)))
            damaged = pool.map(check_damaged, range(4))
            groups = {"vectors": [check_vectors()], "sets": [check_set()], "patches": made,
                      "damaged patches": damaged}
            groups = {name: list(results) for name, results in groups.items()}
    wrong = [text for results in groups.values() for _, texts in results for text in texts]
    if wrong:
        sys.exit("\n".join([*wrong, f"{len(wrong)} wrong"]))
    counts = [f"{sum(n for n, _ in results)} {name}" for name, results in groups.items()]
    skipped = "" if operations.HAS_ZSTD else "; Zstandard skipped: no module for it"
    print(", ".join(counts) + skipped)


if __name__ == "__main__":
    main()
